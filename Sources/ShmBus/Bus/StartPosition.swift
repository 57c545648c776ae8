/// Where a new subscriber begins in each partition.
public enum StartPosition: Sendable, Equatable {
  /// With the oldest message that is still there.
  case earliest
  /// With the next message published after it joined.
  case latest
  /// With the first message at or after an offset; if that offset is gone, a gap is reported first.
  case offset(Offset)
}
