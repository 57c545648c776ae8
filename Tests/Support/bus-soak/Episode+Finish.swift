import ShmBus
import TestSupport
import ToolSupport

// The end of an episode: all settles by itself, and the account is made. Nobody calls any recovery.

extension Episode {
  func finish() throws {
    for member in living where member.stopped != nil { member.goOn() }
    if seed.oneIn(3) { massacre(living.filter(\.isPublisher)) }
    if seed.oneIn(6) { massacre(living) }
    let publishers = living.filter(\.isPublisher)
    for publisher in publishers { publisher.diary.order = .leave }
    awaitEnd(of: publishers, "leave")
    guard faults.isEmpty, !Interrupt.isPending else { return }
    // Whether somebody publishes behind what the dead left must make no difference to readers.
    if seed.oneIn(2) { try newcomers() }
    let readers = living
    for reader in readers { reader.diary.order = .drain }
    awaitEnd(of: readers, "read to the end")
    guard faults.isEmpty, !Interrupt.isPending else { return }
    for place in buses.indices {
      try account(place)
      if faults.isEmpty { try settle(buses[place]) }
    }
  }

  /// New publishers come, publish a little and leave.
  private func newcomers() throws {
    let before = members.count
    for place in buses.indices { try start(.publisher, on: place) }
    let newcomers = Array(members[before...])
    let haveBegun = eventually(within: 60) { newcomers.allSatisfy { $0.diary.count > 20 } }
    if !haveBegun { faults.append("newcomers did not publish") }
    for newcomer in newcomers { newcomer.diary.order = .leave }
    awaitEnd(of: newcomers, "leave")
  }

  /// A bus where nobody is left: three laps by a new publisher and a new subscriber, and then nothing is out
  /// of use, nobody is registered, and nothing is wrong.
  private func settle(_ bus: Bus) throws {
    do {
      let publisher = try bus.publisher(timeout: .seconds(30))
      var subscriber = try bus.subscriber()
      for partition in 0..<bus.partitions {
        for number in 0..<(bus.configuration.slots * 3) {
          let offset = try publisher.publish(
            Pattern.bytes(0, number, count: 32), partition: partition)
          let message = try subscriber.next(timeout: .seconds(30))
          guard let message, message.offset == offset, Pattern.matches(message.bytes, 0, number)
          else {
            faults.append("after all \(bus.name) gives another message than \(offset)")
            return
          }
        }
      }
    }
    let status = try bus.status()
    for endpoint in status.endpoints {
      faults.append("row \(endpoint.row) of \(bus.name) is still in use: \(endpoint)")
    }
    for diagnosis in try Doctor.examine(bus.name) where diagnosis.fault != .host {
      faults.append("\(diagnosis)")
    }
    guard faults.isEmpty else { return }
    try Bus.remove(bus.name)
    let left = TestSpace.segments(of: bus.name)
    if !left.isEmpty { faults.append("left in /dev/shm: \(left)") }
  }
}
