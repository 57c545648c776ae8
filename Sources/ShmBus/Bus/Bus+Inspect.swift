import Glibc

extension Bus {
  /// The segments of a bus, opened read-only, for ``Inspection``. Nothing of what they say is needed to find
  /// them, so that a damaged bus can be looked at too.
  ///
  /// - Throws: ``BusError`` `.usage`, `.notFound`, `.permission`.
  package static func segments(of name: String) throws(BusError) -> [Segment] {
    let busName = try BusName(name)
    let names: [String]
    do { names = try SharedMemory.names(withPrefix: busName.segmentPrefix) } catch {
      throw BusError(.unavailable, "cannot list /dev/shm", error)
    }
    guard !names.isEmpty else { throw .noSuchBus(name) }
    var segments: [Segment] = []
    for object in names + busName.storedSegments where isSegment(object, of: busName) {
      do { segments.append(try Segment(object: object)) } catch {
        // Removed since the list was made.
        if error.code == ENOENT { continue }
        throw .cannotOpen(
          object, writing: false, SystemError(call: "open", subject: object, code: error.code))
      }
    }
    guard !segments.isEmpty else { throw .noSuchBus(name) }
    return segments
  }

  private static func isSegment(_ object: String, of name: BusName) -> Bool {
    guard let slash = object.lastIndex(of: "/") else { return false }
    let suffix = object[slash...].dropFirst(name.segmentPrefix.count)
    return suffix == "control" || (suffix.first == "p" && Int(suffix.dropFirst()) != nil)
  }
}
