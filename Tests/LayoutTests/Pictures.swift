import CShmBus

/// One struct of shared memory as the compiler lays it out: its size and where each field is.
struct Picture {
  let name: String
  let size: Int
  let fields: [(name: String, offset: Int?)]

  var text: String {
    ["\(name) \(size)"].joined()
      + fields.map { "\n  \($0.offset.map(String.init) ?? "?") \($0.name)" }.joined()
  }
}

/// Every struct of `shmbus_layout.h`, field by field.
let pictures: [Picture] = [
  slotHeader,
  cell,
  indexEntry,
  partitionHeader,
  controlHeader,
  partitionRow,
  endpointRow,
  head,
  groupRow,
  producerRow,
  producerSequence,
  quarantineRow,
  checkpointHeader,
]

private let slotHeader = Picture(
  name: "shmbus_slot_header", size: MemoryLayout<shmbus_slot_header>.size,
  fields: [
    ("magic", MemoryLayout<shmbus_slot_header>.offset(of: \.magic)),
    ("length", MemoryLayout<shmbus_slot_header>.offset(of: \.length)),
    ("timestamp", MemoryLayout<shmbus_slot_header>.offset(of: \.timestamp)),
    ("control", MemoryLayout<shmbus_slot_header>.offset(of: \.control)),
    ("sequence", MemoryLayout<shmbus_slot_header>.offset(of: \.sequence)),
    ("producer", MemoryLayout<shmbus_slot_header>.offset(of: \.producer)),
    ("key_hash", MemoryLayout<shmbus_slot_header>.offset(of: \.key_hash)),
    ("key_length", MemoryLayout<shmbus_slot_header>.offset(of: \.key_length)),
    ("flags", MemoryLayout<shmbus_slot_header>.offset(of: \.flags)),
    ("checksum", MemoryLayout<shmbus_slot_header>.offset(of: \.checksum)),
    ("reserved0", MemoryLayout<shmbus_slot_header>.offset(of: \.reserved0)),
    ("reserved1", MemoryLayout<shmbus_slot_header>.offset(of: \.reserved1)),
  ])

private let cell = Picture(
  name: "shmbus_cell", size: MemoryLayout<shmbus_cell>.size,
  fields: [
    ("announced", MemoryLayout<shmbus_cell>.offset(of: \.announced)),
    ("floor", MemoryLayout<shmbus_cell>.offset(of: \.floor)),
    ("pending_sequence", MemoryLayout<shmbus_cell>.offset(of: \.pending_sequence)),
    ("reserved", MemoryLayout<shmbus_cell>.offset(of: \.reserved)),
  ])

private let indexEntry = Picture(
  name: "shmbus_index_entry", size: MemoryLayout<shmbus_index_entry>.size,
  fields: [
    ("start", MemoryLayout<shmbus_index_entry>.offset(of: \.start)),
    ("timestamp", MemoryLayout<shmbus_index_entry>.offset(of: \.timestamp)),
  ])

