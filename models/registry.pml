/* Using a registry row again after its owner died.

   Stands for Registry/Endpoint.swift (an owner attaches: lock first, then bump the incarnation), Registry/Recovery.swift
   (resolve what the dead left, then free the row by CAS i -> i + 1) and Ring+Recover.swift (the check of the
   incarnation after the slot was read).

   One row. OWNERS owners after each other (at most one at a time holds the lock), each may be killed between any two
   steps; an owner that finds the row still in use resolves it itself, as attaching does. Two recoverers run beside
   them at any pace. Odd incarnation: the row is in use. A claim is a slot that carries its owner's row number only,
   not the incarnation, exactly as a control word does.

   Checked
     - recovery never aborts the claim of an owner that is alive;
     - a row is free only when its last owner left no open claim;
     - each incarnation has one owner;
     - a dead owner's claim is resolved in the end (else somebody waits for ever, which is an error).

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass | 207,177 states: lock, bump, claim; incarnation read before and after
     full  pass -DOWNERS=3 | 15,441,221 states: one more owner
     quick fail -DNOINC | 4,040 states: the recoverer tests the lock only
     quick fail -DINCFIRST | 94 states: the incarnation is bumped before the lock is held
     quick fail -DFREEFIRST | 361 states: the row is freed before its claims are resolved
     quick fail -DEARLYCHECK | 6,738 states: the incarnation is read again before the slot is read

   Not in the model: several rows and partitions, a recoverer that is killed, weak memory. */

#ifndef OWNERS
#define OWNERS 2             /* one after the other; 2 or 3 */
#endif

#define OPEN 1
#define COMMITTED 2
#define ABORTED 3

#define FREE 0

byte incarnation;            /* the row's word */
byte lock;                   /* which owner (from 1) the kernel says holds the row, or FREE */
byte claim[3];           /* state of the claim of owner i + 1; every owner makes at most one */
byte announcedBy;            /* the row's cell: which claim (from 1) was announced last, 0 for none */
byte kills;

/* Ghosts. */
byte over;                   /* owners that are gone for good */
byte ownerOf[2 * OWNERS + 4];/* who made this incarnation */

#define CLAIMS_LEFT_OPEN (claim[0] == OPEN || claim[1] == OPEN || claim[2] == OPEN)

/* Resolves the use `use` of the row; leaves `freed` set if the row was freed by us.
   The caller knows that the owner is dead: it saw the incarnation, then the lock free. */
inline resolve() {
  atomic { freed = 0; stop = 0; found = 0 };
#ifdef FREEFIRST
  atomic { if :: incarnation == use -> incarnation = use + 1; freed = 1 :: else fi };
#endif
#ifdef EARLYCHECK
  stop = (incarnation != use);
#endif
  found = announcedBy;
  if
  :: found != 0 && !stop ->
     word = claim[found - 1];
#if !defined(NOINC) && !defined(EARLYCHECK) && !defined(FREEFIRST)
     stop = (incarnation != use);
#endif
     if
     :: word == OPEN && !stop ->
        atomic {                                                     /* one CAS, which another may repeat */
          if
          :: claim[found - 1] == word -> assert(lock != found); claim[found - 1] = ABORTED
          :: else
          fi
        }
     :: else
     fi
  :: else
  fi;
#ifndef FREEFIRST
  atomic {
    if
    :: incarnation == use && !stop ->
       incarnation = use + 1; freed = 1;
       assert(!CLAIMS_LEFT_OPEN)                                   /* free means resolved */
    :: else
    fi
  };
#endif
  atomic { found = 0; word = 0; stop = 0 }
}

#define MAY_DIE \
  if \
  :: atomic { kills < 2 -> kills++; if :: lock == me -> lock = FREE :: else fi; goto gone } \
  :: skip \
  fi

proctype Owner(byte me) {
  byte use, found, word; bit freed, stop;
#ifdef INCFIRST
  atomic { (incarnation & 1) == 0 -> use = incarnation + 1 };        /* naive: looks free; bump, then lock */
  incarnation = use;
  MAY_DIE;
  atomic { lock == FREE -> lock = me };
#else
  atomic { lock == FREE -> lock = me };                              /* lock first */
  MAY_DIE;
  use = incarnation;
  if
  :: (use & 1) == 1 -> resolve(); use = incarnation                  /* whoever used it before is dead or gone */
  :: else
  fi;
  if
  :: (use & 1) == 1 -> atomic { lock = FREE; goto gone }             /* not ours to take: look for another row */
  :: else
  fi;
  MAY_DIE;
  atomic {
    use = use + 1;
    assert(use > incarnation && ownerOf[use] == 0);
    incarnation = use; ownerOf[use] = me                             /* then bump */
  };
#endif
  MAY_DIE;
  announcedBy = 0;                                                   /* own cells, before anything is announced */
  MAY_DIE;
  announcedBy = me;
  claim[me - 1] = OPEN;
  MAY_DIE;
  assert(claim[me - 1] == OPEN);
  claim[me - 1] = COMMITTED;
  MAY_DIE;
  incarnation = use + 1;                                             /* leaves in good order */
  lock = FREE;
gone:
  atomic { over++; use = 0; found = 0; word = 0; freed = 0; stop = 0 }
}

proctype Recoverer() {
  byte use, found, word; bit freed, stop;
  do
  :: atomic { (incarnation & 1) == 1 && lock == FREE -> use = incarnation };      /* incarnation, then lock */
     if
     :: lock == FREE -> resolve()
     :: else
     fi;
     atomic { use = 0; freed = 0 }
  :: atomic { over == OWNERS && (incarnation & 1) == 0 -> break }
  od
}

init {
  atomic {
    run Owner(1); run Owner(2);
#if OWNERS == 3
    run Owner(3);
#endif
    run Recoverer(); run Recoverer()
  };
  over == OWNERS && (incarnation & 1) == 0;                          /* a row left in use for ever is an error */
  assert(!CLAIMS_LEFT_OPEN)
}
