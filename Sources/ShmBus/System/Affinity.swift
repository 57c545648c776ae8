import CShmBus

/// Which CPUs the calling thread runs on.
package enum Affinity {
  /// 65,536 CPUs: more than any kernel is built for.
  private static let maskWords = 1024

  /// The CPU this thread is on; may be another one by the time the caller looks.
  static var currentCPU: Int { Int(shmbus_current_cpu()) }

  /// The CPUs that the calling thread may use, in order.
  package static func allowed() throws(SystemError) -> [Int] {
    var mask = [UInt64](repeating: 0, count: maskWords)
    var used = 0
    let code = unsafe shmbus_affinity(&mask, maskWords * 8, &used)
    try SystemError.check(code, "sched_getaffinity", "this thread")
    return (0..<used * 8).filter { mask[$0 / 64] & (1 << ($0 % 64)) != 0 }
  }

  /// Keeps the calling thread on `cpus`. Fails with `EINVAL` where none of them may be used.
  package static func pin(to cpus: [Int]) throws(SystemError) {
    var mask = [UInt64](repeating: 0, count: maskWords)
    for cpu in cpus where (0..<maskWords * 64).contains(cpu) { mask[cpu / 64] |= 1 << (cpu % 64) }
    let code = unsafe shmbus_set_affinity(mask, maskWords * 8)
    try SystemError.check(code, "sched_setaffinity", "CPUs \(cpus)")
  }
}
