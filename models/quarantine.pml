/* Taking the slots of a stopped owner out of use, although it may wake up and store there at any time.

   Stands for the quarantine of the design: verdicts in a table of the control segment, two phases, plain-store commits.
   An owner has an open claim in slot 0 (read by two readers that cannot write; later laps pass over it) and, unless
   ONESLOT, a second one in slot 1. It may die or stop for ever between any two steps, and so may one quarantiner. The
   owner's plain stores sit in its store buffer (TSO) until something drains it.

     Owner        stores payload and control word, then compares `revoked` with what it was at the claim: unchanged means
                  published. Changed: the verdict decides; pending is withdrawn by the owner if its CAS wins.
     Quarantiner  adds to `revoked`; verdict none -> pending; membarrier; decided by now ? withdrawn : final.
     Resolver     anybody who can write and meets pending finishes it the same way.
     Reader       loads the control word first, then the verdict.
     NextLap      a publisher that comes round: at a final verdict it raises the verdict's lap and leaves the slot alone.
     Recovery     of a dead owner decides pending and turns final into released.

   Checked: both readers agree on every lap; published means delivered, fenced means skipped; the owner's late store
   never lands on a later lap's message; no reader waits for ever though the owner stays stopped.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DONESLOT -DLAPS=2 -DONEQUARANTINER | 4,176,929 states: one claim, a later lap, one quarantiner
     full  pass -DONESLOT -DLAPS=1 | 11,228,198 states: two quarantiners at once
     full  pass -DONESLOT -DLAPS=2 | 39,699,154 states: the same, a later lap
     quick fail -DRESET | 1,317 states: `revoked` is a flag that the owner clears: published, yet skipped
     quick fail -DONESLOT -DCONTROLPAD | 13,547 states: padding in the control word is wiped by the late store: readers wait for ever
     quick fail -DONESLOT -DNORESOLVE | 2,708,279 states: pending for ever after its quarantiner died
     quick fail -DONESLOT -DLAPS=1 -DVERDICTFIRST | 811,886 states: readers disagree

   The instance of two slots is too large to be searched to its end in 3 GB; only RESET, which needs it, runs there.

   Not in the model: weak memory, the gate, who gets the passing claim of a publisher that dies. */

#ifndef LAPS
#define LAPS 3               /* of slot 0 */
#endif
#ifdef ONESLOT
#define SLOTS 1
#else
#define SLOTS 2
#endif

/* States of a control word; 0 never used. */
#define CLAIMED 1
#define COMMITTED 2
#define ABORTED 3

/* Verdicts. */
#define NONE 0
#define PENDING 1
#define WITHDRAWN 2
#define FINAL 3
#define RELEASED 4

/* What became of a claim. */
#define PUBLISHED 1          /* to its owner; to a reader: delivered */
#define FENCED 2             /* to its owner; to a reader: skipped */

typedef Control { byte lap; byte state }         /* one word, plain stores */
typedef Verdict { byte state; byte lap }         /* one word, locked instructions; lap: the last one it is out of use for */

Control control[2];
Verdict verdict[2];
bit buffered[2];             /* the owner's store buffer: the commit of slot 0, then of slot 1 */
bit revoked;                 /* of the owner; a counter that only grows: 1 stands for "more than at the claim" */

/* Ghosts. */
bit ownerDead, ownerStopped, ownerDone;
bit laterLapStored;          /* slot 0 holds a later lap's message */
byte outcome[2];             /* what the owner was told */
byte passed[2];              /* the last lap of slot 0 that each reader has passed */
byte seen[8];                /* reader * 4 + lap: what the reader made of it */
byte seenSlot1;

#define DRAINED (!buffered[0] && !buffered[1])
#define DECIDED_IN_LAP_1(slot) \
  (control[slot].lap > 1 || (control[slot].lap == 1 && control[slot].state != CLAIMED))

proctype StoreBuffer() {
end:
  do
  :: atomic { buffered[0] -> buffered[0] = 0; assert(!laterLapStored); control[0].lap = 1; control[0].state = COMMITTED }
  :: atomic { !buffered[0] && buffered[1] -> buffered[1] = 0; control[1].lap = 1; control[1].state = COMMITTED }
  od
}

#define MAY_DIE_OR_STOP \
  if \
  :: atomic { ownerDead = 1; goto over } \
  :: atomic { ownerStopped = 1; goto over } \
  :: skip \
  fi

