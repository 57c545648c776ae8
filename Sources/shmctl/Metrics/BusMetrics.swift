import ShmBus
import ToolSupport

/// What a bus and its groups look like at one moment, as measurements. Names and labels are a
/// contract.
struct BusMetrics {
  private var up = OpenMetrics.Family(
    "shmbus_up", .gauge, "Whether the bus can be looked at: 1, or 0.")
  private var bus = OpenMetrics.Family("shmbus_bus", .info, "What the bus was created with.")
  private var memory = OpenMetrics.Family(
    "shmbus_memory_bytes", .gauge, unit: "bytes", "Shared memory of the bus.")
  private var created = OpenMetrics.Family(
    "shmbus_created_seconds", .gauge, unit: "seconds", "When the bus was created, since 1970.")
  private var attached = OpenMetrics.Family(
    "shmbus_attached_endpoints", .counter, unit: "endpoints", "Endpoints that ever attached.")
  private var endpoints = OpenMetrics.Family(
    "shmbus_endpoints", .gauge, unit: "endpoints",
    "Endpoints attached, by what they do and how they are.")
  private var cursor = OpenMetrics.Family(
    "shmbus_cursor_slots", .counter, unit: "slots", "The next offset to be handed out.")
  private var oldest = OpenMetrics.Family(
    "shmbus_oldest_slots", .gauge, unit: "slots", "The oldest offset that can still be read.")
  private var capacity = OpenMetrics.Family(
    "shmbus_capacity_slots", .gauge, unit: "slots", "Slots of the partition's ring.")
  private var kept = OpenMetrics.Family(
    "shmbus_kept_slots", .gauge, unit: "slots", "Slots that must not be overwritten yet.")
  private var subscriberLag = OpenMetrics.Family(
    "shmbus_subscriber_lag_slots", .gauge, unit: "slots",
    "Slots that a subscriber outside groups has still to read.")
  private var groups = GroupMetrics()

  /// Everything about a bus.
  mutating func add(_ status: BusStatus, _ groups: [GroupStatus]) {
    let name = status.name
    let configuration = status.configuration
    up.add(["bus": name], .integer(1))
    bus.add(
      [
        "bus": name, "generation": String(status.generation, radix: 16),
        "slots": "\(configuration.slots)", "slot_size": "\(configuration.slotSize)",
        "when_full": configuration.whenFull == .block ? "block" : "overwrite",
      ], .integer(1))
    memory.add(["bus": name], .integer(UInt64(configuration.totalBytes)))
    created.add(["bus": name], .seconds(nanoseconds: status.created))
    attached.add(["bus": name], .integer(status.admissions))
    for role in [BusStatus.Endpoint.Role.publisher, .subscriber, .observer] {
      for state in [BusStatus.Endpoint.Liveness.alive, .stalled, .dead] {
        let count = status.endpoints.count { $0.role == role && $0.state == state }
        endpoints.add(
          ["bus": name, "role": role.rawValue, "state": state.rawValue], .integer(UInt64(count)))
      }
    }
    for partition in status.partitions { add(partition, of: name) }
    for endpoint in status.endpoints { add(endpoint, of: status) }
    for group in groups { self.groups.add(group, of: name) }
  }

  /// A bus that cannot be looked at.
  mutating func addUnreadable(_ name: String) { up.add(["bus": name], .integer(0)) }

  private mutating func add(_ partition: BusStatus.Partition, of bus: String) {
    let number = "\(partition.partition)"
    cursor.add(["bus": bus, "partition": number], .integer(partition.cursor))
    oldest.add(["bus": bus, "partition": number], .integer(partition.oldest))
    capacity.add(["bus": bus, "partition": number], .integer(partition.capacity))
    kept.add(
      ["bus": bus, "partition": number],
      .integer(partition.cursor - min(partition.cursor, partition.gate)))
  }

  private mutating func add(_ endpoint: BusStatus.Endpoint, of status: BusStatus) {
    guard endpoint.role == .subscriber, endpoint.group == nil else { return }
    for partition in status.partitions {
      guard let head = endpoint.heads[partition.partition] else { continue }
      subscriberLag.add(
        [
          "bus": status.name, "partition": "\(partition.partition)", "row": "\(endpoint.row)",
          "pid": "\(endpoint.pid)", "command": endpoint.command.printable,
        ], .integer(partition.cursor - min(partition.cursor, head)))
    }
  }

  var text: String {
    OpenMetrics.text(
      [
        up, bus, memory, created, attached, endpoints, cursor, oldest, capacity, kept,
        subscriberLag,
      ]
        + groups.families)
  }
}

/// The measurements of groups; those of a broadcast have a label `member`, which is empty
/// elsewhere.
private struct GroupMetrics {
  private var members = OpenMetrics.Family(
    "shmbus_group_members", .gauge, unit: "members", "Members of the group, by how they are.")
  private var owned = OpenMetrics.Family(
    "shmbus_group_owned", .gauge, "Whether the partition has an owner in the group: 1, or 0.")
  private var head = OpenMetrics.Family(
    "shmbus_group_head_slots", .gauge, unit: "slots", "The next offset that is not done.")
  private var lag = OpenMetrics.Family(
    "shmbus_group_lag_slots", .gauge, unit: "slots", "Slots that are there and not done.")
  private var lagTime = OpenMetrics.Family(
    "shmbus_group_lag_seconds", .gauge, unit: "seconds",
    "Age of the oldest message that is not done; 0 when all is.")
  private var lead = OpenMetrics.Family(
    "shmbus_group_lead_slots", .gauge, unit: "slots",
    "Slots from the oldest readable offset to the head.")
  private var leadTime = OpenMetrics.Family(
    "shmbus_group_lead_seconds", .gauge, unit: "seconds",
    "Time from the oldest readable message to the head; 0 when nothing lies between.")

  var families: [OpenMetrics.Family] { [members, owned, head, lag, lagTime, lead, leadTime] }

  mutating func add(_ group: GroupStatus, of bus: String) {
    let member = group.member ?? ""
    for state in [BusStatus.Endpoint.Liveness.alive, .stalled, .dead] {
      let count = group.members.count { $0.state == state }
      members.add(
        ["bus": bus, "group": group.name, "member": member, "state": state.rawValue],
        .integer(UInt64(count)))
    }
    for partition in group.partitions {
      let labels: KeyValuePairs = [
        "bus": bus, "group": group.name, "member": member, "partition": "\(partition.partition)",
      ]
      owned.add(labels, .integer(partition.owner == nil ? 0 : 1))
      head.add(labels, .integer(partition.head))
      lag.add(labels, .integer(partition.lag))
      lagTime.add(labels, .seconds(nanoseconds: partition.lagTime?.nanoseconds ?? 0))
      lead.add(labels, .integer(partition.lead))
      leadTime.add(labels, .seconds(nanoseconds: partition.leadTime?.nanoseconds ?? 0))
    }
  }
}
