import Arguments

enum BenchCommand {
  static let command = Command("bench", summary: "x") { _ in 0 }
}
