#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_run_accidents.sh PAGEOUT VICTIM -- signals, kills, and swap space that
# fails.  Right bytes or a stop with a message; no hang, no leftover.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$1 victim=$2

cleanup() {
	test -z "${launcher-}" || kill -KILL "$launcher" 2>/dev/null
	umount "$tmp/small" 2>/dev/null
}

# start: a program that has filled 48M under 8M and waits for a line; sets
# launcher and program
start() {
	rm -f "$tmp/in" "$tmp/said"
	mkfifo "$tmp/in" "$tmp/said"
	env --default-signal=INT,QUIT setsid "$pageout" run --mem 8M -- \
		"$victim" wait 48 <"$tmp/in" >"$tmp/said" 2>"$tmp/err" &
	launcher=$!
	exec 8>"$tmp/in" 9<"$tmp/said"
	read -r -t 60 word <&9
	program=$(pgrep -P "$launcher" | head -n 1)
}

# end: wait for the launcher; sets status
end() {
	exec 8>&- 9<&-
	wait "$launcher"
	status=$?
	err=$(cat "$tmp/err")
	launcher=
}

gone() { # within three seconds
	for _ in $(seq 30); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

try "$pageout" run --mem 8M -- true
if [[ $status == 77 ]]; then
	skip 'accidents' "$err"
	finish
	exit
fi

start
kill -TERM "$launcher"
end
ok 'SIGTERM to the launcher reaches the program' all 'status_is 143' \
	"gone $program"

start
kill -INT -- -"$launcher"
end
ok 'SIGINT to the group ends both' all 'status_is 130' "gone $program"

start
kill -STOP "$program"
sleep 0.2
kill -CONT "$program"
kill -TSTP "$program" # no terminal: the launcher must not stop with it
sleep 0.2
kill -CONT "$program"
echo go >&8
read -r -t 60 word <&9
end
ok 'the program is stopped for a while' all 'status_is 0' \
	'test "$word" = right'

start
kill -KILL "$program"
end
ok 'SIGKILL of the program: 128 + 9' status_is 137

start
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
echo go >&8
read -r -t 60 word <&9
exec 8>&- 9<&-
launcher=
ok 'SIGKILL of the keeper: the program goes on, and ends' all \
	'test "$word" = right' "gone $program"

# -- swap space that fails -------------------------------------------------

# filtered FILTER: a run over a swap device that misbehaves
filtered() {
	try env PAGEOUT_SWAP_FILTER="$1" timeout 60 "$pageout" run --mem 8M \
		-- "$victim" twice 48
}

# loud: it has ended, with right contents or with a reason; never with others
loud() {
	[[ $status == 0 && $out == right ]] ||
		{ [[ $status != 124 && -z $out ]] && has "$err" 'pageout: '; }
}

filtered 'error:op=write,every=1000'
ok 'a write in a thousand fails: right, or stopped' loud
filtered 'error:op=write,every=10'
ok 'a write in ten fails: right, or stopped' loud
filtered 'error:op=write,from=50'
ok 'no write succeeds any more: stopped, with a reason' loud
filtered 'error:op=read,from=1'
ok 'every read fails: the program is stopped' all '! status_is 0' \
	'! status_is 124' 'test -z "$out"' 'has "$err" "pageout: "'
filtered 'error:kind=bitflip,op=read,from=1'
ok 'every read is wrong: the program is stopped' all '! status_is 0' \
	'! status_is 124' 'test -z "$out"'

mkdir "$tmp/small"
if mount -t tmpfs -o size=32M,mode=0755 none "$tmp/small" 2>/dev/null; then
	try timeout 60 "$pageout" run --mem 8M --swap "$tmp/small" \
		--swap-size 30M -- "$victim" eat 96
	ok 'a tmpfs is taken when named, with a warning' has "$err" 'is memory itself'
	(sleep 0.5 && head -c 28M /dev/zero >"$tmp/small/hog") &
	try timeout 60 "$pageout" run --mem 8M --swap "$tmp/small" \
		--swap-size 30M -- sh -c 'sleep 1; exec "$0" eat 20' "$victim"
	ok 'a tmpfs that is full in the middle: no hang, no wrong bytes' all \
		'! status_is 124' '! has "$err" "and not"'
	wait
	rm -f "$tmp/small/hog"
	ok 'no file is left' test -z "$(ls -A "$tmp/small")"
else
	skip 'a full tmpfs' 'mounting needs root'
fi
finish
