/* The quarantine table as it is coded, and publishers that pass over slots that are out of use.

   Stands for Ring/Quarantine.swift, Quarantine+Pass.swift, Layout/Verdict.swift, and what they change in Ring+Claim.swift
   (confirm), Ring+Gate.swift (refreshLimit, openClaim), Ring+Recover.swift, Bus/Loan.swift (settle) and the subscriber's
   look. The ring has one slot: an offset is a lap. Two publishers claim lap after lap, the first lap is claimed already;
   each claim is announced, won by a CAS of the cursor and left unmarked until another publisher confirms it. Any
   publisher may die, or stop for ever, before any of its stores (INCIDENTS in all) but those by which it decides or
   clears away the rows of others, each of which is one CAS that anybody repeats; one that is merely slow is stopped and
   goes on later. Two quarantiners may take the same claim; the first may die or stop anywhere. One step is one access to
   one word, with the private work that follows; a row's claim is constant from pending on, and read with its verdict.
   Commits are plain stores and sit in a store buffer (TSO). A gate that lets a claim through lets it through for ever,
   so it is asked once, before the rows are extended; the code asks again after.

   Checked
     - published means that no reader skips it, fenced that none delivers it, and readers agree;
     - a late store of an owner never lands in a slot that was claimed again;
     - a slot that was claimed in the ordinary way is decided: nobody waits for ever, though publishers stay stopped;
     - with SWEEP: when all is over and a publisher comes round, nothing that is void belongs to an owner that is gone.

   OVERWRITE: readers hold nothing back. PASSER: a third publisher that dies after it has carried a row into its lap.
   LATE: the first quarantiner saw the first claim open and goes on only when its owner is dead and two laps are past.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DONEQUARANTINER -DINCIDENTS=0 | 545,895 states: slow owners, one that passes over
     quick pass -DONEQUARANTINER -DINCIDENTS=0 -DOVERWRITE | 2,689,477 states: the same, readers hold nothing back
     quick pass -DONEQUARANTINER | 16,160,681 states: a publisher dies, or stops for ever
     full  pass -DONEQUARANTINER -DINCIDENTS=0 -DOVERWRITE -DPASSER | 10,582,789 states: a third publisher that passes over, and dies
     full  pass -DLAPS=1 -DINCIDENTS=0 -DSWEEP | 1,317,284 states: two quarantiners, of which one may die
     full  pass -DLAPS=1 -DSWEEP | 27,085,907 states: the same, and a publisher dies or stops
     full  pass -DROWS=1 -DINCIDENTS=0 | 42,300,712 states: two quarantiners, a table of one row, a later lap
     full  pass -DINCIDENTS=0 | not searched to its end: two quarantiners, a later lap
     full  pass -DONEQUARANTINER -DLAPS=3 -DINCIDENTS=0 | not searched to its end: rows used again, two later laps
     full  pass -DLAPS=3 -DPASSER -DLATE | not searched to its end: a quarantiner that comes two laps late
     quick fail -DONEQUARANTINER -DINCIDENTS=0 -DNOREVOKED | 25,074 states: the owner told only afterwards: published, yet skipped
     quick fail -DONEQUARANTINER -DGATEHOLDS | 20,142 states: a void claim holds the gate: nobody goes on
     quick fail -DLAPS=3 -DONEQUARANTINER -DINCIDENTS=0 -DFREEATRELEASE | 2,285 states: the row freed at release: fenced, yet delivered
     quick fail -DONEQUARANTINER -DINCIDENTS=0 -DSTAMPFIRST | 180,370 states: table read before the control word: fenced, yet delivered
     quick fail -DLAPS=1 -DINCIDENTS=0 -DADOPT | 399,717 states: a taken row finished by another: the owner is never told
     quick fail -DALARMS=2 -DONEQUARANTINER -DINCIDENTS=0 -DSTAMPZERO | 316,618 states: the stamp set back to 0: a late reset hides a row
     quick fail -DALARMS=2 -DONEQUARANTINER -DINCIDENTS=0 -DSTALETAKEN | 614,967 states: a taken row believed: its claim is that of its last use
     full  fail -DINCIDENTS=0 -DFREETAKEN | 5,748,680 states: a taken row freed under its taker, who fills it late
     quick fail -DONEQUARANTINER -DINCIDENTS=0 -DOVERWRITE -DPASSER -DPASSPENDING | 5,087,108 states: pending rows passed undecided: a later lap's message is skipped
     quick fail -DLAPS=3 -DPASSER -DLATE -DLATETAKEN | 646,838 states: a row taken when its slots were claimed anew: the same
     quick fail -DLAPS=1 -DSWEEP -DNOHEIR | 16,111 states: rows that become void after their owner's recovery are nobody's

   Not in the model: spans and padding between void claims, several partitions, weak memory (docs/MEMORY-ORDER.md), a
   membarrier that is refused, the wrap of `use`, a row of the registry used again (registry.pml). A claim in the ordinary
   way is confirmed here only when it is decided or void: claim.pml has the rest. */

