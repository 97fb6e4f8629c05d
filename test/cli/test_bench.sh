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
try "$bench/run" "${small[@]}" --backends=plain,thread,inline \
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
	'matches "$out" "thread: clock +thread: fifo +thread: random +optimum$"' \
	"holds '$tmp/json' \"list(d['medians']) == ['plain', 'thread', 'inline', \
'clock', 'fifo', 'random', 'optimum']\""
ok 'the swap file that they had is gone' test -z \
	"$(find "$tmp" -name 'pageout-bench-*')"
ok 'all columns did all rows' holds "$tmp/json" \
	"all(set(c) >= set('fill scan rmw backward stride streams uniform'.split()
+ 'uniform2 zipf hot end'.split())
for n, c in d['medians'].items() if n != 'optimum')"
ok 'each fault is of one kind at least' holds "$tmp/json" \
	"all(r['soft'] + r['major'] <= r['faults'] <= 1.1 * r['accesses']
and r['fault_share'] == 100 * r['faults'] / r['accesses']
for n, c in d['medians'].items() if n not in ('plain', 'optimum')
for r in (c['uniform'], c['zipf'], c['hot']))"
ok 'no policy reads less than the optimum' holds "$tmp/json" \
	"all(c[row]['in_share'] > 0.9 * d['medians']['optimum'][row]['in_share']
for n, c in d['medians'].items() if n not in ('plain', 'optimum')
for row in ('uniform', 'zipf', 'hot'))"
ok 'the drawing is well formed and has all of them' python3 -c '
import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])
text = open(sys.argv[1]).read()
sys.exit(not all(w in text for w in ("hot set", "thread: fifo", "optimum")))
' "$tmp/svg"

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
ok 'make bench has both systems beside kernel swap, and draws them' all \
	'status_is 0' \
	'matches "$out" "bench/run --policies linux24 kswapd --svg "' \
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
