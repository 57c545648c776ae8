import Foundation
import TestSupport
import Testing

@testable import ShmBus

@Suite struct AccessKeyTests {
  /// FIPS 180-4's own examples, and lengths on both sides of a block's end.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 55),
      "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"
    ),
    (
      String(repeating: "a", count: 64),
      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
    ),
    (
      String(repeating: "a", count: 1_000),
      "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
    ),
  ])
  func digestsAreThoseOfTheStandard(message: String, digest: String) {
    let found = SHA256.digest(of: Array(message.utf8)).map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
    #expect(found.joined() == digest)
  }

  @Test func aBusWithAKeyOpensForNobodyElse() throws {
    let name = TestSpace.busName("key")
    defer { TestSpace.clear(name) }
    let key = try AccessKey(Array("sixteen bytes or more".utf8))
    let other = try AccessKey(Array("sixteen bytes or less".utf8))
    let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64), key: key)
    let publisher = try bus.publisher()
    try publisher.publish("kept")
    var subscriber = try Bus.open(name, key: key).subscriber(from: .earliest)
    #expect(try subscriber.text() == "kept")
    let missing = busError { _ = try Bus.open(name) }
    #expect(missing?.code == .permission && missing?.message.contains("--key-file") == true)
    let wrong = busError { _ = try Bus.open(name, key: other) }
    #expect(wrong?.code == .permission && wrong?.message.contains("not the one") == true)
    for error in [missing, wrong] { #expect(error?.message.contains("sixteen") == false) }
    for segment in TestSpace.segments(of: name) {
      let bytes = try Data(contentsOf: URL(filePath: "/dev/shm/" + segment))
      #expect(bytes.range(of: Data("sixteen".utf8)) == nil, "the key lies in \(segment)")
    }
    for removal in [nil, other] {
      #expect(busError { try Bus.remove(name, key: removal) }?.code == .permission)
    }
    #expect(!bus.isRemoved)
    #expect("\(key) \(String(reflecting: key))".contains("sixteen") == false)
    var dumped = ""
    dump(key, to: &dumped)
    #expect(!dumped.contains("115"), "\(dumped)")
    _ = consume publisher
    _ = consume subscriber
    try Bus.remove(name, key: key)
  }

  /// What the key is for beyond mistakes: a bus of that name that somebody else made is refused.
  @Test func anImpostorCannotShowTheKey() throws {
    let name = TestSpace.busName("impostor")
    defer { TestSpace.clear(name) }
    let key = try AccessKey([UInt8](repeating: 3, count: 32))
    let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64), key: key)
    let salt = unsafe bus.map.header.pointee.key_salt
    try Bus.remove(name, force: true)
    let fake = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
    #expect(busError { _ = try Bus.open(name, key: key) }?.code == .permission)
    unsafe fake.map.header.pointee.key_salt = salt
    unsafe fake.map.header.pointee.key_digest.0 = 1
    #expect(busError { _ = try Bus.open(name, key: key) }?.code == .permission)
  }

  @Test func aKeyForABusThatHasNoneIsRefused() throws {
    try withBus { bus in
      let key = try AccessKey([UInt8](repeating: 1, count: 16))
      #expect(busError { _ = try Bus.open(bus.name, key: key) }?.code == .permission)
    }
  }

  @Test(arguments: [0, 15, 4097])
  func aKeyHasALength(count: Int) {
    #expect(busError { _ = try AccessKey([UInt8](repeating: 1, count: count)) }?.code == .usage)
  }

  @Test(arguments: [0o600, 0o400, 0o640, 0o604, 0o660])
  func aKeyFileIsItsOwnersAlone(mode: Int) throws {
    let path = try scratchFile([UInt8](repeating: 7, count: 32), mode: mode)
    defer { unsafe _ = unlink(path) }
    let error = busError { _ = try AccessKey(file: path) }
    if mode & 0o077 == 0 {
      #expect(error == nil)
    } else {
      #expect(error?.code == .permission && error?.message.contains("chmod 600") == true)
    }
  }

  @Test func aKeyFileThatIsNoFileIsRefused() throws {
    #expect(busError { _ = try AccessKey(file: "/nonexistent/key") }?.code == .notFound)
    #expect(busError { _ = try AccessKey(file: "/dev/null") }?.code == .permission)
    let path = try scratchFile([], mode: 0o600)
    defer { unsafe _ = unlink(path) }
    #expect(busError { _ = try AccessKey(file: path) }?.code == .usage)
  }

  private func scratchFile(_ bytes: [UInt8], mode: Int) throws -> String {
    let path = "/tmp/shmbus-key-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    let file = unsafe open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600)
    #expect(file >= 0)
    _ = unsafe write(file, bytes, bytes.count)
    #expect(fchmod(file, mode_t(mode)) == 0)
    close(file)
    return path
  }
}
