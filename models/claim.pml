/* Claiming slots of a partition: announce, claim, mark; and what happens when a publisher dies half-way.

   Stands for Ring+Claim.swift (Publisher: claim, mark), Ring+Commit.swift (Publisher: close), Ring+Gate.swift
   (refresh_limit), Ring+Recover.swift (Recoverer), Ring+Read.swift and the subscriber's look (Reader, Observer),
   Endpoint.swift (a row's lock and incarnation). One step is one access to one word of shared memory; private
   work is folded into the step before it. Any publisher may die between any two steps (CRASHES in all); its row
   is then resolved, freed, and taken by a next incarnation (INCARNATIONS a row).

   Checked
     - a won claim never contains a slot that another open claim may still write;
     - a slot's lap never goes backwards, and a decided slot is not decided again;
     - recovery never aborts the claim of a publisher that is alive;
     - what a reader skips is never a committed message, and no message is skipped by one and read by another;
     - what a reader or an observer believes is whole;
     - nobody waits for ever (a state in which nothing can move and somebody is not done is an error).

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DCLAIMS=1 -DOFFSETS=4 -DRECOVERERS=1 -DSELFSKIP | 624,656 states: the reader passes the dead by itself
     quick pass -DLOANS=2 -DOFFSETS=4 -DCAPACITY=3 -DINCARNATIONS=1 -DRECOVERERS=1 | 7,241,460 states: two open loans
     quick pass -DKINDS=12 -DOFFSETS=4 -DCAPACITY=3 -DINCARNATIONS=1 -DRECOVERERS=1 | 10,621,601 states: batches, also half-filled
     quick pass -DCLAIMS=1 -DOFFSETS=3 -DRECOVERERS=1 -DOVERWRITE | 430,663 states: row reuse, overwrite mode
     quick pass -DCLAIMS=3 -DOFFSETS=6 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DOVERWRITE | 11,004,902 states: three laps, overwrite mode
     quick pass -DLOANS=2 -DOFFSETS=4 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DSTOPS | 1,189,129 states: stopped before it raises its floor, it holds nobody
     full  pass -DCLAIMS=1 -DOFFSETS=3 | 18,993,179 states: row reuse, two recoverers
     full  pass -DCLAIMS=1 -DOFFSETS=3 -DOVERWRITE | 22,981,076 states: the same, overwrite mode
     full  pass -DOFFSETS=4 -DRECOVERERS=1 | 25,289,882 states: two claims each, row reuse
     full  pass -DLOANS=2 -DOFFSETS=5 -DINCARNATIONS=1 -DRECOVERERS=1 -DOVERWRITE | 12,205,161 states: two open loans, overwrite mode
     full  pass -DKINDS=14 -DCLAIMS=1 -DOFFSETS=4 -DCAPACITY=3 -DRECOVERERS=1 | 14,399,292 states: batches and wide messages, row reuse
     full  pass -DKINDS=9 -DCLAIMS=1 -DOFFSETS=4 -DRECOVERERS=1 -DINCARNATIONS=1 -DCRASHES=2 -DOVERWRITE | 741,220 states: half-filled batches, two deaths
     full  pass -DKINDS=13 -DCLAIMS=1 -DOFFSETS=3 -DCAPACITY=3 -DRECOVERERS=1 -DCRASHES=2 -DSELFSKIP | 23,022,999 states: two deaths, self-skipping reader, row reuse
     quick fail -DOFFSETS=3 -DINCARNATIONS=1 -DRECOVERERS=1 -DFETCHADD | 4,936 states: the cursor moved without an announcement: a hole nobody can attribute
     quick fail -DLOANS=2 -DOFFSETS=4 -DCAPACITY=3 -DINCARNATIONS=1 -DRECOVERERS=1 -DNOMARK | 97,816 states: a loan not marked before the next announcement: the same
     quick fail -DLOANS=2 -DOFFSETS=5 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DOVERWRITE -DNOFLOOR | 36,176 states: an open loan is lapped
     quick fail -DLOANS=2 -DOFFSETS=4 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DSTOPS -DSTALEFLOOR | 22,058 states: it holds everybody
     quick fail -DCLAIMS=3 -DOFFSETS=6 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DOVERWRITE -DNOC0 | 27,612 states: gate without the cursor bound: an open claim is lapped
     quick fail -DCLAIMS=1 -DOFFSETS=3 -DNOCHECK | 47,952 states: the next incarnation's live claim is aborted
     quick fail -DCLAIMS=1 -DOFFSETS=3 -DEARLYCHECK | 220,219 states: the same: incarnation read again before the slot was
     quick fail -DKINDS=4 -DOFFSETS=4 -DCAPACITY=3 -DINCARNATIONS=1 -DRECOVERERS=1 -DFORWARD | 64,663 states: a batch committed from the front stays half-decided
     quick fail -DKINDS=8 -DOFFSETS=4 -DCAPACITY=3 -DINCARNATIONS=1 -DRECOVERERS=1 -DFORWARD | 70,878 states: the tail padded after the verdict: the same
     quick fail -DKINDS=4 -DCLAIMS=3 -DOFFSETS=6 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DOVERWRITE -DFORWARD | 67,751 states: an open batch is lapped
     quick fail -DCLAIMS=3 -DOFFSETS=5 -DINCARNATIONS=1 -DRECOVERERS=1 -DCRASHES=0 -DOVERWRITE -DNORECHECK | 11,726 states: a torn message is believed

   Not in the model: weak memory (docs/MEMORY-ORDER.md argues the edges), quarantine (quarantine.pml), readers that
   join (join.pml), sleeping (wakeup.pml), more than two publishers, a recoverer that is itself killed (it may be
   slow for ever, but each of its steps is one CAS that the other recoverer repeats). */

