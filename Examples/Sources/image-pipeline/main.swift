// Three stages hand images on without copying them: swift run image-pipeline
//
// Each image is painted in place in the bus's memory (a loan), and read in place by the next stage,
// which paints its own. At 4 MiB an image, a copy a stage would cost a second in a few hundred.
import ShmBus

let width = 2048
let height = 2048
let images = 200
let configuration = BusConfiguration(slots: 128, slotSize: 1 << 20)

for name in ["camera", "edges"] { try? Bus.remove(name, force: true) }
let camera = try Bus.create("camera", configuration)
let edges = try Bus.create("edges", configuration)

let shooting = Task.detached {
  let publisher = try camera.publisher()
  for number in 0..<images {
    var loan = try publisher.loan(byteCount: width * height)
    var pixels = loan.mutableBytes
    // A bright column that moves: the rest is black.
    for row in 0..<height {
      for column in 0..<width {
        pixels.storeBytes(
          of: column == number * 8 ? 255 : 0, toByteOffset: row * width + column, as: UInt8.self)
      }
    }
    try loan.publish()
  }
}

let detecting = Task.detached {
  var subscriber = try camera.subscriber(from: .earliest)
  let publisher = try edges.publisher()
  for _ in 0..<images {
    let image = try subscriber.next()
    var loan = try publisher.loan(byteCount: width)
    let pixels = image.bytes
    var row = loan.mutableBytes
    for column in 1..<width {
      let left = pixels.unsafeLoad(fromByteOffset: column - 1, as: UInt8.self)
      let here = pixels.unsafeLoad(fromByteOffset: column, as: UInt8.self)
      row.storeBytes(of: here > left ? 1 : 0, toByteOffset: column, as: UInt8.self)
    }
    try loan.publish()
  }
}

/// The subscriber closes when it goes out of scope: only then may its bus be removed.
func count() throws {
  var subscriber = try edges.subscriber(from: .earliest)
  let clock = ContinuousClock()
  let start = clock.now
  var found = 0
  for _ in 0..<images {
    let row = try subscriber.next()
    for column in 0..<width {
      found += Int(row.bytes.unsafeLoad(fromByteOffset: column, as: UInt8.self))
    }
  }
  let seconds = (clock.now - start) / .seconds(1)
  let rate = Int(Double(images) / seconds)
  print("\(images) images of \(width)x\(height), \(found) edges, \(rate) a second")
}

try count()
_ = try await (shooting.value, detecting.value)
for name in ["camera", "edges"] { try Bus.remove(name) }
