/* Sleeping and waking without a lost wakeup, in both directions: readers sleep until there is a message, the
   publisher of a full ring sleeps until a head has moved.

   Stands for Wakeup/Sleepers.swift (wake), Wakeup/Waiter.swift (sleep_until), System/Semaphore.swift (post, take),
   Publisher.wakeSleepers and Subscriber.giveBack (a plain store, a compiler barrier, one look).

   Every endpoint has a row: `flag` (0: awake) and a counting semaphore on a futex word. Two words of the partition say
   that somebody sleeps: SLEEPERS (readers) and BLOCKED (publishers). Each of two readers must read every message; the
   second one attaches at any time. Plain stores pass through a store buffer per process (TSO), which the StoreBuffer
   process empties at any pace; a locked instruction waits for its own buffer, membarrier for everybody's in turn. With
   UNREGISTERED no process takes part in the barrier, and each fences between a store and its look instead. With
   KILLREADER or KILLPUBLISHER that process may die between any two steps; what it stored before still arrives.

   Checked: every living reader reads every message that was committed, and the publisher publishes all; a state in
   which nothing can move and somebody is not done is an error. Nobody wakes from sleep by itself, except
     - a reader after the publisher was killed between its commit and the end of its wake,
     - the publisher after a reader was killed (nobody wakes for a death: its sleep is bounded, and then it probes).
   So without kills no wakeup depends on the time limit of a sleep.

   Configurations (states as counted by `models/check`; of a failing one, until the error)
     quick pass -DMESSAGES=1 | 176,413 states: one message, two sleepers
     quick pass -DMESSAGES=1 -DKILLREADER -DKILLPUBLISHER | 869,857 states: the same, both may die
     quick pass | 5,670,526 states: two messages and a ring of one: both directions
     full  pass -DKILLREADER | 15,124,237 states: a reader dies at any step
     full  pass -DKILLPUBLISHER | 13,464,126 states: the publisher dies at any step
     full  pass -DCAPACITY=2 | 3,169,543 states: the publisher never waits
     quick pass -DMESSAGES=1 -DUNREGISTERED | 73,211 states: nobody could register for the barrier
     full  pass -DUNREGISTERED | the same, both directions
     quick fail -DMESSAGES=1 -DUNREGISTERED -DNOFENCE | 33 states: and nobody fences
     quick fail -DNOBARRIER | 37 states: no membarrier: both look before the other's store arrives
     quick fail -DNORECHECK | 49 states: the waiter sleeps without a second look
     quick fail -DWAKEFIRST | 100,121 states: the publisher looks for sleepers before it commits
     quick fail -DFLAGLAST | 1,188,670 states: the sleepers word before the row's flag
     quick fail -DCAPACITY=2 -DROWSEARLY | 3,249,246 states: the number of rows read before the word was cleared: the newcomer is missed
     quick fail -DSHAREDWORD | 158 states: one semaphore for all readers and one wake

   Not in the model: several partitions and publishers (a publisher killed between clearing the word and posting also
   delays the next messages of others, until the sleepers' time limit), a refused membarrier, Arm's weaker order. */

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#define ENDPOINTS 3
#define PUBLISHER 0          /* endpoints; 1 and 2 are the readers */

/* ---- Shared memory: addresses of words written by plain stores. ---- */

#define COMMITTED 0          /* messages committed */
#define HEAD(reader) (reader)                    /* 1, 2 */
#define FLAG(endpoint) (3 + (endpoint))          /* 3, 4, 5 */
#define SLEEPERS 6
#define BLOCKED 7
byte memory[8];

byte tokens[ENDPOINTS];      /* semaphores: only locked instructions */
byte rows = 2;               /* endpoint rows ever used: the publisher's and the first reader's */
bit asleep[ENDPOINTS];       /* the kernel's futex queue */

chan buffer[ENDPOINTS] = [5] of { byte, byte };  /* address, value */

/* ---- Ghosts. ---- */

bit dead[ENDPOINTS], ended[ENDPOINTS];
bit mayTimeOut[ENDPOINTS];   /* the bounded sleep may end by itself */
bit handshaking;             /* the publisher has committed and not finished waking */

proctype StoreBuffer(byte owner) {
  byte address, value;
end:
  do
  :: atomic { buffer[owner]?address,value -> memory[address] = value; address = 0; value = 0 }
  od
}

#define DRAINED (len(buffer[me]) == 0)                /* guard of every locked instruction */

/* SIGKILL between any two steps: the victim's body ends there (`unless`). One reader is enough: the other one shows
   what the death does to the living. */
#if defined(KILLREADER) || defined(KILLPUBLISHER)
proctype Killer() {
end:
  do
#ifdef KILLREADER
  :: atomic { !dead[1] && !ended[1] -> dead[1] = 1; asleep[1] = 0; mayTimeOut[PUBLISHER] = 1 }
#endif
#ifdef KILLPUBLISHER
  :: atomic { !dead[PUBLISHER] && !ended[PUBLISHER] -> dead[PUBLISHER] = 1; asleep[PUBLISHER] = 0;
       if :: handshaking -> mayTimeOut[1] = 1; mayTimeOut[2] = 1 :: else fi }
#endif
  od
}
#endif

/* ---- The semaphore. ---- */

#ifdef SHAREDWORD
#define SEMAPHORE(endpoint) ((endpoint) == PUBLISHER -> 0 : 1)      /* naive: one word for all readers */
#else
#define SEMAPHORE(endpoint) (endpoint)
#endif

inline take() { atomic { DRAINED -> tokens[SEMAPHORE(me)] = 0 } }