#define PUBLISHERS 2
#ifndef CAPACITY
#define CAPACITY 2          /* slots of the ring; need not be a power of two here */
#endif
#ifndef CLAIMS
#define CLAIMS 2            /* claims per incarnation */
#endif
#ifndef LOANS
#define LOANS 1             /* claims that one publisher may hold open, at most 2 */
#endif
#ifndef OFFSETS
#define OFFSETS 5           /* the log ends here: no claim goes beyond */
#endif
#ifndef CRASHES
#define CRASHES 1           /* deaths in all */
#endif
#ifndef INCARNATIONS
#define INCARNATIONS 2      /* uses per registry row */
#endif
#ifndef RECOVERERS
#define RECOVERERS 2
#endif
#ifndef KINDS
#define KINDS 1             /* which claims are made, a sum of the four below */
#endif

/* Kinds of claims. */
#define SINGLE 1            /* a message of one slot */
#define WIDE 2              /* a message of two slots */
#define BATCH 4             /* two messages of one slot each, one verdict */
#define PARTIAL 8           /* a batch of two slots of which one was filled: the other becomes padding inside it */

/* States of a control word. */
#define CLAIMED 1
#define COMMITTED 2
#define ABORTED 3

#define NOBODY 7
#define NONE 15             /* no offset */

#define LAP(offset) (((offset) / CAPACITY) + 1)
#define INDEX(offset) ((offset) % CAPACITY)

/* ---- Shared memory. A typedef is one word: it is loaded and stored in one step. ---- */

typedef Cursor { byte offset; byte claimant }
typedef Claim { byte start; byte span }                            /* span 0: nothing announced */
typedef Control { byte lap; byte state; byte owner; byte span }    /* lap 0: never used */

Cursor cursor;
Claim announced[PUBLISHERS];
byte floorOf[PUBLISHERS];        /* oldest open claim that is not the announced one, or NONE */
Control slot[CAPACITY];
byte payload[CAPACITY];          /* a message's bytes: its offset + 1 */
byte incarnation[PUBLISHERS];    /* odd: the row is in use */
bit locked[PUBLISHERS];          /* held by the kernel for a living process */
byte head;                       /* the one group's head */

