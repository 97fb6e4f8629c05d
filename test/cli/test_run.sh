#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_run.sh PAGEOUT VICTIM STATIC -- pageout run: the command line, exit
# statuses, the report, and what is refused before the program starts.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$(realpath "$1") victim=$(realpath "$2") static=$(realpath "$3")

cleanup() { umount "$tmp/small" 2>/dev/null; }

# refused WORDS OPTION...: exit status 2, one line, nothing has run
refused() {
	local words=$1 sign=$tmp/has-run
	shift
	try "$pageout" run "$@" -- touch "$sign"
	ok "$words" all 'status_is 2' 'matches "$err" "^pageout: .*: .+"' \
		"test ! -e $sign"
}

# unusable WORDS PATH: exit status 1, a reason, nothing has run
unusable() {
	local sign=$tmp/has-run
	try "$pageout" run --mem 8M --swap "$2" -- touch "$sign"
	ok "$1" all 'status_is 1' \
		'matches "$err" "^pageout: swap space: .+"' "test ! -e $sign"
}

try "$pageout" --help
ok '--help' all 'status_is 0' 'has "$out" "run " ' 'has "$out" doctor'
try "$pageout" --version
ok '--version' all 'status_is 0' 'matches "$out" "^pageout [0-9]"'
try "$pageout" nonsense
ok 'an unknown command' all 'status_is 2' 'has "$err" nonsense'
try "$pageout"
ok 'no command' status_is 2
try "$pageout" run --help
ok 'run --help' all 'status_is 0' 'has "$out" --swap-size=SIZE'
try "$pageout" run --policy=help
ok 'the policies there are' all 'status_is 0' 'has "$out" clock'

refused '--mem 0' --mem 0
refused '--mem 1' --mem 1
refused '--mem -1' --mem=-1
refused '--mem 10^30' --mem 1000000000000000000000000000000
refused '--mem 25 %%' --mem '25 %%'
refused '--mem, nothing' --mem ''
refused '--mem, larger than the machine' --mem 1000T
refused '--mem 101%' --mem 101%
refused '--mem NaN' --mem NaN
refused '--swap-size 0' --swap-size 0
refused '--swap-size of nonsense' --swap-size 12Q
refused 'an unknown policy' --policy=nonsense
refused '--nodes 0' --nodes 0
refused '--nodes 9' --nodes 9
refused '--nodes of nonsense' --nodes 2x
refused '--nodes, less than 4M for each' --mem 8M --nodes 3
refused '--nodes and a record' --mem 8M --nodes 2 --record "$tmp/rec"
refused 'an unknown option' --nonsense
try "$pageout" run --mem 8M
ok 'no program' all 'status_is 2' 'has "$err" "no command"'

try "$pageout" run --mem 8M -- "$tmp/missing"
ok 'a program that is missing: 127' all 'status_is 127' \
	'has "$err" "command not found"'
try "$pageout" run --fault now -- true
ok 'an unknown mode of faults: 2, and which there are' all 'status_is 2' \
	'has "$err" "thread or inline"'
try "$pageout" run --mem 8M -- pageout-test-missing
ok 'a program that is not in PATH: 127' status_is 127
: >"$tmp/plain"
try "$pageout" run --mem 8M -- "$tmp/plain"
ok 'a program that is not executable: 126' status_is 126
try "$pageout" run --mem 8M -- "$tmp"
ok 'a directory: 126' status_is 126

# Without root, and with the device or without it, seen by nobody else.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [[ $(id -u) == 0 ]] && "${nobody[@]}" test -x "$pageout"; then
	try "${nobody[@]}" "$pageout" run --mem 8M -- true
	ok 'userfaultfd is not allowed: 77, and what to do' all 'status_is 77' \
		'has "$err" setfacl'
	try "${nobody[@]}" "$pageout" run --mem 8M --fault inline -- \
		"$victim" fill 24
	ok 'faults inline need no permission' all 'status_is 0' \
		'test -z "$err"'
