/* The quarantine table as it is coded, and publishers that pass over slots that are out of use.

   Stands for Ring/Quarantine.swift, Quarantine+Pass.swift, Layout/Verdict.swift, and what they change in Ring+Claim.swift
   (confirm), Ring+Gate.swift (openClaim), Ring+Recover.swift and Bus/Loan.swift (settle). The ring has one slot: an offset
   is a lap. Two publishers claim lap after lap, the first lap is claimed already; each claim is announced, won by a CAS of the cursor and left unmarked
   until another publisher confirms it. Any publisher may die, or stop for ever, between any two steps (INCIDENTS in
   all); one that is merely slow is stopped and goes on later. Two quarantiners may take the same claim; the first may
   die or stop anywhere. One step is one access to one word; a row's claim is constant from pending on, and read with
   its verdict. Commits are plain stores and sit in a store buffer (TSO).

   Checked
     - published means that no reader skips it, fenced that none delivers it, and readers agree;
     - a late store of an owner never lands in a slot that was claimed again;
     - a slot that was claimed in the ordinary way is decided: nobody waits for ever, though publishers stay stopped;
     - when all is over, nothing that is void belongs to an owner that is gone.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DLAPS=2 -DONEQUARANTINER -DINCIDENTS=0 | 5,474,710 states: slow owners, one that passes over
     quick fail -DLAPS=2 -DONEQUARANTINER -DINCIDENTS=0 -DNOREVOKED | 191,616 states: the owner told only afterwards: published, yet skipped
     quick fail -DLAPS=2 -DONEQUARANTINER -DGATEHOLDS | 47,646 states: a void claim holds the gate: nobody goes on
     quick fail -DLAPS=3 -DONEQUARANTINER -DINCIDENTS=0 -DFREEATRELEASE | 110,849 states: the row freed at release: readers wait for ever
     quick fail -DLAPS=2 -DONEQUARANTINER -DINCIDENTS=0 -DSTAMPFIRST | 1,353,567 states: table read before the control word: fenced, yet delivered
     quick fail -DLAPS=1 -DINCIDENTS=0 -DADOPT | 4,860,469 states: a taken row finished by another: the owner is never told
     full  fail -DLAPS=2 -DONEQUARANTINER -DSTALETAKEN | 21,913,107 states: a taken row believed: its claim is that of its last use

   With one death or stop for ever (-DLAPS=2 -DONEQUARANTINER) 34,000,000 states were searched without an error, not all.
   Too large to be shown in 3 GB with two quarantiners, but switches exist: STAMPZERO, FREETAKEN, MARKPASSING, NORETRY,
   RECOVERPASSED, NOHEIR.

   Not in the model: spans and padding between void claims, several partitions, weak memory, a membarrier that is
   refused, the wrap of `use`. */

#ifndef LAPS
#define LAPS 3
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

#define NOBODY 3
#define PUBLISHED 1          /* to its owner; to a reader: delivered */
#define FENCED 2             /* to its owner; to a reader: skipped */

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
byte head[2];
bit gone[2];                 /* a publisher's row was freed */
bit takerGone[2];

/* Ghosts. */
byte buffered[2];            /* the lap whose commit sits in the store buffer */
byte claimedLap;             /* the last lap that was claimed in the ordinary way */
byte outcome[LAPS + 1];
byte fate[LAPS + 1];
byte incidents;
byte alarms;                 /* claims of publishers that are only slow, taken by the living quarantiner */
bit dead[2];
bit out[2];                  /* dead, stopped for ever, or done */