/* ---- Ghosts: what the checks know and the protocol does not. ---- */

byte writer[CAPACITY];           /* offset + 1 of the open claim that may write this slot, 0 if none */
byte claimedBy[OFFSETS + 2];     /* incarnation that won the claim starting here */
byte fate[OFFSETS + 2];          /* of the message starting here: 1 committed, 2 skipped by somebody */
byte crashes;
#ifdef STOPS
bit stops;
#endif
byte retired;                    /* rows that will not be used any more */

/* ---- One-word operations. ---- */

/* Loads slot[INDEX(offset)] into the caller's `word`. */
inline load_control(offset) {
  atomic {
    word.lap = slot[INDEX(offset)].lap;     word.state = slot[INDEX(offset)].state;
    word.owner = slot[INDEX(offset)].owner; word.span = slot[INDEX(offset)].span
  }
}

#define UNCHANGED(offset) \
  (slot[INDEX(offset)].lap == word.lap && slot[INDEX(offset)].state == word.state && \
   slot[INDEX(offset)].owner == word.owner && slot[INDEX(offset)].span == word.span)

/* To be used inside an atomic step. */
inline set_control(offset, newState, who, newSpan) {
  assert(slot[INDEX(offset)].lap <= LAP(offset));
  slot[INDEX(offset)].lap = LAP(offset); slot[INDEX(offset)].state = newState;
  slot[INDEX(offset)].owner = who;       slot[INDEX(offset)].span = newSpan
}

#define IS_OLDER(offset) (word.lap < LAP(offset))
#define IS_CLAIMED_BY(offset, who) (word.lap == LAP(offset) && word.state == CLAIMED && word.owner == who)
#define IS_DECIDED(offset) (word.lap > LAP(offset) || (word.lap == LAP(offset) && word.state != CLAIMED))

inline forget_word() { word.lap = 0; word.state = 0; word.owner = 0; word.span = 0 }

/* ---- The gate as the checks see it: used only to let a held publisher sleep until it can go on. ---- */

#define SLOT_DECIDED(offset) \
  (slot[INDEX(offset)].lap > LAP(offset) || \
   (slot[INDEX(offset)].lap == LAP(offset) && slot[INDEX(offset)].state != CLAIMED))
#define SLOT_CLAIMED_BY(offset, who) \
  (slot[INDEX(offset)].lap == LAP(offset) && slot[INDEX(offset)].state == CLAIMED && \
   slot[INDEX(offset)].owner == who)
#define ANNOUNCED_IS_OPEN(q) \
  (announced[q].span != 0 && \
   ((cursor.claimant == q && cursor.offset == announced[q].start + announced[q].span && \
     !SLOT_DECIDED(announced[q].start)) || SLOT_CLAIMED_BY(announced[q].start, q)))
#ifdef STALEFLOOR
#define FLOOR_HOLDS(q, end) (floorOf[q] != NONE && (end) > floorOf[q] + CAPACITY)
#else
#define MARK_HOLDS(offset, q, end) (SLOT_CLAIMED_BY(offset, q) && (end) > (offset) + CAPACITY)
#define FLOOR_HOLDS(q, end) \
  (floorOf[q] != NONE && \
   (MARK_HOLDS(0, q, end) || MARK_HOLDS(1, q, end) || MARK_HOLDS(2, q, end) || MARK_HOLDS(3, q, end) || \
    MARK_HOLDS(4, q, end) || MARK_HOLDS(5, q, end) || MARK_HOLDS(6, q, end)))
#endif
#define ROW_ALLOWS(q, end) \
  ((incarnation[q] & 1) == 0 || \
   (!(ANNOUNCED_IS_OPEN(q) && (end) > announced[q].start + CAPACITY) && !FLOOR_HOLDS(q, end)))
