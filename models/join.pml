/* A subscriber or a group joins while publishers with cached gates are at work.

   A publisher first asks only the head that held it at its last look at all of them; `rest` is how far the others let
   the gate go then, and for ever.

   Stands for Track.join and SubscriberCore.begin (Joiner), Ring+Gate.swift (refresh: the cursor first, then the heads)
   and Ring+Claim.swift (a claim must end at or below the cached gate + capacity).

   The joiner stores head = 0 (from NONE: it held nothing), runs a full fence, reads heldFrom = cursor, picks its start
   (earliest readable, or latest = heldFrom), stores head = start, and reads on from there. Its plain stores pass
   through a store buffer (TSO), hence the fence. A second reader, there from the beginning, moves its head as it
   likes. Below heldFrom the joiner copies and re-checks; at or above it, it reads in place and must be safe.

   Checked
     - a slot at or above heldFrom is not claimed again before the joiner's head has passed it;
     - nobody waits for ever: the joiner gets to the end of the log, and the publishers too.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DOFFSETS=3 | 1,594,151 states: joins at the earliest or at the latest
     quick pass -DNOREADER | 2,845,672 states: only the cursor and the joiner bound the gate
     quick pass -DPUBLISHERS=1 -DOFFSETS=7 | 291,928 states: one publisher, more laps
     full  pass -DOFFSETS=4 | 13 million states: a longer log
     quick fail -DNOFENCE | 879,485 states: heldFrom is read while the head still sits in the store buffer
     quick fail -DCURSORFIRST | 2,281,789 states: heldFrom is read before the head is set
     quick fail -DGATENOCURSOR -DNOREADER | 293,364 states: the gate is the heads alone: nobody there, so it runs ahead of the cursor
     quick fail -DRESTNOCURSOR | 555,386 states: what the others allow is kept without the cursor of that look
     quick fail -DCURSORLAST -DNOREADER | 413,879 states: the gate's cursor is read after the heads

   Not in the model: open claims (claim.pml), waiting and waking (wakeup.pml), a joiner that dies (its head is freed by
   the registry), groups whose heads carry a term, weak memory other than the store buffer. */

#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef OFFSETS
#define OFFSETS 5            /* the log ends here */
#endif
#define NONE 63              /* a head that holds nothing */
#define JOINER 1             /* whose head held the gate */
#define OTHER 2
#define EMPTY 62             /* the store buffer is empty */

/* ---- Shared memory. ---- */

byte cursor;                 /* only locked instructions */
byte head = NONE;            /* the joiner's */
byte otherHead;              /* of the reader that was there before */

byte buffered = EMPTY;       /* the joiner's store buffer: at most one store is under way, to `head` */

/* ---- Ghosts. ---- */

byte heldFrom = NONE;        /* what the joiner believes from the moment it has read the cursor */
byte position;               /* everything below is done */
bit joined;

proctype StoreBuffer() {
end:
  do
  :: atomic { buffered != EMPTY -> head = buffered; buffered = EMPTY }
  od
}

#define MIN(a, b) ((a) < (b) -> (a) : (b))

