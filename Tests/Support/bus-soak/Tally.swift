/// What happened, in numbers.
struct Tally: CustomStringConvertible {
  enum Count: String, CaseIterable {
    case processes, kills, stops, leaves
    case massacres = "mass kills"
    case published, appeared
    case lost = "died unpublished"
    case fenced, refused, delivered, gaps
    case missed = "slots in gaps"
    case stays
  }

  private var counts: [Count: Int] = [:]

  subscript(count: Count) -> Int {
    get { counts[count] ?? 0 }
    set { counts[count] = newValue }
  }

  mutating func add(_ other: Tally) {
    for count in Count.allCases { self[count] += other[count] }
  }

  var description: String {
    Count.allCases.map { "\(self[$0]) \($0.rawValue)" }.joined(separator: ", ")
  }
}