#ifdef OVERWRITE
#define HEAD_ALLOWS(end) true
#else
#define HEAD_ALLOWS(end) ((end) <= head + CAPACITY)
#endif
#define GATE_ALLOWS(end) (HEAD_ALLOWS(end) && ROW_ALLOWS(0, end) && ROW_ALLOWS(1, end))

/* ---- Publisher ---- */

#define MAY_DIE \
  if \
  :: atomic { crashes < CRASHES -> crashes++; locked[me] = 0; goto died } \
  :: skip \
  fi

inline forget_temporaries() {
  seen.offset = 0; seen.claimant = 0; other.start = 0; other.span = 0; forget_word();
  q = 0; i = 0; gate = 0; span = 0; kind = 0; won = 0
}

/* Ring+Gate: cursor first, then heads, then every publisher's cell, then its floor. */
inline refresh_limit() {
  atomic { seen.offset = cursor.offset; seen.claimant = cursor.claimant };
#ifdef NOC0
  gate = NONE;                          /* naive: a claim won while we look is then bounded by nothing */
#else
  gate = seen.offset;
#endif
#ifndef OVERWRITE
  gate = (head < gate -> head : gate);
#endif
  q = 0;
  do
  :: q < PUBLISHERS && (incarnation[q] & 1) == 0 -> q++      /* a free row holds nothing, whatever its cell says */
  :: q < PUBLISHERS && (incarnation[q] & 1) == 1 ->
     atomic { other.start = announced[q].start; other.span = announced[q].span };
     if
     :: other.span != 0 ->
        load_control(other.start);
        if
        :: ((seen.claimant == q && seen.offset == other.start + other.span && !IS_DECIDED(other.start)) ||
            IS_CLAIMED_BY(other.start, q)) && other.start < gate -> gate = other.start
        :: else
        fi
     :: else
     fi;
#ifdef STALEFLOOR
     gate = (floorOf[q] < gate -> floorOf[q] : gate);        /* naive: whatever has become of that claim */
#else
#ifndef NOFLOOR
     other.start = floorOf[q];                               /* its owner may have decided it, and then stopped */
     do
     :: other.start < gate ->
        load_control(other.start);
        if
        :: IS_CLAIMED_BY(other.start, q) -> gate = other.start
        :: else -> other.start++
        fi
     :: else -> break
     od;
#endif
#endif
     q++
  :: else -> q = 0; break
  od;
  atomic {
    limit = (gate + CAPACITY > limit -> gate + CAPACITY : limit);
    gate = 0; other.start = 0; other.span = 0; forget_word()
  }
}

/* Step 3: the last claimant may not have marked its slot. Once our claim is won, the cursor no longer tells. */
inline confirm_last_claimant() {
  if
  :: seen.claimant != NOBODY && seen.claimant != me ->
     atomic { other.start = announced[seen.claimant].start; other.span = announced[seen.claimant].span };
     MAY_DIE;
     if
     :: other.span != 0 && other.start + other.span == seen.offset ->
        load_control(other.start);
        do
        :: IS_OLDER(other.start) ->
           atomic {
             if
             :: UNCHANGED(other.start) -> set_control(other.start, CLAIMED, seen.claimant, other.span); break
             :: else -> load_control(other.start)            /* what the failed CAS returned */
             fi
           }
        :: else -> break                                    /* marked or decided */
        od
     :: else
     fi
  :: else
  fi;
  atomic { other.start = 0; other.span = 0; forget_word() }
}

/* Step 4, before the announcement is replaced: open claims must be attributable without it. */
inline mark_open_claims() {
  i = 0;
  do
  :: i < LOANS ->
     if
     :: openStart[i] != NONE && !marked[i] ->
#ifndef NOMARK
        atomic { set_control(openStart[i], CLAIMED, me, openSpan[i]) };
#endif
        marked[i] = 1;
        MAY_DIE;
#ifndef NOFLOOR
        if
        :: floorOf[me] == NONE -> floorOf[me] = openStart[i]; MAY_DIE
        :: else                                             /* the other loan is older */
        fi
#endif
     :: else
     fi;
     i++
  :: else -> i = 0; break
  od
}