#ifndef LAPS
#define LAPS 2
#endif
#ifndef ROWS
#define ROWS 2
#endif
#ifndef INCIDENTS
#define INCIDENTS 1
#endif
#ifndef ALARMS
#define ALARMS 1
#endif
#ifndef READERS
#define READERS 1
#endif

#define CLAIMED 1
#define COMMITTED 2
#define ABORTED 3

#define FREE 0
#define TAKEN 1
#define PENDING 2
#define WITHDRAWN 3
#define FINAL 4
#define RELEASED 5

#define PUBLISHED 1          /* to its owner; to a reader: delivered */
#define FENCED 2             /* to its owner; to a reader: skipped */

#define NO_BUFFER 2          /* of a process whose stores are not modelled as late */

typedef Cursor { byte lap; byte who }
typedef Control { byte lap; byte state; byte who }
typedef Verdict { byte state; byte lap; byte use }     /* of a taken row, lap is its taker */

Cursor cursor;
Control control;
byte announced[2];
Verdict verdict[ROWS];
byte claimOf[ROWS];
byte ownerOf[ROWS];
byte stamp;                  /* odd: rows may be in use */
byte revoked[2];
byte head[READERS];
bit gone[2];                 /* a publisher's row was freed */
bit takerGone[2];

/* Ghosts. */
byte buffered[3];            /* the lap whose commit sits in the store buffer */
byte claimedLap;             /* the last lap that was claimed in the ordinary way */
byte outcome[LAPS + 1];
byte fate[LAPS + 1];
byte incidents;
byte alarms;                 /* claims of publishers that are only slow, taken by the living quarantiner */
bit dead[2];
bit out[2];                  /* dead, stopped for ever, or done */

#define DECIDED(in) (control.lap > (in) || (control.lap == (in) && control.state != CLAIMED))
#define W_DECIDED(in) (word.lap > (in) || (word.lap == (in) && word.state != CLAIMED))
#define COVERS(r, in) (claimOf[r] <= (in) && (in) <= verdict[r].lap)
#define SAYS_VOID(r, in) ((verdict[r].state == FINAL || verdict[r].state == RELEASED) && COVERS(r, in))
#define ODD(number) ((number) & 1)
#if ROWS == 1
#define IS_VOID(in) (ODD(stamp) && SAYS_VOID(0, in))
#define SOME_PENDING (ODD(stamp) && verdict[0].state == PENDING)
#else
#define IS_VOID(in) (ODD(stamp) && (SAYS_VOID(0, in) || SAYS_VOID(1, in)))
#define SOME_PENDING (ODD(stamp) && (verdict[0].state == PENDING || verdict[1].state == PENDING))
#endif

/* ---- Parts of a step, to be used inside one that is atomic. ---- */

inline load_control() { word.lap = control.lap; word.state = control.state; word.who = control.who }
inline set_control(newState, newWho, newLap) { control.lap = newLap; control.state = newState; control.who = newWho }
inline forget_word() { word.lap = 0; word.state = 0; word.who = 0 }

/* CAS of the control word from `word`; `won` tells whether it went through, and if not, `word` is what is there. */
inline swap_control(newState, newWho, newLap) {
  if
  :: control.lap == word.lap && control.state == word.state && control.who == word.who -> set_control(newState, newWho, newLap); won = 1
  :: else -> load_control(); won = 0
  fi
}

inline load_row() {
  said.state = verdict[r].state; said.lap = verdict[r].lap; said.use = verdict[r].use; its = claimOf[r]; by = ownerOf[r]
}
inline forget_row() { said.state = 0; said.lap = 0; said.use = 0; its = 0; by = 0; won = 0 }