#define DRAINED (!buffered[0] && !buffered[1])
#define DECIDED(in) (control.lap > (in) || (control.lap == (in) && control.state != CLAIMED))
#define W_DECIDED(in) (word.lap > (in) || (word.lap == (in) && word.state != CLAIMED))
#define COVERS(r, in) (claimOf[r] <= (in) && (in) <= verdict[r].lap)
#define SAYS_VOID(r, in) ((verdict[r].state == FINAL || verdict[r].state == RELEASED) && COVERS(r, in))
#if ROWS == 2
#define IS_VOID(in) (stamp % 2 == 1 && (SAYS_VOID(0, in) || SAYS_VOID(1, in)))
#define SOME_PENDING (stamp % 2 == 1 && (verdict[0].state == PENDING || verdict[1].state == PENDING))
#define SOME_STATE(s) (verdict[0].state == s || verdict[1].state == s)
#else
#define IS_VOID(in) (stamp % 2 == 1 && (SAYS_VOID(0, in) || SAYS_VOID(1, in) || SAYS_VOID(2, in)))
#define SOME_PENDING (stamp % 2 == 1 && (verdict[0].state == PENDING || verdict[1].state == PENDING || verdict[2].state == PENDING))
#define SOME_STATE(s) (verdict[0].state == s || verdict[1].state == s || verdict[2].state == s)
#endif

inline load_control() { atomic { word.lap = control.lap; word.state = control.state; word.who = control.who } }

inline load_row() {
  atomic { said.state = verdict[r].state; said.lap = verdict[r].lap; said.use = verdict[r].use; its = claimOf[r]; by = ownerOf[r] }
}

/* To be used inside an atomic step. */
#define UNCHANGED (verdict[r].state == said.state && verdict[r].lap == said.lap && verdict[r].use == said.use)
inline swap_verdict(newState, newLap, newUse) {
  atomic {
    if
    :: UNCHANGED ->
       verdict[r].state = newState; verdict[r].lap = newLap; verdict[r].use = newUse;
       said.state = newState; said.lap = newLap; said.use = newUse; won = 1
    :: else ->
       said.state = verdict[r].state; said.lap = verdict[r].lap; said.use = verdict[r].use; won = 0
    fi
  }
}

/* After a barrier, whether the claim was decided in time. */
inline decide() {
  DRAINED;
  load_control();
  if
  :: W_DECIDED(its) -> swap_verdict(WITHDRAWN, said.lap, said.use)
  :: else -> swap_verdict(FINAL, said.lap, said.use)
  fi
}

/* Whether the table voids a lap; pending rows are decided on the way. Uses up `word`. */
inline look_up(in) {
  isVoid = 0;
  if
  :: stamp % 2 == 1 ->
     r = 0;
     do
     :: r < ROWS && !isVoid ->
        load_row();
        if :: said.state == PENDING -> decide() :: else fi;
        if :: (said.state == FINAL || said.state == RELEASED) && its <= (in) && (in) <= said.lap -> isVoid = 1 :: else fi;
        atomic { r++; its = 0; by = 0 }
     :: else -> break
     od
  :: else
  fi;
  forget_row()
}

inline forget_row() {
  atomic { r = 0; its = 0; by = 0; said.state = 0; said.lap = 0; said.use = 0; won = 0; word.lap = 0; word.state = 0; word.who = 0 }
}

proctype StoreBuffer() {
end:
  do
  :: atomic { buffered[0] -> assert(claimedLap <= buffered[0]); control.lap = buffered[0]; control.state = COMMITTED; control.who = 0; buffered[0] = 0 }
  :: atomic { buffered[1] -> assert(claimedLap <= buffered[1]); control.lap = buffered[1]; control.state = COMMITTED; control.who = 1; buffered[1] = 0 }
  od
}

#define MAY_DIE_OR_STOP \
  if \
  :: atomic { incidents < INCIDENTS -> incidents++; dead[me] = 1; goto over } \
  :: atomic { incidents < INCIDENTS -> incidents++; goto over } \
  :: skip \
  fi

