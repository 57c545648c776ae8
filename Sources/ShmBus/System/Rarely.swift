/// A condition that mostly does not hold. The compiler keeps values in registers on the usual way, and saves
/// them where the other one begins.
@inlinable @inline(__always)
func rarely(_ condition: Bool) -> Bool { _slowPath(condition) }
