import Glibc

/// A source of randomness that can be replayed: SplitMix64.
///
/// Every randomised test makes one with ``announced(_:)``, which prints it; `SHMBUS_TEST_SEED=N` replays a
/// run that failed.
public struct Seed: RandomNumberGenerator, Sendable {
  /// Where it began.
  public let value: UInt64
  private var state: UInt64

  /// A source that always gives the same numbers.
  public init(_ value: UInt64) {
    self.value = value
    state = value
  }

  /// A new seed, or the one in the environment; printed, so that a failure can be repeated.
  public static func announced(_ test: String) -> Seed {
    let given = unsafe getenv("SHMBUS_TEST_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
    let seed = Seed(given ?? UInt64.random(in: 0 ... .max))
    print("seed of \(test): SHMBUS_TEST_SEED=\(seed.value)")
    return seed
  }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Self.mix(state)
  }

  /// Another source that depends on this one and on `number` alone.
  public func branch(_ number: UInt64) -> Seed {
    Seed(Self.mix(value ^ Self.mix(number &+ 0x5bf0_3635)))
  }

  /// True once in `count`.
  public mutating func oneIn(_ count: UInt64) -> Bool { next() % count == 0 }

  /// SplitMix64's finisher.
  public static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