/* Rows that say nothing any more. */
inline reclaim(at) {
  atomic { s = stamp; inUse = 0; r = 0 };
  if
  :: s % 2 == 1 ->
     do
     :: r < ROWS ->
        load_row();
        if
        :: said.state == FREE
        :: said.state == WITHDRAWN || (said.state == RELEASED && at >= said.lap + 2) -> swap_verdict(FREE, 0, said.use); if :: !won -> inUse = 1 :: else fi
#ifdef FREETAKEN
        :: said.state == TAKEN -> swap_verdict(FREE, 0, said.use); if :: !won -> inUse = 1 :: else fi
#else
        :: said.state == TAKEN && takerGone[said.lap] -> swap_verdict(FREE, 0, said.use); if :: !won -> inUse = 1 :: else fi
        :: said.state == TAKEN && !takerGone[said.lap] -> inUse = 1
#endif
        :: said.state == RELEASED && at < said.lap + 2 -> inUse = 1
#ifndef NOHEIR
        :: said.state == PENDING && gone[by] -> inUse = 1; decide()
        :: said.state == FINAL && gone[by] -> inUse = 1; swap_verdict(RELEASED, said.lap, said.use)
        :: (said.state == PENDING || said.state == FINAL) && !gone[by] -> inUse = 1
#else
        :: said.state == PENDING || said.state == FINAL -> inUse = 1
#endif
        fi;
        r++
     :: else -> break
     od;
#ifdef STAMPZERO
     if :: !inUse -> atomic { if :: stamp == s -> stamp = 0 :: else fi } :: else fi
#else
     if :: !inUse -> atomic { if :: stamp == s -> stamp = s + 1 :: else fi } :: else fi
#endif
  :: else
  fi;
  forget_row();
  atomic { s = 0; inUse = 0 }
}

proctype Publisher(byte me) {
  byte lap, last, a, r, its, by, s, seenRevoked, other; Control word; Verdict said;
  bit isVoid, won, inUse, pass, stands;
  other = 1 - me;
  if :: me == 0 -> lap = 1; goto claimed :: else fi;   /* its first claim is won */
again:
  MAY_DIE_OR_STOP;
  atomic { lap = cursor.lap; last = cursor.who; isVoid = 0; pass = 0; a = 0 };
  if :: lap > LAPS -> goto over :: else fi;
#ifndef OVERWRITE
  (cursor.lap != lap || (head[0] >= lap && head[READERS - 1] >= lap));
#endif
  reclaim(lap);

  /* The gate: is the other's claim open? */
  a = announced[other];
  load_control();
  if
  :: a && !gone[other] && ((word.lap == a && word.state == CLAIMED && word.who == other) ||
       (last == other && lap == a + 1 && !W_DECIDED(a))) ->
#ifdef GATEHOLDS
     (cursor.lap != lap || DECIDED(a) || gone[other]);   /* naive: void claims hold like any other */
#else
     look_up(a);
     if
     :: !isVoid ->
        (cursor.lap != lap || DECIDED(a) || gone[other] || IS_VOID(a) || SOME_PENDING);
        goto again
     :: else
     fi
#endif
  :: else
  fi;
  forget_row();

  /* Are the slots out of use? Say so for this lap too. */
  if
  :: stamp % 2 == 1 ->
     do
     :: r < ROWS ->
        load_row();
        do
        :: said.state == FINAL && said.lap < lap -> swap_verdict(FINAL, lap, said.use)
        :: else -> break
        od;
        if :: (said.state == FINAL || said.state == RELEASED) && its <= lap && lap <= said.lap -> pass = 1 :: else fi;
        r++
     :: else -> break
     od
  :: else
  fi;
  forget_row();
  MAY_DIE_OR_STOP;

  /* Confirm. */
  if
  :: last == other ->
     a = announced[other];
     if
     :: a && a + 1 == lap ->
        load_control();
        if
        :: word.lap < a ->
#ifndef MARKPASSING
           look_up(a);
           load_control();
#endif
           if
           :: !isVoid ->
              do
              :: word.lap < a ->
                 atomic {
                   if
                   :: control.lap == word.lap && control.state == word.state && control.who == word.who ->
                      control.lap = a; control.state = CLAIMED; control.who = other; break
                   :: else -> word.lap = control.lap; word.state = control.state; word.who = control.who
                   fi
                 };
#ifdef NORETRY
                 break
#endif
              :: else -> break
              od
           :: else
           fi
        :: else
        fi
     :: else
     fi
  :: else
  fi;
  forget_row();
  announced[me] = lap;
  MAY_DIE_OR_STOP;
  atomic {
    if
    :: cursor.lap == lap && cursor.who == last ->
       cursor.lap = lap + 1; cursor.who = me; won = 1;
       if :: !pass -> claimedLap = lap :: else fi
    :: else -> won = 0
    fi
  };
  if :: !won || pass -> goto again :: else fi;
claimed:
  atomic { won = 0; last = 0; a = 0; isVoid = 0 };
  MAY_DIE_OR_STOP;
  buffered[me] = lap;                            /* payload, header, control word */
  MAY_DIE_OR_STOP;
  if :: revoked[me] == seenRevoked -> stands = 1; goto told :: else fi;

  /* Settle. */
  DRAINED;
  atomic { s = revoked[me]; stands = 1 };
  if
  :: stamp % 2 == 1 ->
     do
     :: r < ROWS ->
        load_row();
        if
#ifdef STALETAKEN
        :: said.state != FREE && its == lap && by == me ->
#else
        :: said.state != FREE && said.state != TAKEN && its == lap && by == me ->
#endif
           a = said.use;
           do
           :: said.use != a -> break
           :: said.use == a && (said.state == TAKEN || said.state == PENDING) -> swap_verdict(WITHDRAWN, said.lap, said.use); if :: won -> break :: else fi
#ifdef FREEATRELEASE
           :: said.use == a && said.state == FINAL -> stands = 0; swap_verdict(FREE, 0, said.use); if :: won -> break :: else fi
#else
           :: said.use == a && said.state == FINAL -> stands = 0; swap_verdict(RELEASED, said.lap, said.use); if :: won -> break :: else fi
#endif
           :: said.use == a && said.state == RELEASED -> stands = 0; break
           :: said.use == a && (said.state == FREE || said.state == WITHDRAWN) -> break
           od
        :: else
        fi;
        r++
     :: else -> break
     od
  :: else
  fi;
  forget_row();
  atomic { seenRevoked = s; s = 0 };
told:
  atomic {
    outcome[lap] = (stands -> PUBLISHED : FENCED);
    assert(fate[lap] == 0 || fate[lap] == outcome[lap]);
    stands = 0
  };
  goto again;
over:
  out[me] = 1
}

