extension Publisher {
  /// Publishes a copy of some bytes; see ``publish(_:partition:timeout:)``.
  @inlinable @discardableResult
  public func publish(
    _ payload: [UInt8], partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    try unsafe publish(payload.span.bytes, partition: partition, timeout: timeout)
  }

  /// Publishes a copy of some bytes under a key; see ``publish(_:key:partition:timeout:)``.
  @inlinable @discardableResult
  public func publish(
    _ payload: [UInt8], key: String, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    try unsafe publish(
      payload.span.bytes, key: key.utf8Span.span.bytes, partition: partition, timeout: timeout)
  }

  /// Publishes a text as UTF-8; see ``publish(_:partition:timeout:)``.
  @inlinable @discardableResult
  public func publish(
    _ payload: String, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    try unsafe publish(payload.utf8Span.span.bytes, partition: partition, timeout: timeout)
  }

  /// Publishes a text as UTF-8 under a key; see ``publish(_:key:partition:timeout:)``.
  @inlinable @discardableResult
  public func publish(
    _ payload: String, key: String, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    try unsafe publish(
      payload.utf8Span.span.bytes, key: key.utf8Span.span.bytes, partition: partition,
      timeout: timeout)
  }

  /// Publishes without waiting; nil when the ring is full.
  @inlinable
  public func tryPublish(
    _ payload: RawSpan, partition: Int? = nil
  ) throws(PublishError) -> Offset? {
    do { return try publish(payload, partition: partition, timeout: .zero) } catch {
      if case .full = error { return nil }
      throw error
    }
  }
}