/* CAS of a row's verdict from `said`, which then is what is there. */
inline swap_verdict(newState, newLap, newUse) {
  if
  :: verdict[r].state == said.state && verdict[r].lap == said.lap && verdict[r].use == said.use ->
     verdict[r].state = newState; verdict[r].lap = newLap; verdict[r].use = newUse; won = 1
  :: else -> won = 0
  fi;
  said.state = verdict[r].state; said.lap = verdict[r].lap; said.use = verdict[r].use
}

/* Second phase, of the pending row in `said`: two steps. The first waits for the barrier, which has emptied the
   owner's store buffer, and looks; nothing is lost by taking both at once, because what a later look saw of a commit
   drained in between, a later barrier would have seen too. */
#define BARRIER (!buffered[by])
#ifdef LATETAKEN
inline look() { inTime = DECIDED(its) }                        /* naive */
#else
inline look() { inTime = DECIDED(its) || cursor.lap > its + 1 }   /* or its slots were claimed anew */
#endif
inline swap_decision() {
  if
  :: inTime -> swap_verdict(WITHDRAWN, said.lap, said.use)
  :: else -> swap_verdict(FINAL, said.lap, said.use)
  fi;
  inTime = 0
}

/* A locked instruction waits for the store buffer of its own process. */
#define LOCKED (!buffered[own])

/* ---- Whole steps. ---- */

/* voidSpan: whether the table voids a lap; pending rows are decided on the way. */
inline look_up(in) {
  if
  :: atomic { !ODD(stamp) -> isVoid = 0 }
  :: atomic { ODD(stamp) -> isVoid = 0; r = 0 };
     do
     :: atomic { said.state != PENDING -> load_row(); judge(in) }
     :: atomic { said.state == PENDING && BARRIER -> look() };
        atomic { LOCKED -> swap_decision(); judge(in) }
     od
  fi
}

/* To be used inside an atomic step of a loop over the rows, which it leaves after the last one. */
inline judge(in) {
  if
  :: said.state == PENDING
  :: (said.state == FINAL || said.state == RELEASED) && its <= (in) && (in) <= said.lap ->
     isVoid = 1; r = 0; forget_row(); break
  :: else -> next_row()
  fi
}
inline next_row() { forget_row(); r++; if :: r == ROWS -> r = 0; break :: else fi }

proctype StoreBuffer() {
end:
  do
  :: atomic { buffered[0] -> assert(claimedLap <= buffered[0]); set_control(COMMITTED, 0, buffered[0]); buffered[0] = 0 }
  :: atomic { buffered[1] -> assert(claimedLap <= buffered[1]); set_control(COMMITTED, 1, buffered[1]); buffered[1] = 0 }
  od
}

/* Further options of a step: to die, or to stop for ever, before it. */
#ifdef LATE
#define OR_DIE_OR_STOP :: atomic { me == 0 && cursor.lap == 3 && IS_VOID(2) && incidents < INCIDENTS -> incidents++; dead[me] = 1; goto over }
#else
#define OR_DIE_OR_STOP \
  :: atomic { incidents < INCIDENTS -> incidents++; dead[me] = 1; goto over } \
  :: atomic { incidents < INCIDENTS -> incidents++; goto over }
#endif

#ifdef OVERWRITE
#define HEADS_ALLOW true
#elif READERS == 2
#define HEADS_ALLOW (head[0] >= cursor.lap && head[1] >= cursor.lap)
#else
#define HEADS_ALLOW (head[0] >= cursor.lap)
#endif

#ifdef FREETAKEN
#define IS_OVER(taker) true
#else
#define IS_OVER(taker) takerGone[taker]
#endif

