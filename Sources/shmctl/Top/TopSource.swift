import Glibc
import ShmBus

/// Takes looks at buses and remembers the last one of each, so that the next tells a rate.
struct TopSource {
  private var buses: [String: Bus] = [:]
  private var samples: [String: TopSample] = [:]

  enum Look {
    case frame(TopFrame)
    /// It cannot be looked at now, and why.
    case failure(BusError)
  }

  /// Whether the next look at a bus has one to be compared with.
  func hasSample(of name: String) -> Bool { samples[name] != nil }

  mutating func look(at name: String) -> Look {
    do throws(BusError) {
      let bus = try open(name)
      let sample = TopSample(
        status: try bus.status(), groups: try bus.groups(), monotonic: Self.now(CLOCK_MONOTONIC),
        realtime: Self.now(CLOCK_REALTIME))
      let frame = TopFrame(sample, since: samples[name])
      samples[name] = sample
      return .frame(frame)
    } catch {
      forget(name)
      return .failure(error)
    }
  }

  /// Stays open from look to look, unless it was removed or created anew meanwhile.
  private mutating func open(_ name: String) throws(BusError) -> Bus {
    if let bus = buses[name], !bus.isRemoved { return bus }
    forget(name)
    let bus = try Bus.look(at: name)
    buses[name] = bus
    return bus
  }

  private mutating func forget(_ name: String) {
    buses[name] = nil
    samples[name] = nil
  }

  static func now(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    // It cannot fail for these clocks.
    unsafe _ = clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
