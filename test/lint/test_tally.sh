#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_tally.sh -- the last line of make check says what the log says.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/meson-logs"
log=$tmp/meson-logs/testlog.json
cases=0

# expect WORDS STATUS LINE [STATUS OF THE RUN]: tally over what is in the log.
expect() {
	local words=$1 status=$2 line=$3 output got=0
	shift 3
	output=$("$root/scripts/tally" "$tmp" "$@") || got=$?
	cases=$((cases + 1))
	if test "$got $output" = "$status $line"; then
		echo "ok $cases - $words"
	else
		echo "not ok $cases - $words"
		echo "# got status $got: $output"
	fi
}

# result RESULT [OUTPUT]: add a test to the log.
result() {
	printf '{"name": "x", "result": "%s", "stdout": "%s"}\n' \
		"$1" "${2-}" >>"$log"
}

expect 'no log is a failure' 1 '0 passed, 0 failed'
expect 'a build that failed is a failure' 1 '0 passed, 1 failed' 1
: >"$log"
expect 'nothing run is a failure' 1 '0 passed, 0 failed'
result OK
result EXPECTEDFAIL
expect 'what passes counts' 0 '2 passed, 0 failed'
result OK '1..3\nok 1 - a\nok 2 - b # SKIP no kernel\nok 3\n'
expect 'each case of TAP counts' 0 '4 passed, 0 failed, 1 skipped'
expect 'a failed run without a failed test counts' 1 \
	'4 passed, 1 failed, 1 skipped' 2
result SKIP
result SKIP '1..0 # SKIP cannot here\n'
expect 'a skipped program counts once' 0 '4 passed, 0 failed, 3 skipped'
result FAIL 'ok 1\nnot ok 2 - c\nnot ok 3 # TODO later\n1..3\n'
expect 'a failed case counts' 1 '6 passed, 1 failed, 3 skipped' 1
result ERROR '1..5\nok 1 - it died in the second\n'
expect 'a program that died counts' 1 '7 passed, 2 failed, 3 skipped' 1
result TIMEOUT
result UNEXPECTEDPASS
expect 'every other result is a failure' 1 '7 passed, 4 failed, 3 skipped' 1
echo "1..$cases"
