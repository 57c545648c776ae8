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
  ],
  targets: [
    .target(name: "CShmBus"),
    .target(name: "ShmBus", dependencies: ["CShmBus"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
