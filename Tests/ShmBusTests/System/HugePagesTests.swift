import Foundation
import Testing

@testable import ShmBus

@Suite struct HugePagesTests {
  private func offer(_ options: String, knob: String?) -> HugePages {
    let folder =
      FileManager.default.temporaryDirectory.path + "/shmbus-huge-\(UInt64.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    if let knob {
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try? knob.write(toFile: folder + "/shmem_enabled", atomically: false, encoding: .utf8)
    }
    let mounts = """
      30 1 0:5 / /dev rw,relatime shared:2 - devtmpfs udev rw,size=100k
      31 30 0:25 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw,size=1g
      32 31 0:26 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw\(options)

      """
    return HugePages(mounts: mounts, settings: folder)
  }

  @Test func theMountDecides() {
    let never = "always within_size advise [never] deny force\n"
    #expect(!offer("", knob: never).areGiven)
    #expect(!offer(",huge=never", knob: never).areGiven)
    for option in ["advise", "always", "within_size"] {
      let found = offer(",size=1g,huge=\(option)", knob: never)
      #expect(found.areGiven && found.mount == option)
    }
  }

  @Test func unlessTheKnobForcesOrForbids() {
    #expect(offer("", knob: "always within_size advise never deny [force]\n").areGiven)
    let denied = offer(",huge=always", knob: "always within_size advise never [deny] force\n")
    #expect(!denied.areGiven && denied.sentence.contains("deny"))
    let none = offer(",huge=always", knob: nil)
    #expect(!none.areGiven && none.sentence.contains("no transparent huge pages"))
  }
}