proctype Quarantiner(byte me; bit mayDie) {
  byte r, its, by, lap, whose, use; Control word; Verdict said; bit isVoid, won;
end:
  do
  :: atomic { cursor.lap > 1 && !DECIDED(cursor.lap - 1) && !IS_VOID(cursor.lap - 1) && cursor.who != NOBODY &&
       !gone[cursor.who] && (mayDie || out[cursor.who] || alarms < ALARMS) ->
       lap = cursor.lap - 1; whose = cursor.who; if :: mayDie || out[whose] :: else -> alarms++ fi };
     r = 0;
     if
     :: stamp % 2 == 1 ->
        do
        :: r < ROWS ->
           load_row();
           if
           :: its == lap && by == whose && said.state == PENDING -> decide()
#ifdef ADOPT
           :: its == lap && by == whose && said.state == TAKEN -> swap_verdict(PENDING, lap, said.use); if :: won -> decide() :: else fi
#endif
           :: else
           fi;
           if :: said.state == FINAL && its == lap && by == whose -> goto next :: else fi;
           r++
        :: else -> break
        od
     :: else
     fi;
     r = 0;
     do
     :: r < ROWS ->
        load_row();
        if
        :: said.state == FREE ->
           swap_verdict(TAKEN, me, (said.use + 1) % 4);
           if
           :: won ->
              if :: mayDie -> goto over :: skip fi;
              use = said.use;
              claimOf[r] = lap;
              ownerOf[r] = whose;
              if :: mayDie -> goto over :: skip fi;
#ifdef STAMPZERO
              stamp = stamp + 1;
#else
              atomic { stamp = (stamp + 1) + (stamp % 2) };
#endif
              if :: mayDie -> goto over :: skip fi;
#ifndef NOREVOKED
              atomic { revoked[whose] = revoked[whose] + 1 };
#endif
              if :: mayDie -> goto over :: skip fi;
              swap_verdict(PENDING, lap, said.use);
              if :: !won -> goto next :: mayDie && won -> goto over :: won fi;
              atomic { its = lap; by = whose };
              decide();
#ifdef NOREVOKED
              atomic { revoked[whose] = revoked[whose] + 1 };   /* naive: told afterwards */
#endif
              goto next
           :: else
           fi
        :: else
        fi;
        r++
     :: else -> goto next                        /* the table is full */
     od;
next:
     forget_row();
     atomic { lap = 0; whose = 0; use = 0 };
     if :: mayDie -> goto over :: else fi
  od;
over:
  takerGone[me] = 1
}

