import ShmBus
import TestSupport
import Testing

/// One process, one or two members: what a member sees and what its commits do.
@Suite struct MemberTests {
  private static let wide = BusConfiguration(partitions: 4, slots: 64, slotSize: 64)

  @Test func aCommitIsWhereTheNextMemberBegins() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<10 { try publisher.publish("\(number)") }
      do {
        var member = try bus.subscriber(.group("g"), from: .earliest)
        for number in 0..<5 {
          guard var message = try member.next(timeout: patience) else { break }
          #expect(message.bytes.text == "\(number)")
          if number < 3 { try message.commit() }
        }
        #expect(member.committed(inPartition: 0) == 3)
        #expect(member.position(inPartition: 0) == 5)
      }
      #expect(try bus.group("g").partitions[0].lag == 7)
      var next = try bus.subscriber(.group("g"), from: .latest)
      #expect(try next.text() == "3")
      #expect(try bus.groups().map(\.name) == ["g"])
    }
  }

  @Test func membersShareThePartitions() throws {
    try withBus(Self.wide) { bus in
      var first = try bus.subscriber(.group("g"), from: .earliest)
      #expect(try first.ready().isEmpty)
      #expect(first.assignment == [0, 1, 2, 3])
      var second = try bus.subscriber(.group("g"))
      #expect(try first.ready().isEmpty)
      #expect(try second.ready().isEmpty)
      #expect(first.assignment.count == 2 && second.assignment.count == 2)
      #expect(Set(first.assignment + second.assignment) == [0, 1, 2, 3])
      #expect(try bus.group("g").members.map(\.partitions.count) == [2, 2])
      _ = consume second
      #expect(try first.ready().isEmpty)
      #expect(first.assignment == [0, 1, 2, 3])
    }
  }
}
