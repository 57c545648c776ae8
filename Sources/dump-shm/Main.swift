import Glibc
import ToolSupport

@main
enum Main {
  static func main() {
    exit(Program.run(DumpShm.tool, named: "dump-shm", CommandLine.arguments.dropFirst()))
  }
}