proctype Owner() {
  byte slot, mine, change; bit won;
  do
  :: slot < SLOTS ->
     MAY_DIE_OR_STOP;
     buffered[slot] = 1;                         /* payload and control word: plain stores */
     MAY_DIE_OR_STOP;
     change = revoked;                           /* its own line: costs nothing */
     if :: change == 0 -> outcome[slot] = PUBLISHED; goto next :: else fi;
     MAY_DIE_OR_STOP;
again:
     mine = verdict[slot].state;
     if
     :: mine == NONE || mine == WITHDRAWN -> outcome[slot] = PUBLISHED
     :: mine == PENDING ->
        DRAINED;                                 /* a locked instruction */
        atomic { if :: verdict[slot].state == PENDING -> verdict[slot].state = WITHDRAWN; won = 1 :: else -> won = 0 fi };
        if :: won -> outcome[slot] = PUBLISHED :: else -> goto again fi
     :: mine == FINAL ->
        outcome[slot] = FENCED;
        DRAINED;
        MAY_DIE_OR_STOP;
        verdict[slot].state = RELEASED           /* a CAS loop: the lap may have moved on under it, and stays */
     :: mine == RELEASED -> assert(false)
     fi;
#ifdef RESET
     revoked = 0;                                /* naive: a flag that the owner clears */
#endif
next:
     atomic { slot++; mine = 0; change = 0; won = 0 }
  :: else -> break
  od;
  ownerDone = 1;
over:
  skip
}

/* When a quarantiner may die. */
#define NEVER 0
#define ANYWHERE 1
#define ONCE_PENDING 2       /* only after it has said pending: somebody alive got that far */

/* Second phase: after a barrier the slot is decided or will be fenced. */
inline finish_pending(slot) {
  DRAINED;                                       /* membarrier */
  decided = DECIDED_IN_LAP_1(slot);
  if :: mayDie != NEVER -> goto over :: skip fi;
  atomic { if :: verdict[slot].state == PENDING -> verdict[slot].state = (decided -> WITHDRAWN : FINAL) :: else fi }
}

proctype Quarantiner(byte target; byte mayDie) {
  bit decided, won;
  if :: mayDie == ANYWHERE -> goto over :: skip fi;
  if :: DECIDED_IN_LAP_1(target) -> goto over :: else fi;
  revoked = 1;
  if :: mayDie == ANYWHERE -> goto over :: skip fi;
  atomic { if :: verdict[target].state == NONE -> verdict[target].state = PENDING; verdict[target].lap = 1; won = 1 :: else fi };
  if
  :: !won -> goto over
  :: mayDie != NEVER -> goto over                /* leaves pending behind */
  :: won
  fi;
  finish_pending(target);
over:
  atomic { decided = 0; won = 0 }
}

proctype Resolver() {
  byte target, mayDie; bit decided;               /* mayDie: never */
end:
  do
#ifndef NORESOLVE
  :: verdict[0].state == PENDING -> target = 0; finish_pending(target); atomic { decided = 0; target = 0 }
  :: verdict[1].state == PENDING -> target = 1; finish_pending(target); atomic { decided = 0; target = 0 }
#else
  :: false                                       /* naive: pending is left to whoever began it */
#endif
  od;
over:
  skip
}

proctype Recovery() {
  byte slot, state;
end:
  ownerDead;
  DRAINED;                                       /* the kernel frees the lock after the last store */
  do
  :: slot < SLOTS ->
again:
     state = verdict[slot].state;
     if
     :: state == NONE ->
        atomic {
          if
          :: control[slot].lap == 0 || (control[slot].lap == 1 && control[slot].state == CLAIMED) ->
             control[slot].lap = 1; control[slot].state = ABORTED
          :: else
          fi
        }
     :: state == PENDING ->
        atomic {
          if
          :: verdict[slot].state == PENDING -> verdict[slot].state = (DECIDED_IN_LAP_1(slot) -> WITHDRAWN : FINAL)
          :: else
          fi
        };
        goto again
     :: state == FINAL -> verdict[slot].state = RELEASED
     :: state == WITHDRAWN || state == RELEASED -> skip
     fi;
     slot++
  :: else -> break
  od
}