/* Fills and decides the open claim in `place`. The first slot's word is stored last: it decides the whole claim. */
inline close(place) {
  atomic { other.start = openStart[place]; other.span = openSpan[place]; kind = openKind[place] };
#ifdef OVERWRITE
  payload[INDEX(other.start)] = other.start + 1;             /* cell by cell: an observer may look in between */
  MAY_DIE;
  if
  :: other.span == 2 -> payload[INDEX(other.start + 1)] = (kind == WIDE -> other.start + 1 : other.start + 2); MAY_DIE
  :: else
  fi;
#else
  d_step {
    payload[INDEX(other.start)] = other.start + 1;
    if
    :: other.span == 2 -> payload[INDEX(other.start + 1)] = (kind == WIDE -> other.start + 1 : other.start + 2)
    :: else
    fi
  };
  MAY_DIE;
#endif
#ifdef FORWARD
  /* naive: a batch's words in order, each a verdict of its own */
  decide_first(1);
  MAY_DIE;
  write_inside();
  atomic { if :: other.span == 2 -> writer[INDEX(other.start + 1)] = 0 :: else fi };
#else
  write_inside();
  decide_first(other.span);
#endif
  MAY_DIE;
  openStart[place] = NONE;
#ifdef STOPS
  /* Stopped for ever, and alive: with nothing open it must hold nobody, though its floor is still there. */
  if
  :: atomic { openStart[1 - place] == NONE && stops == 0 -> stops = 1; retired++; goto end_stopped }
  :: skip
  fi;
#endif
#ifndef NOFLOOR
  /* The floor moves up to the next claim that needs it: marked, hence no longer the announced one. */
  if
  :: floorOf[me] != NONE ->
     floorOf[me] = (openStart[1 - place] != NONE && marked[1 - place] -> openStart[1 - place] : NONE)
  :: else
  fi;
#endif
  atomic { openSpan[place] = 0; openKind[place] = 0; marked[place] = 0; held = 0; forget_temporaries() }
}

/* The second word of a batch: a message, or, where nothing was appended, padding up to the claim's end. */
inline write_inside() {
  if
  :: kind == BATCH || kind == PARTIAL ->
     atomic {
       set_control(other.start + 1, (kind == BATCH -> COMMITTED : ABORTED), me, 1);
#ifdef FORWARD
       if :: kind == BATCH -> fate[other.start + 1] = 1 :: else fi
#endif
     };
     MAY_DIE
  :: else
  fi
}

/* A release store, no CAS: a live publisher's undecided slot is nobody else's to write, except to mark it. */
inline decide_first(slots) {
  atomic {
    assert(!SLOT_DECIDED(other.start));
    set_control(other.start, COMMITTED, me, (kind == WIDE -> 2 : 1));
    assert(fate[other.start] == 0);
    fate[other.start] = 1;
    writer[INDEX(other.start)] = 0;
    if
    :: slots == 2 ->
       writer[INDEX(other.start + 1)] = 0;
       if :: kind == BATCH -> assert(fate[other.start + 1] == 0); fate[other.start + 1] = 1 :: else fi
    :: else
    fi
  }
}

/* To be used inside an atomic step. */
inline win_claim() {
  cursor.offset = seen.offset + span; cursor.claimant = me; won = 1;
  assert(writer[INDEX(seen.offset)] == 0);
  writer[INDEX(seen.offset)] = seen.offset + 1;
  if
  :: span == 2 -> assert(writer[INDEX(seen.offset + 1)] == 0); writer[INDEX(seen.offset + 1)] = seen.offset + 1
  :: else
  fi;
  claimedBy[seen.offset] = incarnation[me]
}

