/* Taking open claims of a stopped owner out of use, although it may wake up and store there at any time.

   Stands for Ring/Quarantine.swift (take, decide, voidSpan, settle, release), Bus/Loan.swift (settle: `revoked` is
   remembered when no claim is open), Ring+Recover.swift and the confirming in Ring+Claim.swift, within one lap; what
   publishers do with void slots in later laps is passing.pml. An owner has two open claims and decides them in either
   order: slot 0 is marked and below its floor, slot 1 is its announced claim, still unmarked. It may die, or stop for
   ever, before any of its stores. Two quarantiners, of which one may die anywhere, take any claim they find open. Two
   readers cannot write slots. One step is one access to one word; the row's claim is constant from pending on, and read
   with its verdict. The owner's plain stores sit in its store buffer (TSO) until something drains it, in order.

   Checked
     - both readers make the same of each claim, published means delivered, fenced means skipped;
     - nobody waits for ever, though the owner stays stopped and a quarantiner died.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 | 201,930 states: a slow owner
     quick pass -DONEREADER -DONEQUARANTINER | 7,515,630 states: an owner that dies, or stops for ever
     full  pass -DONEQUARANTINER -DINCIDENTS=0 | 3,814,763 states: two readers
     full  pass -DONEREADER -DINCIDENTS=0 | 49,572,258 states: two quarantiners, of which one may die
     full  pass -DONEREADER | not searched to its end: the same, and the owner dies or stops
     quick fail -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 -DRESET | 305 states: `revoked` is a flag that the owner clears: published, yet skipped
     quick fail -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 -DSEENEARLY | 305 states: `revoked` remembered while a claim is open: the same
     quick fail -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 -DNOBARRIER | 68 states: no membarrier: both look before the other's store arrives
     quick fail -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 -DLOOKFIRST | 39,552 states: the look before the row is pending
     quick fail -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 -DTELLLATE | 4,231 states: the owner told afterwards
     quick fail -DONEREADER -DONEQUARANTINER -DINCIDENTS=0 -DVERDICTFIRST | 67,357 states: the table read before the control word
     quick fail -DONEREADER -DNORESOLVE | 2,913,856 states: pending for ever after its quarantiner died

   Not in the model: weak memory (docs/MEMORY-ORDER.md), the table's rows used again (passing.pml), a refused barrier. */

#ifndef INCIDENTS
#define INCIDENTS 1          /* the owner dies or stops */
#endif
#ifndef ROWS
#define ROWS 2
#endif

/* Control words of this lap; 0: an older lap's. */
#define CLAIMED 1
#define COMMITTED 2
#define ABORTED 3

/* Verdicts. */
#define FREE 0
#define TAKEN 1
#define PENDING 2
#define WITHDRAWN 3
#define FINAL 4
#define RELEASED 5

/* What became of a claim. */
#define PUBLISHED 1          /* to its owner; to a reader: delivered */
#define FENCED 2             /* to its owner; to a reader: skipped */

#define NOTHING 3

byte control[2];
bit cursorMoved;             /* somebody has claimed after slot 1 */
byte verdict[ROWS];
byte claimOf[ROWS];
byte stamp;                  /* odd: rows may be in use */
byte revoked;

/* Ghosts. */
byte buffered[2] = NOTHING;  /* slots whose commits sit in the owner's store buffer, the older first */
bit dead, out;               /* the owner is dead; dead, stopped for ever, or done */
byte outcome[2];
byte fate[2];
byte incidents;
bit alarmed;                 /* a claim of an owner that is only slow was taken by the living quarantiner */

#define ODD(number) ((number) & 1)
#define DRAINED (buffered[0] == NOTHING)
#define DECIDED(slot) (control[slot] == COMMITTED || control[slot] == ABORTED)
#define SAYS_VOID(r, slot) (claimOf[r] == (slot) && (verdict[r] == FINAL || verdict[r] == RELEASED))
#define IS_VOID(slot) (ODD(stamp) && (SAYS_VOID(0, slot) || SAYS_VOID(1, slot)))
#define SOME_PENDING (ODD(stamp) && (verdict[0] == PENDING || verdict[1] == PENDING))

/* ---- Parts of a step, to be used inside one that is atomic. ---- */

inline load_row() { said = verdict[r]; its = claimOf[r] }

/* CAS of a row's verdict from `said`, which then is what is there. */
inline swap_verdict(new) { if :: verdict[r] == said -> verdict[r] = new; won = 1 :: else -> won = 0 fi; said = verdict[r] }

/* Second phase, of the pending row in `said`: two steps. The first waits for the barrier and looks. */
#ifdef NOBARRIER
#define BARRIER true         /* naive */
#else
#define BARRIER DRAINED
#endif
inline look() { inTime = DECIDED(its) }
inline swap_decision() { if :: inTime -> swap_verdict(WITHDRAWN) :: else -> swap_verdict(FINAL) fi; inTime = 0 }

