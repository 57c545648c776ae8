import Arguments
import Glibc
import ShmBus

/// What ends a tool: an exit code of sysexits, and one sentence with the way out.
package struct Failure: Error, Equatable {
  package enum Code: Int32 {
    case damagedData = 65
    case noInput = 66
    case unavailable = 69
    case software = 70
    case system = 71
    case cannotCreate = 73
    case inputOutput = 74
    case tryAgain = 75
    case permission = 77
  }

  package let code: Int32
  package let sentence: String

  package init(_ code: Code, _ sentence: String) {
    self.code = code.rawValue
    self.sentence = sentence
  }

  /// The command line asks for what cannot be.
  package init(usage sentence: String) {
    self.init(code: UsageError.exitCode, sentence)
  }

  private init(code: Int32, _ sentence: String) {
    self.code = code
    self.sentence = sentence
  }

  /// A call of the system that failed: "cannot open 'x': No such file or directory".
  package static func system(_ what: String, _ number: Int32) -> Failure {
    let code: Code =
      switch number {
      case ENOENT: .noInput
      case EACCES, EPERM: .permission
      default: .inputOutput
      }
    return Failure(code, "\(what): \(unsafe String(cString: strerror(number)))")
  }

  /// The failure that any error of the library or the parser amounts to.
  package init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as UsageError: self.init(code: UsageError.exitCode, error.description)
    case let error as BusError: self.init(code: error.code.rawValue, error.message)
    case let error as PublishError: self.init(Self.code(of: error), error.description)
    case let error as SyncError: self.init(Self.code(of: error), error.description)
    case let error as SubscribeError: self.init(Self.code(of: error), error.description)
    case OutputError.failed(let number): self = .system("cannot write the output", number)
    default: self.init(.software, "\(error)")
    }
  }

  private static func code(of error: PublishError) -> Code {
    switch error {
    case .full, .heldByOwnLoans, .fenced: .tryAgain
    case .tooLarge, .noSuchPartition, .truncated: .damagedData
    case .removed, .exhausted, .forked: .unavailable
    case .storage: .inputOutput
    }
  }

  private static func code(of error: SyncError) -> Code {
    switch error {
    case .failed: .inputOutput
    case .truncated: .damagedData
    case .notStored, .removed, .forked: .unavailable
    }
  }

  private static func code(of error: SubscribeError) -> Code {
    switch error {
    case .gap, .damaged, .truncated: .damagedData
    case .removed, .forked, .groupDeleted: .unavailable
    }
  }
}
