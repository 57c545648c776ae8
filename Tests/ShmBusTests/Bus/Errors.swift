import Testing

@testable import ShmBus

/// What set-up refused, or nil.
func busError(_ body: () throws -> Void) -> BusError? {
  do {
    try body()
    return nil
  } catch { return error as? BusError }
}

/// What a publish refused, or nil.
func publishError(_ body: () throws -> Void) -> PublishError? {
  do {
    try body()
    return nil
  } catch { return error as? PublishError }
}

/// `#expect` for what its macro cannot take apart: calls that change a value that cannot be copied.
func holds(_ condition: Bool, at location: SourceLocation = #_sourceLocation) {
  #expect(condition, sourceLocation: location)
}
