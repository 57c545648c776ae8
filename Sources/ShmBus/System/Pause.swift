import CShmBus

/// Rests for one turn of a spin loop.
@inlinable @inline(__always)
func pause() { shmbus_pause() }

/// The compiler moves no load or store across it; the core still may.
@inlinable @inline(__always)
func compilerBarrier() { shmbus_compiler_barrier() }
