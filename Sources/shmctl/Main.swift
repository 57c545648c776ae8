import Arguments
import ShmBus

@main
enum Main {
  static func main() {}
}
