#!/bin/sh
# The first process of a virtual machine with two NUMA nodes: scripts/numa-two-nodes. Its second argument is the
# list of checks to run. Says "ok ..." or "FAILED ..." for each, and "checks done: N passed, M failed" at the end.

export PATH=/bin SHMBUS_NAMESPACE=numa HOME=/ XDG_STATE_HOME=/state
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /tmp /state
mount -t tmpfs -o size=600m shm /dev/shm
seg() { echo "/dev/shm/shmbus-numa.$1.p$2"; }
say() { echo "$*" | tr -d '\r'; }

# check NAME COMMAND...: whether it succeeds. They are counted here: the kernel's own words can land inside a line.
passed=0 failed=0
check() {
  name=$1
  shift
  if "$@" >/tmp/out 2>&1; then
    passed=$((passed + 1))
    say "ok $name"
  else
    failed=$((failed + 1))
    say "FAILED $name: $*"
    cat /tmp/out
  fi
}

# lies BUS PARTITION NODE: every page is on the node, by the independent program, and the object's policy says so.
lies() {
  line=$(pages-of "$(seg "$1" "$2")")
  say "$line"
  case "$3 $line" in
    "0 nodes 0:"[1-9]*" 1:0 errors:0 policy prefer"*":0") return 0 ;;
    "1 nodes 0:0 1:"[1-9]*" errors:0 policy prefer"*":1") return 0 ;;
  esac
  return 1
}

# says WORD COMMAND...: whether its output has the word.
says() {
  word=$1
  shift
  "$@" >/tmp/says 2>&1
  grep -q -- "$word" /tmp/says && return 0
  cat /tmp/says
  return 1
}

# refused CODE WORD COMMAND...: whether it ends so.
refused() {
  code=$1 word=$2
  shift 2
  "$@" >/tmp/says 2>&1
  got=$?
  cat /tmp/says
  echo "exit $got"
  [ $got = "$code" ] && grep -q -- "$word" /tmp/says
}

small="--slots 1024 --slot-size 256"

two_nodes() {
  check "the nodes are shown" says "^DISTANCE     0     1" shmctl numa
  check "their CPUs are" says '"node":1,"cpus":\[1\]' shmctl numa --json

  # A bus on each node, with real messages through it.
  check "auto is created" says "partition 0 on node 0, partition 1 on node 1, verified" \
    shmctl create auto --partitions 2 --max-partitions 4 --numa auto $small
  check "auto: partition 0 lies on node 0" lies auto 0 0
  check "auto: partition 1 lies on node 1" lies auto 1 1
  seq 1 500 >/tmp/in
  shmctl publish auto --partition 0 </tmp/in >/dev/null
  shmctl publish auto --partition 1 </tmp/in >/dev/null
  shmctl subscribe auto --from earliest --until-end | sort -n | uniq -c | awk '$1 != 2' >/tmp/odd
  check "messages go through both" test ! -s /tmp/odd
  check "all of them" says '"cursor":500.*"cursor":500' shmctl stat auto --json
  check "auto: where it lay it still lies" lies auto 1 1

  check "alter" says "partition 2 on node 0, partition 3 on node 1, verified" \
    shmctl alter auto --partitions 4
  check "alter: partition 2 lies on node 0" lies auto 2 0
  check "alter: partition 3 lies on node 1" lies auto 3 1
  check "stat shows it" says '"placement":{"node":1,"bound":true,"state":"verified"' \
    shmctl stat auto --json
  check "numa shows it" says "pages on node 1" shmctl numa auto

  check "1,0 is created" says "partition 0 on node 1, partition 1 on node 0, verified" \
    shmctl create turned --partitions 2 --numa 1,0 $small
  check "1,0: partition 0 lies on node 1" lies turned 0 1
  check "1,0: partition 1 lies on node 0" lies turned 1 0
  check "0 for both is created" shmctl create zero --partitions 2 --numa 0 --prefault $small
  check "0: partition 0 lies on node 0" lies zero 0 0
  check "0: partition 1 lies on node 0" lies zero 1 0
  # From the far CPU: the wish, not the creator, decides.
  check "created from afar" taskset -c 0 shmctl create far --numa 1 $small
  check "afar: it lies on node 1" lies far 0 1
  check "none follows the creator" taskset -c 1 shmctl create free --numa none $small
  check "none: nothing is asked" says '"node":null,"bound":false,"state":"unasked"' \
    shmctl stat free --json
  check "a node that is not there is refused" refused 73 "nodes with memory: 0, 1" \
    shmctl create lost --numa 0,2 $small
  check "and leaves nothing" test ! -e /dev/shm/shmbus-numa.lost.control
}

# Threads, keyless messages and groups prefer what is near.
near() {
  shmctl create near --partitions 2 --numa auto --slots 4096 --slot-size 64 >/dev/null
  placed-actor publish near 1 1000 >/tmp/said 2>&1
  check "a publisher is pinned" says "pinned(node: 1, cpus: \[1\])" cat /tmp/said
  check "the kernel says so" says "cpus 1\$" cat /tmp/said
  check "its messages stay near" says "sent 0 1000" cat /tmp/said
  # When half of the near ring waits for that group, the far one takes its turns.
  check "a group reads one message and no more" \
    timeout 60 shmctl subscribe near --group slow --count 1 --from earliest
  placed-actor publish near 1 3000 >/tmp/said 2>&1
  check "unless half of the ring is waiting" says "sent [1-9][0-9]* " cat /tmp/said

  shmctl create shared --partitions 2 --numa auto $small >/dev/null
  # Rows of the registry, in the order of joining; 128 are the publishers'.
  join g 1 128
  join g 0 129
  check "members own what is near them" owned g 129 128
  join h 0 130
  join h 1 131
  check "whoever came first" owned h 130 131
  kill $members
  wait $members 2>/dev/null
}

