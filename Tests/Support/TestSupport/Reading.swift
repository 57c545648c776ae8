import ShmBus

/// Longer than anything should take, shorter than anybody wants to wait for a failure.
public let patience = Duration.seconds(20)

extension Subscriber {
  /// A copy of the next message; nil when none comes in time.
  public mutating func copy(within timeout: Duration = patience) throws -> OwnedMessage? {
    guard let message = try next(timeout: timeout) else { return nil }
    return message.copy()
  }

  /// The next message as text; nil when none comes in time.
  public mutating func text(within timeout: Duration = patience) throws -> String? {
    try copy(within: timeout).map { String(decoding: $0.payload, as: UTF8.self) }
  }

  /// As many of the messages that lie ready as there are.
  public mutating func ready() throws -> [OwnedMessage] {
    var messages: [OwnedMessage] = []
    while let message = try copy(within: .zero) { messages.append(message) }
    return messages
  }
}