proctype Publisher(byte me) {
  Cursor seen; Claim other; Control word;
  byte q, i, gate, span, kind; bit won;
  byte openStart[2], openSpan[2], openKind[2]; bit marked[2];    /* open claims, in no order */
  byte limit, claims;                                            /* no claim may end above the limit */
  bit held;                                                      /* refused because of its own loans */

attach:
  atomic {
    openStart[0] = NONE; openStart[1] = NONE; openSpan[0] = 0; openSpan[1] = 0; openKind[0] = 0; openKind[1] = 0;
    marked[0] = 0; marked[1] = 0; limit = CAPACITY; claims = 0; held = 0; forget_temporaries()
  };
  if
  :: atomic { (incarnation[me] & 1) == 0 && incarnation[me] < 2 * INCARNATIONS && !locked[me] && cursor.offset < OFFSETS
       -> locked[me] = 1 }                                       /* lock first */
  :: atomic { (incarnation[me] & 1) == 0 && (incarnation[me] >= 2 * INCARNATIONS || cursor.offset >= OFFSETS)
       -> retired++; goto gone }
  fi;
  incarnation[me] = incarnation[me] + 1;                         /* then bump */
  MAY_DIE;
  atomic { announced[me].start = 0; announced[me].span = 0 };    /* then forget what the last owner left */
  floorOf[me] = NONE;

work:
  if
  :: claims < CLAIMS && !held && (openStart[0] == NONE || (LOANS == 2 && openStart[1] == NONE)) ->
     if
     :: (KINDS & SINGLE) -> span = 1; kind = SINGLE
     :: (KINDS & WIDE) -> span = 2; kind = WIDE
     :: (KINDS & BATCH) -> span = 2; kind = BATCH
     :: (KINDS & PARTIAL) -> span = 2; kind = PARTIAL
     fi;
again:
     atomic { seen.offset = cursor.offset; seen.claimant = cursor.claimant };       /* 1: read the cursor */
     if
     :: seen.offset + span > OFFSETS -> atomic { claims = CLAIMS; forget_temporaries() }; goto work
     :: else
     fi;
     MAY_DIE;
     if                                                                             /* 2: gate */
     :: seen.offset + span > limit ->
        refresh_limit();
        if
        :: seen.offset + span <= limit
        :: seen.offset + span > limit && (openStart[0] != NONE || openStart[1] != NONE) ->
           atomic { held = 1; forget_temporaries() }; goto work
        :: else -> (cursor.offset != seen.offset || GATE_ALLOWS(seen.offset + span))
        fi;
        goto again
     :: else
     fi;
     confirm_last_claimant();                                                       /* 3: confirm */
     MAY_DIE;
#if LOANS == 2
     mark_open_claims();                                                            /* 4: mark, then announce */
#endif
#ifdef FETCHADD
     /* naive: the cursor alone, moved without an announcement; the announcement follows */
     atomic {
       seen.offset = cursor.offset; seen.claimant = cursor.claimant;
       if :: seen.offset + span > limit || seen.offset + span > OFFSETS -> goto again :: else fi;
       win_claim()
     };
     MAY_DIE;
     atomic { announced[me].start = seen.offset; announced[me].span = span };
#else
     atomic { announced[me].start = seen.offset; announced[me].span = span };
     MAY_DIE;
     atomic {                                                                       /* 5: CAS the cursor */
       if
       :: cursor.offset == seen.offset && cursor.claimant == seen.claimant -> win_claim()
       :: else -> won = 0
       fi
     };
     if :: !won -> goto again :: else fi;
#endif
     atomic {
       i = (openStart[0] == NONE -> 0 : 1);
       openStart[i] = seen.offset; openSpan[i] = span; openKind[i] = kind; marked[i] = 0;
       claims++;
       forget_temporaries()
     };
     MAY_DIE;
     goto work
  :: openStart[0] != NONE -> close(0); goto work
#if LOANS == 2
  :: openStart[1] != NONE -> close(1); goto work
#endif
  :: openStart[0] == NONE && openStart[1] == NONE && claims == CLAIMS ->
     atomic { incarnation[me] = incarnation[me] + 1; locked[me] = 0; retired++; goto gone }
  fi;

died:
  goto attach;                                                   /* the row's next owner */
gone:
  atomic { openStart[0] = 0; openStart[1] = 0; claims = 0; limit = 0; forget_temporaries(); goto ended };
#ifdef STOPS
end_stopped:
  false;
#endif
ended:
  skip
}

