import Glibc
import ShmBus
import TestSupport

// A process of its own, for what a process has of its own: the CPUs it runs on, and its page faults.
//
//     placed-actor publish BUS PARTITION COUNT      near a partition; says where its messages went
//     placed-actor faults-publish BUS LAPS          page faults while it fills the ring
//     placed-actor faults-read BUS COUNT            page faults while it reads

@main
struct PlacedActor {
  static func main() throws {
    let words = CommandLine.arguments
    guard words.count > 3, let number = Int(words[3]) else { exit(64) }
    let bus = try Bus.open(words[2])
    switch words[1] {
    case "publish":
      guard words.count > 4, let count = Int(words[4]) else { exit(64) }
      try publish(bus, near: number, count: count)
    case "faults-publish": try fill(bus, laps: number)
    case "faults-read": try read(bus, count: number)
    default: exit(64)
    }
  }

  /// Prints what came of pinning, the CPUs that are left, and how many messages each partition got.
  private static func publish(_ bus: Bus, near partition: Int, count: Int) throws {
    let publisher = try bus.publisher(pinning: partition)
    let before = try bus.status().partitions.map(\.cursor)
    for number in 0..<count { try publisher.publish("message \(number)") }
    let sent = try bus.status().partitions.map { $0.cursor - before[$0.partition] }
    print("pinning \(publisher.pinning)")
    print("cpus \(line("Cpus_allowed_list:", of: "/proc/thread-self/status"))")
    print("sent \(sent.map { "\($0)" }.joined(separator: " "))")
  }

  /// Writes every slot of the ring.
  private static func fill(_ bus: Bus, laps: Int) throws {
    try warmUp(bus.name)
    let publisher = try bus.publisher()
    let payload = [UInt8](repeating: 7, count: bus.configuration.slotSize)
    try publisher.publish(payload)
    let before = faults()
    for _ in 0..<(bus.configuration.slots * laps) { try publisher.publish(payload) }
    let after = faults()
    print("faults \(after - before)")
  }

  private static func read(_ bus: Bus, count: Int) throws {
    try warmUp(bus.name)
    var subscriber = try bus.subscriber(from: .earliest)
    var sum = try next(&subscriber)
    let before = faults()
    for _ in 0..<count { sum &+= try next(&subscriber) }
    let after = faults()
    print("faults \(after - before) sum \(sum)")
  }

  /// Some laps of another, small ring bring in the code, and the stack.
  private static func warmUp(_ name: String) throws {
    let bus = try Bus.create("\(name)-warm", BusConfiguration(slots: 64, slotSize: 256))
    defer { try? Bus.remove(bus.name, force: true) }
    let publisher = try bus.publisher()
    var subscriber = try bus.subscriber(from: .earliest)
    let payload = [UInt8](repeating: 7, count: 256)
    for _ in 0..<1000 {
      try publisher.publish(payload)
      _ = try next(&subscriber)
    }
    _ = faults()
  }

  private static func next(_ subscriber: inout Subscriber) throws -> Int {
    guard let message = try subscriber.next(timeout: .seconds(30)) else { exit(75) }
    return unsafe message.bytes.withUnsafeBytes { bytes in
      unsafe bytes.reduce(0) { $0 &+ Int($1) }
    }
  }

  /// Of the whole process, by the kernel's count.
  private static func faults() -> Int {
    var usage = rusage()
    unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_minflt + usage.ru_majflt
  }

  /// What a file of the kernel says behind a word.
  private static func line(_ word: String, of path: String) -> String {
    let line = text(of: path).split(separator: "\n").first { $0.hasPrefix(word) }
    return line.map { String($0.dropFirst(word.count).filter { !$0.isWhitespace }) } ?? "?"
  }
}
