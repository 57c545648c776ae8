// Prints what `swift run publisher` publishes: swift run subscriber
import ShmBus

let bus = try Bus.open("sensors")
var subscriber = try bus.subscriber(from: .earliest)

while let message = try subscriber.next(timeout: .seconds(5)) {
  // The bytes are the ring's own: valid until the next message is asked for.
  let text = String(decoding: message.copy().payload, as: UTF8.self)
  print("partition \(message.partition) offset \(message.offset): \(text)")
}
print("nothing for five seconds")