/* Rows that say nothing any more. `at` is the cursor that the gate began with. */
inline reclaim(at) {
  do
  :: atomic { said.state == FREE && r < ROWS ->
       load_row();
       if
       :: said.state == WITHDRAWN || (said.state == RELEASED && at >= said.lap + 2) || (said.state == TAKEN && IS_OVER(said.lap))
#ifndef NOHEIR
       :: (said.state == PENDING || said.state == FINAL) && gone[by] -> inUse = 1
#endif
       :: said.state == FREE -> next_row_to_reclaim()
       :: else -> inUse = 1; next_row_to_reclaim()
       fi }
  :: atomic { (said.state == WITHDRAWN || said.state == RELEASED || said.state == TAKEN) && LOCKED ->
       swap_verdict(FREE, 0, said.use);
       if :: !won -> inUse = 1 :: else fi;
       next_row_to_reclaim() }
  :: atomic { said.state == PENDING && BARRIER -> look() };
     atomic { LOCKED -> swap_decision(); if :: said.state == FINAL :: else -> next_row_to_reclaim() fi }
  :: atomic { said.state == FINAL && LOCKED ->
       swap_verdict(RELEASED, said.lap, said.use);
       if :: said.state == FINAL :: else -> next_row_to_reclaim() fi }
  :: atomic { r == ROWS && LOCKED ->                   /* none in use: the stamp becomes even */
#ifdef STAMPZERO
       if :: stamp == s -> stamp = 0 :: else fi;
#else
       if :: stamp == s -> stamp = s + 1 :: else fi;
#endif
       r = 0; break }
  od
}
inline next_row_to_reclaim() { forget_row(); r++; if :: r == ROWS && inUse -> r = 0; break :: else fi }

/* For the owner's row in `said`: to be used as `judge`. */
inline settle_row() {
  if
  :: said.use != a -> next_row()
  :: said.use == a && said.state == FINAL -> fenced = 1
  :: said.use == a && said.state == RELEASED -> fenced = 1; next_row()
  :: said.use == a && (said.state == TAKEN || said.state == PENDING)
  :: said.use == a && (said.state == FREE || said.state == WITHDRAWN) -> next_row()
  fi
}

/* nextVoid: a final row stops publishers in every lap, a released one in those it names. */
inline find_void() {
  if
#ifndef PASSPENDING
  :: said.state == PENDING
#endif
  :: said.state == FINAL || (said.state == RELEASED && its <= lap && lap <= said.lap) -> isVoid = 1; r = 0; forget_row(); break
  :: else -> next_row()
  fi
}

inline extended() {
  if
  :: said.state == FINAL && said.lap < lap && !won -> load_row()
  :: else ->
     if :: (said.state == FINAL || said.state == RELEASED) && its <= lap && lap <= said.lap -> pass = 1 :: else fi;
     next_row()
  fi
}