private let partitionHeader = Picture(
  name: "shmbus_partition_header", size: MemoryLayout<shmbus_partition_header>.size,
  fields: [
    ("magic", MemoryLayout<shmbus_partition_header>.offset(of: \.magic)),
    ("layout_version", MemoryLayout<shmbus_partition_header>.offset(of: \.layout_version)),
    ("header_bytes", MemoryLayout<shmbus_partition_header>.offset(of: \.header_bytes)),
    ("generation", MemoryLayout<shmbus_partition_header>.offset(of: \.generation)),
    ("partition", MemoryLayout<shmbus_partition_header>.offset(of: \.partition)),
    ("node", MemoryLayout<shmbus_partition_header>.offset(of: \.node)),
    ("slots", MemoryLayout<shmbus_partition_header>.offset(of: \.slots)),
    ("slot_size", MemoryLayout<shmbus_partition_header>.offset(of: \.slot_size)),
    ("max_publishers", MemoryLayout<shmbus_partition_header>.offset(of: \.max_publishers)),
    ("index_spacing", MemoryLayout<shmbus_partition_header>.offset(of: \.index_spacing)),
    ("index_entries", MemoryLayout<shmbus_partition_header>.offset(of: \.index_entries)),
    ("segment_bytes", MemoryLayout<shmbus_partition_header>.offset(of: \.segment_bytes)),
    ("cells_offset", MemoryLayout<shmbus_partition_header>.offset(of: \.cells_offset)),
    ("index_offset", MemoryLayout<shmbus_partition_header>.offset(of: \.index_offset)),
    ("headers_offset", MemoryLayout<shmbus_partition_header>.offset(of: \.headers_offset)),
    ("payload_offset", MemoryLayout<shmbus_partition_header>.offset(of: \.payload_offset)),
    ("mode", MemoryLayout<shmbus_partition_header>.offset(of: \.mode)),
    ("gid", MemoryLayout<shmbus_partition_header>.offset(of: \.gid)),
    ("second_gid", MemoryLayout<shmbus_partition_header>.offset(of: \.second_gid)),
    ("second_rights", MemoryLayout<shmbus_partition_header>.offset(of: \.second_rights)),
    ("ceiling", MemoryLayout<shmbus_partition_header>.offset(of: \.ceiling)),
    ("origin", MemoryLayout<shmbus_partition_header>.offset(of: \.origin)),
    ("cursor", MemoryLayout<shmbus_partition_header>.offset(of: \.cursor)),
    ("lost_from", MemoryLayout<shmbus_partition_header>.offset(of: \.lost_from)),
    ("lost_to", MemoryLayout<shmbus_partition_header>.offset(of: \.lost_to)),
    ("reserved1", MemoryLayout<shmbus_partition_header>.offset(of: \.reserved1)),
  ])

