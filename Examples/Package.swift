// swift-tools-version: 6.2
import PackageDescription

/// Small programs that use ShmBus as a dependency would: built by `.ci/run`, run by hand.
let names = ["publisher", "subscriber", "async-subscriber", "image-pipeline", "request-response"]

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "ShmBus", path: "..")],
  targets: names.map { name in
    .executableTarget(
      name: name, dependencies: [.product(name: "ShmBus", package: "ShmBus")],
      swiftSettings: [.treatAllWarnings(as: .error)])
  },
  swiftLanguageModes: [.v6]
)
