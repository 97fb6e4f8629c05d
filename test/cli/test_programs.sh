#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_programs.sh PROGRAMS RUN BUILD -- the comparison of real programs can
# fail: here pageout is a script that runs the program as it is, or does what
# must be noticed.  Kernel swap is the machine's, so it is not in here.
# shellcheck source=test/cli/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"
programs=$1 run=$2 build=$3
export PAGEOUT_BUILD=$tmp/build
mkdir "$tmp/build"
ln -s "$build/bench" "$tmp/build/bench"

# pageout_is COMMANDS: what becomes of the program, which is "$@" to them.
pageout_is() {
	printf '%s\n' '#!/bin/bash' 'set -o pipefail' \
		'test "$1" = run || exit 0' \
		'while test "$1" != --; do shift; done; shift' \
		"$1" >"$tmp/build/pageout"
	chmod +x "$tmp/build/pageout"
}

small=("$programs" perl --small --percent 100 --json="$tmp/json")
pageout_is '"$@"'
try "${small[@]}" --runs=2 --policies clock fifo
ok 'what is the same is said to be so' all 'status_is 0' \
	'matches "$out" "^  clock .* yes$"' 'matches "$out" "^  fifo .* yes$"'
ok 'every line has all its runs' python3 -c '
import json, sys
lines = json.load(open(sys.argv[1]))["programs"]["perl"]["lines"]
names = [line["name"] for line in lines]
sys.exit(names != ["unmanaged", "clock", "fifo"]
         or any(len(line["runs"]) != 2 for line in lines))' "$tmp/json"
ok 'the second run begins with another line' test "$(
	cut -d ' ' -f 7- <<<"$err" | grep -o 'unmanaged\|clock\|fifo' | tr '\n' ' '
)" = 'unmanaged clock fifo clock fifo unmanaged '
try "$programs" --small perl
ok 'who takes more than the budget is found' all 'status_is 1' \
	'matches "$out" "^  2q .* yes$"' 'has "$err" "is more than 96 MiB"'
try "${small[@]}" --limit=0.01
ok 'a run over the limit is not counted' all \
	'has "$out" "perl, unmanaged, run 1: not counted: over 0.01 s"'

pageout_is '"$@" | sed "1s/[0-9]/x/"'
try "${small[@]}"
ok 'an output that differs in one letter is found' all 'status_is 1' \
	'matches "$out" "^  2q .* NO$"'
try "$run" perl
ok 'and by the test of the program' matches "$out" '^not ok 1 - the output'

pageout_is 'kill -SEGV $$'
try "${small[@]}"
ok 'a crash is told, and is an error' all 'status_is 1' \
	'matches "$out" "^  2q .* exit status -11$"' \
	'has "$out" "run 1: not counted: exit status -11"'

pageout_is '"$@"'
mkdir "$tmp/bin"
ln -s "$(command -v bash)" "$(command -v stat)" "$tmp/bin"
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$tmp/bin/python3"
try env PATH="$tmp/bin" "$programs" xz
ok 'a program that is not installed is said, and left out' all 'status_is 0' \
	'has "$out" "xz: not measured: no xz: install xz-utils"'
try "$programs" no-such
ok 'an unknown program is refused' all 'status_is 2' \
	'has "$err" "no-such: not one of sort, python"'
try "$programs" --policies no-such
ok 'so is an unknown policy' all 'status_is 2' \
	'has "$err" "policy no-such: not in this build"'
finish
