#ifndef SHMBUS_LAYOUT_H
#define SHMBUS_LAYOUT_H

/// Every struct that lives in shared memory, declared once.
///
/// Little-endian, fixed-width, padded by hand (Swift does not import `_Alignas(128)`), and asserted below:
/// a change of any byte is a change of `SHMBUS_LAYOUT_VERSION`. `docs/LAYOUT.md` draws the segments; the
/// snapshot test pins every offset. Words marked `atomic` are only ever touched through
/// `Synchronization.Atomic`; `docs/MEMORY-ORDER.md` names the partner of each.

#include <stddef.h>
#include <stdint.h>

enum {
  SHMBUS_LAYOUT_VERSION = 1,
  SHMBUS_NAME_BYTES = 64,       ///< longest bus, group or producer name; not terminated when full
  SHMBUS_QUARANTINE_ROWS = 64,  ///< per partition, at most: half as many as there are slots
  SHMBUS_CURSOR_STRIDE = 128,   ///< two lines: the adjacent-line prefetcher must not tie writers together
};

/// "SHMBUSCT" and "SHMBUSPT", read as little-endian words.
#define SHMBUS_CONTROL_MAGIC 0x54435355424d4853ULL
#define SHMBUS_PARTITION_MAGIC 0x54505355424d4853ULL
/// 'S' 'H' 'M' 'Q'
#define SHMBUS_MESSAGE_MAGIC 0x514d4853U

/// Bytes of the control segment that are only ever locked (OFD write locks), never read or written:
/// byte `row` belongs to that registry row; these lie far above any row.
#define SHMBUS_LOCK_ADMIN 0x10000000000LL   ///< creating or removing the bus
#define SHMBUS_LOCK_KEEPER 0x10000000001LL  ///< the housekeeper's duty
#define SHMBUS_LOCK_GROUPS 0x10000000002LL  ///< creating, resetting or deleting groups, adding partitions

// ---------------------------------------------------------------------------------------------- partition

/// One slot's header: one cache line. The first 16 bytes are the message protocol of the specification.
///
///      0  magic      4   'S' 'H' 'M' 'Q'
///      4  length     4   payload bytes
///      8  timestamp  8   nanoseconds since 1970
///     16  control    8   atomic: lap:40 | span:12 | publisher:10 | state:2
///     24  sequence   8   the producer's own message number        (valid with flag 2)
///     32  producer   8   durable producer id                      (valid with flag 2)
///                        with flag 32: the padding's own offset, and the end of what was lost
///     40  keyHash    4   murmur2 of the key                       (valid with flag 4)
///     44  keyLength  2
///     46  flags      2   1 inside a batch, 2 producer, 4 key, 8 checksum, 16 batch continues,
///                        32 padding for what a reboot took
///     48  checksum   4   CRC-32C of payload and key, begun with the offset (with flag 8)
///     52  reserved   4
///     56  reserved   8
struct shmbus_slot_header {
  uint32_t magic;
  uint32_t length;
  uint64_t timestamp;
  uint64_t control;
  uint64_t sequence;
  uint64_t producer;
  uint32_t key_hash;
  uint16_t key_length;
  uint16_t flags;
  uint32_t checksum;
  uint32_t reserved0;
  uint64_t reserved1;
};

/// One publisher's cell in one partition: two lines. Nobody but the owner stores to it.
///
///      0  announced  8   atomic: offset:52 | span:12, the claim tried last; span 0 = none
///      8  floor      8   atomic: oldest open claim that is not the announced one; all ones = none
///     16  pending    8   atomic: producer's sequence in flight (idempotence); 0 = none
///     24  reserved 104
struct shmbus_cell {
  uint64_t announced;
  uint64_t floor;
  uint64_t pending_sequence;
  uint64_t reserved[13];
};

/// One entry of the sparse index: where a claim starts that covers a boundary of `index_spacing` offsets.
///
///      0  start      8   atomic: offset + 1; 0 = being written or never written
///      8  timestamp  8   atomic: the claim's timestamp
struct shmbus_index_entry {
  uint64_t start;
  uint64_t timestamp;
};