#define LOAD_CONTROL(slot) atomic { word.lap = control[slot].lap; word.state = control[slot].state }
#define LOAD_VERDICT(slot) atomic { said.state = verdict[slot].state; said.lap = verdict[slot].lap }
#define UNCHANGED(slot) \
  (control[slot].lap == word.lap && control[slot].state == word.state && \
   verdict[slot].state == said.state && verdict[slot].lap == said.lap)
#define OUT_OF_USE(inLap) ((said.state == FINAL || said.state == RELEASED) && said.lap >= (inLap))
#define UNDER_DECISION(inLap) (said.state == PENDING && said.lap == (inLap))

proctype Reader(byte me) {
  byte lap = 1; Control word; Verdict said;
  do
  :: lap <= LAPS ->
again:
#ifdef VERDICTFIRST
     LOAD_VERDICT(0);                            /* naive: the verdict may become final in between */
     LOAD_CONTROL(0);
#else
     LOAD_CONTROL(0);
     LOAD_VERDICT(0);
#endif
     if
     :: OUT_OF_USE(lap) -> seen[me * 4 + lap] = FENCED
     :: !OUT_OF_USE(lap) && word.lap == lap && word.state == ABORTED -> seen[me * 4 + lap] = FENCED
     :: !OUT_OF_USE(lap) && word.lap == lap && word.state == COMMITTED && !UNDER_DECISION(lap) ->
        seen[me * 4 + lap] = PUBLISHED
     :: else -> !UNCHANGED(0); goto again        /* waits for either word to change */
     fi;
     passed[me] = lap;
     atomic { lap++; word.lap = 0; word.state = 0; said.state = 0; said.lap = 0 }
  :: else -> break
  od;
#if SLOTS == 1
  seenSlot1 = FENCED;
#else
  if
  :: me == 0 ->
again1:
     LOAD_CONTROL(1);
     LOAD_VERDICT(1);
     if
     :: OUT_OF_USE(1) -> seenSlot1 = FENCED
     :: !OUT_OF_USE(1) && word.lap == 1 && word.state == ABORTED -> seenSlot1 = FENCED
     :: !OUT_OF_USE(1) && word.lap == 1 && word.state == COMMITTED && !UNDER_DECISION(1) -> seenSlot1 = PUBLISHED
     :: else -> !UNCHANGED(1); goto again1
     fi
  :: else
  fi;
#endif
  atomic { word.lap = 0; word.state = 0; said.state = 0; said.lap = 0 }
}

/* A publisher that comes to slot 0 again, one lap after the other, when both readers have passed it. */
proctype NextLap() {
  byte lap = 2; Verdict said; bit won;
  do
  :: lap <= LAPS ->
     (passed[0] >= lap - 1 && passed[1] >= lap - 1);
again:
     LOAD_VERDICT(0);
     if
     :: said.state == PENDING && lap == 2 && !(control[0].lap == 1 && control[0].state == ABORTED) ->
        (verdict[0].state != PENDING);
        goto again
#ifdef CONTROLPAD
     :: said.state == FINAL -> atomic { control[0].lap = lap; control[0].state = ABORTED }   /* naive: wiped by the late store */
#else
     :: said.state == FINAL ->
        atomic { if :: verdict[0].state == FINAL -> verdict[0].lap = lap; won = 1 :: else -> won = 0 fi };
        if :: !won -> goto again :: else fi
#endif
     :: else ->
        laterLapStored = 1;
        atomic { assert(!buffered[0]); control[0].lap = lap; control[0].state = COMMITTED }
     fi;
     lap++
  :: else -> break
  od
}

init {
  byte lap;
  atomic {
    run StoreBuffer(); run Owner();
#ifdef ONEQUARANTINER
    run Quarantiner(0, ONCE_PENDING);
#else
    run Quarantiner(0, ANYWHERE); run Quarantiner(0, NEVER);
#endif
#ifndef ONESLOT
    run Quarantiner(1, NEVER);
#endif
    run Resolver(); run Recovery(); run Reader(0); run Reader(1); run NextLap()
  };
  (passed[0] == LAPS && passed[1] == LAPS && seenSlot1 != 0 && DRAINED);
  lap = 1;
  do
  :: lap <= LAPS -> assert(seen[lap] == seen[4 + lap]); lap++
  :: else -> break
  od;
  (ownerDone || ownerDead || ownerStopped);
  assert(outcome[0] == 0 || outcome[0] == seen[1]);
  assert(SLOTS == 1 || outcome[1] == 0 || outcome[1] == seenSlot1)
}
