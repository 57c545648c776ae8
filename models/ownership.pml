/* Who owns a partition in an ordered group, when members join, leave, die, hang, and the group is reset.

   Stands for Groups/Membership.swift (the member's word, the group's generation), Groups/Ownership.swift (the owner word,
   the head's term, commit) and Bus/GroupMember.swift (what a member does when it sees another generation).

   One partition, MEMBERS members. Who should own it is a pure function of the active members: the lowest of them, the
   first one when everybody is there; so each member that comes makes somebody give the partition up.

     Member    stores "active" in its own word, then bumps the generation. Reads generation, words, generation, and
               releases (CAS owner -> nobody) or claims: CAS the owner word from nobody, or from an owner that has no say
               any more; then raise the head's term by CAS. Then it reads messages and commits: one CAS of {offset, term}.
               At each poll it looks at the generation, at the owner word and at the term. It may die or stop for ever
               between any two steps.
     Others    may expire an active member at any time (its time is up, it was only slow), and expire one that has stopped
               in the end: CAS active -> expired, bump. Of the dead anybody, member or not, sets the word to "gone", bumps,
               and only then frees the row. A member that dies or stops half-way is buried or expired itself: that bumps.
     Who       leaves gives up what it owns, sets its word to "gone", bumps, and only then is in no group: recovery does not
     leaves    bump for a row that is in none.
     Reset     moves the head back with the next term, at any time.

   Checked
     - no two members hold the partition under one term, so that no two commit under one;
     - a head goes back by a reset only; no message is passed that nobody has handled (none is lost);
     - a commit fails only where somebody was expired, stopped, or the group was reset: nobody is robbed by a join, a leave
       or a death;
     - when nobody can move, the partition belongs to the member who should have it, and all is committed.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DDEATHS=1 | 29,624 states: 27,942 states
     quick pass -DEXPIRIES=1 | 70,162 states: 70,162 states
     quick pass -DSTOPS=1 | 3,595 states: 3,329 states
     quick pass -DLEAVES=1 -DRESETS=1 | 100,502 states: 41,715 states
     quick pass -DLEAVES=1 -DDEATHS=1 | 138,500 states: also a death while it leaves
     quick pass -DLEAVES=1 -DSTOPS=1 | 27,028 states: also a stop while it leaves
     full  pass -DMEMBERS=3 -DDEATHS=1 | 21,813,102 states
     full  pass -DDEATHS=1 -DEXPIRIES=1 -DRESETS=1 -DLEAVES=1 | not searched to its end
     full  pass -DEXPIRIES=2 -DMESSAGES=2 | 2,431,810 states
     full  pass -DMEMBERS=3 -DSTOPS=1 | 1,177,793 states
     quick fail -DNOTERM -DEXPIRIES=1 | 9,423 states: a commit that compares the offset alone
     quick fail -DTERMFIRST | 831 states: the term is raised before the owner word is won
     quick fail -DNOLOOK -DEXPIRIES=1 | 4,769 states: a holder does not look at its words again: robbed by a late taker, it never asks anew
     quick fail -DONLYHELD -DEXPIRIES=1 | 4,408 states: only what it holds is given up: an owner word that names it stays for ever
     quick fail -DBUMPFIRST | 49 states: the generation is bumped before the member's word
     quick fail -DNOBUMP -DSTOPS=1 | 249 states: an expiry does not bump the generation
     quick fail -DLEAVENONE -DLEAVES=1 -DDEATHS=1 | 19,865 states: who leaves is in no group before the generation is bumped
     quick fail -DONLYACTIVE -DLEAVES=1 -DSTOPS=1 | 2,336 states: the generation is left alone where the member is not active any more
     quick fail -DFREEFIRST -DDEATHS=1 | 3,184 states: a dead member's row is freed before the generation is bumped

   Not in the model: several partitions (each has words of its own), rows used again (registry.pml; owner words name the
   incarnation), the gate below the head (join.pml), the wrap of the term, weak memory: all steps but the first store of
   "active", which a locked instruction follows, are locked instructions or loads. */

#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef EXPIRIES
#define EXPIRIES 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif
#ifndef RESETS
#define RESETS 0
#endif
#ifndef MESSAGES
#define MESSAGES 1
#endif
#define TERMS 16

/* A member's word. */
#define NONE 0
#define ACTIVE 1
#define EXPIRED 2
#define GONE 3

#define NOBODY 0             /* in the owner word; else member + 1 */

/* ---- Shared memory. ---- */

byte generation;
byte word[MEMBERS];
byte owner;
byte offset, term;           /* one word */
bit freed[MEMBERS];          /* the row's incarnation is even again */

/* ---- The kernel, and what may happen. ---- */

bit dead[MEMBERS], hung[MEMBERS];
byte deaths, stops, expiries, leaves, resets;

/* ---- Ghosts. ---- */

byte holder[TERMS];          /* who concluded that it owns the partition under this term, + 1 */
byte handled;                /* messages somebody has handled: 0 .. handled - 1 */
bit gone[MEMBERS];           /* left, dead or stopped */