/// The head of a partition segment, two double lines. The cells, the index, the slot headers and the payload
/// follow at the offsets it names.
///
///      0  magic            8
///      8  layout_version   4
///     12  header_bytes     4
///     16  generation       8   the bus's: a segment of another creation is refused
///     24  partition        4
///     28  node             4   NUMA node it was bound to; all ones = none
///     32  slots            8
///     40  slot_size        4
///     44  max_publishers   4
///     48  index_spacing    4
///     52  index_entries    4
///     56  segment_bytes    8
///     64  cells_offset     8
///     72  index_offset     8
///     80  headers_offset   8
///     88  payload_offset   8
///     96  mode             4   who may open it, as it was created: what a subscriber cannot change
///    100  gid              4
///    104  second_gid       4   a second group's, by an access list; all ones = none
///    108  second_rights    4
///    112  ceiling          8   atomic: stored in a file: no offset at or above it was handed out
///    120  origin           8   first offset of this creation: not 0 after a restore
///    128  cursor           8   atomic: offset:54 | publisher:10
///    136  lost_from        8   stored in a file: what the last recovery could not bring back, from here
///    144  lost_to          8   to here; 0 = nothing
///    152  reserved       104
struct shmbus_partition_header {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t header_bytes;
  uint64_t generation;
  uint32_t partition;
  uint32_t node;
  uint64_t slots;
  uint32_t slot_size;
  uint32_t max_publishers;
  uint32_t index_spacing;
  uint32_t index_entries;
  uint64_t segment_bytes;
  uint64_t cells_offset;
  uint64_t index_offset;
  uint64_t headers_offset;
  uint64_t payload_offset;
  uint32_t mode;
  uint32_t gid;
  uint32_t second_gid;
  uint32_t second_rights;
  uint64_t ceiling;
  uint64_t origin;
  uint64_t cursor;
  uint64_t lost_from;
  uint64_t lost_to;
  uint64_t reserved1[13];
};

// ------------------------------------------------------------------------------------------------ control

/// The head of the control segment. Everything but the atomic words is constant once `state` is ready.
///
///      0  magic              8
///      8  layout_version     4
///     12  header_bytes       4
///     16  generation         8   random stamp of this creation
///     24  state              8   atomic: 0 creating, 1 ready, 2 removed
///     32  name              64   not terminated when 64 bytes long
///     96  segment_bytes      8
///    104  created            8   ns since 1970
///
///    128  slots              8   per partition
///    136  slot_size          4
///    140  max_partitions     4
///    144  max_publishers     4
///    148  max_subscribers    4
///    152  max_groups         4
///    156  max_producers      4
///    160  index_spacing      4
///    164  when_full          4   0 block, 1 overwrite
///    168  claim_timeout      8   ns
///    176  options            8   bits: 1 checksum, 2 huge pages, 4 prefaulted, 8 stored in files
///    184  partitions         8   atomic: how many exist; only grows
///
///    192  owner_uid          4   who created it
///    196  owner_gid          4
///    200  mode               4
///    204  publish_gid        4   all ones = none
///    208  subscribe_gid      4   all ones = none
///    212  sync_policy        4   0 none, 1 interval, 2 batch
///    216  sync_interval      8   ns
///    224  numa_policy        4   0 none, 1 auto, 2 list
///    228  state_dir_bytes    4   path kept at state_dir
///    232  key_salt          16   access key: salt
///    248  key_digest        32   access key: SHA-256 of salt and key; all zero = no key
///    280  identity           8   random stamp of the bus: the same after a restore
///    288  restored           8   ns since 1970: when this creation was made from a checkpoint or files; 0 = never
///    296  reserved          88
///
///    384  keeper_row         8   atomic: registry row of the housekeeper + 1 | incarnation << 16; 0 = none
///    392  keeper_pid         8   atomic
///    400  checkpoint_time    8   atomic: ns since 1970 of the last good checkpoint
///    408  checkpoint_number  8   atomic
///    416  checkpoint_error   8   atomic: errno of the last failed one; 0 = healthy
///    424  checkpoint_every   8   atomic: ns
///    432  publisher_rows     8   atomic: high-water mark of rows ever used; only grows
///    440  subscriber_rows    8   atomic: the same
///    448  group_rows         8   atomic: the same
///    456  admissions         8   atomic: endpoints ever attached
///    464  keeper_bell        8   atomic: monotonic ns | 1 of the first call for the housekeeper; 0 = none
///    472  checkpoint_wanted  8   atomic: checkpoints that somebody asked for
///    480  checkpoint_done    8   atomic: which of them is answered, well or badly
///    488  reserved          24
///
///    512  partition_table    8   offsets of the tables below from the segment's start
///    520  endpoint_table     8
///    528  head_table         8
///    536  group_table        8
///    544  producer_table     8
///    552  sequence_table     8
///    560  quarantine_table   8
///    568  reserved          72
///
///    640  state_dir        256   state directory, a path
///    896  storage_bytes      4   durable bus: length of the path at storage
///    900  reserved           4
///    904  storage          120
struct shmbus_control_header {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t header_bytes;
  uint64_t generation;
  uint64_t state;
  uint8_t name[64];
  uint64_t segment_bytes;
  uint64_t created;
  uint64_t reserved0[2];