private let controlHeader = Picture(
  name: "shmbus_control_header", size: MemoryLayout<shmbus_control_header>.size,
  fields: [
    ("magic", MemoryLayout<shmbus_control_header>.offset(of: \.magic)),
    ("layout_version", MemoryLayout<shmbus_control_header>.offset(of: \.layout_version)),
    ("header_bytes", MemoryLayout<shmbus_control_header>.offset(of: \.header_bytes)),
    ("generation", MemoryLayout<shmbus_control_header>.offset(of: \.generation)),
    ("state", MemoryLayout<shmbus_control_header>.offset(of: \.state)),
    ("name", MemoryLayout<shmbus_control_header>.offset(of: \.name)),
    ("segment_bytes", MemoryLayout<shmbus_control_header>.offset(of: \.segment_bytes)),
    ("created", MemoryLayout<shmbus_control_header>.offset(of: \.created)),
    ("reserved0", MemoryLayout<shmbus_control_header>.offset(of: \.reserved0)),
    ("slots", MemoryLayout<shmbus_control_header>.offset(of: \.slots)),
    ("slot_size", MemoryLayout<shmbus_control_header>.offset(of: \.slot_size)),
    ("max_partitions", MemoryLayout<shmbus_control_header>.offset(of: \.max_partitions)),
    ("max_publishers", MemoryLayout<shmbus_control_header>.offset(of: \.max_publishers)),
    ("max_subscribers", MemoryLayout<shmbus_control_header>.offset(of: \.max_subscribers)),
    ("max_groups", MemoryLayout<shmbus_control_header>.offset(of: \.max_groups)),
    ("max_producers", MemoryLayout<shmbus_control_header>.offset(of: \.max_producers)),
    ("index_spacing", MemoryLayout<shmbus_control_header>.offset(of: \.index_spacing)),
    ("when_full", MemoryLayout<shmbus_control_header>.offset(of: \.when_full)),
    ("claim_timeout", MemoryLayout<shmbus_control_header>.offset(of: \.claim_timeout)),
    ("options", MemoryLayout<shmbus_control_header>.offset(of: \.options)),
    ("partitions", MemoryLayout<shmbus_control_header>.offset(of: \.partitions)),
    ("owner_uid", MemoryLayout<shmbus_control_header>.offset(of: \.owner_uid)),
    ("owner_gid", MemoryLayout<shmbus_control_header>.offset(of: \.owner_gid)),
    ("mode", MemoryLayout<shmbus_control_header>.offset(of: \.mode)),
    ("publish_gid", MemoryLayout<shmbus_control_header>.offset(of: \.publish_gid)),
    ("subscribe_gid", MemoryLayout<shmbus_control_header>.offset(of: \.subscribe_gid)),
    ("sync_policy", MemoryLayout<shmbus_control_header>.offset(of: \.sync_policy)),
    ("sync_interval", MemoryLayout<shmbus_control_header>.offset(of: \.sync_interval)),
    ("numa_policy", MemoryLayout<shmbus_control_header>.offset(of: \.numa_policy)),
    ("state_dir_bytes", MemoryLayout<shmbus_control_header>.offset(of: \.state_dir_bytes)),
    ("key_salt", MemoryLayout<shmbus_control_header>.offset(of: \.key_salt)),
    ("key_digest", MemoryLayout<shmbus_control_header>.offset(of: \.key_digest)),
    ("identity", MemoryLayout<shmbus_control_header>.offset(of: \.identity)),
    ("restored", MemoryLayout<shmbus_control_header>.offset(of: \.restored)),
    ("reserved1", MemoryLayout<shmbus_control_header>.offset(of: \.reserved1)),
    ("keeper_row", MemoryLayout<shmbus_control_header>.offset(of: \.keeper_row)),
    ("keeper_pid", MemoryLayout<shmbus_control_header>.offset(of: \.keeper_pid)),
    ("checkpoint_time", MemoryLayout<shmbus_control_header>.offset(of: \.checkpoint_time)),
    ("checkpoint_number", MemoryLayout<shmbus_control_header>.offset(of: \.checkpoint_number)),
    ("checkpoint_error", MemoryLayout<shmbus_control_header>.offset(of: \.checkpoint_error)),
    ("checkpoint_every", MemoryLayout<shmbus_control_header>.offset(of: \.checkpoint_every)),
    ("publisher_rows", MemoryLayout<shmbus_control_header>.offset(of: \.publisher_rows)),
    ("subscriber_rows", MemoryLayout<shmbus_control_header>.offset(of: \.subscriber_rows)),
    ("group_rows", MemoryLayout<shmbus_control_header>.offset(of: \.group_rows)),
    ("admissions", MemoryLayout<shmbus_control_header>.offset(of: \.admissions)),
    ("keeper_bell", MemoryLayout<shmbus_control_header>.offset(of: \.keeper_bell)),
    ("checkpoint_wanted", MemoryLayout<shmbus_control_header>.offset(of: \.checkpoint_wanted)),
    ("checkpoint_done", MemoryLayout<shmbus_control_header>.offset(of: \.checkpoint_done)),
    ("reserved2", MemoryLayout<shmbus_control_header>.offset(of: \.reserved2)),
    ("partition_table", MemoryLayout<shmbus_control_header>.offset(of: \.partition_table)),
    ("endpoint_table", MemoryLayout<shmbus_control_header>.offset(of: \.endpoint_table)),
    ("head_table", MemoryLayout<shmbus_control_header>.offset(of: \.head_table)),
    ("group_table", MemoryLayout<shmbus_control_header>.offset(of: \.group_table)),
    ("producer_table", MemoryLayout<shmbus_control_header>.offset(of: \.producer_table)),
    ("sequence_table", MemoryLayout<shmbus_control_header>.offset(of: \.sequence_table)),
    ("quarantine_table", MemoryLayout<shmbus_control_header>.offset(of: \.quarantine_table)),
    ("reserved3", MemoryLayout<shmbus_control_header>.offset(of: \.reserved3)),
    ("state_dir", MemoryLayout<shmbus_control_header>.offset(of: \.state_dir)),
    ("storage_bytes", MemoryLayout<shmbus_control_header>.offset(of: \.storage_bytes)),
    ("reserved4", MemoryLayout<shmbus_control_header>.offset(of: \.reserved4)),
    ("storage", MemoryLayout<shmbus_control_header>.offset(of: \.storage)),
  ])

