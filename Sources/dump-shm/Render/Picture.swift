import ShmBus
import ToolSupport

struct Picture {
  init(_ report: BusReport) {}
  func write(to path: String) throws {}
}
