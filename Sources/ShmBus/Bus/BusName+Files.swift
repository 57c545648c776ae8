import CShmBus

extension BusName {
  /// The files of a stored bus, by what its control segment says; those of another creation are left
  /// out. None where somebody died while he brought them back: they are not his work, and hold messages.
  var storedSegments: [String] {
    guard let memory = try? SharedMemory.open(control, writable: false),
      let (header, state) = try? memory.controlHeader()
    else { return [] }
    let isHalfRestored = state == ControlState.creating && header.restored != 0
    guard header.magic == SHMBUS_CONTROL_MAGIC, !isHalfRestored,
      let directory = BusConfiguration.storage(header)
    else { return [] }
    return storedSegments(in: directory, of: header.generation)
  }

  /// The partitions of one creation in a directory. One without a header is the work of a creator that died.
  func storedSegments(in directory: String, of generation: UInt64) -> [String] {
    guard directory.hasPrefix("/") else { return [] }
    let location = SegmentLocation(directory: directory)
    let names = (try? SharedMemory.names(withPrefix: segmentPrefix, in: location)) ?? []
    return names.filter { segment in
      guard let memory = try? SharedMemory.open(segment, writable: false),
        let partition = try? Adoption.header(memory)
      else { return true }
      return partition.generation == generation
    }
  }
}

extension SharedMemory {
  /// A control segment's header and its state, whatever they say; nil where it is too short for one.
  func controlHeader() throws(SystemError) -> (header: shmbus_control_header, state: UInt64)? {
    let size = MemoryLayout<shmbus_control_header>.size
    guard try byteCount() >= size else { return nil }
    let mapping = try Mapping(descriptor, byteCount: size, writable: false, populate: false)
    let state = unsafe SharedWord(mapping.base, at: 24).loadAcquire()
    return unsafe (mapping.base.load(as: shmbus_control_header.self), state)
  }
}
