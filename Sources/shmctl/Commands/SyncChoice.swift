import Arguments
import ShmBus
import ToolSupport

/// A sync policy, with the words for it.
struct SyncChoice: Sendable {
  let policy: BusConfiguration.SyncPolicy
  let text: String

  init(_ policy: BusConfiguration.SyncPolicy) {
    self.policy = policy
    switch policy {
    case .none: text = "none"
    case .interval(let interval):
      text = "interval:\(interval.nanoseconds / 1_000_000)"
    case .batch: text = "batch"
    }
  }

  init?(_ text: String) {
    switch text {
    case "none": self.init(.none)
    case "batch": self.init(.batch)
    default:
      guard text.hasPrefix("interval:"),
        let count = Int(text.dropFirst("interval:".count)), count > 0, count <= 3_600_000
      else { return nil }
      self.init(.interval(.milliseconds(count)))
    }
  }
}

extension Form where Value == SyncChoice {
  /// `none`, `interval:MILLISECONDS` or `batch`.
  static var syncPolicy: Form {
    Form(
      "WHEN", accepting: "none, interval:MILLISECONDS or batch",
      completion: .words(["none", "interval:", "batch"]), show: \.text, read: { SyncChoice($0) })
  }
}