  uint64_t slots;
  uint32_t slot_size;
  uint32_t max_partitions;
  uint32_t max_publishers;
  uint32_t max_subscribers;
  uint32_t max_groups;
  uint32_t max_producers;
  uint32_t index_spacing;
  uint32_t when_full;
  uint64_t claim_timeout;
  uint64_t options;
  uint64_t partitions;

  uint32_t owner_uid;
  uint32_t owner_gid;
  uint32_t mode;
  uint32_t publish_gid;
  uint32_t subscribe_gid;
  uint32_t sync_policy;
  uint64_t sync_interval;
  uint32_t numa_policy;
  uint32_t state_dir_bytes;
  uint8_t key_salt[16];
  uint8_t key_digest[32];
  uint64_t identity;
  uint64_t restored;
  uint64_t reserved1[11];

  uint64_t keeper_row;
  uint64_t keeper_pid;
  uint64_t checkpoint_time;
  uint64_t checkpoint_number;
  uint64_t checkpoint_error;
  uint64_t checkpoint_every;
  uint64_t publisher_rows;
  uint64_t subscriber_rows;
  uint64_t group_rows;
  uint64_t admissions;
  uint64_t keeper_bell;
  uint64_t checkpoint_wanted;
  uint64_t checkpoint_done;
  uint64_t reserved2[3];

  uint64_t partition_table;
  uint64_t endpoint_table;
  uint64_t head_table;
  uint64_t group_table;
  uint64_t producer_table;
  uint64_t sequence_table;
  uint64_t quarantine_table;
  uint64_t reserved3[9];

  uint8_t state_dir[256];
  uint32_t storage_bytes;
  uint32_t reserved4;
  uint8_t storage[120];
};

/// What the control segment knows of one partition: four lines.
///
///      0  sleepers         8   atomic: not 0 = a subscriber may be asleep on this partition
///      8  quarantine_stamp 8   atomic: odd = its quarantine table may have rows in use; only grows
///     16  reserved        48
///     64  blocked          8   atomic: not 0 = a publisher may be asleep on this partition's gate
///     72  reserved        56
///    128  state            4   0 absent, 1 present
///    132  node             4   NUMA node asked for, also while absent; all ones = none
///    136  origin           8   first offset of this creation
///    144  ceiling          8   atomic: no offset at or above it may be handed out yet
///    152  start            8   atomic: retention: nothing below it is readable
///    160  durable          8   atomic: everything below it survives the host
///    168  segment_bytes    8
///    176  placement        4   0 unknown, 1 verified on its node, 2 elsewhere
///    180  huge_pages       4   huge pages it got at creation
///    184  covered          8   atomic: the ceiling that both copies of the checkpoint have; 0 = none yet
///    192  reserved        64
struct shmbus_partition_row {
  uint64_t sleepers;
  uint64_t quarantine_stamp;
  uint64_t reserved0[6];
  uint64_t blocked;
  uint64_t reserved1[7];
  uint32_t state;
  uint32_t node;
  uint64_t origin;
  uint64_t ceiling;
  uint64_t start;
  uint64_t durable;
  uint64_t segment_bytes;
  uint32_t placement;
  uint32_t huge_pages;
  uint64_t covered;
  uint64_t reserved3[8];
};

