extension AcknowledgementTracker {
  /// Notes that a message is handed out; see ``begin(offset:end:)``.
  ///
  /// - Returns: false, having noted nothing, when it has no room.
  public func begin(_ message: borrowing Message) -> Bool {
    begin(offset: message.offset, end: message.end)
  }
}