else
	skip 'userfaultfd is not allowed' 'needs root to become nobody'
	skip 'faults inline need no permission' 'needs root to become nobody'
fi
mknod "$tmp/device" c 10 257 2>/dev/null && chmod 666 "$tmp/device"
# shellcheck disable=SC2016
bind='mount --bind "$0" /dev/userfaultfd && cd / && exec "$@"'
if [[ -c $tmp/device && -c /dev/userfaultfd ]] &&
	unshare -m sh -c "$bind" "$tmp/device" true 2>/dev/null &&
	"${nobody[@]}" test -x "$pageout"; then
	try unshare -m sh -c "$bind" "$tmp/device" "${nobody[@]}" \
		"$pageout" run --mem 8M -- "$victim" fill 32
	ok 'nobody may, when the device is open to him' all 'status_is 0' \
		'test -z "$err"'
else
	skip 'nobody may' 'needs root and /dev/userfaultfd'
fi

mkfifo "$tmp/fifo"
mkdir "$tmp/dir"
ln -s "$tmp/dir" "$tmp/link"
unusable 'swap: missing' "$tmp/nowhere"
unusable 'swap: a file that is none' "$tmp/plain"
ok 'swap: how to make a file that is one' has "$err" mkswap
unusable 'swap: a FIFO' "$tmp/fifo"
unusable 'swap: a symbolic link' "$tmp/link"
unusable 'swap: takes no files' /proc
try "$pageout" run --mem 8M --swap "$tmp/dir" --swap-size 100000T -- true
ok 'swap: too small for the size' all 'status_is 1' 'has "$err" "swap space"'
try "$pageout" run --mem 8M --swap "$tmp/dir" --swap-size 4K -- true
ok 'swap: of one page' all 'status_is 1' 'has "$err" "give a larger size"'
try "$pageout" run --mem 8M --nodes 2 --swap "$tmp/dir" --swap-size 12K -- true
ok 'swap: of one page for a node' all 'status_is 1' 'has "$err" "fewer nodes"'

try "$pageout" run --mem 8M -- true
if [[ $status == 77 ]]; then
	skip 'programs run' "$err"
	finish
	exit
fi
ok 'exit status 0, and not a word' all 'status_is 0' 'test -z "$out$err"'
try "$pageout" run -- sh -c 'exit 3'
ok 'exit status 3, with the default budget' status_is 3
try "$pageout" run --mem 8M -- sh -c 'kill -TERM $$'
ok 'killed by SIGTERM: 128 + 15' status_is 143
try "$pageout" run --mem 8M -- sh -c 'kill -KILL $$'
ok 'killed by SIGKILL: 128 + 9' status_is 137
printf 'exit 9\n' >"$tmp/script"
chmod 755 "$tmp/script"
try "$pageout" run --mem 8M -- "$tmp/script"
ok 'a script without a first line' status_is 9
try "$pageout" run --mem 8M -- "$static"
ok 'a static program runs, and one line says unmanaged' all 'status_is 0' \
	'test "$out" = static' 'test "$(wc -l <<<"$err")" = 1' \
	'has "$err" "runs unmanaged"'
try "$pageout" run --mem 8M -- env -i "$victim" fill 1
ok 'a program with an empty environment' all 'status_is 0' 'test -z "$err"'

try "$pageout" run --mem 32M -- "$pageout" run --mem 8M -- "$victim" fill 32
ok 'a run in a run' all 'status_is 0' 'test -z "$err"'
(ulimit -n 24; try "$pageout" run --mem 8M -- "$victim" fill 32
	ok 'few descriptors: managed or not, but right' status_is 0)
cases=$((cases + 1))

try "$pageout" run --mem 8M --report -- "$victim" fill 64
ok 'eight times the budget, with a report' all 'status_is 0' \
	'matches "$err" "^pageout: .*victim fill 64$"' \
	'matches "$err" "^  exit  +0$"' 'matches "$err" "^  budget +8M$"' \
	'matches "$err" "^  pages out +[1-9][0-9]+ "' \
	'matches "$err" "^  errors +0 write, 0 read, 0 lost"'
