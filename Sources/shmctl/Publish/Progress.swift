import ToolSupport

/// How far the work is, on standard error, where that is a terminal; otherwise nothing.
struct Progress {
  private let isShown: Bool
  private let start = ContinuousClock.now
  private var next: ContinuousClock.Instant
  private var hasShown = false

  init(on terminal: Terminal = .errors) {
    isShown = terminal.isTerminal
    // Work that is done at once needs no progress.
    next = start + .milliseconds(500)
  }

  mutating func show(messages: Int, bytes: Int, of size: Int?) {
    guard isShown else { return }
    let now = ContinuousClock.now
    guard now >= next else { return }
    next = now + .milliseconds(200)
    hasShown = true
    write("\r\u{1B}[K" + line(messages, bytes, size, now))
  }

  mutating func finish(messages: Int, bytes: Int, of size: Int?) {
    guard hasShown else { return }
    write("\r\u{1B}[K" + line(messages, bytes, size, .now) + "\n")
    hasShown = false
  }

  private func line(
    _ messages: Int, _ bytes: Int, _ size: Int?, _ now: ContinuousClock.Instant
  ) -> String {
    let elapsed = max(1e-3, (now - start).seconds)
    let share = size.flatMap { $0 > 0 ? " (\(min(100, bytes * 100 / $0)) %)" : nil } ?? ""
    return "\(Numbers.grouped(messages)) messages, \(Numbers.bytes(bytes))\(share), "
      + "\(Numbers.short(Double(messages) / elapsed)) messages/s"
  }

  private func write(_ text: String) {
    var output = OutputBuffer(descriptor: 2, capacity: 256)
    try? output.append(text)
    try? output.flush()
  }
}