proctype Recovery(byte who) {
  byte a, r, its, by; Control word; Verdict said; Cursor seen; bit isVoid, won;
end:
  dead[who];
  DRAINED;
  atomic { seen.lap = cursor.lap; seen.who = cursor.who };
  a = announced[who];
  if
  :: a ->
     load_control();
     do
     :: (word.lap == a && word.state == CLAIMED && word.who == who) || (seen.lap == a + 1 && seen.who == who && word.lap < a) ->
#ifndef RECOVERPASSED
        look_up(a);
        if :: isVoid -> break :: else fi;
        load_control();
        if :: !((word.lap == a && word.state == CLAIMED && word.who == who) || word.lap < a) -> break :: else fi;
#endif
        atomic {
          if
          :: control.lap == word.lap && control.state == word.state && control.who == word.who ->
             control.lap = a; control.state = ABORTED; control.who = who; break
          :: else -> word.lap = control.lap; word.state = control.state; word.who = control.who
          fi
        }
     :: else -> break
     od
  :: else
  fi;
  forget_row();
  do
  :: r < ROWS ->
     load_row();
     if
     :: by == who && said.state != FREE && said.state != TAKEN ->
        do
        :: said.state == PENDING -> decide()
        :: said.state == FINAL -> swap_verdict(RELEASED, said.lap, said.use)
        :: else -> break
        od
     :: else
     fi;
     r++
  :: else -> break
  od;
  forget_row();
  gone[who] = 1
}

proctype Reader(byte me) {
  byte lap = 1, r, its, by, s, standingLap, standing; Control word; Verdict said; bit isVoid, won;
again:
  if :: lap > LAPS -> goto over :: else fi;
end:
  (cursor.lap > lap);
#ifdef STAMPFIRST
  look_up(lap);                                  /* naive: the row may become final in between */
  load_control();
  atomic { standingLap = word.lap; standing = word.state };
#else
  (DECIDED(lap) || IS_VOID(lap) || SOME_PENDING);
  load_control();
  atomic { standingLap = word.lap; standing = word.state };
  look_up(lap);
#endif
  atomic {
    if
    :: isVoid || (standingLap == lap && standing == ABORTED) ->
       assert(fate[lap] == 0 || fate[lap] == FENCED); assert(outcome[lap] == 0 || outcome[lap] == FENCED);
       fate[lap] = FENCED; lap++
    :: !isVoid && standingLap == lap && standing == COMMITTED ->
       assert(fate[lap] == 0 || fate[lap] == PUBLISHED); assert(outcome[lap] == 0 || outcome[lap] == PUBLISHED);
       fate[lap] = PUBLISHED; lap++
    :: !isVoid && standingLap > lap ->
#ifndef OVERWRITE
       assert(false);
#endif
       lap++                                     /* overrun */
    :: else
    fi;
    isVoid = 0; standingLap = 0; standing = 0; head[me] = lap
  };
  goto again;
over:
  skip
}

init {
  atomic {
    cursor.lap = 2; cursor.who = 0; announced[0] = 1; claimedLap = 1; head[0] = 1; head[1] = 1;
    run StoreBuffer(); run Publisher(0); run Publisher(1);
#ifndef ONEQUARANTINER
    run Quarantiner(0, 1);
#endif
    run Quarantiner(1, 0);
    run Recovery(0); run Recovery(1); run Reader(0);
#if READERS == 2
    run Reader(1)
#endif
  }
}