proctype Publisher() {
  byte seen, gate, bound, first, second;
  byte holder, rest;         /* cached with the limit */
  byte limit = CAPACITY;     /* cached: no claim may end above it */
  do
  :: cursor < OFFSETS ->
     seen = cursor;
     if
     :: seen >= OFFSETS
     :: seen < OFFSETS && seen + 1 > limit ->
        /* The head that was the lowest at the last refresh, and what the others allowed then: mostly that is enough. */
        atomic {
          if
          :: holder == JOINER -> gate = MIN(rest, head)
          :: holder == OTHER -> gate = MIN(rest, otherHead)
          :: else -> gate = 0
          fi;
          limit = (gate + CAPACITY > limit -> gate + CAPACITY : limit);
          gate = 0
        };
        if
        :: seen + 1 <= limit -> goto claim
        :: else
        fi;
        /* Refresh: the cursor first. A head that appears after this read was set by a joiner that has read, or will
           read, a cursor at least as high; so its heldFrom lies at or above this gate. */
#ifndef CURSORLAST
        bound = cursor;
#endif
        first = head;
        atomic {
          second = otherHead;
#ifdef CURSORLAST
          bound = cursor;                        /* naive: as if read after the heads */
#endif
          if
          :: first <= second -> gate = first; rest = second; holder = JOINER
          :: else -> gate = second; rest = first; holder = OTHER
          fi;
#ifdef RESTNOCURSOR
          rest = MIN(OFFSETS, rest);             /* naive; OFFSETS only keeps the numbers small */
#else
          rest = MIN(bound, rest);
#endif
          if :: gate >= bound -> holder = 0; rest = 0 :: else fi;
#ifndef GATENOCURSOR
          gate = MIN(bound, gate);
#else
          gate = MIN(OFFSETS, gate);             /* naive; OFFSETS only keeps the numbers small */
#endif
          limit = (gate + CAPACITY > limit -> gate + CAPACITY : limit);
          first = 0; second = 0; gate = 0; bound = 0
        };
        if
        :: seen + 1 > limit ->                   /* held: wait until something has moved that could help */
           (cursor != seen || MIN(MIN(head, otherHead), cursor) + CAPACITY > seen)
        :: else
        fi
     :: seen < OFFSETS && seen + 1 <= limit ->
claim:
        atomic {                                 /* CAS: the slot's last message is gone from now on */
          if
          :: cursor == seen ->
             /* The slot of offset `seen` held offset `seen - CAPACITY`. */
             assert(!(seen >= CAPACITY && seen - CAPACITY >= heldFrom && seen - CAPACITY >= position));
             cursor = seen + 1
          :: else
          fi
        }
     fi;
     atomic { seen = 0; gate = 0; bound = 0 }
  :: cursor >= OFFSETS -> break
  od;
  limit = 0; holder = 0; rest = 0
}

/* There from the beginning; moves its head to any offset that was claimed. Without it nothing but the cursor and the
   joiner bound the gate. */
proctype OtherReader() {
  do
  :: otherHead < cursor -> otherHead++
  :: otherHead == OFFSETS -> break
  od
}

proctype Joiner() {
  byte start, seen;
#ifdef CURSORFIRST
  atomic { seen = cursor; heldFrom = seen };     /* naive: the gate may pass heldFrom before it sees our head */
#endif
  buffered = 0;                                  /* active: from now on no new gate passes anything */
#ifndef NOFENCE
  buffered == EMPTY;                             /* seq_cst fence */
#endif
#ifndef CURSORFIRST
  atomic { seen = cursor; heldFrom = seen };
#endif
  if
  :: start = seen                                                                   /* latest */
  :: start = (cursor > CAPACITY -> cursor - CAPACITY : 0); start = MIN(start, seen) /* earliest that may be whole */
  fi;
  buffered == EMPTY;                             /* first in, first out: the model holds one store at a time */
  position = start;
  buffered = start;
  joined = 1;
  /* Reads on. What lies below heldFrom may be overrun meanwhile: it is copied and re-checked, and skipped if so. */
  do
  :: position < OFFSETS && position < cursor ->
     if
     :: position < heldFrom && cursor > position + CAPACITY -> skip                /* overrun: a gap, honestly told */
     :: else -> assert(position < heldFrom || cursor <= position + CAPACITY)       /* in place: whole */
     fi;
     buffered == EMPTY;
     position++;
     buffered = position
  :: position == OFFSETS -> break
  od;
  atomic { start = 0; seen = 0 }
}

init {
  atomic {
#ifdef NOREADER
    otherHead = NONE;
#else
    run OtherReader();
#endif
    run StoreBuffer(); run Joiner();
    run Publisher();
#if PUBLISHERS == 2
    run Publisher()
#endif
  }
}
