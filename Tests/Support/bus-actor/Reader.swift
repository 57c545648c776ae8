import Glibc
import ShmBus
import TestSupport

/// Reads until the bus is removed and says what it saw.
struct Reader {
  private let plan: Plan

  init(_ plan: Plan) { self.plan = plan }

  func run() throws {
    let bus = try Bus.open(plan.bus)
    let start: StartPosition = plan.text("from", "earliest") == "latest" ? .latest : .earliest
    let wait: WaitStrategy = plan.text("wait") == "sleep" ? .sleep : .balanced
    var subscriber =
      plan.text("role") == "observer"
      ? try bus.observer(from: start, wait: wait) : try bus.subscriber(from: start, wait: wait)
    say("ready")
    while true {
      do {
        let message = try subscriber.next()
        let whole = Pattern.isWhole(message.bytes) ? "whole" : "TORN"
        let name = Pattern.name(of: message.bytes)
        say(
          "\(message.partition) \(message.offset) \(message.bytes.byteCount) "
            + "\(name?.publisher ?? -1) \(name?.number ?? -1) \(whole)")
      } catch {
        switch error {
        case .gap(let gap): say("gap \(gap.from) \(gap.to)")
        case .removed:
          say("removed")
          return
        case .damaged, .truncated, .forked, .groupDeleted: throw error
        }
      }
    }
  }
}
