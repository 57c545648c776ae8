export SHMBUS_NAMESPACE=hsh$$
S=${S:-/tmp/h-shmctl/.build/release/shmctl}
set -x
$S create a --slots 1024 --slot-size 64
$S list; $S list --json; $S list --names
printf 'hello\nworld\n\nlast' | $S publish a
$S subscribe a --from earliest --until-end
$S subscribe a --from earliest --until-end --format json
$S subscribe a --from earliest --until-closed --format raw
$S stat a; $S stat a --json
$S publish nope </dev/null; echo $?
$S plan --slots 100; echo $?
$S plan
$S create a; echo $?
$S subscribe a --count 0; echo $?
$S subscribe a --from earliest -n 2
$S remove a; echo $?
$S remove a; echo $?
ls /dev/shm