/// One row of the registry: four lines. Publishers' rows come first, then subscribers'.
///
///      0  incarnation  8   atomic: odd = in use; each use adds 2
///      8  pid          4
///     12  uid          4
///     16  attached     8   ns since 1970
///     24  role         4   1 publisher, 2 subscriber, 3 observer
///     28  group        4   group row + 1; 0 = none
///     32  membership   8   atomic: row's use:24 | group's use:24 | group row + 1:12 | state:4 (0 none,
///                          1 active, 2 expired, 3 gone); a use is an incarnation / 2
///     40  flags        4   bits: 1 registered for membarrier, 2 keeps house
///     44  partition    4   the one it is bound to + 1; 0 = all
///     48  command     16   the process's comm
///
///     64  semaphore    4   atomic futex word: wakes given and not yet taken
///     68  reserved     4
///     72  asleep       8   atomic: mask of partitions (modulo 64) the owner sleeps on; 0 = awake
///     80  revoked      8   atomic: only grows; somebody quarantined a claim of this publisher
///     88  reserved    40
///
///    128  heartbeat    8   atomic, owner only: ns since 1970 of its last call
///    136  waiting      8   atomic, owner only: partition << 52 | offset it waits at; all ones = not waiting
///    144  delivered    8   atomic, owner only: messages handed out or published, a rough count
///    152  home         4   the NUMA node that its thread is kept on + 1; 0 = none
///    156  reserved    36
///
///    192  label       64   a group member's own name; empty = none
struct shmbus_endpoint_row {
  uint64_t incarnation;
  uint32_t pid;
  uint32_t uid;
  uint64_t attached;
  uint32_t role;
  uint32_t group;
  uint64_t membership;
  uint32_t flags;
  uint32_t partition;
  uint8_t command[16];

  uint32_t semaphore;
  uint32_t reserved0;
  uint64_t asleep;
  uint64_t revoked;
  uint64_t reserved1[5];

  uint64_t heartbeat;
  uint64_t waiting;
  uint64_t delivered;
  uint32_t home;
  uint32_t reserved2;
  uint64_t reserved3[4];

  uint8_t label[64];
};

/// Where one reader stands in one partition: one line. Table [partition][max_groups + max_subscribers]:
/// the groups' rows come first, then one for each subscriber row (used by ephemeral subscribers).
///
///      0  head       8   atomic: offset:52 | term:12; offset all ones = holds nothing back
///      8  held_from  8   atomic: from here on the gate protected every byte since the reader joined
///     16  owner      8   atomic: incarnation:48 | subscriber row + 1:16; 0 = nobody
///     24  moved      8   atomic: ns since 1970 of the last commit
///     32  lost_from  8   atomic: a restore took the head on from this offset - 1; 0 = told, or never
///     40  reserved  24
struct shmbus_head {
  uint64_t head;
  uint64_t held_from;
  uint64_t owner;
  uint64_t moved;
  uint64_t lost_from;
  uint64_t reserved[3];
};

/// One durable group: four lines.
///
///      0  incarnation        8   atomic: odd = in use
///      8  generation         8   atomic: bumped at each change of membership
///     16  mode               4   0 ordered, 1 shared
///     20  assignor           4   0 sticky, 1 range, 2 round-robin, 3 broadcast, 4 the user's own
///     24  flags              4   bits: 1 does not hold publishers
///     28  parent             4   group row + 1 whose broadcast member this row is; 0 = none
///     32  created            8   ns since 1970
///     40  max_poll_interval  8   ns
///     48  shared_stamp       8   generation of the shared group's own segment; 0 = none
///     56  shared_window      8
///     64  name              64
///    128  member            64   broadcast member's name
///    192  retired            8   reserved
///    200  reserved          56
struct shmbus_group_row {
  uint64_t incarnation;
  uint64_t generation;
  uint32_t mode;
  uint32_t assignor;
  uint32_t flags;
  uint32_t parent;
  uint64_t created;
  uint64_t max_poll_interval;
  uint64_t shared_stamp;
  uint64_t shared_window;
  uint8_t name[64];
  uint8_t member[64];
  uint64_t retired;
  uint64_t reserved[7];
};