proctype Publisher(byte me) {
  byte own, lap, last, a, r, its, by, s, seenRevoked, other; Control word; Verdict said;
  bit isVoid, won, inUse, inTime, pass, fenced;
  atomic {
    own = me; other = 1 - me;
    if :: me == 0 -> lap = 1; goto claimed :: else fi   /* its first claim is won */
  };
again:
  if
  :: atomic { cursor.lap > LAPS -> goto over }
  :: atomic { cursor.lap <= LAPS && HEADS_ALLOW -> lap = cursor.lap; last = cursor.who }
  OR_DIE_OR_STOP
  fi;

  /* The gate: is the other's claim open? Then `a` stays set. */
  atomic { a = announced[other]; if :: a == 0 || gone[other] -> a = 0; goto gated :: else fi };
  atomic {
    load_control();
    if
    :: (word.lap == a && word.state == CLAIMED && word.who == other) ||
       (last == other && lap == a + 1 && !W_DECIDED(a)) -> forget_word()
    :: else -> a = 0; forget_word(); goto gated
    fi
  };
#ifndef GATEHOLDS
  look_up(a);
#endif
gated:
  atomic {
    if :: isVoid -> a = 0; isVoid = 0 :: else fi;
    s = stamp;
    if :: ODD(s) -> r = 0; inUse = 0 :: else -> s = 0; goto in_use fi
  };
  reclaim(lap);
in_use:
  /* Are the slots out of use? Pending is decided: a verdict that comes after this must find the claim decided. */
  if
  :: atomic { !ODD(stamp) -> s = 0; inUse = 0; goto held }
  :: atomic { ODD(stamp) -> s = 0; inUse = 0; r = 0 };
     do
     :: atomic { said.state != PENDING -> load_row(); find_void() }
     :: atomic { said.state == PENDING && BARRIER -> look() };
        atomic { LOCKED -> swap_decision(); find_void() }
     od
  fi;
  if :: !isVoid -> goto held :: else -> isVoid = 0 fi;

  /* Say so for this lap too. */
  if
  :: atomic { !ODD(stamp) -> goto again }
  :: atomic { ODD(stamp) -> r = 0 };
     do
     :: atomic { said.state != FINAL -> load_row(); extended() }
     :: atomic { said.state == FINAL && LOCKED -> swap_verdict(FINAL, lap, said.use); extended() }
     OR_DIE_OR_STOP
     od
  fi;
  if :: !pass -> goto again :: else fi;
held:
  if
  :: a != 0 ->
#ifdef GATEHOLDS
     (cursor.lap != lap || DECIDED(a) || gone[other]);   /* naive: void claims hold like any other */
#else
     (cursor.lap != lap || DECIDED(a) || gone[other] || IS_VOID(a) || SOME_PENDING);
#endif
     atomic { a = 0; pass = 0; lap = 0; last = 0; goto again }
  :: a == 0 && last != other -> goto announce
  :: a == 0 && last == other
  fi;

  /* Confirm. */
  atomic { a = announced[other]; if :: a && a + 1 == lap :: else -> a = 0; goto announce fi };
  atomic { load_control(); if :: word.lap < a :: else -> a = 0; forget_word(); goto announce fi };
  look_up(a);
  do
  :: atomic { isVoid -> break }
  :: atomic { !isVoid && LOCKED ->
       swap_control(CLAIMED, other, a);
       if :: won || word.lap >= a -> break :: else fi
     }
  OR_DIE_OR_STOP
  od;
announce:
  if
  :: atomic { !buffered[me] -> announced[me] = lap; a = 0; isVoid = 0; won = 0; forget_word() }
  OR_DIE_OR_STOP
  fi;
  if
  :: atomic {
       LOCKED ->
       if
       :: cursor.lap == lap && cursor.who == last ->
          cursor.lap = lap + 1; cursor.who = me; last = 0;
          if :: pass -> pass = 0; lap = 0; goto again :: else -> claimedLap = lap fi
       :: else -> lap = 0; last = 0; pass = 0; goto again
       fi
     }
  OR_DIE_OR_STOP
  fi;
claimed:
  if
  :: atomic { buffered[me] = lap }                     /* payload, header, control word */
  OR_DIE_OR_STOP
  fi;
  if
  :: atomic { revoked[me] == seenRevoked -> goto told }
  :: atomic { revoked[me] != seenRevoked -> s = revoked[me] }
  OR_DIE_OR_STOP
  fi;

  /* Settle. Nothing waits for the store: what becomes pending later will see it. */
  if
  :: atomic { !ODD(stamp) -> goto settled }
  :: atomic { ODD(stamp) -> r = 0 };
     do
     :: atomic { said.state == FREE -> load_row();
          if
#ifdef STALETAKEN
          :: said.state != FREE && its == lap && by == me -> a = said.use; settle_row()
#else
          :: said.state != FREE && said.state != TAKEN && its == lap && by == me -> a = said.use; settle_row()
#endif
          :: else -> next_row()
          fi }
     :: atomic { (said.state == TAKEN || said.state == PENDING) && LOCKED ->
          swap_verdict(WITHDRAWN, said.lap, said.use); settle_row() }
     :: atomic { said.state == FINAL && LOCKED ->
#ifdef FREEATRELEASE
          swap_verdict(FREE, 0, said.use);
#else
          swap_verdict(RELEASED, said.lap, said.use);
#endif
          settle_row() }
     OR_DIE_OR_STOP
     od
  fi;
settled:
  atomic { seenRevoked = s; s = 0; a = 0 };
told:
  atomic {
    outcome[lap] = (fenced -> FENCED : PUBLISHED);
    assert(fate[lap] == 0 || fate[lap] == outcome[lap]);
    fenced = 0; lap = 0;
    goto again
  };
over:
  out[me] = 1
}

#ifdef PASSER
/* A third publisher that dies after it has said that the slots are out of use in this lap too, or loses the cursor. */
proctype Passer() {
  byte own = NO_BUFFER, lap, r, its, by; Verdict said; bit won, pass;
end:
#ifdef LATE
  atomic { ODD(stamp) && cursor.lap == LAPS + 1 -> lap = cursor.lap };
#else
  atomic { ODD(stamp) && cursor.lap <= LAPS -> lap = cursor.lap };
#endif
  do
  :: atomic { said.state != FINAL -> load_row(); extended() }
  :: atomic { said.state == FINAL -> swap_verdict(FINAL, lap, said.use); extended() }
  od
}
#endif

