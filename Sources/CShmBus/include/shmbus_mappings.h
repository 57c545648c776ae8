#ifndef SHMBUS_MAPPINGS_H
#define SHMBUS_MAPPINGS_H

/// The mappings of this process that show shared memory, and what befell them.
///
/// Two things take the memory from under a mapping: somebody truncates the segment (the next touch
/// is SIGBUS), or the process forks (its child has nothing there). Both are told where no Swift may
/// run: in a signal handler, and in a child of a process with threads. So the table and its two
/// handlers are the one piece of logic in C (docs/decisions/0008-lost-mappings.md).
///
/// Every function may be called from any thread; none of them allocates or takes a lock.

#include <stddef.h>
#include <stdint.h>

/// What befell a mapping.
enum {
  SHMBUS_MAPPING_WHOLE = 0,
  /// A page of it was gone when it was touched; private zeroes lie there now.
  SHMBUS_MAPPING_TRUNCATED = 1,
  /// This process is a child of the one that mapped it; private zeroes lie there now.
  SHMBUS_MAPPING_FORKED = 2,
};

/// Notes that a range is a mapping of ours. When something befalls it, `count` words of 64 bits, the
/// first at `words` and each `stride` bytes from the next, become all ones: private memory, by which
/// a thread learns of it without looking for it. Returns the place in the table, or -1 if it is
/// full. A range may be noted more than once.
int32_t shmbus_mapping_note(void *base, size_t byte_count, int writable, uint64_t *words,
                            size_t count, size_t stride);

/// The words of a place lie elsewhere from now on, as far apart and no fewer. Those before are not
/// touched any more when it returns; what befell the range until then may have been told to them.
void shmbus_mapping_move(int32_t place, uint64_t *words, size_t count);

/// Takes a place back. The words are not touched any more when it returns. To be called before the
/// range is unmapped: its addresses may be somebody else's at once.
void shmbus_mapping_forget(int32_t place);

/// One of the above.
int shmbus_mapping_fate(int32_t place);

/// Not 0 once something befell any mapping: mostly the only question that need be asked.
extern int shmbus_mappings_lost;
static inline int shmbus_any_mapping_lost(void) {
  return __atomic_load_n(&shmbus_mappings_lost, __ATOMIC_RELAXED);
}

/// From now on SIGBUS in a noted range is survived. Any other is the previous handler's.
void shmbus_mappings_guard(void);

/// For a child, right after `fork`.
void shmbus_mappings_forked(void);

#endif
