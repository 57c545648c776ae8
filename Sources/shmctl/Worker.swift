import Arguments

enum Worker {
  static let marker = "__worker"
  static let tool = Tool(Command("shmctl-worker", summary: "Workers.", commands: []), version: "0")
}