#ifdef SWEEP
/* When all is over, a publisher comes round: nothing that is void belongs to an owner that is gone. */
#define IS_LEFT(r) ((verdict[r].state == PENDING || verdict[r].state == FINAL) && gone[ownerOf[r]])
proctype Sweeper() {
  byte own = NO_BUFFER, r, its, by, s; Verdict said; bit won, inUse, inTime;
end:
  atomic { timeout -> s = stamp };
  if :: ODD(s) -> reclaim(LAPS + 1) :: else fi;
  assert(!IS_LEFT(0) && !IS_LEFT(ROWS - 1))
}
#endif

#define TAKER_MAY_DIE :: atomic { mayDie -> goto over }

inline taken_already() {
  if
  :: its == lap && by == whose && said.state == PENDING
#ifdef ADOPT
  :: its == lap && by == whose && said.state == TAKEN
#endif
  :: its == lap && by == whose && said.state == FINAL -> goto next
  :: else -> next_row()
  fi
}

proctype Quarantiner(byte me; bit mayDie) {
  byte own = NO_BUFFER, r, its, by, lap, whose, use; Verdict said; bit won, inTime;
end:
  do
#ifdef LATE
  /* Found the first claim open long ago, and goes on only now. */
  :: atomic { me == 0 && gone[0] && cursor.lap > 3 -> lap = 1; whose = 0 };
     goto taking
#endif
  :: atomic {
#ifdef LATE
       me == 1 && cursor.lap == 2 &&
#endif
       cursor.lap > 1 && !DECIDED(cursor.lap - 1) && !IS_VOID(cursor.lap - 1) && !gone[cursor.who] &&
       (mayDie || out[cursor.who] || alarms < ALARMS) ->
       lap = cursor.lap - 1; whose = cursor.who;
       if :: mayDie || out[whose] :: else -> alarms++ fi
     };
taking:
     /* Somebody else may have taken it already. */
     if
     :: atomic { !ODD(stamp) }
     :: atomic { ODD(stamp) -> r = 0 };
        do
        :: atomic { said.state != PENDING && said.state != TAKEN -> load_row(); taken_already() }
        :: atomic { said.state == PENDING && BARRIER -> look() };
           atomic { swap_decision(); taken_already() }
#ifdef ADOPT
        :: atomic { said.state == TAKEN -> swap_verdict(PENDING, lap, said.use); taken_already() }
#endif
        TAKER_MAY_DIE
        od
     fi;
     r = 0;
     do
     :: atomic { said.state == FREE && r < ROWS -> load_row(); if :: said.state == FREE -> said.state = WITHDRAWN :: else -> forget_row(); r++ fi }
     :: atomic { said.state == WITHDRAWN ->            /* here: seen free */
          said.state = FREE;
          swap_verdict(TAKEN, me, (said.use + 1) % 4);
          if :: won -> use = said.use; break :: else -> forget_row(); r++ fi }
     :: atomic { r == ROWS -> goto next }              /* the table is full */
     od;
     if :: atomic { claimOf[r] = lap } TAKER_MAY_DIE fi;
     if :: atomic { ownerOf[r] = whose } TAKER_MAY_DIE fi;
#ifdef STAMPZERO
     if :: atomic { stamp = stamp + 1 } TAKER_MAY_DIE fi;
#else
     if :: atomic { stamp = (stamp + 1) | 1 } TAKER_MAY_DIE fi;
#endif
#ifndef NOREVOKED
     if :: atomic { revoked[whose] = revoked[whose] + 1 } TAKER_MAY_DIE fi;
#endif
     if
     :: atomic {
          said.state = TAKEN; said.lap = me; said.use = use;
          swap_verdict(PENDING, lap, use);
          if :: !won -> goto next :: else -> its = lap; by = whose fi }
     TAKER_MAY_DIE
     fi;
     if :: atomic { BARRIER -> look() } TAKER_MAY_DIE fi;
     if :: atomic { swap_decision() } TAKER_MAY_DIE fi;
#ifdef NOREVOKED
     atomic { revoked[whose] = revoked[whose] + 1 };   /* naive: told afterwards */
#endif
next:
     atomic {
       forget_row(); r = 0; lap = 0; whose = 0; use = 0;
       if :: mayDie -> goto over :: else fi
     }
  od;
over:
  takerGone[me] = 1
}

inline released() {
  if
  :: by == who && (said.state == PENDING || said.state == FINAL)
  :: else -> next_row()
  fi
}

