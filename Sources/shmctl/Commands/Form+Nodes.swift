import Arguments
import ShmBus

extension NUMAPolicy {
  /// As `--numa` takes it.
  var word: String {
    switch self {
    case .none: "none"
    case .auto: "auto"
    case .nodes(let nodes): nodes.map(String.init).joined(separator: ",")
    }
  }
}

extension Form where Value == NUMAPolicy {
  /// `auto`, `none`, or nodes.
  static var nodes: Form {
    Form(
      "auto|none|LIST", accepting: "auto, none, or node numbers such as 0,1",
      completion: .words(["auto", "none"]), show: { $0.word },
      read: { text in
        if text == "auto" { return .auto }
        if text == "none" { return NUMAPolicy.none }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let nodes = parts.compactMap { part in
          part.allSatisfy { ("0"..."9").contains($0) } ? Int(part) : nil
        }
        return nodes.count == parts.count ? .nodes(nodes) : nil
      })
  }
}
