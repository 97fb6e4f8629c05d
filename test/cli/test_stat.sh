#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_stat.sh PAGEOUT ENGINE STAT.DEF -- pageout stat as a user meets it.
#
# Other engines may be running on the machine: nothing here counts them.
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$1 engine=$2 def=$3

# start NAME [ARGUMENT]: an engine; sets pid and keeper.  It ends with us.
start() {
	mkfifo "$tmp/$1.in" "$tmp/$1.out"
	"$engine" ${2+"$2"} <"$tmp/$1.in" >"$tmp/$1.out" &
	exec {hold}>"$tmp/$1.in"
	read -r pid keeper <"$tmp/$1.out"
	holds+=("$hold")
}
holds=()
cleanup() {
	for h in "${holds[@]}"; do
		exec {h}>&-
	done
	wait
}

start plain
plain=$pid

try "$pageout" stat
ok 'the list has a heading and the engine' all 'status_is 0' \
	'matches "$out" "^ +PID +LIMIT +USED"' \
	'matches "$out" "^ *$plain +64M .* fifo +thread +[^ ]*engine"'

try "$pageout" stat --raw
ok 'raw sizes are exact' matches "$out" "^ *$plain +67108864 "

try "$pageout" stat "$plain"
ok 'one engine shows every number for everybody' all 'status_is 0' \
	'has "$out" "mem_limit"' 'has "$out" "swap_read_errors"' \
	'matches "$out" "^stall_ns +1.5ms time"' \
	'lacks "$out" "pgfaultwait"'

try "$pageout" stat --level 2 "$plain"
names=$(sed -n 's/^STAT(\([a-z0-9_]*\),.*/\1/p' "$def")
shown=$(sed -n '4,$s/ .*//p' <<<"$out")
ok 'level 2 shows every number of stat.def, but of zones that there are' \
	test "$shown" = "$(grep -v '^zone' <<<"$names")"

try "$pageout" stat --list
shown=$(sed -n '2,$s/ .*//p' <<<"$out")
ok '--list names every number of stat.def' test "$shown" = "$names"

try "$pageout" stat --list --json
ok '--list --json is JSON' all 'status_is 0' 'json_lines "$out"' \
	'has "$out" "{\"name\":\"pgfault\",\"kind\":\"counter\""'

try "$pageout" stat --json "$plain"
ok '--json is one object on one line' all 'status_is 0' \
	'json_lines "$out"' 'test "$(wc -l <<<"$out")" = 1' \
	'has "$out" "\"pid\":$plain,"' 'has "$out" "\"mem_limit\":67108864"'

try "$pageout" stat --json
ok '--json of all is JSON' all 'status_is 0' 'json_lines "$out"'

try "$pageout" stat -n 0.2 -c 2 --json "$plain"
rate=$(sed -n 's/.*"rates":{"pgfault":\([0-9]*\).*/\1/p' <<<"$out" | tail -n 1)
ok 'an interval shows rates, as often as was asked for' all 'status_is 0' \
	'json_lines "$out"' 'test "$(wc -l <<<"$out")" = 2' \
	"test ${rate:-0} -gt 500 -a ${rate:-0} -lt 11000"

try "$pageout" stat -n 100ms -c 2 "$plain"
ok 'an interval shows counters by the second, gauges as they are' \
	all 'status_is 0' 'matches "$out" "^pgfault +[0-9]+ events/s "' \
	'matches "$out" "^mem_limit +64M bytes  "'

