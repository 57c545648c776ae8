/// Finds and explains every fault of the buses of this namespace, their segments, and the host.
///
/// Looking changes nothing. ``Diagnosis/repair()`` mends what can be mended safely; examine again to see
/// what is left.
public enum Doctor {
  /// Examines one bus, or everything there is, and the host; the worst faults first.
  ///
  /// - Throws: ``BusError`` `.notFound` if nothing of the named bus exists; `.usage` for a name that
  ///   cannot be.
  public static func examine(_ name: String? = nil) throws(BusError) -> [Diagnosis] {
    let wanted = try name.map { text throws(BusError) in try BusName(text) }
    let inventory: Inventory
    do { inventory = try Inventory() } catch {
      throw BusError(.unavailable, "cannot list /dev/shm", error)
    }
    if let wanted, inventory.segments[wanted] == nil {
      guard let place = Bus.standardPlace(wanted), place.hasState else {
        throw .noSuchBus(wanted.name)
      }
      return [restorable(wanted, place)]
    }
    var found: [Diagnosis] = []
    for (bus, segments) in inventory.segments.sorted(by: { $0.key.name < $1.key.name })
    where wanted == nil || wanted == bus {
      found += BusExamination(bus, segments).diagnoses()
    }
    if wanted == nil {
      found += inventory.foreign.map(foreign)
      found += restorables(but: inventory)
    }
    found += HostExamination.diagnoses()
    // Stable: of equal faults the first bus comes first.
    return found.enumerated().sorted { left, right in
      left.element.severity != right.element.severity
        ? left.element.severity > right.element.severity : left.offset < right.offset
    }.map(\.element)
  }

  private static func restorables(but inventory: Inventory) -> [Diagnosis] {
    guard let directory = StatePlace.standard else { return [] }
    let names = StatePlace.names(in: directory, namespace: BusName.environmentNamespace)
    return names.compactMap { try? BusName($0) }.compactMap { name in
      guard inventory.segments[name] == nil, let place = Bus.standardPlace(name), place.hasState
      else { return nil }
      return restorable(name, place)
    }
  }

  private static func restorable(_ name: BusName, _ place: StatePlace) -> Diagnosis {
    Diagnosis(
      name.name, .restorable, .notice,
      finding: "it is not in memory, and its state is kept: as after a reboot",
      evidence: "there is a checkpoint in \(place.path)",
      fix:
        "whoever opens it restores it, or 'shmctl restore \(name.name)'; 'shmctl remove \(name.name)' "
        + "gives it up")
  }

  private static func foreign(_ segment: String) -> Diagnosis {
    Diagnosis(
      segment, .foreignFile, .notice, finding: "this file is named like a segment and is none",
      evidence: "a segment's name ends in '.control' or in '.p' and a partition's number",
      fix: "no bus uses it; if it is yours, move it out of /dev/shm")
  }
}

/// What lies in shared memory under this namespace's prefix.
struct Inventory {
  /// The segments of each bus.
  private(set) var segments: [BusName: [String]] = [:]
  /// Names that belong to no bus.
  private(set) var foreign: [String] = []

  init() throws(SystemError) {
    let prefix = BusName.prefix(namespace: BusName.environmentNamespace)
    for segment in try SharedMemory.names(withPrefix: prefix) {
      let parts = segment.dropFirst(prefix.count).split(
        separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let name = try? BusName(String(parts[0])),
        segment == name.control || Self.partition(segment, of: name) != nil
      else {
        foreign.append(segment)
        continue
      }
      segments[name, default: []].append(segment)
    }
  }

  /// The number in a partition segment's name.
  static func partition(_ segment: String, of name: BusName) -> Int? {
    guard segment.hasPrefix(name.segmentPrefix + "p"),
      let number = Int(segment.dropFirst(name.segmentPrefix.count + 1)),
      name.partition(number) == segment
    else { return nil }
    return number
  }
}
