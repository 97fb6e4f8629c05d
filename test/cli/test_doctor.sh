#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_doctor.sh PAGEOUT DENY -- pageout doctor, on this machine and on worse.
# shellcheck source=test/cli/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"
pageout=$1 deny=$2

lines_are_well_formed() {
	! sed '$d' <<<"$out" |
		grep -Evq '^(ok  |warn|FAIL)  [a-z_ -]+: .+'
}

try "$pageout" doctor --swap "$tmp"
fails=$(grep -c ^FAIL <<<"$out")
ok 'the exit status says whether a line says FAIL' \
	status_is "$((fails > 0))"
ok 'every line has verdict, name and what was found' lines_are_well_formed
ok 'a line that is not ok has meaning and remedy' \
	test -z "$(grep -E '^(warn|FAIL)' <<<"$out" | grep -v ' -- .*; .')"
ok 'the last line says it all' \
	matches "$(tail -n 1 <<<"$out")" '^pageout run (works|does not work) here'
ok 'nothing is left in the swap place' test "$(ls "$tmp")" = "$(printf 'err\nout')"

try "$pageout" doctor --json
ok '--json is JSON' all 'json_lines "$out"' \
	'has "$out" "{\"check\":\"kernel\",\"verdict\":"'

try "$pageout" doctor --swap "$tmp/nowhere"
ok 'a swap place that is not there fails' all 'status_is 1' \
	'matches "$out" "^FAIL  swap place: $tmp/nowhere: .* -- .*; ."'

try "$pageout" doctor --swap /dev/null
ok 'a swap place that is no place fails' all 'status_is 1' \
	'matches "$out" "^FAIL  swap place: /dev/null: "'

try bash -c 'ulimit -n 32; exec "$1" doctor' - "$pageout"
ok 'a limit of open files is seen' all 'status_is 1' \
	'has "$out" "FAIL  open files: limit 32 "'

# The address sanitizer wants more address space than any limit gives.
if (ulimit -v 2000000 && "$pageout" doctor --help) >/dev/null 2>&1; then
	try bash -c 'ulimit -v 2000000; exec "$1" doctor' - "$pageout"
	ok 'a limit of address space is seen' \
		has "$out" 'warn  address space: limit 2048000000 '
else
	skip 'a limit of address space is seen' 'built with a sanitizer'
fi

try "$deny" "$pageout" doctor
ok 'a machine without io_uring is slower, not broken' \
	matches "$out" '^warn  io_uring: Operation not permitted.*threads'

as_nobody() {
	setpriv --reuid 65534 --clear-groups --inh-caps=-all "$@"
}
if test "$(id -u)" = 0 && cp "$pageout" "$deny" "$tmp" 2>/dev/null &&
	as_nobody "$tmp/pageout" doctor --help >/dev/null 2>&1 &&
	! as_nobody test -r /dev/userfaultfd &&
	test "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0; then
	try as_nobody "$tmp/pageout" doctor
	ok 'without permission the remedies are named' all 'status_is 1' \
		'matches "$out" "^FAIL  userfaultfd: .*setfacl -m u:65534:rw"' \
		'has "$out" "unprivileged_userfaultfd=1"' \
		'has "$out" "ok    inline mode: "' \
		'has "$out" "ok    move and poison: "'
	try as_nobody "$tmp/deny" "$tmp/pageout" doctor
	ok 'in a container the way in is named' all 'status_is 1' \
		'matches "$out" "^FAIL  userfaultfd: .*docker run --device"' \
		'has "$out" "warn  inline mode: "' \
		'has "$out" "FAIL  move and poison: "'
else
	skip 'without permission the remedies are named' 'cannot take it away'
	skip 'in a container the way in is named' 'cannot take it away'
fi

for bad in '--nonsense' 'operand' '--swap'; do
	try "$pageout" doctor "$bad"
	ok "'$bad' is a wrong command line" all 'status_is 2' \
		'test -z "$out"' 'has "$err" "Try pageout doctor --help"'
done

try bash -c '"$1" doctor >/dev/full' - "$pageout"
ok 'output that cannot be written is a failure' all 'status_is 1' \
	'has "$err" "No space left"'
finish