#define IS_ACTIVE(m) (word[m] == ACTIVE && !freed[m])
/* The lowest active member. */
#if MEMBERS == 2
#define TARGET (IS_ACTIVE(0) -> 1 : (IS_ACTIVE(1) -> 2 : NOBODY))
#else
#define TARGET (IS_ACTIVE(0) -> 1 : (IS_ACTIVE(1) -> 2 : (IS_ACTIVE(2) -> 3 : NOBODY)))
#endif
/* An owner that has no say any more. */
#define IS_OVER(o) (o != NOBODY && (word[o - 1] != ACTIVE || freed[o - 1]))

#define MAY_DIE \
  if \
  :: atomic { deaths < DEATHS -> deaths++; dead[me] = 1; gone[me] = 1; goto over } \
  :: atomic { stops < STOPS -> stops++; hung[me] = 1; gone[me] = 1; goto over } \
  :: skip \
  fi

#define NEXT ((me + 1) % MEMBERS)
#define NEXT2 ((me + 2) % MEMBERS)
#if MEMBERS == 3
#define FOLLOW2 follows2 = IS_ACTIVE(NEXT2)
#else
#define FOLLOW2 skip
#endif

/* A compare-and-swap; `done` says whether it was done. */
#define CAS(w, from, to) atomic { if :: w == from -> w = to; done = 1 :: else -> done = 0 fi }

inline expire(m) {
  CAS(word[m], ACTIVE, EXPIRED);
  MAY_DIE;
#ifdef NOBUMP
  skip;
#elif defined(ONLYACTIVE)
  if :: done -> generation++ :: else fi;
#else
  generation++;
#endif
  done = 0
}

/* Whatever names it goes, also what it had lost and what it had only begun to claim. */
#ifdef ONLYHELD
#define RELEASES (mine)
#else
#define RELEASES (mine || owner == me + 1)
#endif

/* What recovery does with a dead member. Who is in no group is none. */
inline bury(m) {
#ifdef FREEFIRST
  freed[m] = 1;
  MAY_DIE;
  generation++
#else
  seenWord = word[m];
  if
  :: seenWord != NONE ->
     CAS(word[m], seenWord, GONE);
     MAY_DIE;
     generation++;
     MAY_DIE
  :: else
  fi;
  freed[m] = 1
#endif
}

/* Claims the partition from `was`, the owner word as read; sets `mine` and what it knows of the head. */
inline claim(was) {
#ifdef TERMFIRST
  atomic { headOffset = offset; headTerm = term };
  atomic { if :: offset == headOffset && term == headTerm -> term++; headTerm = term; done = 1 :: else -> done = 0 fi };
  if
  :: done -> CAS(owner, was, me + 1); mine = done
  :: else
  fi;
#else
  if
  :: was == me + 1 -> done = 1
  :: else -> CAS(owner, was, me + 1)
  fi;
  MAY_DIE;
  if
  :: done ->
     atomic { headOffset = offset; headTerm = term };
     atomic {
       if
       :: offset == headOffset && term == headTerm -> term++; headTerm = term
       :: else -> done = 0
       fi
     };
     mine = done
  :: else
  fi;
#endif
  atomic {
    if
    :: mine ->
       assert(headTerm < TERMS);
       assert(holder[headTerm] == 0 || holder[headTerm] == me + 1);
       holder[headTerm] = me + 1;
       position = headOffset
    :: else
    fi;
    done = 0
  }
}

/* One CAS of {offset, term}. */
inline commit() {
  atomic {
    if
#ifdef NOTERM
    :: offset == headOffset ->
       assert(term == headTerm);               /* else: under a term that is somebody else's */
#else
    :: offset == headOffset && term == headTerm ->
       assert(holder[term] == me + 1);
#endif
       assert(position > offset && position <= handled);
       offset = position; headOffset = position
    :: else ->                                 /* fenced: asks for it anew */
       assert(expiries > 0 || stops > 0 || resets > 0);
       mine = 0; position = 0; headOffset = 0; headTerm = 0
    fi
  }
}

