/// What the tables of `top` are sorted by; what is largest comes first.
enum TopOrder: String, CaseIterable, Sendable {
  case row
  case rate
  case lag
  case age

  /// The next one, round and round.
  var next: TopOrder {
    let all = Self.allCases
    return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
  }

  func sorted(_ partitions: [TopFrame.Partition]) -> [TopFrame.Partition] {
    switch self {
    case .row, .age: partitions
    case .rate: partitions.stablySorted { $0.rate ?? -1 }
    case .lag: partitions.stablySorted { Double($0.kept) }
    }
  }

  func sorted(_ groups: [TopFrame.Group]) -> [TopFrame.Group] {
    switch self {
    case .row, .age: groups
    case .rate: groups.stablySorted { $0.rate ?? -1 }
    case .lag: groups.stablySorted { Double($0.lag) }
    }
  }

  func sorted(_ endpoints: [TopFrame.Endpoint]) -> [TopFrame.Endpoint] {
    switch self {
    case .row: endpoints
    case .rate: endpoints.stablySorted { $0.rate ?? -1 }
    case .lag: endpoints.stablySorted { $0.lag.map(Double.init) ?? -1 }
    case .age: endpoints.stablySorted { Double($0.age) }
    }
  }
}

extension Array {
  /// Largest first; equals stay in the order of their rows, so that lines do not dance.
  fileprivate func stablySorted(by value: (Element) -> Double) -> [Element] {
    enumerated().sorted { left, right in
      let (a, b) = (value(left.element), value(right.element))
      return a != b ? a > b : left.offset < right.offset
    }.map(\.element)
  }
}
