// The same as `subscriber` in structured concurrency: swift run async-subscriber
//
// Waiting suspends the task; it never blocks a thread of the pool.
import ShmBus

let bus = try Bus.open("sensors")
let messages = try bus.subscriber(from: .latest).messages()

var counts: [String: Int] = [:]
for try await message in messages {
  let sensor = message.key.map { String(decoding: $0, as: UTF8.self) } ?? "?"
  counts[sensor, default: 0] += 1
  print(counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "  "))
}