private let checkpointHeader = Picture(
  name: "shmbus_checkpoint_header", size: MemoryLayout<shmbus_checkpoint_header>.size,
  fields: [
    ("magic", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.magic)),
    ("layout_version", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.layout_version)),
    ("header_bytes", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.header_bytes)),
    ("byte_count", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.byte_count)),
    ("checksum", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.checksum)),
    ("partitions", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.partitions)),
    ("number", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.number)),
    ("generation", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.generation)),
    ("identity", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.identity)),
    ("time", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.time)),
    ("groups", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.groups)),
    ("producers", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.producers)),
    ("reserved", MemoryLayout<shmbus_checkpoint_header>.offset(of: \.reserved)),
  ])

private let partitionRow = Picture(
  name: "shmbus_partition_row", size: MemoryLayout<shmbus_partition_row>.size,
  fields: [
    ("sleepers", MemoryLayout<shmbus_partition_row>.offset(of: \.sleepers)),
    ("quarantine_stamp", MemoryLayout<shmbus_partition_row>.offset(of: \.quarantine_stamp)),
    ("reserved0", MemoryLayout<shmbus_partition_row>.offset(of: \.reserved0)),
    ("blocked", MemoryLayout<shmbus_partition_row>.offset(of: \.blocked)),
    ("reserved1", MemoryLayout<shmbus_partition_row>.offset(of: \.reserved1)),
    ("state", MemoryLayout<shmbus_partition_row>.offset(of: \.state)),
    ("node", MemoryLayout<shmbus_partition_row>.offset(of: \.node)),
    ("origin", MemoryLayout<shmbus_partition_row>.offset(of: \.origin)),
    ("ceiling", MemoryLayout<shmbus_partition_row>.offset(of: \.ceiling)),
    ("start", MemoryLayout<shmbus_partition_row>.offset(of: \.start)),
    ("durable", MemoryLayout<shmbus_partition_row>.offset(of: \.durable)),
    ("segment_bytes", MemoryLayout<shmbus_partition_row>.offset(of: \.segment_bytes)),
    ("placement", MemoryLayout<shmbus_partition_row>.offset(of: \.placement)),
    ("huge_pages", MemoryLayout<shmbus_partition_row>.offset(of: \.huge_pages)),
    ("covered", MemoryLayout<shmbus_partition_row>.offset(of: \.covered)),
    ("reserved3", MemoryLayout<shmbus_partition_row>.offset(of: \.reserved3)),
  ])

private let endpointRow = Picture(
  name: "shmbus_endpoint_row", size: MemoryLayout<shmbus_endpoint_row>.size,
  fields: [
    ("incarnation", MemoryLayout<shmbus_endpoint_row>.offset(of: \.incarnation)),
    ("pid", MemoryLayout<shmbus_endpoint_row>.offset(of: \.pid)),
    ("uid", MemoryLayout<shmbus_endpoint_row>.offset(of: \.uid)),
    ("attached", MemoryLayout<shmbus_endpoint_row>.offset(of: \.attached)),
    ("role", MemoryLayout<shmbus_endpoint_row>.offset(of: \.role)),
    ("group", MemoryLayout<shmbus_endpoint_row>.offset(of: \.group)),
    ("membership", MemoryLayout<shmbus_endpoint_row>.offset(of: \.membership)),
    ("flags", MemoryLayout<shmbus_endpoint_row>.offset(of: \.flags)),
    ("partition", MemoryLayout<shmbus_endpoint_row>.offset(of: \.partition)),
    ("command", MemoryLayout<shmbus_endpoint_row>.offset(of: \.command)),
    ("semaphore", MemoryLayout<shmbus_endpoint_row>.offset(of: \.semaphore)),
    ("reserved0", MemoryLayout<shmbus_endpoint_row>.offset(of: \.reserved0)),
    ("asleep", MemoryLayout<shmbus_endpoint_row>.offset(of: \.asleep)),
    ("revoked", MemoryLayout<shmbus_endpoint_row>.offset(of: \.revoked)),
    ("reserved1", MemoryLayout<shmbus_endpoint_row>.offset(of: \.reserved1)),
    ("heartbeat", MemoryLayout<shmbus_endpoint_row>.offset(of: \.heartbeat)),
    ("waiting", MemoryLayout<shmbus_endpoint_row>.offset(of: \.waiting)),
    ("delivered", MemoryLayout<shmbus_endpoint_row>.offset(of: \.delivered)),
    ("home", MemoryLayout<shmbus_endpoint_row>.offset(of: \.home)),
    ("reserved2", MemoryLayout<shmbus_endpoint_row>.offset(of: \.reserved2)),
    ("reserved3", MemoryLayout<shmbus_endpoint_row>.offset(of: \.reserved3)),
    ("label", MemoryLayout<shmbus_endpoint_row>.offset(of: \.label)),
  ])

