#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_bench.sh BENCH BUILD -- the measuring programs, on little memory; never
# their times.  Kernel swap is the machine's, so it is not in here.
# shellcheck source=test/cli/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"
bench=$1 build=$2
export PAGEOUT_BUILD=$build

holds() { # holds FILE EXPRESSION OF d: of the JSON in the file
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(not eval(sys.argv[2]))' "$@"
}

# One access in 17 goes to a cold page that is not used again.
try "$build/bench/bench" --size=32M --mem=8M --accesses=1700 optimum hot,uniform
ok 'the optimum of the hot set is to read the cold pages alone' \
	has "$out" '{"row": "hot", "accesses": 17000, "misses": 1000}'
first=$out
try "$build/bench/bench" --size=32M --mem=8M --accesses=1700 optimum hot,uniform
ok 'the same seed makes the same accesses' test "$out" = "$first"
try "$build/bench/bench" optimum scan
ok 'a row in order has no optimum' all 'status_is 2' \
	'has "$err" "scan: no such random row"'

small=(--size=16M --mem=4M --runs=1 --accesses=1500 --swap="$tmp")
try "$bench/run" "${small[@]}" --backends=plain,device,thread,inline \
	--policies clock fifo --policies random fifo \
	--json="$tmp/json" --svg="$tmp/svg"
if test "$status" = 0 && has "$out" 'not measured:'; then
	skip 'the table' "${out##*not measured: }"
	finish
	exit
fi
ok 'the table is printed' all 'status_is 0' \
	'has "$out" "plain memory pageout thread"' \
	'matches "$out" "^hot set and a cold scan  "'
ok 'each policy has one column' all \
	'matches "$out" "thread: clock +thread: fifo +thread: random +the device +optimum$"' \
	"holds '$tmp/json' \"list(d['medians']) == ['plain', 'thread', 'inline', \
'clock', 'fifo', 'random', 'device', 'optimum']\""
ok 'the swap file that they had is gone' test -z \
	"$(find "$tmp" -name 'pageout-bench-*')"
ok 'all columns did all rows' holds "$tmp/json" \
	"all(set(c) >= set('touch fill scan rmw backward stride streams uniform'.split()
+ 'uniform2 zipf hot end'.split())
for n, c in d['medians'].items() if n != 'optimum')"
# 16M of data, of which 12M are outside.
ok 'the device moves what a row must have moved' holds "$tmp/json" \
	"all(r['in_mib'] == i and r['out_mib'] == o and r['accesses'] == 4096
and r['mib_s'] > 0
for row, i, o in (('fill', 0, 12), ('scan', 16, 0), ('rmw', 16, 12),
('backward', 12, 0), ('stride', 16, 0), ('streams', 16, 0))
for r in [d['medians']['device'][row]])"
ok 'a random read of the device stands for more accesses' holds "$tmp/json" \
	"all(r['in_pages'] == 1125 and r['accesses'] == 1500
and r['in_share'] == 75 and 0 < r['p50_us'] <= r['p99_us'] <= r['p999_us']
for c in [d['medians']['device']] for r in (c['uniform'], c['uniform2']))"
ok 'where the device has no limit it says nothing' holds "$tmp/json" \
	"d['medians']['device']['zipf'] == d['medians']['device']['hot'] == {}"
ok 'what is touched first fits' holds "$tmp/json" \
	"all(r['accesses'] == 512 and 0 < r['faults'] <= 1024
and r['in_pages'] == r['out_pages'] == 0
for n in ('thread', 'inline', 'clock') for r in [d['medians'][n]['touch']])"
ok 'each fault is of one kind at least' holds "$tmp/json" \
	"all(r['soft'] + r['major'] <= r['faults'] <= 1.1 * r['accesses']
and r['fault_share'] == 100 * r['faults'] / r['accesses']
for n, c in d['medians'].items() if n not in ('plain', 'device', 'optimum')
for r in (c['uniform'], c['zipf'], c['hot']))"
ok 'no policy reads less than the optimum' holds "$tmp/json" \
	"all(c[row]['in_share'] > 0.9 * d['medians']['optimum'][row]['in_share']