try "$pageout" stat -n 100ms -c 2
places=$(awk '/POLICY/ {print index($0, "POLICY")}
	$1 == pid {print index($0, "fifo")}' pid="$plain" <<<"$out" | sort -u)
ok 'columns never move' all 'status_is 0' 'test "$(wc -w <<<"$places")" = 1'

try timeout 10 "$pageout" stat -n 100ms -c 2 --count=1 "$plain"
ok 'the last of two counts wins' all 'status_is 0' \
	'test "$(grep -c pgmajfault <<<"$out")" = 1'

start kept keeper
try "$pageout" stat "$keeper"
ok 'a keeper stands for its engine' all 'status_is 0' \
	'matches "$out" "^$pid: "'
try "$pageout" stat
ok 'an engine with a keeper is listed once' \
	test "$(grep -cE "^ *($pid|$keeper) " <<<"$out")" = 1

exec {hold}>&-
sleep 0.2
try "$pageout" stat "$pid"
ok 'an engine that is gone is not found' all 'status_is 1' 'test -z "$out"' \
	'has "$err" "pageout stat: $pid: there is no such process"'

start lies broken
try "$pageout" stat "$pid"
ok 'a file that lies is refused with the reason' all 'status_is 1' \
	'has "$err" "refused: a number lies outside of its place"'

start lists linux24
lists=$pid
try "$pageout" stat --lists "$lists"
ok '--lists shows each zone, and all' all 'status_is 0' \
	'matches "$out" "^ZONE +free +unpopulated +active +inact_dirty"' \
	'matches "$out" "^0 +10 +20 +300 +40 +50 +16 +32 +48$"' \
	'matches "$out" "^1 +11 +21 +301 +41 +51 +17 +33 +49$"' \
	'matches "$out" "^all +21 +41 +601 +81 +101 +33 +65 +97$"' \
	'lacks "$out" "$(printf "\n2 ")"'
ok '--lists shows what is wanted and what is short' all \
	'matches "$out" "^nr_private +444$"' \
	'matches "$out" "^freeable +163 +173 +10  "' \
	'matches "$out" "^inactive +244 +324 +80  "' \
	'matches "$out" "^memory_pressure +14528$"'
bars=$(sed -n '/^AGE/,/^$/s/^[0-9.]\{1,\} *[0-9]* *//p' <<<"$out" |
	tr '\n' ,)
ok '--lists draws ages in bars of up to 40' test "$bars" = \
	"$(printf '%040d,,%020d,0,,,%010d,' 0 0 0 | tr 0 '#')"
ok '--lists says what has happened so far' all \
	'matches "$out" "^WHAT HAPPENS +so far$"' \
	'matches "$out" "^kswapd_wake +0$"'
widths=$(sed -n '/^ZONE/,/^all/p' <<<"$out" | awk '{print length}' | sort -u)
ok 'columns of zones stand in line' test "$(wc -l <<<"$widths")" = 1

try "$pageout" stat --lists -n 100ms -c 2 "$lists"
ok '--lists with an interval shows rates' all 'status_is 0' \
	'test "$(grep -cE "^WHAT HAPPENS +a second$" <<<"$out")" = 2' \
	'matches "$out" "^pgmajfault +0$"'

try "$pageout" stat --lists --json -n 100ms -c 2 "$lists"
ok '--lists --json is one object on one line' all 'status_is 0' \
	'json_lines "$out"' 'test "$(wc -l <<<"$out")" = 2' \
	'has "$out" "\"zones\":[{\"free\":10,\"unpopulated\":20,"' \
	'has "$out" "{\"free\":11,"' 'has "$out" "\"high\":49}],"' \
	'has "$out" "\"ages\":{\"0\":400,\"1\":0,\"2..3\":200,"' \
	'has "$out" "\"nr_private\":444"' 'has "$out" "\"rates\":{"'

try "$pageout" stat --lists "$plain"
ok '--lists of another policy says so, and shows what there is' all \
	'status_is 0' 'has "$out" "the lists of policies linux24 and kswapd only"' \
	'matches "$out" "^nr_inactive_clean +0$"' 'lacks "$out" "ZONE"'

try "$pageout" stat --lists --json "$plain"
ok '--lists --json of another policy has sizes alone' all 'status_is 0' \
	'json_lines "$out"' 'has "$out" "\"nr_free\":0"' \
	'lacks "$out" "zones"'

try "$pageout" stat --level 2 "$lists"
ok 'level 2 shows the zones that there are' all \
	'matches "$out" "^zone1_high +49 "' 'lacks "$out" "zone2_"'

start two nodes
two=$pid
try "$pageout" stat --raw "$two"
ok 'an engine with two nodes shows their sum' all 'status_is 0' \
	'has "$out" "fifo, thread, 2 nodes, runs"' \
	'matches "$out" "^mem_limit +134217728 "'
try "$pageout" stat --raw --node 1 "$two"
ok '--node shows one of them' all 'status_is 0' \
	'has "$out" "fifo, thread, node 1 of 2, runs"' \
	'matches "$out" "^mem_limit +67108864 "'
try "$pageout" stat --json --node 1 "$two"
ok '--node --json says which' all 'status_is 0' 'json_lines "$out"' \
	'has "$out" "\"nodes\":2,\"node\":1,"'
try "$pageout" stat --node 2 "$two"
ok 'a node that is not there' all 'status_is 1' 'has "$err" "no node 2"'
try "$pageout" stat --node x
ok 'a node that is no number' all 'status_is 2' 'has "$err" "--node"'

start ranks kswapd
ranks=$pid
try "$pageout" stat --lists "$ranks"
ok '--lists adds amounts, and of ranks shows the highest' all 'status_is 0' \
	'matches "$out" "^watermark_boost +50$"' \
	'matches "$out" "^kswapd_failures +7$"' \
	'matches "$out" "^kswapd_order +3$"' \
	'matches "$out" "^kswapd_highest_zoneidx +1$"'
widths=$(sed -n '/^nr_mlocked/,/^nonresident/p' <<<"$out" | awk '{print length}' |
	sort -u)
ok 'their columns stand in line' test "$(wc -w <<<"$widths")" = 1
try "$pageout" stat --lists --node 0 "$ranks"
ok 'a node that nobody asked has no zone' all 'status_is 0' \
	'matches "$out" "^kswapd_order +2$"' \
	'matches "$out" "^kswapd_highest_zoneidx +none$"'
try "$pageout" stat --lists --json "$ranks"
ok 'in JSON as well' all 'status_is 0' 'json_lines "$out"' \
	'has "$out" "\"kswapd_failures\":7,\"kswapd_order\":3,"' \
	'has "$out" "\"kswapd_highest_zoneidx\":1,"'
start asleep asleep
try "$pageout" stat --lists "$pid"
ok 'nodes that nobody asked have none together' \
	matches "$out" '^kswapd_highest_zoneidx +none$'
try "$pageout" stat --json "$pid"
ok 'in JSON that is a number' has "$out" '"kswapd_highest_zoneidx":4,'
try "$pageout" stat --help
ok '--help knows whose lists there are' has "$out" 'linux24 and kswapd'

try "$pageout" stat $$
ok 'a process without an engine is said to be one' all 'status_is 1' \
	'has "$err" "runs without an engine"'

for bad in '--level=3' '--level=x' '--count=0' '--interval=0' '--interval=1y' \
	'--interval=-1' '--nonsense' '0' 'x' '12 13' '99999999999999999999'; do
	# shellcheck disable=SC2086 # two words are wanted
	try "$pageout" stat $bad
	ok "'$bad' is a wrong command line" all 'status_is 2' \
		'test -z "$out"' 'has "$err" "Try pageout stat --help"'
done

try bash -c '"$1" stat --list >/dev/full' - "$pageout"
ok 'output that cannot be written is a failure' all 'status_is 1' \
	'has "$err" "No space left"'

if test "$(id -u)" = 0 && cp "$pageout" "$tmp/pageout" 2>/dev/null &&
	setpriv --reuid 65534 --clear-groups "$tmp/pageout" stat --list \
		>/dev/null 2>&1; then
	try setpriv --reuid 65534 --clear-groups "$tmp/pageout" stat "$plain"
	ok 'another user is told that it is not his' all 'status_is 1' \
		'has "$err" "may not be looked into"'
	try setpriv --reuid 65534 --clear-groups "$tmp/pageout" stat
	ok 'another user does not see it in the list' \
		lacks "$out" " $plain "
else
	skip 'another user is told that it is not his' 'not root'
	skip 'another user does not see it in the list' 'not root'
fi
finish