/* ---- Recoverer ---- */

/* NOCHECK and EARLYCHECK are naive: the incarnation is not read again, or before the slot was read. */
#if defined(NOCHECK) || defined(EARLYCHECK)
#define STOP_UNLESS_SAME_USE
#else
#define STOP_UNLESS_SAME_USE if :: incarnation[dead] != use -> goto next :: else fi
#endif

/* CAS from `word` to padding; `done` tells whether it went through. If not, `word` is what is there. */
inline abort_claim(offset, newSpan) {
  atomic {
    if
    :: UNCHANGED(offset) ->
       set_control(offset, ABORTED, dead, newSpan);
       assert(claimedBy[offset] != 0);
       assert(!(locked[dead] && claimedBy[offset] == incarnation[dead]));      /* never a living publisher's claim */
       writer[INDEX(offset)] = 0;
       if :: newSpan == 2 -> writer[INDEX(offset + 1)] = 0 :: else fi;
       done = 1
    :: else -> load_control(offset); done = 0
    fi
  }
}

proctype Recoverer() {
  byte dead, use, at; Cursor seen; Claim other; Control word; bit done;
next:
  atomic {
    dead = 0; use = 0; at = 0; done = 0; seen.offset = 0; seen.claimant = 0; other.start = 0; other.span = 0;
    forget_word()
  };
end:
  do                                                             /* incarnation, then lock */
  :: atomic { (incarnation[0] & 1) == 1 && !locked[0] -> dead = 0; use = incarnation[0]; break }
  :: atomic { (incarnation[1] & 1) == 1 && !locked[1] -> dead = 1; use = incarnation[1]; break }
  :: atomic { retired == PUBLISHERS -> goto over }
  od;
  if :: locked[dead] -> goto next :: else fi;
  atomic { seen.offset = cursor.offset; seen.claimant = cursor.claimant };
  atomic { other.start = announced[dead].start; other.span = announced[dead].span };
#ifdef EARLYCHECK
  if :: incarnation[dead] != use -> goto next :: else fi;
#endif
  if
  :: other.span != 0 ->
     load_control(other.start);
     do
     :: (seen.claimant == dead && seen.offset == other.start + other.span && IS_OLDER(other.start)) ||
        IS_CLAIMED_BY(other.start, dead) ->
        STOP_UNLESS_SAME_USE;
        abort_claim(other.start, other.span);
        if :: done -> break :: else fi                             /* a confirmer marked it, or the other recoverer decided it */
     :: else -> break
     od
  :: else
  fi;
#ifdef NOFLOOR
  at = 0;
#else
  at = floorOf[dead];                                            /* older claims were marked; all lie above the floor */
#endif
  at = (seen.offset > CAPACITY && at < seen.offset - CAPACITY -> seen.offset - CAPACITY : at);
  do
  :: at < seen.offset ->
     load_control(at);
     if
     :: IS_CLAIMED_BY(at, dead) ->
        STOP_UNLESS_SAME_USE;
        abort_claim(at, word.span)
     :: else
     fi;
     at++
  :: else -> break
  od;
  atomic { if :: incarnation[dead] == use -> incarnation[dead] = use + 1 :: else fi };      /* only now is the row free */
  goto next;
over:
  skip
}