for n, c in d['medians'].items() if n not in ('plain', 'device', 'optimum')
for row in ('uniform', 'zipf', 'hot'))"
ok 'the drawing is well formed and has all of them' python3 -c '
import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])
text = open(sys.argv[1]).read()
sys.exit(not all(w in text for w in ("hot set", "thread: fifo", "the device",
	"optimum", "its disk", "medians of 1")))
' "$tmp/svg"

try "$bench/run" "${small[@]}" --rows=fill,uniform --mem=16M \
	--backends=device --json="$tmp/json"
ok 'data that fit need no device' all 'status_is 0' \
	'matches "$out" "^fill +MiB/s +-$"' \
	"holds '$tmp/json' \"d['medians']['device']['uniform'] == {}\""
try "$bench/run" "${small[@]}" --backends=no-such
ok 'a backend that is none is told which there are' all 'status_is 2' \
	'has "$err" "plain, kernel, thread, inline, device"'

"$bench/run" "${small[@]}" --runs=1000 --rows=fill --backends=thread \
	>/dev/null 2>&1 &
run=$!
file=$tmp/pageout-bench-$run.pageout
for _ in {1..300}; do
	[[ ! -s $file ]] || break
	sleep 0.1
done
made=$(stat -c '%s %a' "$file" 2>&1)
kill -KILL "$run"
wait "$run" 2>/dev/null
for _ in {1..300}; do
	[[ -e $file ]] || break
	sleep 0.1
done
if [[ $made == *' 600' ]]; then
	ok 'it is gone after a kill, too' all \
		'test "$made" = "$((48 << 20)) 600"' 'test ! -e "$file"'
else
	skip 'it is gone after a kill, too' "no swap file: $made"
fi

try "$bench/run" "${small[@]}" --rows=fill --backends=plain
ok 'without a random row there is no optimum' all 'status_is 0' \
	'lacks "$out" optimum'
try "$bench/run" "${small[@]}" --policies clock no-such
ok 'a policy that is not built in is named before anything is measured' \
	all 'status_is 2' 'test -z "$out"' \
	'has "$err" "policy no-such: not in this build"'

try make -n -C "$bench/.." bench
ok 'make bench has both systems beside kernel swap, 7 runs, and draws them' all \
	'status_is 0' \
	'matches "$out" "bench/run --runs 7 --policies clock linux24 kswapd --svg "' \
	'lacks "$out" --backends'

try "$bench/softfaults" --mem=8M --data 50 110 --policies clock fifo \
	--modes thread inline --accesses=5000 --swap="$tmp" --json="$tmp/json"
ok 'softfaults does all policies, modes and sizes' all 'status_is 0' \
	'matches "$out" "^fifo, inline +110 % +[0-9]"' \
	"holds '$tmp/json' \"len(d['results']) == 8\""
ok 'what fits has no faults' holds "$tmp/json" \
	"all(r['faults'] == 0 and r['scanned_per_read'] is None
for r in d['results'] if r['data_percent'] == 50)"
ok 'what does not fit has' holds "$tmp/json" \
	"all(r['hard_per_1000'] > 30 and r['scanned_per_read'] > 0.5
for r in d['results'] if r['data_percent'] == 110)"
try "$bench/softfaults" --policies no-such
ok 'softfaults names a policy that is not built in' all 'status_is 2' \
	'has "$err" "policy no-such: not in this build"'

try "$bench/refault" --mem=8M --passes=4 --runs=1 --no-kernel \
	--policies kswapd kswapd:shadows=0 --swap="$tmp" --json="$tmp/json"
ok 'refault does both loops with each policy' all 'status_is 0' \
	'matches "$out" "^loop: .* in 8M;"' \
	'matches "$out" "^change: .* in 8M;"' \
	"holds '$tmp/json' \"len(d['results']) == 4\""
finish
