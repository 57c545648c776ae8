// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built the same way: strict memory safety, and no warning survives.
/// `Lifetimes` lets a property return a span that borrows its owner (clients need no flag).
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "ShmBus",
  products: [
    .library(name: "ShmBus", targets: ["ShmBus"]),
    .executable(name: "shmctl", targets: ["shmctl"]),
    .executable(name: "dump-shm", targets: ["dump-shm"]),
  ],
  targets: [
    .target(name: "CShmBus"),
    .target(name: "ShmBus", dependencies: ["CShmBus"], swiftSettings: strict),
    .target(name: "Arguments", swiftSettings: strict),
    .target(
      name: "ToolSupport", dependencies: ["ShmBus", "Arguments", "CShmBus"], swiftSettings: strict),
    .executableTarget(
      name: "shmctl", dependencies: ["ShmBus", "Arguments", "ToolSupport", "CShmBus"],
      swiftSettings: strict),
    .executableTarget(
      name: "dump-shm", dependencies: ["ShmBus", "Arguments", "ToolSupport"],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["ShmBus"], path: "Tests/Support/TestSupport",
      swiftSettings: strict),
    .executableTarget(
      name: "bus-actor", dependencies: ["ShmBus", "TestSupport"],
      path: "Tests/Support/bus-actor", swiftSettings: strict),
    .executableTarget(
      name: "bus-soak", dependencies: ["ShmBus", "TestSupport", "ToolSupport", "bus-actor"],
      path: "Tests/Support/bus-soak", swiftSettings: strict),
    .executableTarget(
      name: "claim-holder", dependencies: ["ShmBus", "TestSupport"],
      path: "Tests/Support/claim-holder", swiftSettings: strict),
    .executableTarget(
      name: "placed-actor", dependencies: ["ShmBus", "TestSupport"],
      path: "Tests/Support/placed-actor", swiftSettings: strict),
    .target(name: "CTracing", path: "Tests/Support/CTracing"),
    .executableTarget(
      name: "kill-at-every-instruction", dependencies: ["ShmBus", "TestSupport", "CTracing"],
      path: "Tests/Support/kill-at-every-instruction", swiftSettings: strict),
    .executableTarget(
      name: "bus-hostile",
      dependencies: ["ShmBus", "CShmBus", "TestSupport", "shmctl", "dump-shm"],
      path: "Tests/Support/bus-hostile", exclude: ["guard"], swiftSettings: strict),
    .executableTarget(
      name: "intruder", path: "Tests/Support/intruder", swiftSettings: strict),
    .testTarget(
      name: "ShmBusTests",
      dependencies: [
        "ShmBus", "CShmBus", "TestSupport", "bus-actor", "claim-holder", "placed-actor", "intruder",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "LayoutTests", dependencies: ["CShmBus"], exclude: ["Snapshots"],
      swiftSettings: strict),
    .testTarget(
      name: "StressTests",
      dependencies: ["ShmBus", "TestSupport", "bus-actor", "bus-soak", "bus-hostile"],
      swiftSettings: strict),
    .testTarget(
      name: "ToolTests", dependencies: ["ToolSupport", "TestSupport", "shmctl", "dump-shm"],
      swiftSettings: strict),
    .testTarget(name: "ArgumentsTests", dependencies: ["Arguments"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