/* The end of a round of a loop over the rows, which it leaves after the last one. */
inline next_row() { said = 0; its = 0; won = 0; r++; if :: r == ROWS -> r = 0; break :: else fi }

/* ---- voidSpan: whether the table voids a claim; pending rows are decided on the way. ---- */

inline look_up(slot) {
  if
  :: atomic { !ODD(stamp) -> isVoid = 0 }
  :: atomic { ODD(stamp) -> isVoid = 0; r = 0 };
     do
     :: atomic { said != PENDING -> load_row(); judge(slot) }
#ifndef NORESOLVE
     :: atomic { said == PENDING && BARRIER -> look() };
        atomic { swap_decision(); judge(slot) }
#else
     :: atomic { said == PENDING && verdict[r] != PENDING -> load_row(); judge(slot) }      /* naive: left to whoever began it */
#endif
     od
  fi
}
inline judge(slot) {
  if
  :: said == PENDING && its == slot
  :: (said == FINAL || said == RELEASED) && its == slot -> isVoid = 1; said = 0; its = 0; won = 0; r = 0; break
  :: else -> next_row()
  fi
}

proctype StoreBuffer() {
end:
  do
  :: atomic { buffered[0] != NOTHING -> control[buffered[0]] = COMMITTED; buffered[0] = buffered[1]; buffered[1] = NOTHING }
  od
}

/* Further options of a step: to die, or to stop for ever, before it. */
#define OR_DIE_OR_STOP \
  :: atomic { incidents < INCIDENTS -> incidents++; dead = 1; goto over } \
  :: atomic { incidents < INCIDENTS -> incidents++; goto over }

/* For the owner's row in `said`: to be used as `judge`. */
inline settle_row() {
  if
  :: said == PENDING
  :: said == FINAL -> fenced = 1
  :: said == RELEASED -> fenced = 1; next_row()
  :: said == FREE || said == WITHDRAWN -> next_row()
  fi
}

inline commit(which) {
  slot = which; isOpen[which] = 0;
  if :: buffered[0] == NOTHING -> buffered[0] = which :: else -> buffered[1] = which fi
}

proctype Owner() {
  byte slot, r, its, said, s, seen; bit isOpen[2] = 1, won, fenced;
next:
  if
  :: atomic { !isOpen[0] && !isOpen[1] -> goto over }
  :: atomic { isOpen[0] -> commit(0) }
  :: atomic { isOpen[1] -> commit(1) }
  OR_DIE_OR_STOP
  fi;
  if
  :: atomic { revoked == seen -> goto told }
  :: atomic { revoked != seen -> s = revoked }
  OR_DIE_OR_STOP
  fi;
  if
  :: atomic { !ODD(stamp) }
  :: atomic { ODD(stamp) -> r = 0 };
     do
     :: atomic { said != PENDING && said != FINAL -> load_row();
          if :: said != TAKEN && its == slot -> settle_row() :: else -> next_row() fi }
     :: atomic { said == PENDING && DRAINED -> swap_verdict(WITHDRAWN); settle_row() }
     :: atomic { said == FINAL && DRAINED -> swap_verdict(RELEASED); settle_row() }
     OR_DIE_OR_STOP
     od
  fi;
#if defined(RESET)
  atomic { revoked = 0; s = 0 };                 /* naive: a flag that the owner clears */
#elif defined(SEENEARLY)
  atomic { seen = s; s = 0 };                    /* naive: remembered while the other claim is open */
#else
  atomic { if :: !isOpen[0] && !isOpen[1] -> seen = s :: else fi; s = 0 };
#endif
told:
  atomic {
    outcome[slot] = (fenced -> FENCED : PUBLISHED);
    assert(fate[slot] == 0 || fate[slot] == outcome[slot]);
    fenced = 0; slot = 0;
    goto next
  };
over:
  out = 1
}

/* The next publisher: confirms the last claim before the cursor moves on. */
proctype Other() {
  byte r, its, said, word; bit isVoid, won, inTime;
  atomic { word = control[1]; if :: word != 0 -> goto claim :: else fi };
  look_up(1);
  atomic { if :: !isVoid && control[1] == word -> control[1] = CLAIMED :: else fi };
claim:
  atomic { isVoid = 0; word = 0; cursorMoved = 1 }
}

#define TAKER_MAY_DIE :: atomic { mayDie -> goto over }

inline taken_already() {
  if
#ifndef NORESOLVE
  :: its == slot && said == PENDING
#else
  :: its == slot && said == PENDING -> goto next
#endif
  :: its == slot && said == FINAL -> goto next
  :: else -> next_row()
  fi
}

#define IS_OPEN(slot) (!DECIDED(slot) && !IS_VOID(slot))