/* ---- Readers ---- */

#ifndef OVERWRITE

inline advance() {
  position = position + word.span;
  head = position;
  forget_word()
}

inline note_skip() { assert(fate[position] == 0); fate[position] = 2 }

/* One group in block mode: reads in place, moves the head. With SELFSKIP it passes a dead publisher's claim without
   waiting for recovery, and without writing to the slot. */
active proctype Reader() {
  byte position; Cursor seen; Claim other; Control word;
  do
  :: SLOT_DECIDED(position) ->
     load_control(position);
     assert(word.lap == LAP(position));                          /* the gate holds for us: never overrun */
     if
     :: word.state == COMMITTED ->
        d_step {
          assert(payload[INDEX(position)] == position + 1);
          assert(word.span != 2 || payload[INDEX(position + 1)] == position + 1);
          assert(fate[position] == 1)
        }
     :: else -> assert(fate[position] == 0); fate[position] = 2
     fi;
     advance()
#ifdef SELFSKIP
  :: SLOT_CLAIMED_BY(position, 0) || SLOT_CLAIMED_BY(position, 1) ->
     load_control(position);
     if
     :: word.lap == LAP(position) && word.state == CLAIMED && !locked[word.owner] ->        /* the probe comes after the load */
        if
        :: atomic { UNCHANGED(position) -> note_skip() }; advance()                          /* and the word is read again */
        :: else
        fi
     :: else
     fi;
     forget_word()
  :: atomic { cursor.offset > position && slot[INDEX(position)].lap < LAP(position) && !locked[cursor.claimant]
       -> seen.offset = cursor.offset; seen.claimant = cursor.claimant };     /* the last claim of all may be unmarked */
     atomic { other.start = announced[seen.claimant].start; other.span = announced[seen.claimant].span };
     if
     :: other.start == position && other.span != 0 && seen.offset == position + other.span &&
        !locked[seen.claimant] ->
        if
        :: atomic { slot[INDEX(position)].lap < LAP(position) -> note_skip(); word.span = other.span }; advance()
        :: else
        fi
     :: else
     fi;
     atomic { seen.offset = 0; seen.claimant = 0; other.start = 0; other.span = 0 }
#endif
  :: atomic { retired == PUBLISHERS && position == cursor.offset -> break }
  od
}

#else

/* Overwrite mode: nothing is held back for it. It copies, then looks whether the cursor has lapped what it copied. */
active proctype Observer() {
  byte position, first, second; Control word;
  do
  :: SLOT_DECIDED(position) ->
     load_control(position);
     if
     :: word.lap > LAP(position) -> position = cursor.offset                                /* overrun */
     :: word.lap == LAP(position) && word.state == COMMITTED ->
        first = payload[INDEX(position)];
        second = first;
        if :: word.span == 2 -> second = payload[INDEX(position + 1)] :: else fi;
        if
#ifndef NORECHECK
        :: cursor.offset > position + CAPACITY -> position = cursor.offset                  /* overrun while copying */
#endif
        :: else ->
           assert(first == position + 1 && second == position + 1 && fate[position] == 1);
           position = position + word.span
        fi
     :: word.lap == LAP(position) && word.state == ABORTED ->
        atomic { if :: cursor.offset <= position + CAPACITY -> assert(fate[position] == 0); fate[position] = 2 :: else fi };
        position = position + word.span
     :: else -> assert(false)
     fi;
     atomic { first = 0; second = 0; forget_word() }
  :: atomic { retired == PUBLISHERS && position == cursor.offset -> break }
  od
}

#endif

init {
  byte i;
  atomic {
    cursor.claimant = NOBODY;
    do :: i < PUBLISHERS -> floorOf[i] = NONE; run Publisher(i); i++ :: else -> break od;
    i = 0;
    do :: i < RECOVERERS -> run Recoverer(); i++ :: else -> break od
  }
}