inline post(endpoint) {
  atomic { DRAINED -> tokens[SEMAPHORE(endpoint)] = tokens[SEMAPHORE(endpoint)] + 1 };
#ifdef SHAREDWORD
  atomic {
    if
    :: endpoint == PUBLISHER -> asleep[PUBLISHER] = 0
    :: endpoint != PUBLISHER && asleep[1] -> asleep[1] = 0
    :: endpoint != PUBLISHER && asleep[2] -> asleep[2] = 0
    :: else
    fi
  }
#else
  asleep[endpoint] = 0                           /* FUTEX_WAKE, one: nobody else sleeps on this word */
#endif
}

/* ---- The waker's side. ---- */

/* K3, found a sleeper: clear the word, then wake every row that is flagged. */
inline wake(word, first, last) {
#ifdef ROWSEARLY
  end_row = (last < rows - 1 -> last : rows - 1);    /* naive: a row taken after this and before the exchange is missed */
#endif
  atomic { DRAINED -> found = memory[word]; memory[word] = 0 };
  if
  :: found ->
#ifndef ROWSEARLY
     end_row = (last < rows - 1 -> last : rows - 1);
#endif
     row = first;
     do
     :: row <= end_row ->
        if
        :: memory[FLAG(row)] != 0 ->
           atomic { DRAINED -> found = memory[FLAG(row)]; memory[FLAG(row)] = 0 };
           if :: found -> post(row) :: else fi;
#ifdef SHAREDWORD
           break                                 /* naive: one wake for one event */
#endif
        :: else
        fi;
        row++
     :: else -> break
     od
  :: else
  fi;
  atomic { row = 0; found = 0; end_row = 0 }
}

/* K1, K2: store, compiler barrier, look. The store may still be in the buffer when the look is over. */
inline store_and_wake(address, value, word, first, last) {
#ifdef WAKEFIRST
  look = memory[word];                           /* naive: look, then store */
  atomic { buffer[me]!address,value; handshaking = (me == PUBLISHER -> 1 : handshaking) };
#else
  atomic { buffer[me]!address,value; handshaking = (me == PUBLISHER -> 1 : handshaking) };
#if defined(UNREGISTERED) && !defined(NOFENCE)
  DRAINED;                                       /* a full fence of its own */
#endif
  look = memory[word];
#endif
  if :: look != 0 -> wake(word, first, last) :: else fi;
  atomic { look = 0; handshaking = (me == PUBLISHER -> 0 : handshaking) }
}

/* ---- The waiter's side. ---- */

/* Ends: when `ready` holds. `finished` is the end of the run: nobody will come any more, and nothing is left. */
inline sleep_until(ready, word, finished) {
  do
  :: ready -> break
  :: else ->
#ifdef FLAGLAST
     buffer[me]!word,1;                          /* naive: a waker may take the word before there is a flag to find */
     buffer[me]!FLAG(me),1;
#else
     buffer[me]!FLAG(me),1;                      /* W1 */
     buffer[me]!word,1;                          /* W2 */
#endif
#ifndef NOBARRIER
     (len(buffer[me]) == 0);                     /* W3: membarrier, a full fence in each process, one after the other */
#ifndef UNREGISTERED
     (len(buffer[0]) == 0);
     (len(buffer[1]) == 0);
     (len(buffer[2]) == 0);
#endif
#endif
     if
#ifndef NORECHECK
     :: ready                                    /* W4 */
#endif
     :: else ->
        atomic {                                 /* FUTEX_WAIT: sleeps only while the word is 0 */
          if
          :: tokens[SEMAPHORE(me)] == 0 -> asleep[me] = 1
          :: else
          fi
        };
        if
        :: !asleep[me]
        :: asleep[me] && mayTimeOut[me] -> asleep[me] = 0
        :: atomic { asleep[me] && (finished) -> asleep[me] = 0; goto over }
        fi;
        take()
     fi;
     buffer[me]!FLAG(me),0                       /* awake */
  od
}

/* A dead reader's head holds nothing once the publisher has probed it. */
#define PASSED(reader, message) (memory[HEAD(reader)] + CAPACITY >= (message) || dead[reader])

proctype Publisher() {
  byte me = PUBLISHER, message = 1;
  byte look, row, end_row, found;
  {
    do
    :: message <= MESSAGES ->
       sleep_until(PASSED(1, message) && PASSED(2, message), BLOCKED, false);
       store_and_wake(COMMITTED, message, SLEEPERS, 1, 2);
       message++
    :: else -> break
    od;
over:
    ended[me] = 1
  } unless { dead[me] }
}

#define NO_MORE (dead[PUBLISHER] && len(buffer[PUBLISHER]) == 0 && memory[COMMITTED] == position)

proctype Reader(byte me) {
  byte position;
  byte look, row, end_row, found;
  {
    if :: me == 2 -> atomic { DRAINED -> rows = 3 } :: else fi;      /* attaches: raises the number of rows */
    do
    :: position < MESSAGES ->
       sleep_until(memory[COMMITTED] > position, SLEEPERS, NO_MORE);
       position++;
       store_and_wake(HEAD(me), position, BLOCKED, PUBLISHER, PUBLISHER)
    :: else -> break
    od;
over:
    ended[me] = 1
  } unless { dead[me] }
}

init {
  atomic {
    run StoreBuffer(0); run StoreBuffer(1); run StoreBuffer(2);
    run Publisher(); run Reader(1); run Reader(2);
#if defined(KILLREADER) || defined(KILLPUBLISHER)
    run Killer()
#endif
  }
}
