import Glibc
import ShmBus
import ToolSupport

/// The live screen: looks, draws, waits for a key or for the next look.
struct TopSession {
  private var source = TopSource()
  private var view = TopView()
  /// The bus that is looked at; nil while there is none.
  private var name: String?
  private var look: TopSource.Look?
  private let interval: UInt64

  init(_ name: String?, interval: UInt64) {
    self.name = name
    self.interval = interval
  }

  /// Runs until a key, a signal or the last frame ends it.
  mutating func run(frames: Int?) throws {
    ScreenSignals.install()
    var screen = try LiveScreen()
    var keys: Int32? = screen.hasKeys ? STDIN_FILENO : nil
    var drawn = 0
    while true {
      // A bus that is new to us gets its rates soon, not after a long interval.
      let isFirst = name.map { !source.hasSample(of: $0) } ?? true
      takeLook()
      try draw(&screen)
      drawn += 1
      if let frames, drawn >= frames { return }
      let wait = isFirst ? min(interval, 250_000_000) : interval
      guard try pass(wait, &screen, &keys) else { return }
    }
  }

  /// Spends the time to the next look; false when it is to end.
  private mutating func pass(
    _ nanoseconds: UInt64, _ screen: inout LiveScreen, _ keys: inout Int32?
  ) throws -> Bool {
    let end = TopSource.now(CLOCK_MONOTONIC) + nanoseconds
    while true {
      let now = TopSource.now(CLOCK_MONOTONIC)
      if now >= end { return true }
      switch ScreenSignals.next(input: keys, within: end - now) {
      case .timeout: continue
      case .interrupt: return false
      case .stop: try screen.stop()
      case .redraw: try screen.renew()
      case .endOfKeys: keys = nil
      case .keys(let bytes):
        let before = name
        for key in TopKey.all(in: bytes) {
          if key == .quit { return false }
          apply(key, screen.height, screen.width)
        }
        if name != before { return true }
      }
      try draw(&screen)
    }
  }

  private mutating func takeLook() {
    let names = (try? Bus.list()) ?? []
    if name == nil { name = names.first }
    guard let name else {
      look = nil
      return
    }
    look = source.look(at: name)
    view.count = max(1, names.count)
    view.position = (names.firstIndex(of: name) ?? 0) + 1
  }

  private func draw(_ screen: inout LiveScreen) throws {
    let picture = TopPicture(width: screen.width, height: screen.height, view: view)
    switch look {
    case .frame(let frame): try screen.draw(picture.lines(of: frame))
    case .failure(let error): try screen.draw(picture.lines(of: error.message, about: name))
    case nil:
      let message = "There are no buses yet; 'shmctl create NAME' makes one."
      try screen.draw(picture.lines(of: message, about: nil))
    }
  }

  private mutating func apply(_ key: TopKey, _ height: Int, _ width: Int) {
    let page = max(1, height / 2)
    switch key {
    case .quit: break
    case .sort: view.order = view.order.next
    case .help: view.showsHelp.toggle()
    case .up: scroll(by: -1, height, width)
    case .down: scroll(by: 1, height, width)
    case .pageUp: scroll(by: -page, height, width)
    case .pageDown: scroll(by: page, height, width)
    case .nextBus: pick { $0 + 1 }
    case .previousBus: pick { $0 - 1 }
    case .bus(let number): pick { _ in number - 1 }
    }
  }

  private mutating func scroll(by lines: Int, _ height: Int, _ width: Int) {
    guard case .frame(let frame) = look else { return }
    let limit = TopPicture(width: width, height: height, view: view).scrollLimit(frame)
    view.scroll = max(0, min(limit, view.scroll + lines))
  }

  /// Round and round; a number beyond the last bus picks nothing.
  private mutating func pick(_ place: (Int) -> Int) {
    let names = (try? Bus.list()) ?? []
    guard !names.isEmpty else { return }
    let wanted = place(name.flatMap { names.firstIndex(of: $0) } ?? 0)
    guard wanted <= names.count else { return }
    let found = names[(wanted + names.count) % names.count]
    if found != name {
      name = found
      view.scroll = 0
    }
  }
}
