/* Offsets are never handed out twice, not even after the host's memory is gone.

   Stands for Ring+Gate.swift (no claim ends above the ceiling), Bus/House.swift (a checkpoint with the ceilings it is
   to cover, the second copy, then the word in memory), Persistence/CheckpointFiles.swift (the older of two copies is
   overwritten, and synced) and Bus/Bus+Restore.swift (the newest whole copy; offsets go on at its ceiling).

   A publisher hands out offsets below `ceiling`. The housekeeper raises it by STEP: it writes the older copy, syncs it,
   writes and syncs the other one, and only then stores the new ceiling. What was written and not synced may or may not
   be on the disk when the host dies; a copy that was being written is torn. At any step the host dies: all memory is
   gone, the unsynced is torn, and one copy of the reader's choice may turn out to be unreadable besides, if the other
   one is whole. A restore takes the newest whole copy and goes on at its ceiling.

   Checked
     - after a restore nothing is handed out that was handed out before;
     - there always is a whole copy.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass | 38,033 states: two crashes
     quick pass -DNOROT | 32,951 states: a copy is lost only by the crash itself
     quick pass -DOLDEST | 54,185 states: a restore takes the older copy: either will do
     quick fail -DEARLY | 473 states: the ceiling counts before the copies have it
     quick fail -DONECOPY | 163 states: it counts when one copy has it
     quick fail -DNOSYNC | 138 states: the copies are written and not synced
     quick fail -DSAMECOPY | 146 states: a checkpoint overwrites the newest copy
     quick fail -DATCURSOR | 141 states: a restore goes on at the cursor of the checkpoint

   Not in the model: the overdraft of a bus whose state directory cannot be used, which hands out uncovered offsets and
   says so (docs/decisions/0013); several housekeepers (a lock of the kernel's). */

#ifndef STEP
#define STEP 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define MOST 9               /* the log ends here */

/* ---- The disk: what is safe, and whether a write is under way. ---- */
typedef Copy { byte ceiling; byte cursor; bit whole; bit dirty };
Copy copies[2];
bit newer;                   /* which of them has the larger number */

/* ---- Memory. ---- */
byte cursor;
byte ceiling = STEP;
bit dead;

/* ---- Ghosts. ---- */
byte handedOut;              /* everything below was */
byte crashes;

inline newestWhole(found) {
  if
  :: copies[newer].whole -> found = newer
  :: !copies[newer].whole && copies[1 - newer].whole -> found = 1 - newer
  :: else -> found = 2
  fi
}

inline target(found) {
  newestWhole(found);
#ifndef SAMECOPY
  found = 1 - found
#endif
}

/* One copy: what is in it is nobody's until it is synced. */
inline writeCopy(found, limit) {
  atomic {
    target(found);
    newer = found;
    copies[found].ceiling = limit;
    copies[found].cursor = cursor;
    copies[found].dirty = 1;
    copies[found].whole = 0
  };
#ifdef NOSYNC
  atomic { copies[found].whole = 1 }   /* the page cache has it, the disk not */
#else
  if
  :: atomic { !dead -> copies[found].dirty = 0; copies[found].whole = 1 }
  :: dead                              /* torn, or on the disk all the same */
  fi
#endif
}

proctype Publisher() {
  do
  :: atomic { !dead && cursor < ceiling && cursor < MOST ->
       assert(cursor >= handedOut);
       cursor++;
       handedOut = cursor }
  :: atomic { dead || cursor >= MOST -> break }
  od
}

proctype Keeper() {
  byte found;
  byte goal;
  do
  :: atomic { !dead && ceiling < MOST -> goal = cursor + STEP; if :: goal < ceiling -> goal = ceiling :: else fi };
#ifdef EARLY
     if :: !dead -> ceiling = goal :: else -> break fi;
#endif
     if :: !dead -> writeCopy(found, goal) :: dead -> break fi;
#ifndef ONECOPY
     if :: !dead -> writeCopy(found, goal) :: dead -> break fi;
#endif
     if :: atomic { !dead -> ceiling = goal } :: dead -> break fi
  :: atomic { dead || ceiling >= MOST -> break }
  od
}

/* The host dies, and comes back. */
init {
  byte found;
  byte lost;
  atomic {
    copies[0].whole = 1; copies[0].ceiling = STEP;
    copies[1].whole = 1; copies[1].ceiling = STEP;
    run Publisher(); run Keeper()
  };
  do
  :: crashes < CRASHES ->
     atomic { dead = 1; crashes++ };
     /* Both processes have ended with the memory. */
     (_nr_pr == 1);
     atomic {
       /* What was not synced is torn, or there all the same. */
       if :: copies[0].dirty -> copies[0].whole = 0 :: !copies[0].dirty -> skip :: copies[0].dirty -> copies[0].whole = 1 fi;
       if :: copies[1].dirty -> copies[1].whole = 0 :: !copies[1].dirty -> skip :: copies[1].dirty -> copies[1].whole = 1 fi;
       copies[0].dirty = 0; copies[1].dirty = 0;
#ifndef NOROT
       if
       :: copies[0].whole && copies[1].whole -> copies[0].whole = 0
       :: copies[0].whole && copies[1].whole -> copies[1].whole = 0
       :: skip
       fi;
#endif
       newestWhole(found);
       assert(found < 2);
#ifdef OLDEST
       if :: copies[1 - found].whole -> found = 1 - found :: else fi;
#endif
#ifdef ATCURSOR
       cursor = copies[found].cursor;
#else
       cursor = copies[found].ceiling;
#endif
       ceiling = cursor;
       /* The first checkpoint writes both copies before anything is handed out above it. */
       dead = 0;
       if :: cursor < MOST -> run Publisher(); run Keeper() :: else -> break fi
     }
  :: crashes < CRASHES && cursor >= MOST -> break
  :: crashes >= CRASHES -> break
  od
}
