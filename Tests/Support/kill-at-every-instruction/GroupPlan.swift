import ShmBus
import TestSupport

/// The group that a scenario is about: the bus's only one, of two members at most at a time.
struct GroupPlan {
  static let name = "work"
  /// Messages that lie there, uncommitted, when it begins.
  static let waiting = 6

  /// To which member name the partition goes wherever that is a member; else to the first.
  var prefers: String
  /// The member that was attached all the time joins only when the victim is at its first mark.
  var joinsLate = false
  var pollInterval = Duration.seconds(300)

  func options(_ member: String) -> GroupOptions {
    let preferred = prefers
    return .group(
      Self.name,
      assignor: .custom { members, partitions in
        let owner = members.firstIndex { $0.name == preferred } ?? 0
        return Array(repeating: owner, count: partitions)
      }, maxPollInterval: pollInterval, member: member)
  }
}

extension Segments {
  /// A group's head in the only partition: the words of the first group row.
  private var groupHeadPlace: Int { Int(control.word(at: 528)) }

  /// Where the group stands, and under which term.
  var groupHead: (offset: UInt64, term: UInt64) {
    let word = control.word(at: groupHeadPlace)
    return (word >> 12, word & 4095)
  }

  /// The registry row of who is to own the partition; nil for nobody.
  var groupOwner: Int? {
    let row = Int(control.word(at: groupHeadPlace + 16) & 0xffff)
    return row == 0 ? nil : row - 1
  }
}
