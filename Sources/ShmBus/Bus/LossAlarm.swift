/// Tells an endpoint that the memory it works on is gone: truncated by somebody (`TruncationGuard`), or not
/// its process's because that forked.
///
/// The hot path does not ask. Words that it compares anyway become all ones then, and send it to the slow
/// path, which asks.
@safe
final class LossAlarm {
  /// What is gone.
  enum Loss: Equatable {
    /// A partition's segment was cut, or, with nil, the control segment.
    case truncated(partition: Int?)
    case forked
  }

  private var words: AlarmWords
  private var places: [(place: Int32, partition: Int?)] = []

  /// `words` may be written until ``silence()``.
  init(_ bus: Bus, _ segments: [(Int, PartitionSegment)], words: AlarmWords) throws(SystemError) {
    self.words = words
    try note(bus.mapping, nil)
    for (partition, segment) in segments { try note(segment.mapping, partition) }
  }

  deinit { silence() }

  /// Watches one segment more.
  func note(_ partition: Int, _ segment: PartitionSegment) throws(SystemError) {
    try note(segment.mapping, partition)
  }

  private func note(_ mapping: borrowing Mapping, _ partition: Int?) throws(SystemError) {
    let place = unsafe try MappingTable.note(
      mapping.base, mapping.byteCount, writable: mapping.isWritable, words: words)
    places.append((place, partition))
  }

  /// What was lost so far. The words are all ones again then: the slow path may have set them anew.
  var loss: Loss? {
    for (place, partition) in places {
      let fate = MappingTable.fate(place)
      if fate == .whole { continue }
      words.fill()
      return fate == .forked ? .forked : .truncated(partition: partition)
    }
    return nil
  }

  /// The words lie elsewhere from now on, and are no fewer. Those before are not touched any more.
  func move(to words: AlarmWords) {
    for (place, _) in places { MappingTable.move(place, to: words) }
    self.words = words
    // What came meanwhile may have been told to the words before alone.
    _ = loss
  }

  /// The words are not touched any more.
  func silence() {
    for (place, _) in places { MappingTable.forget(place) }
    places = []
  }
}

extension AlarmWords {
  /// One stored property of each of `count` states in a row.
  init<Value>(
    _ property: KeyPath<Value, UInt64>, of values: UnsafeMutablePointer<Value>, count: Int
  ) {
    guard let bytes = MemoryLayout<Value>.offset(of: property) else {
      preconditionFailure("the alarm is a stored property")
    }
    unsafe self.init(
      UnsafeMutableRawPointer(values) + bytes, count: count, stride: MemoryLayout<Value>.stride)
  }
}

extension PublishError {
  init(_ loss: LossAlarm.Loss) {
    switch loss {
    case .truncated(let partition): self = .truncated(partition: partition)
    case .forked: self = .forked
    }
  }
}

extension SubscribeError {
  init(_ loss: LossAlarm.Loss) {
    switch loss {
    case .truncated(let partition): self = .truncated(partition: partition)
    case .forked: self = .forked
    }
  }
}

extension Bus {
  /// Refuses to work on what is not there any more.
  func checkWhole() throws(BusError) {
    switch mapping.fate {
    case .whole: return
    case .truncated: throw .truncated(busName.control)
    case .forked: throw .forked(name)
    }
  }

  /// The words for an endpoint's alarm, noted; throws what was lost already.
  func alarm(
    _ segments: [(Int, PartitionSegment)], _ words: AlarmWords
  ) throws(BusError) -> LossAlarm {
    let alarm: LossAlarm
    do { alarm = try LossAlarm(self, segments, words: words) } catch {
      throw BusError(.unavailable, "cannot attach to bus '\(name)'", error)
    }
    // What befell them before they were noted.
    try checkWhole()
    for (partition, segment) in segments { try checkWhole(partition, segment) }
    return alarm
  }

  /// One segment more for an endpoint's alarm.
  func watch(
    _ partition: Int, _ segment: PartitionSegment, by alarm: LossAlarm?
  ) throws(BusError) {
    do { try alarm?.note(partition, segment) } catch {
      throw BusError(.unavailable, "cannot attach to bus '\(name)'", error)
    }
    try checkWhole(partition, segment)
  }

  private func checkWhole(
    _ partition: Int, _ segment: PartitionSegment
  ) throws(BusError) {
    guard segment.mapping.fate == .whole else { throw .truncated(segmentName(partition)) }
  }
}