proctype Recovery(byte who) {
  byte own = NO_BUFFER, a, r, its, by; Control word; Verdict said; Cursor seen; bit isVoid, won, inTime;
end:
  atomic { dead[who] && !buffered[who] -> seen.lap = cursor.lap; seen.who = cursor.who };
  atomic { a = announced[who]; if :: a == 0 -> goto rows :: else fi };
  atomic { load_control() };
#define MUST_ABORT ((word.lap == a && word.state == CLAIMED && word.who == who) || (seen.lap == a + 1 && seen.who == who && word.lap < a))
  do
  :: atomic { !MUST_ABORT -> break }
  :: MUST_ABORT ->
     look_up(a);
     if
     :: atomic { isVoid -> break }
     :: atomic { !isVoid -> swap_control(ABORTED, who, a); if :: won -> break :: else fi }
     fi
  od;
rows:
  atomic { forget_word(); seen.lap = 0; seen.who = 0; a = 0; isVoid = 0; won = 0; r = 0; if :: !ODD(stamp) -> goto over :: else fi };
  do
  :: atomic { said.state != PENDING && said.state != FINAL -> load_row(); released() }
  :: atomic { said.state == PENDING && BARRIER -> look() };
     atomic { swap_decision(); released() }
  :: atomic { said.state == FINAL -> swap_verdict(RELEASED, said.lap, said.use); released() }
  od;
over:
  gone[who] = 1
}

#define IS_DEADS(lap) \
  ((control.lap == lap && dead[control.who] && !buffered[control.who]) || \
   (control.lap < lap && cursor.lap == lap + 1 && dead[cursor.who] && !buffered[cursor.who]))

inline note(what) {
  assert(fate[lap] == 0 || fate[lap] == what); assert(outcome[lap] == 0 || outcome[lap] == what);
  fate[lap] = what; lap++; head[me] = lap
}

inline believe() {
  if
  :: atomic { isVoid && cursor.lap > lap -> note(FENCED); forget_word(); isVoid = 0 }
  :: atomic { !isVoid && word.lap == lap && word.state == ABORTED -> note(FENCED); forget_word() }
#ifdef OVERWRITE
  :: atomic { !isVoid && word.lap == lap && word.state == COMMITTED && cursor.lap <= lap + 1 -> note(PUBLISHED); forget_word() }
  :: atomic { !isVoid && (word.lap > lap || (word.lap == lap && word.state == COMMITTED && cursor.lap > lap + 1)) ->
       lap++; head[me] = lap; forget_word() }    /* overrun */
#else
  :: atomic { !isVoid && word.lap == lap && word.state == COMMITTED -> note(PUBLISHED); forget_word() }
  :: atomic { !isVoid && word.lap > lap -> assert(false) }
#endif
  :: atomic { !isVoid && (word.lap < lap || word.state == CLAIMED) -> forget_word() }
  fi
}

proctype Reader(byte me) {
  byte own = NO_BUFFER, lap = 1, r, its, by; Control word; Verdict said; bit isVoid, won, inTime;
end:
  do
  :: atomic { lap > LAPS -> break }
#ifdef STAMPFIRST
  :: lap <= LAPS && cursor.lap > lap ->
     look_up(lap);                               /* naive: the row may become final in between */
     atomic { load_control() };
     believe()
#else
  :: atomic { lap <= LAPS && (DECIDED(lap) || IS_VOID(lap) || SOME_PENDING) -> load_control() };
     look_up(lap);
     believe()
#endif
  /* A dead publisher's claim, by itself: the word was read again after the lock was found free. */
  :: atomic { lap <= LAPS && cursor.lap > lap && !DECIDED(lap) && !IS_VOID(lap) && !SOME_PENDING && IS_DEADS(lap) ->
       note(FENCED) }
  od
}
init {
  atomic {
    cursor.lap = 2; cursor.who = 0; announced[0] = 1; claimedLap = 1; head[0] = 1;
    run StoreBuffer(); run Publisher(0); run Publisher(1);
#ifndef ONEQUARANTINER
    run Quarantiner(0, 1);
#endif
    run Quarantiner(1, 0);
    run Recovery(0); run Recovery(1); run Reader(0);
#if READERS == 2
    head[1] = 1;
    run Reader(1);
#endif
#ifdef SWEEP
    run Sweeper();
#endif
#ifdef PASSER
    run Passer();
#endif
  }
}