try "$pageout" run --mem 8M --report="$tmp/report" --json -- \
	"$victim" fill 64
report=$(cat "$tmp/report")
ok 'the same as JSON in a file' all 'status_is 0' 'test -z "$err"' \
	'json_lines "$report"' 'has "$report" "\"exit\":0,"' \
	'has "$report" "\"processes\":1,"' \
	'matches "$report" "\"pswpout\":[1-9]"'
peak=$(grep -o "\"peak_bytes\":[0-9]*" <<<"$report" | cut -d: -f2)
ok 'peak memory is at most 8 MiB and 48 MiB' test "$peak" -le $((56 << 20))
for policy in $("$pageout" run --policy=help | awk '{print $1}'); do
	try "$pageout" run --mem 8M --policy="$policy" -- "$victim" fill 32
	ok "policy $policy" all 'status_is 0' 'test -z "$err"'
done
try "$pageout" run --mem 16M --nodes 4 --report --json -- "$victim" fill 64
limit=$(grep -o '"mem_limit":[0-9]*' <<<"$err")
ok 'four nodes share a budget' all 'status_is 0' 'json_lines "$err"' \
	'test "$limit" = "\"mem_limit\":$((16 << 20))"' \
	'matches "$err" "\"pswpout\":[1-9]"'

# -- a swap file that is kept ----------------------------------------------

# marked FILE: its size, its mode, and the page that has mkswap's mark
marked() { stat -c '%s %a' "$1" && head -c 4096 "$1" | sha256sum; }

kept=$tmp/kept
PATH=$PATH:/usr/sbin:/sbin
if ! fallocate -l 96M "$kept" 2>/dev/null || ! chmod 600 "$kept" ||
	! mkswap "$kept" >/dev/null; then
	skip 'a swap file that is kept' 'no mkswap, or no file system for it'
	finish
	exit
fi
before=$(marked "$kept")
for words in 'is taken' 'is taken again, and at once'; do
	try "$pageout" run --mem 8M --swap "$kept" --report -- "$victim" fill 64
	ok "a swap file $words" all 'status_is 0' \
		'matches "$err" "^  pages out +[1-9][0-9]+ "' \
		'lacks "$err" unmanaged'
done
try "$pageout" run --mem 16M --nodes 2 --fault inline --swap "$kept" -- \
	"$victim" fill 64
ok 'two nodes share it' all 'status_is 0' 'test -z "$err"'
ok 'it is as mkswap left it' test "$(marked "$kept")" = "$before"
try "$pageout" run --mem 8M --swap "$kept" --swap-size 97M -- true
ok 'it does not grow' all 'status_is 1' 'has "$err" "97M wanted, 96M free"'
try "$pageout" run --mem 8M --swap "$kept" -- \
	env A=1 sh -c 'exec "$0" fill 64' "$victim"
ok 'a program that becomes another one takes it along' all 'status_is 0' \
	'test -z "$err"'
try "$pageout" run --mem 8M --swap "$kept" -- sh -c '"$0" fill 24; exit $?' \
	"$victim"
ok 'a program that it starts runs unmanaged, and is told' all 'status_is 0' \
	'has "$err" "unmanaged: another process has the swap place"'
mkfifo "$tmp/ready" "$tmp/end"
"$pageout" run --mem 8M --swap "$kept" -- \
	sh -c 'echo >"$0"; read -r word <"$1"' "$tmp/ready" "$tmp/end" &
read -r <"$tmp/ready"
unusable 'it is one run at a time that has it' "$kept"
ok 'and why' has "$err" 'locked by another program'
echo word >"$tmp/end"
wait
try "$pageout" run --mem 8M --swap "$kept" -- "$victim" fill 24
ok 'then it is free again' all 'status_is 0' 'test -z "$err"'
ok 'all that has left it as it was' test "$(marked "$kept")" = "$before"
ok 'no file is left' test -z "$(find "$tmp/dir" -mindepth 1)"
finish