proctype Quarantiner(bit mayDie) {
  byte slot, r, its, said; bit won, inTime;
end:
  do
  :: atomic {
       (IS_OPEN(0) || IS_OPEN(1)) && (mayDie || out || !alarmed) ->
       if :: IS_OPEN(0) -> slot = 0 :: IS_OPEN(1) -> slot = 1 fi;
       if :: mayDie || out :: else -> alarmed = 1 fi
     };
     if
     :: atomic { !ODD(stamp) }
     :: atomic { ODD(stamp) -> r = 0 };
        do
        :: atomic { said != PENDING -> load_row(); taken_already() }
        :: atomic { said == PENDING && BARRIER -> look() };
           atomic { swap_decision(); taken_already() }
        TAKER_MAY_DIE
        od
     fi;
     atomic { r = 0; said = 0; its = 0; won = 0 };
     do
     :: atomic { r < ROWS ->                     /* a row that is seen free: CAS from that */
          swap_verdict(TAKEN);
          if :: won -> break :: else -> said = 0; r++ fi }
     :: atomic { r == ROWS -> goto next }        /* the table is full */
     od;
     if :: atomic { claimOf[r] = slot } TAKER_MAY_DIE fi;
     if :: atomic { stamp = (stamp + 1) | 1 } TAKER_MAY_DIE fi;
#ifndef TELLLATE
     if :: atomic { revoked = revoked + 1 } TAKER_MAY_DIE fi;
#endif
#ifdef LOOKFIRST
     if :: atomic { BARRIER -> its = slot; look() } TAKER_MAY_DIE fi;      /* naive */
     if :: atomic { said = TAKEN; swap_verdict(PENDING); if :: !won -> goto next :: else fi } TAKER_MAY_DIE fi;
#else
     if :: atomic { said = TAKEN; swap_verdict(PENDING); if :: !won -> goto next :: else -> its = slot fi } TAKER_MAY_DIE fi;
     if :: atomic { BARRIER -> look() } TAKER_MAY_DIE fi;
#endif
     if :: atomic { swap_decision() } TAKER_MAY_DIE fi;
#ifdef TELLLATE
     atomic { revoked = revoked + 1 };           /* naive */
#endif
next:
     atomic { r = 0; said = 0; its = 0; won = 0; inTime = 0; slot = 0; if :: mayDie -> goto over :: else fi }
  od;
over:
  skip
}

inline released() { if :: said == PENDING || said == FINAL :: else -> next_row() fi }

proctype Recovery() {
  byte slot, r, its, said, word; bit isVoid, won, inTime, moved;
end:
  atomic { dead && DRAINED -> moved = cursorMoved };
  word = control[1];
  do
  :: atomic { !(word == CLAIMED || (!moved && word == 0)) -> break }
  :: word == CLAIMED || (!moved && word == 0) ->
     look_up(1);
     if
     :: atomic { isVoid -> break }
     :: atomic { !isVoid -> if :: control[1] == word -> control[1] = ABORTED; break :: else -> word = control[1] fi }
     fi
  od;
  atomic { isVoid = 0; moved = 0; word = control[0] };           /* from the floor on: the marked claims */
  atomic { if :: word == CLAIMED && control[0] == word -> control[0] = ABORTED :: else fi; word = control[1] };
  atomic { if :: word == CLAIMED && control[1] == word -> control[1] = ABORTED :: else fi; word = 0; r = 0 };
  if
  :: atomic { !ODD(stamp) }
  :: ODD(stamp) ->
     do
     :: atomic { said != PENDING && said != FINAL -> load_row(); released() }
     :: atomic { said == PENDING && BARRIER -> look() };
        atomic { swap_decision(); released() }
     :: atomic { said == FINAL -> swap_verdict(RELEASED); released() }
     od
  fi
}

inline note(what) {
  assert(fate[slot] == 0 || fate[slot] == what); assert(outcome[slot] == 0 || outcome[slot] == what);
  fate[slot] = what; slot++; word = 0; isVoid = 0
}

inline believe() {
  if
  :: atomic { isVoid || word == ABORTED -> note(FENCED) }
  :: atomic { !isVoid && word == COMMITTED -> note(PUBLISHED) }
  :: atomic { !isVoid && word != ABORTED && word != COMMITTED -> word = 0 }
  fi
}

proctype Reader() {
  byte slot, r, its, said, word; bit isVoid, won, inTime;
  do
  :: atomic { slot == 2 -> break }
#ifdef VERDICTFIRST
  :: slot < 2 -> look_up(slot);                  /* naive: the row may become final in between */
     word = control[slot];
     believe()
#else
  :: atomic { slot < 2 && (DECIDED(slot) || IS_VOID(slot) || SOME_PENDING) -> word = control[slot] };
     look_up(slot);
     believe()
#endif
  od
}

init {
  atomic {
    control[0] = CLAIMED;
    run StoreBuffer(); run Owner(); run Other(); run Quarantiner(0); run Recovery(); run Reader();
#ifndef ONEQUARANTINER
    run Quarantiner(1);
#endif
#ifndef ONEREADER
    run Reader();
#endif
  }
}
