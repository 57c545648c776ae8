import Glibc
import Synchronization
import Testing

@testable import ShmBus

@Suite struct SemaphoreTests {
  /// A semaphore in private memory; `word` changes it behind its back.
  private static func withSemaphore(
    word value: UInt32 = 0,
    _ body: (Semaphore, UnsafeMutablePointer<UInt32>) throws -> Void
  ) rethrows {
    let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    defer { unsafe word.deallocate() }
    unsafe word.initialize(to: value)
    unsafe try body(Semaphore(word), word)
  }

  @Test func aTakerTakesAllTokens() {
    unsafe Self.withSemaphore { semaphore, word in
      #expect(!semaphore.take())
      for _ in 0..<3 { semaphore.post() }
      #expect(unsafe word.pointee == 3)
      #expect(semaphore.take())
      #expect(!semaphore.take())
      semaphore.post()
      #expect(semaphore.wait(for: 0))
    }
  }

  @Test(arguments: [0, 1, 5_000_000] as [UInt64])
  func waitingEndsAtItsTime(nanoseconds: UInt64) {
    unsafe Self.withSemaphore { semaphore, _ in
      let start = Clock.monotonic()
      #expect(!semaphore.wait(for: nanoseconds))
      #expect(Clock.monotonic() - start >= nanoseconds)
    }
  }

  @Test(arguments: [1, 1 << 20, 1 << 31, UInt32.max] as [UInt32])
  func noContentOfTheWordDoesHarm(value: UInt32) {
    unsafe Self.withSemaphore(word: value) { semaphore, word in
      semaphore.post()
      #expect(unsafe word.pointee != 0)
      #expect(unsafe word.pointee <= max(value, Semaphore.limit))
      #expect(semaphore.wait(for: .max))
      #expect(unsafe word.pointee == 0)
    }
  }

  @Test func postsStopAtTheLimit() {
    unsafe Self.withSemaphore(word: Semaphore.limit - 1) { semaphore, word in
      for _ in 0..<3 { semaphore.post() }
      #expect(unsafe word.pointee == Semaphore.limit)
    }
  }

  @Test func aWordThatIsNotAlignedIsNotSleptOn() {
    unsafe Self.withSemaphore { _, word in
      // The kernel refuses it; the answer is a timeout, never a spin.
      let outcome = unsafe Futex.wait(UnsafeRawPointer(word) + 1, while: 0, for: .max)
      #expect(outcome == .timedOut)
    }
  }

  @Test func everyPostIsNoticedByASleeper() async throws {
    let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    defer { unsafe word.deallocate() }
    unsafe word.initialize(to: 0)
    let semaphore = unsafe Semaphore(word)
    let rounds: UInt64 = 200
    let reply = Atomic<UInt64>(0)
    try await withThread {
      for round in 1...rounds {
        // A lost wake would show as one turn of the full time limit.
        guard semaphore.wait(for: 10_000_000_000) else { return }
        reply.store(round, ordering: .releasing)
      }
    } while: {
      for round in 1...rounds {
        semaphore.post()
        #expect(eventually { reply.load(ordering: .acquiring) == round })
      }
    }
  }

  @Test func waitingForAnyOfSeveralEndsWithTheFirst() async throws {
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 3)
    defer { unsafe words.deallocate() }
    unsafe words.initialize(repeating: 0, count: 3)
    let all = unsafe (0..<3).map { unsafe UnsafeRawPointer(words + $0) }
    do {
      let outcome = unsafe try Futex.waitAny(all, for: 2_000_000)
      #expect(outcome == .timedOut)
    } catch {
      // Before Linux 5.16 there is nothing to test.
      try #require(error.code == ENOSYS)
      return
    }
    let last = unsafe Semaphore(words + 2)
    try await withThread {
      last.post()
    } while: {
      // The post may come before the sleep or end it: either way it is time to look.
      let outcome = unsafe try Futex.waitAny(all, for: 10_000_000_000)
      #expect(outcome == .lookAgain)
      #expect(eventually { last.take() })
    }
    let error = #expect(throws: SystemError.self) { unsafe try Futex.waitAny([], for: 1) }
    #expect(error?.code == EINVAL)
  }

  /// Ping and pong on two words; each side sleeps for the other.
  @Test func aSemaphoreWorksBetweenProcesses() async throws {
    let name = uniqueName("semaphore")
    let memory = try SharedMemory.create(name)
    defer { _ = try? SharedMemory.unlink(name) }
    try memory.allocate(byteCount: 4096)
    let answers = Atomic<Int>(0)
    try await withThread {
      guard let view = try? Self.view(of: name) else { return }
      for _ in 0..<100 {
        unsafe Semaphore(view.base).post()
        guard unsafe Semaphore(view.base, at: 64).wait(for: 20_000_000_000) else { return }
        answers.add(1, ordering: .relaxed)
      }
    } while: {
      await #expect(processExitsWith: .success) { [name = name as String] in
        let view = try Self.view(of: name)
        for _ in 0..<100 {
          #expect(unsafe Semaphore(view.base).wait(for: 20_000_000_000))
          unsafe Semaphore(view.base, at: 64).post()
        }
      }
    }
    #expect(answers.load(ordering: .relaxed) == 100)
  }

  private static func view(of name: String) throws -> Mapping {
    let memory = try SharedMemory.open(name, writable: true)
    return try Mapping(memory.descriptor, byteCount: 4096, writable: true, populate: true)
  }
}