/// One durable producer: two lines.
///
///      0  incarnation  8   atomic: odd = in use
///      8  owner        8   atomic: incarnation:48 | publisher row + 1:16; 0 = nobody
///     16  created      8   ns since 1970
///     24  producer_id  8   random, never reused
///     32  reserved    32
///     64  name        64
struct shmbus_producer_row {
  uint64_t incarnation;
  uint64_t owner;
  uint64_t created;
  uint64_t producer_id;
  uint64_t reserved[4];
  uint8_t name[64];
};

/// The last message a producer committed to one partition. Table [partition][max_producers].
///
///      0  sequence  8   atomic
///      8  offset    8   atomic: where it went
struct shmbus_producer_sequence {
  uint64_t sequence;
  uint64_t offset;
};

/// One claim taken out of use. Table [partition][min(slots / 2, SHMBUS_QUARANTINE_ROWS)].
///
///      0  claim    8   atomic: offset:52 | span:12
///      8  owner    8   atomic: incarnation:48 | publisher row + 1:16
///     16  verdict  8   atomic: lap:40 | use:16 | state:8 (0 free, 1 taken, 2 pending, 3 withdrawn, 4 final,
///                      5 released); lap: the last one its slots are out of use for
///     24  since    8   ns since 1970
struct shmbus_quarantine_row {
  uint64_t claim;
  uint64_t owner;
  uint64_t verdict;
  uint64_t since;
};

// --------------------------------------------------------------------------------------------- checkpoint

/// "SHMBUSCK"
#define SHMBUS_CHECKPOINT_MAGIC 0x4b435355424d4853ULL

/// The head of a checkpoint, a file in the state directory. Behind it, without gaps: the control header;
/// for each partition its row, its cursor, the number of its index entries and these; for each group its
/// row's number, its row, and its head in each partition; for each producer its row's number, its row, and
/// its sequence in each partition. Rows are copies of those of the control segment.
///
///      0  magic            8
///      8  layout_version   4   of the rows
///     12  header_bytes     4
///     16  byte_count       8   of the whole checkpoint; what the file has behind it is of an older one
///     24  checksum         4   CRC-32C of all of it, with this field as 0
///     28  partitions       4
///     32  number           8   of two copies the larger one is newer
///     40  generation       8   the bus's
///     48  identity         8   the bus's
///     56  time             8   ns since 1970
///     64  groups           4
///     68  producers        4
///     72  reserved        56
struct shmbus_checkpoint_header {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t header_bytes;
  uint64_t byte_count;
  uint32_t checksum;
  uint32_t partitions;
  uint64_t number;
  uint64_t generation;
  uint64_t identity;
  uint64_t time;
  uint32_t groups;
  uint32_t producers;
  uint64_t reserved[7];
};

// --------------------------------------------------------------------------------------------- assertions

#define SHMBUS_AT(type, field, offset) \
  _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " moved")
#define SHMBUS_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type " changed size")

SHMBUS_SIZE(shmbus_slot_header, 64);
SHMBUS_AT(shmbus_slot_header, length, 4);
SHMBUS_AT(shmbus_slot_header, timestamp, 8);
SHMBUS_AT(shmbus_slot_header, control, 16);
SHMBUS_AT(shmbus_slot_header, sequence, 24);
SHMBUS_AT(shmbus_slot_header, producer, 32);
SHMBUS_AT(shmbus_slot_header, key_hash, 40);
SHMBUS_AT(shmbus_slot_header, key_length, 44);
SHMBUS_AT(shmbus_slot_header, flags, 46);
SHMBUS_AT(shmbus_slot_header, checksum, 48);

SHMBUS_SIZE(shmbus_cell, 128);
SHMBUS_AT(shmbus_cell, floor, 8);
SHMBUS_AT(shmbus_cell, pending_sequence, 16);
SHMBUS_SIZE(shmbus_index_entry, 16);

