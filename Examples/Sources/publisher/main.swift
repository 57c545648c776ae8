// Publishes a reading of a few sensors ten times a second: swift run publisher
//
// The key keeps the readings of one sensor in order, in one partition.
import ShmBus

let bus = try (try? Bus.open("sensors")) ?? Bus.create("sensors", .init(partitions: 4))
let publisher = try bus.publisher()
print("publishing to bus 'sensors'; 'swift run subscriber' shows it, ^C ends it")

var reading = 0
while true {
  for sensor in ["boiler", "pump", "valve"] {
    try publisher.publish("\(sensor) \(Int.random(in: 0...100))", key: sensor)
  }
  reading += 1
  try await Task.sleep(for: .milliseconds(100))
}