proctype Member(byte me) {
  byte seen, first, target, was, headOffset, headTerm, position, seenWord;
  bit mine, done, stale, follows, follows2;   /* the last: whom it takes for members */
#ifdef BUMPFIRST
  generation++;
  MAY_DIE;
  word[me] = ACTIVE;
#else
  word[me] = ACTIVE;
  MAY_DIE;
  generation++;
#endif
  stale = 1;
end:
  do
  :: stale || seen != generation ->
     /* A snapshot: generation, words, generation. */
     first = generation;
     atomic { target = TARGET; follows = IS_ACTIVE(NEXT); FOLLOW2 };
     if
     :: first == generation -> seen = first; stale = 0
     :: else -> stale = 1
     fi;
     if
     :: !stale && word[me] != ACTIVE ->
        /* Expired: all is lost; comes back. */
        atomic { mine = 0; position = 0; headOffset = 0; headTerm = 0 };
        word[me] = ACTIVE;
        MAY_DIE;
        generation++;
        stale = 1
     :: !stale && word[me] == ACTIVE && target != me + 1 && RELEASES ->
        if
        :: mine && position > headOffset -> commit()
        :: else
        fi;
        MAY_DIE;
        CAS(owner, me + 1, NOBODY);
        atomic { mine = 0; position = 0; headOffset = 0; headTerm = 0; done = 0 }
     :: else
     fi;
     first = 0
  :: !stale && seen == generation && target == me + 1 && !mine && (owner == NOBODY || owner == me + 1 || IS_OVER(owner)) ->
     was = owner;
     if
     :: was == NOBODY || was == me + 1 || IS_OVER(was) -> claim(was)
     :: else
     fi;
     was = 0
  :: !stale && seen == generation && mine && position < MESSAGES ->
     atomic { position++; if :: position > handled -> handled = position :: else fi };
     MAY_DIE
  :: mine && position > headOffset -> commit(); MAY_DIE
#ifndef NOLOOK
  /* What a poll does: the owner word names somebody else, or the term was raised. */
  :: mine && (owner != me + 1 || term != headTerm) -> atomic { mine = 0; position = 0; headOffset = 0; headTerm = 0 }
#endif
#if EXPIRIES > 0
  :: atomic { expiries < EXPIRIES && IS_ACTIVE(NEXT) -> expiries++ }; expire(NEXT)
#endif
#if STOPS > 0
  :: hung[NEXT] && follows -> follows = 0; expire(NEXT)
#if MEMBERS == 3
  :: hung[NEXT2] && follows2 -> follows2 = 0; expire(NEXT2)
#endif
#endif
#if DEATHS > 0
  :: dead[NEXT] && !freed[NEXT] -> bury(NEXT); atomic { done = 0; seenWord = 0 }
#if MEMBERS == 3
  :: dead[NEXT2] && !freed[NEXT2] -> bury(NEXT2); atomic { done = 0; seenWord = 0 }
#endif
#endif
#if LEAVES > 0
  :: atomic { leaves < LEAVES && !stale -> leaves++; gone[me] = 1 };
     if
     :: mine && position > headOffset -> commit()
     :: else
     fi;
     MAY_DIE;
     if
     :: mine -> CAS(owner, me + 1, NOBODY)
     :: else
     fi;
     MAY_DIE;
#ifdef LEAVENONE
     word[me] = NONE;
     MAY_DIE;
     generation++;
#else
     word[me] = GONE;
     MAY_DIE;
     generation++;
     MAY_DIE;
     word[me] = NONE;
#endif
     goto over
#endif
  od;
over:
  atomic { seen = 0; first = 0; target = 0; was = 0; headOffset = 0; headTerm = 0; position = 0; mine = 0; done = 0; stale = 0; seenWord = 0; follows = 0; follows2 = 0 }
}

/* An endpoint that is in no group and meets a dead member, such as a publisher that attaches; it may die at it. */
proctype Sweeper() {
  byte m;
end:
  if
  :: dead[0] && !freed[0] -> m = 0
  :: dead[1] && !freed[1] -> m = 1
  fi;
#ifdef FREEFIRST
  freed[m] = 1;
  if :: goto over :: skip fi;
  generation++;
#else
  if
  :: word[m] != NONE ->
     word[m] = GONE;
     if :: goto over :: skip fi;
     generation++;
     if :: goto over :: skip fi
  :: else
  fi;
  freed[m] = 1;
#endif
over:
  m = 0
}

proctype Reset() {
  byte atOffset, atTerm;
  do
  :: resets < RESETS && offset > 0 ->
     atomic { atOffset = offset; atTerm = term };
     atomic {
       if
       :: offset == atOffset && term == atTerm -> offset = 0; term++; resets++
       :: else
       fi
     };
     atomic { atOffset = 0; atTerm = 0 }
  :: resets == RESETS || offset == 0 -> break
  od
}

/* Who should own the partition when all has come to rest. */
#define LIVING(m) (word[m] == ACTIVE && !gone[m])

init {
  atomic {
    run Member(0); run Member(1);
#if MEMBERS == 3
    run Member(2);
#endif
#if RESETS > 0
    run Reset();
#endif
#if DEATHS > 0
    run Sweeper()
#endif
  };
  timeout ->
  if
  :: (LIVING(0)) -> assert(owner == 1 && offset == MESSAGES)
  :: (!LIVING(0) && LIVING(1)) -> assert(owner == 2 && offset == MESSAGES)
#if MEMBERS == 3
  :: (!LIVING(0) && !LIVING(1) && LIVING(2)) -> assert(owner == 3 && offset == MESSAGES)
#endif
  :: else
  fi;
  /* Nobody alive is left out. */
  assert(gone[0] || word[0] == ACTIVE);
  assert(gone[1] || word[1] == ACTIVE)
}
