import Glibc
import ShmBus
import TestSupport

extension GroupPlan {
  /// The end of the early messages.
  static let begin = 200
}

extension Scenario {
  /// Operations of a group's member: owning a partition, committing in it, giving it up.
  static var grouping: [Scenario] {
    [join, claim, commit, release, leave, takeOver, expire]
  }

  private static func member(
    _ name: String, _ about: String, _ plan: GroupPlan, progress: @escaping (Cast) -> Outcome,
    _ play: @escaping (Stage) throws -> Void
  ) -> Scenario {
    var scenario = Scenario(
      name: name, about: about, at: GroupPlan.begin, slotsBefore: 0, published: 0,
      progress: progress, play: play)
    scenario.group = plan
    scenario.mayBeLapped = true
    return scenario
  }

  /// As who takes a partition does: the owner word, then the head's term.
  private static func taken(_ cast: Cast) -> Outcome {
    let segments = cast.run.segments
    if segments.groupOwner != cast.victimRow { return .never }
    return segments.groupHead.term == cast.termAtBegin ? .padding : .done
  }

  /// How far it had come is not asked.
  private static func joined(_ cast: Cast) -> Outcome { .done }

  private static func moved(_ cast: Cast) -> Outcome {
    cast.run.segments.groupHead.offset == UInt64(GroupPlan.begin - GroupPlan.waiting)
      ? .never : .done
  }

  private static func open(_ stage: Stage, _ plan: GroupPlan) throws -> Subscriber {
    try stage.open().subscriber(plan.options("victim"))
  }

  /// The next message. Who was expired while it stood still may be told that others went round.
  private static func poll(_ reader: inout Subscriber) throws -> Offset? {
    do { return try reader.next(timeout: .zero)?.offset } catch SubscribeError.gap { return nil }
  }

  private static let first = GroupPlan(prefers: "victim")
  private static let alone = GroupPlan(prefers: "victim", joinsLate: true)

  private static var join: Scenario {
    member("group-join", "join a group", first, progress: joined) { stage in
      let bus = try stage.open()
      stage.begin()
      let reader = try bus.subscriber(first.options("victim"))
      stage.end()
      stage.say([:], reader.assignment)
    }
  }

  private static var claim: Scenario {
    var scenario = member(
      "group-claim", "become the owner of a partition", first, progress: taken
    ) { stage in
      var reader = try open(stage, first)
      stage.begin()
      let offset = try poll(&reader)
      stage.end()
      stage.say([:], offset)
    }
    scenario.isRepeatable = false
    return scenario
  }

  private static var commit: Scenario {
    member("group-commit", "commit a message in a group", alone, progress: moved) { stage in
      var reader = try open(stage, alone)
      guard var message = try reader.next(timeout: .zero) else { throw Violation("no message") }
      stage.begin()
      // A member that was stopped for too long may be fenced.
      try? message.commit()
      stage.end()
      stage.say([:], 0)
    }
  }

  private static var release: Scenario {
    let plan = GroupPlan(prefers: "survivor", joinsLate: true)
    var scenario = member(
      "group-release", "commit and give a partition up", plan,
      progress: { cast in
        guard moved(cast) == .done else { return .never }
        return cast.run.segments.groupOwner == cast.victimRow ? .padding : .done
      },
      { stage in
        var reader = try open(stage, plan)
        do {
          guard var message = try reader.next(timeout: .zero) else { throw Violation("no message") }
          message.commitLater()
        }
        stage.begin()
        let offset = try poll(&reader)
        stage.end()
        stage.say([:], offset)
      })
    scenario.mustHaveBystander = true
    scenario.isRepeatable = false
    return scenario
  }

  private static var leave: Scenario {
    member(
      "group-leave", "leave a group", alone,
      progress: { cast in
        let segments = cast.run.segments
        if segments.groupOwner == cast.victimRow { return .never }
        return segments.endpoint(cast.victimRow, at: 0) & 1 == 1 ? .padding : .done
      },
      { stage in
        var reader = try open(stage, alone)
        guard try reader.next(timeout: .zero)?.offset != nil else { throw Violation("no message") }
        stage.begin()
        close(reader)
        stage.end()
        stage.say([:], 0)
      })
  }

  /// The owner, which is to die or to be expired.
  private static func owner(_ plan: GroupPlan) -> (Stage) throws -> Void {
    { stage in
      var reader = try stage.open().subscriber(plan.options("dead"))
      guard var message = try reader.next(timeout: .zero) else { throw Violation("no message") }
      stage.begin()
      do {
        try message.commit()
        stage.line.say("committed")
      } catch CommitError.fenced { stage.line.say("fenced") } catch { stage.line.say("\(error)") }
    }
  }

  /// Waits until it is time to look after the other, then polls until it has the partition.
  private static func takes(_ plan: GroupPlan, after wait: UInt32) -> (Stage) throws -> Void {
    { stage in
      var reader = try open(stage, plan)
      guard try reader.next(timeout: .zero) == nil else { throw Violation("it owns it already") }
      usleep(wait)
      stage.begin()
      for _ in 0..<4 where reader.assignment.isEmpty { _ = try reader.next(timeout: .zero)?.offset }
      stage.end()
      stage.say([:], reader.assignment)
    }
  }

  private static var takeOver: Scenario {
    let plan = GroupPlan(prefers: "dead")
    var scenario = member(
      "group-take-over", "take a partition over from a dead member", plan, progress: taken,
      takes(plan, after: 8_000))
    scenario.dead = owner(plan)
    scenario.isRepeatable = false
    scenario.mayHaveBystander = false
    return scenario
  }

  private static var expire: Scenario {
    let plan = GroupPlan(prefers: "dead", pollInterval: .milliseconds(20))
    var scenario = member(
      "group-expire", "take a partition from a member that hangs", plan, progress: taken,
      takes(plan, after: 30_000))
    scenario.dead = owner(plan)
    scenario.isRepeatable = false
    scenario.ownerLives = true
    scenario.mayHaveBystander = false
    return scenario
  }
}
