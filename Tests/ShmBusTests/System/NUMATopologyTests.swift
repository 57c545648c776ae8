import Foundation
import Glibc
import Testing

@testable import ShmBus

/// A made-up `/sys/devices/system`, for the time of a test.
private struct FakeHost: ~Copyable {
  let root: String

  init(online: String?, cpus: String = "0-3\n") {
    root =
      FileManager.default.temporaryDirectory.path + "/shmbus-nodes-\(UInt64.random(in: 0 ... .max))"
    write(cpus, to: "cpu/online")
    write("MemTotal:       2048 kB\nMemFree:        1024 kB\n", to: "meminfo")
    if let online { write(online, to: "node/online") }
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  borrowing func node(
    _ number: Int, cpus: String?, total: Int?, free: Int = 0, distance: String? = nil
  ) {
    let folder = "node/node\(number)"
    if let cpus { write(cpus, to: folder + "/cpulist") }
    if let total {
      let text = """
        Node \(number) MemTotal:       \(total) kB
        Node \(number) MemFree:        \(free) kB
        Node \(number) MemUsed:        \(total - free) kB

        """
      write(text, to: folder + "/meminfo")
    }
    if let distance { write(distance, to: folder + "/distance") }
  }

  borrowing func topology(allowed: Set<Int>? = nil) -> NUMATopology {
    NUMATopology(devices: root, meminfo: root + "/meminfo", allowed: allowed)
  }

  private borrowing func write(_ text: String, to path: String) {
    let file = root + "/" + path
    let folder = String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? text.write(toFile: file, atomically: false, encoding: .utf8)
  }
}

@Suite struct NUMATopologyTests {
  @Test func twoNodes() {
    let host = FakeHost(online: "0-1\n")
    host.node(0, cpus: "0-1\n", total: 4096, free: 1000, distance: "10 21\n")
    host.node(1, cpus: "2-3\n", total: 8192, free: 2000, distance: "21 10\n")
    let topology = host.topology(allowed: [0, 1])
    #expect(
      topology.nodes == [
        NUMANode(
          number: 0, cpus: [0, 1], memoryBytes: 4096 << 10, freeBytes: 1000 << 10,
          distances: [0: 10, 1: 21]),
        NUMANode(
          number: 1, cpus: [2, 3], memoryBytes: 8192 << 10, freeBytes: 2000 << 10,
          distances: [0: 21, 1: 10]),
      ])
    #expect(topology.isKnown && topology.placeable.map(\.number) == [0, 1])
    #expect(topology.home(of: [2]) == 1 && topology.home(of: [0, 1]) == 0)
    #expect(topology.home(of: [1, 2]) == nil && topology.home(of: []) == nil)
    #expect(topology.node(1)?.cpus == [2, 3] && topology.node(2) == nil)
  }

  @Test func numbersWithGapsAndDistancesInTheOrderOfWhatIsOnline() {
    let host = FakeHost(online: "0,8,250-251\n")
    host.node(0, cpus: "0-7,16-23\n", total: 100, distance: "10 20 40 40\n")
    host.node(8, cpus: "8-15\n", total: 100, distance: "20 10 40 40\n")
    host.node(250, cpus: "\n", total: 100, distance: "40 40 10 80\n")
    host.node(251, cpus: "\n", total: 0, distance: "40 40 80 10\n")
    let nodes = host.topology().nodes
    #expect(nodes.map(\.number) == [0, 8, 250, 251])
    #expect(nodes[0].cpus == Array(0...7) + Array(16...23))
    #expect(nodes[2].distances == [0: 40, 8: 40, 250: 10, 251: 80])
  }

  @Test func memoryWithoutProcessorsIsNotSpreadOverWhileThereIsBetter() {
    let host = FakeHost(online: "0-2\n")
    host.node(0, cpus: "0-3\n", total: 100)
    host.node(1, cpus: "\n", total: 500)
    host.node(2, cpus: "4-7\n", total: 0)
    let topology = host.topology()
    #expect(topology.placeable.map(\.number) == [0])
    // CPUs without memory are a home all the same.
    #expect(topology.home(of: [4, 5]) == 2)
    #expect(host.topology(allowed: [1]).placeable.map(\.number) == [1])
    #expect(host.topology(allowed: [2]).placeable.isEmpty)
  }

  @Test func aNodeThatIsOfflineIsNotThere() {
    let host = FakeHost(online: "1\n")
    host.node(0, cpus: "0-1\n", total: 100, distance: "10 21\n")
    host.node(1, cpus: "2-3\n", total: 100, distance: "10\n")
    let topology = host.topology()
    #expect(topology.nodes.map(\.number) == [1])
    #expect(topology.nodes[0].distances == [1: 10])
    #expect(topology.home(of: [2]) == nil)
  }

  @Test func aKernelWithoutNodesIsOneNode() {
    let host = FakeHost(online: nil, cpus: "0-5\n")
    let topology = host.topology()
    #expect(!topology.isKnown)
    #expect(
      topology.nodes == [
        NUMANode(
          number: 0, cpus: Array(0...5), memoryBytes: 2 << 20, freeBytes: 1 << 20, distances: [:])
      ])
    let nothing = NUMATopology(devices: "/nowhere", meminfo: "/nowhere", allowed: nil)
    #expect(!nothing.isKnown && nothing.nodes.map(\.number) == [0] && nothing.placeable.isEmpty)
  }

  @Test func filesThatAreMissingOrMakeNoSenseLoseOnlyWhatTheySaid() {
    let host = FakeHost(online: "0-1\n")
    host.node(0, cpus: "zero\n", total: 100, distance: "10 21 31\n")
    host.node(1, cpus: nil, total: nil)
    let nodes = host.topology().nodes
    #expect(nodes.map(\.number) == [0, 1])
    #expect(nodes[0].cpus.isEmpty && nodes[0].distances.isEmpty)
    #expect(nodes[0].memoryBytes == 100 << 10 && nodes[1].memoryBytes == 0)
    #expect(!FakeHost(online: "rubbish\n").topology().isKnown)
  }

  @Test(
    arguments: [
      ("0-3,8", [0, 1, 2, 3, 8]), ("7\n", [7]), ("\n", []), ("3-1", nil), ("1-", nil), ("-1", nil),
      ("0-2-4", nil), ("a", nil), ("0-99999999999", nil), ("99999999999999999999", nil),
    ] as [(String, [Int]?)])
  func lists(text: String, expected: [Int]?) {
    #expect(NUMATopology.numbers(in: text) == expected)
  }

  @Test func thisHostHasTheProcessorsThisThreadRunsOn() throws {
    let topology = NUMATopology.host()
    let cpus = Set(topology.nodes.flatMap(\.cpus))
    #expect(try cpus.isSuperset(of: Affinity.allowed()))
    #expect(topology.nodes.contains { $0.memoryBytes > 0 })
  }
}
