// What a reader does about messages that were trimmed while it was behind them.

extension SubscriberCore {
  /// Goes on at the partition's start if the reader is behind it, and tells what it misses.
  ///
  /// Asked at each look that leaves the plain path. A member comes here with the next message it asks
  /// for (a trim moves its group's generation), an observer likewise, an ephemeral subscriber within a
  /// stride. What was handed out is done as it always is: nobody's slots are freed by a trim.
  func trimmed(_ track: UnsafeMutablePointer<Track>) -> SubscribeError? {
    let start = unsafe track.pointee.start.loadAcquire()  // Z2, partner: Z1
    let position = unsafe track.pointee.position
    let first = unsafe max(position, track.pointee.startsAt)
    let ring = unsafe track.pointee.ring
    // A damaged word may lie beyond everything: nothing that will ever be published is trimmed.
    guard start > first, start <= ring.end else { return nil }
    let place = whenGone == .latest ? ring.end : ring.messageStart(atOrAfter: start)
    // What it was to be told of anyway is part of it.
    let from = unsafe min(first, track.pointee.missedFrom)
    if whenGone == .fail {
      unsafe track.pointee.plainFrom = .max
    } else {
      unsafe Self.goOn(track, to: max(position, place))
      // The place may lie below: at a slot that is not decided yet.
      unsafe track.pointee.startsAt = start
      unsafe track.pointee.missedFrom = .max
      unsafe track.pointee.settlePlainFrom(verifies: bus.configuration.checksum)
      unsafe Self.giveBack(track)
    }
    let partition = unsafe track.pointee.partition
    let cause = ring.lostEnd(at: position) == nil ? SubscribeError.Gap.Cause.trimmed : .lost
    return .gap(.init(partition: partition, from: from, to: max(place, start), cause: cause))
  }

  /// Passes over padding that stands for what a reboot took, and tells of it; nil for any other.
  func lost(_ track: UnsafeMutablePointer<Track>, at position: Offset) -> SubscribeError? {
    let ring = unsafe track.pointee.ring
    guard let end = ring.lostEnd(at: position), ring.isIntact(position) else { return nil }
    let from = unsafe max(position, track.pointee.startsAt)
    let to = whenGone == .latest ? ring.end : min(end, ring.end)
    guard to > from else { return nil }
    if whenGone != .fail {
      unsafe Self.goOn(track, to: to)
      unsafe Self.giveBack(track)
    }
    let partition = unsafe track.pointee.partition
    return .gap(.init(partition: partition, from: from, to: to, cause: .lost))
  }
}