private let head = Picture(
  name: "shmbus_head", size: MemoryLayout<shmbus_head>.size,
  fields: [
    ("head", MemoryLayout<shmbus_head>.offset(of: \.head)),
    ("held_from", MemoryLayout<shmbus_head>.offset(of: \.held_from)),
    ("owner", MemoryLayout<shmbus_head>.offset(of: \.owner)),
    ("moved", MemoryLayout<shmbus_head>.offset(of: \.moved)),
    ("lost_from", MemoryLayout<shmbus_head>.offset(of: \.lost_from)),
    ("reserved", MemoryLayout<shmbus_head>.offset(of: \.reserved)),
  ])

private let groupRow = Picture(
  name: "shmbus_group_row", size: MemoryLayout<shmbus_group_row>.size,
  fields: [
    ("incarnation", MemoryLayout<shmbus_group_row>.offset(of: \.incarnation)),
    ("generation", MemoryLayout<shmbus_group_row>.offset(of: \.generation)),
    ("mode", MemoryLayout<shmbus_group_row>.offset(of: \.mode)),
    ("assignor", MemoryLayout<shmbus_group_row>.offset(of: \.assignor)),
    ("flags", MemoryLayout<shmbus_group_row>.offset(of: \.flags)),
    ("parent", MemoryLayout<shmbus_group_row>.offset(of: \.parent)),
    ("created", MemoryLayout<shmbus_group_row>.offset(of: \.created)),
    ("max_poll_interval", MemoryLayout<shmbus_group_row>.offset(of: \.max_poll_interval)),
    ("shared_stamp", MemoryLayout<shmbus_group_row>.offset(of: \.shared_stamp)),
    ("shared_window", MemoryLayout<shmbus_group_row>.offset(of: \.shared_window)),
    ("name", MemoryLayout<shmbus_group_row>.offset(of: \.name)),
    ("member", MemoryLayout<shmbus_group_row>.offset(of: \.member)),
    ("retired", MemoryLayout<shmbus_group_row>.offset(of: \.retired)),
    ("reserved", MemoryLayout<shmbus_group_row>.offset(of: \.reserved)),
  ])

private let producerRow = Picture(
  name: "shmbus_producer_row", size: MemoryLayout<shmbus_producer_row>.size,
  fields: [
    ("incarnation", MemoryLayout<shmbus_producer_row>.offset(of: \.incarnation)),
    ("owner", MemoryLayout<shmbus_producer_row>.offset(of: \.owner)),
    ("created", MemoryLayout<shmbus_producer_row>.offset(of: \.created)),
    ("producer_id", MemoryLayout<shmbus_producer_row>.offset(of: \.producer_id)),
    ("reserved", MemoryLayout<shmbus_producer_row>.offset(of: \.reserved)),
    ("name", MemoryLayout<shmbus_producer_row>.offset(of: \.name)),
  ])

private let producerSequence = Picture(
  name: "shmbus_producer_sequence", size: MemoryLayout<shmbus_producer_sequence>.size,
  fields: [
    ("sequence", MemoryLayout<shmbus_producer_sequence>.offset(of: \.sequence)),
    ("offset", MemoryLayout<shmbus_producer_sequence>.offset(of: \.offset)),
  ])

private let quarantineRow = Picture(
  name: "shmbus_quarantine_row", size: MemoryLayout<shmbus_quarantine_row>.size,
  fields: [
    ("claim", MemoryLayout<shmbus_quarantine_row>.offset(of: \.claim)),
    ("owner", MemoryLayout<shmbus_quarantine_row>.offset(of: \.owner)),
    ("verdict", MemoryLayout<shmbus_quarantine_row>.offset(of: \.verdict)),
    ("since", MemoryLayout<shmbus_quarantine_row>.offset(of: \.since)),
  ])