SHMBUS_SIZE(shmbus_partition_header, 256);
SHMBUS_AT(shmbus_partition_header, generation, 16);
SHMBUS_AT(shmbus_partition_header, slots, 32);
SHMBUS_AT(shmbus_partition_header, segment_bytes, 56);
SHMBUS_AT(shmbus_partition_header, cells_offset, 64);
SHMBUS_AT(shmbus_partition_header, payload_offset, 88);
SHMBUS_AT(shmbus_partition_header, mode, 96);
SHMBUS_AT(shmbus_partition_header, second_rights, 108);
SHMBUS_AT(shmbus_partition_header, ceiling, 112);
SHMBUS_AT(shmbus_partition_header, origin, 120);
SHMBUS_AT(shmbus_partition_header, lost_to, 144);
SHMBUS_AT(shmbus_partition_header, cursor, 128);

SHMBUS_SIZE(shmbus_control_header, 1024);
SHMBUS_AT(shmbus_control_header, state, 24);
SHMBUS_AT(shmbus_control_header, name, 32);
SHMBUS_AT(shmbus_control_header, segment_bytes, 96);
SHMBUS_AT(shmbus_control_header, slots, 128);
SHMBUS_AT(shmbus_control_header, partitions, 184);
SHMBUS_AT(shmbus_control_header, owner_uid, 192);
SHMBUS_AT(shmbus_control_header, key_digest, 248);
SHMBUS_AT(shmbus_control_header, identity, 280);
SHMBUS_AT(shmbus_control_header, keeper_row, 384);
SHMBUS_AT(shmbus_control_header, keeper_bell, 464);
SHMBUS_AT(shmbus_control_header, publisher_rows, 432);
SHMBUS_AT(shmbus_control_header, partition_table, 512);
SHMBUS_AT(shmbus_control_header, quarantine_table, 560);
SHMBUS_AT(shmbus_control_header, state_dir, 640);
SHMBUS_AT(shmbus_control_header, storage, 904);

SHMBUS_SIZE(shmbus_partition_row, 256);
SHMBUS_AT(shmbus_partition_row, blocked, 64);
SHMBUS_AT(shmbus_partition_row, state, 128);
SHMBUS_AT(shmbus_partition_row, node, 132);
SHMBUS_AT(shmbus_partition_row, ceiling, 144);
SHMBUS_AT(shmbus_partition_row, placement, 176);
SHMBUS_AT(shmbus_partition_row, huge_pages, 180);
SHMBUS_AT(shmbus_partition_row, covered, 184);

SHMBUS_SIZE(shmbus_endpoint_row, 256);
SHMBUS_AT(shmbus_endpoint_row, membership, 32);
SHMBUS_AT(shmbus_endpoint_row, semaphore, 64);
SHMBUS_AT(shmbus_endpoint_row, asleep, 72);
SHMBUS_AT(shmbus_endpoint_row, revoked, 80);
SHMBUS_AT(shmbus_endpoint_row, heartbeat, 128);
SHMBUS_AT(shmbus_endpoint_row, home, 152);
SHMBUS_AT(shmbus_endpoint_row, label, 192);

SHMBUS_SIZE(shmbus_head, 64);
SHMBUS_AT(shmbus_head, held_from, 8);
SHMBUS_AT(shmbus_head, owner, 16);
SHMBUS_AT(shmbus_head, lost_from, 32);
SHMBUS_SIZE(shmbus_group_row, 256);
SHMBUS_AT(shmbus_group_row, name, 64);
SHMBUS_SIZE(shmbus_producer_row, 128);
SHMBUS_AT(shmbus_producer_row, name, 64);
SHMBUS_SIZE(shmbus_producer_sequence, 16);
SHMBUS_SIZE(shmbus_quarantine_row, 32);

SHMBUS_SIZE(shmbus_checkpoint_header, 128);
SHMBUS_AT(shmbus_checkpoint_header, checksum, 24);
SHMBUS_AT(shmbus_checkpoint_header, number, 32);
SHMBUS_AT(shmbus_checkpoint_header, groups, 64);

#endif
