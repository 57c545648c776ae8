import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A host that is not this one.
private func host(_ nodes: [(number: Int, cpus: [Int], memory: Int)], known: Bool = true)
  -> NUMATopology
{
  NUMATopology(
    nodes: nodes.map {
      NUMANode(
        number: $0.number, cpus: $0.cpus, memoryBytes: $0.memory, freeBytes: $0.memory,
        distances: [:])
    }, isKnown: known, allowed: nil)
}

@Suite struct PlacementTests {
  private let page = UInt64(4096)

  @Test(arguments: [NUMAPolicy.auto, .nodes([0]), .none])
  func aBusOnThisHostIsPlacedAsAsked(policy: NUMAPolicy) throws {
    let first = try #require(NUMATopology.host().nodes.first { $0.memoryBytes > 0 })
    let asked = policy == .nodes([0]) ? .nodes([first.number]) : policy
    let configuration = BusConfiguration(
      partitions: 2, maxPartitions: 3, slots: 64, slotSize: 64, numa: asked,
      stateDirectory: .none)
    try withBus(configuration) { bus in
      #expect(try Bus.open(bus.name).configuration == bus.configuration)
      #expect(bus.configuration.numa == asked)
      try bus.addPartitions(to: 3)
      let placements = try bus.placements()
      #expect(placements.count == 3)
      for placement in placements where asked != .none {
        // Unknown under a seccomp filter, or in a kernel without NUMA.
        #expect(placement.state != .unasked || !NUMATopology.host().isKnown)
        #expect(placement.state != .elsewhere || !placement.isBound)
        if NUMATopology.host().nodes.count == 1, placement.isBound {
          #expect(placement.state == .verified && placement.complaint == nil)
        }
      }
      for placement in placements where asked == .none {
        #expect(
          placement == Placement(node: nil, isBound: false, state: .unasked, hugePages: 0))
      }
      #expect(try bus.status().partitions.map(\.placement) == placements)
      for residence in try bus.residence() {
        guard let pages = residence.pages else { continue }
        let bytes = UInt64(configuration.partitionBytes)
        #expect(UInt64(pages.values.reduce(0, +)) == bytes / page)
      }
      try bus.publisher().publish("works")
    }
  }

  @Test func aNodeThatIsNotThereIsRefusedAndNothingIsLeft() throws {
    let name = TestSpace.busName("lost")
    defer { TestSpace.clear(name) }
    let error = busError {
      _ = try Bus.create(
        name, BusConfiguration(slots: 64, slotSize: 64, numa: .nodes([1023])))
    }
    #expect(error?.code == .cannotCreate)
    #expect(error?.message.contains("NUMA node 1023") == true)
    #expect(error?.message.contains("nodes with memory: ") == true)
    #expect(TestSpace.segments(of: name).isEmpty)
  }

  @Test func policiesAreSettledByTheHost() throws {
    let two = host([(0, [0], 100), (1, [1], 100)])
    let gaps = host([(0, [0], 0), (3, [1], 100), (8, [], 100)])
    let none = host([(0, [0, 1], 100)], known: false)
    #expect(try NUMAPolicy.none.nodes(on: { two }) == [])
    #expect(try NUMAPolicy.auto.nodes(on: { two }) == [0, 1])
    #expect(try NUMAPolicy.auto.nodes(on: { gaps }) == [3])
    #expect(try NUMAPolicy.auto.nodes(on: { none }) == [])
    #expect(try NUMAPolicy.nodes([8, 3, 3]).nodes(on: { gaps }) == [8, 3, 3])
    // Where the kernel tells of none, the host is node 0.
    #expect(try NUMAPolicy.nodes([0]).nodes(on: { none }) == [0])
    for (policy, host) in [(NUMAPolicy.nodes([0, 3]), gaps), (.nodes([1]), none)] {
      let error = busError { _ = try policy.nodes(on: { host }) }
      #expect(error?.code == .cannotCreate)
    }
  }

  @Test func listsThatCannotBeAreUsageErrors() {
    for list in [[], [-1], [1024], [0, 0, 0]] as [[Int]] {
      let configuration = BusConfiguration(
        partitions: 1, maxPartitions: 2, slots: 64, slotSize: 64, numa: .nodes(list))
      #expect(busError { try configuration.validate() }?.code == .usage)
    }
  }

  @Test(arguments: [
    ([1, 0, 1, 0, 1], [1, 0]), ([0, 0, 0], [0]), ([2, 1, 0], [2, 1, 0]), ([5], [5]),
    ([0, 0, 1, 0], [0, 0, 1]),
  ])
  func theListIsFoundAgainInTheRows(rows: [Int], list: [Int]) {
    #expect(NUMAPolicy(code: 2, nodes: rows) == .nodes(list))
    for partition in rows.indices { #expect(list[partition % list.count] == rows[partition]) }
  }

  /// A wish that came to nothing is told by its row, whoever made the bus.
  @Test func whatLiesElsewhereIsReported() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, numa: .nodes([0]))) { bus in
      let row = bus.map.partition(0)
      unsafe row.fields.pointee.placement = PlacedMemory.Code.elsewhere
      let placement = try #require(try bus.placements().first)
      #expect(placement.state == .elsewhere && placement.complaint != nil)
      #expect(row.verifiedNode == nil)
      let found = try Doctor.examine(bus.name)
      #expect(found.contains { $0.fault == .placement && $0.severity == .notice })
      unsafe row.fields.pointee.placement = PlacedMemory.Code.unknown
      #expect(try bus.placements().first?.state == .unknown)
    }
  }
}

@Suite struct PinningTests {
  @Test func onOneNodeItSaysThatThereIsNothingToDo() throws {
    try withBus(BusConfiguration(partitions: 2, slots: 64, slotSize: 64)) { bus in
      let before = try Affinity.allowed()
      #expect(try bus.publisher().pinning == .unasked)
      let pinning = try bus.pin(near: 1, on: host([(0, before, 100)]))
      guard case .unpinned(let reason) = pinning else {
        Issue.record("\(pinning)")
        return
      }
      #expect(reason.contains("one NUMA node"))
      #expect(try Affinity.allowed() == before)
      #expect(busError { _ = try bus.publisher(pinning: 2) }?.code == .usage)
      #expect(busError { _ = try bus.subscriber(pinning: -1) }?.code == .usage)
    }
  }

  /// On a thread of its own: it stays where it was put.
  @Test func theThreadRunsOnTheNodesCPUs() async throws {
    try await withThread({ try! Self.pinToTheLast() }, while: {})
  }

  private static func pinToTheLast() throws {
    try withBus(
      BusConfiguration(partitions: 2, slots: 64, slotSize: 64, numa: .nodes([0]))
    ) { bus in
      let allowed = try Affinity.allowed()
      let last = try #require(allowed.last)
      // The CPUs of this host, as if the last one were a node by itself.
      let made = host([(0, [last], 100), (1, Array(allowed.dropLast()), 100)])
      guard bus.map.partition(0).verifiedNode == 0 else { return }
      #expect(try bus.pin(near: 0, on: made) == .pinned(node: 0, cpus: [last]))
      #expect(try Affinity.allowed() == [last])
      // Nothing of the other node is left to this thread.
      unsafe bus.map.partition(1).fields.pointee.node = 1
      guard case .unpinned(let reason) = try bus.pin(near: 1, on: made) else {
        Issue.record("it was pinned to CPUs it may not use")
        return
      }
      #expect(reason.contains("may not run on any CPU"))
    }
  }
}
