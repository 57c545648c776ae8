import Arguments

enum DemoCommand {
  static let command = Command("demo", summary: "x") { _ in 0 }
}