# join GROUP CPU ROW: a member that is kept on a CPU, and the row it gets.
join() {
  taskset -c "$2" shmctl subscribe shared --group "$1" >/dev/null 2>&1 &
  members="$members $!"
  for turn in $(seq 60); do
    shmctl stat shared --json | grep -q "\"row\":$3," && return
    sleep 1
  done
}

# owned GROUP ROW0 ROW1: who owns partitions 0 and 1 before long.
owned() {
  for turn in $(seq 60); do
    shmctl groups shared --json | tr '{' '\n' >/tmp/groups
    grep -A9 "\"name\":\"$1\"" /tmp/groups | grep -o '"partition":[01].*"owner":[0-9]*' |
      sed 's/.*partition":\([01]\).*owner":/\1 /' | tr '\n' ' ' >/tmp/owned
    grep -q "^0 $2 1 $3 " /tmp/owned && return 0
    sleep 1
  done
  cat /tmp/owned
  return 1
}

# Node 1 has less memory than the partition: it spills, is reported, and nobody is killed for it.
short() {
  check "a node without room is no failure" says "Partition 0 was asked onto NUMA node 1 and did not" \
    shmctl create big --numa 1 --slots 1048576 --slot-size 192
  check "some of it lies on node 1, some on node 0" \
    says "nodes 0:[1-9][0-9]* 1:[1-9][0-9]* errors:0" pages-of "$(seg big 0)"
  check "stat tells" says "was asked onto NUMA node 1 and did not all fit there" shmctl stat big
  check "doctor tells" says "did not all fit there" shmctl doctor big
  check "dump-shm tells" says '"placement":2' dump-shm big --json
  check "numa tells how much" says "pages on node 0, .* pages on node 1" shmctl numa big
  check "it works" sh -c 'echo hello | shmctl publish big'
  check "remove" shmctl remove big
}

# Where the calls are refused, as in many containers.
forbidden() {
  check "refused calls are no failure" says "the kernel refuses to place memory" \
    without-numa shmctl create shut --numa 1 $small
  check "it works without them" sh -c 'echo hello | without-numa shmctl publish shut'
  without-numa placed-actor publish shut 0 10 >/tmp/said 2>&1
  check "pinning says why not" says "does not say where partition 0 lies" cat /tmp/said
}

# A cpuset of node 0's memory alone.
cpuset() {
  mkdir -p /tmp/cgroups
  mount -t cgroup2 none /tmp/cgroups
  echo +cpuset >/tmp/cgroups/cgroup.subtree_control
  mkdir /tmp/cgroups/one
  echo 0 >/tmp/cgroups/one/cpuset.mems
  check "what a cpuset forbids is told" says "onto NUMA node 1, which the kernel refused" \
    sh -c "echo \$\$ >/tmp/cgroups/one/cgroup.procs; exec shmctl create kept --numa 1 $small"
  check "kept: it lies on node 0" says "nodes 0:[1-9][0-9]* 1:0 " pages-of "$(seg kept 0)"
  check "auto keeps to the cpuset" says "partition 0 on node 0, partition 1 on node 0, verified" \
    sh -c "echo \$\$ >/tmp/cgroups/one/cgroup.procs; exec shmctl create inside --partitions 2 --numa auto $small"
}

huge() {
  mount -o remount,huge=advise /dev/shm
  check "the host offers huge pages" says "huge=advise" shmctl plan
  check "a bus gets them on its node" says "Huge pages: [1-9]" \
    shmctl create huge --partitions 2 --numa 1,0 --huge-pages --prefault --slots 16384
  check "huge: partition 0 lies on node 1" lies huge 0 1
  check "huge: partition 1 lies on node 0" lies huge 1 0
  check "it works with them" sh -c 'echo hello | shmctl publish huge'
}

numa_off() {
  check "one node is left" says "One node" shmctl numa
  check "auto works" says "partition 0 on node 0, partition 1 on node 0, verified" \
    shmctl create auto --partitions 2 --numa auto $small
  check "messages go through" sh -c 'echo hello | shmctl publish auto'
  check "and come out" says hello shmctl subscribe auto --from earliest --until-end
  check "node 1 is refused" refused 73 "nodes with memory: 0 " \
    shmctl create turned --partitions 2 --numa 1,0 $small
  placed-actor publish auto 1 10 >/tmp/said 2>&1
  check "pinning says why not" says "the host has one NUMA node" cat /tmp/said
}

for part in $(sed 's/.*checks=\([a-z_,]*\).*/\1/' /proc/cmdline | tr ',' ' '); do
  check "the part $part" command -v "$part"
  $part
done
check "nobody was killed for memory" sh -c '! dmesg | grep -i "out of memory"'
say "checks done: $passed passed, $failed failed"
sync
echo b >/proc/sysrq-trigger
sleep 60
