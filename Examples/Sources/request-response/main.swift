// A server and a client over two buses: swift run request-response
//
// The key of a request comes back with its response, so that clients find their own.
import ShmBus

for name in ["requests", "responses"] { try? Bus.remove(name, force: true) }
let requests = try Bus.create("requests")
let responses = try Bus.create("responses")
let questions = 1_000

let server = Task.detached {
  var subscriber = try requests.subscriber(from: .earliest)
  let publisher = try responses.publisher()
  for _ in 0..<questions {
    let request = try subscriber.next()
    let number = request.bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
    var loan = try publisher.loan(byteCount: 8, key: request.key)
    var bytes = loan.mutableBytes
    bytes.storeBytes(of: number * number, as: UInt64.self)
    try loan.publish()
  }
}

/// Both ends close when they go out of scope: only then may their buses be removed.
func ask() throws {
  var answers = try responses.subscriber(from: .earliest)
  let publisher = try requests.publisher()
  let clock = ContinuousClock()
  let start = clock.now
  for question in 0..<UInt64(questions) {
    var loan = try publisher.loan(byteCount: 8, key: "client-1".utf8Span.span.bytes)
    var bytes = loan.mutableBytes
    bytes.storeBytes(of: question, as: UInt64.self)
    try loan.publish()
    let answer = try answers.next()
    let square = answer.bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
    precondition(square == question * question, "the answer belongs to another question")
  }
  let elapsed = clock.now - start
  print("\(questions) questions answered, \(elapsed / questions) each way and back")
}

try ask()
try await server.value
for name in ["requests", "responses"] { try Bus.remove(name) }
