import Arguments
import Glibc
import ToolSupport

@main
enum Main {
  static func main() {
    let words = CommandLine.arguments.dropFirst()
    if words.first == Worker.marker {
      exit(Program.run(Worker.tool, named: "shmctl", words.dropFirst()))
    }
    exit(Program.run(Shmctl.tool, named: "shmctl", words))
  }
}
