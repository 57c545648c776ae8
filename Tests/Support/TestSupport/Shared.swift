import Synchronization

/// A value that threads of a test fill together.
public final class Shared<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>

  /// Begins with `value`.
  public init(_ value: Value) { mutex = Mutex(value) }

  /// The value as it is now.
  public var value: Value { mutex.withLock { $0 } }

  /// Changes it.
  public func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
    mutex.withLock { value in body(&value) }
  }
}
