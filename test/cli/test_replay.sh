#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_replay.sh PAGEOUT VICTIM RESEAL -- pageout run --record, and pageout
# replay of what it wrote; of what is damaged, and of what is no record.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$(realpath "$1") victim=$(realpath "$2") reseal=$(realpath "$3")
rec=$tmp/rec

cleanup() { umount "$tmp/small" 2>/dev/null; }

# bad WORDS PATTERN FILE: exit status 2, and a reason
bad() {
	try "$pageout" replay "$3"
	ok "$1" all 'status_is 2' "has \"\$err\" '$2'" 'test -z "$out"'
}

try "$pageout" replay --help
ok 'replay --help' all 'status_is 0' 'has "$out" --json'
try "$pageout" replay
ok 'no file' all 'status_is 2' 'has "$err" "one file"'
bad 'a file that is missing' 'No such file' "$tmp/missing"
bad 'a directory' 'directory' "$tmp"
bad 'another file' 'not a record' "$0"
: >"$tmp/empty"
bad 'an empty file' 'not a record' "$tmp/empty"

try "$pageout" run --mem 8M --record "$tmp/missing/rec" -- touch "$tmp/ran"
ok 'a record that cannot be made: nothing runs' all 'status_is 1' \
	'has "$err" "No such file"' 'test ! -e "$tmp/ran"'

try "$pageout" run --mem 8M --record "$rec" -- "$victim" fill 32
if [[ $status == 77 ]]; then
	skip 'a record' 'userfaultfd is not allowed'
	finish
	exit
fi
ok 'a run with a record' all 'status_is 0' 'test -z "$err"'
ok 'nobody else may read it' test "$(stat -c %a "$rec")" = 600

for policy in clock fifo random; do
	"$pageout" run --mem 8M -p $policy --record "$rec" -- "$victim" fill 32
	try "$pageout" replay "$rec"
	ok "$policy: every decision is the same" all 'status_is 0' \
		"matches \"\$out\" '^policy +$policy'" \
		'has "$out" "every decision is the same"' \
		'matches "$out" "^pswpout +[0-9]{4}"'
done
try "$pageout" replay --json "$rec"
ok 'as JSON' all 'status_is 0' 'json_lines "$out"' \
	'has "$out" "\"verdict\":\"same\""'

# What came through to reclaim, as a trace: the same from a file and a pipe.
counted() { sed 's/,"accesses_per_s":[0-9]*//; /^{"trace"/d' <<<"$out"; }
try "$pageout" sim --json -m 4M "$rec"
ok 'its faults under every policy' all 'status_is 0' 'json_lines "$out"' \
	'matches "$out" "\"first_touches\":[0-9]{3}"'
of_file=$(counted)
out=$("$pageout" sim --json -m 4M - < <(cat "$rec"))
ok 'and through a pipe' test "$(counted)" = "$of_file"

# Programs in the program, one after the other and one by the other's side.
try "$pageout" run --mem 8M --record "$tmp/sh" -- \
	sh -c "$victim fill 16; exec $victim fill 24"
ok 'the command'\''s process has the name that was asked for' \
	"$pageout" replay "$tmp/sh"
try "$pageout" replay "$(echo "$tmp"/sh.[0-9]*)"
ok 'another process has its pid in the name' all 'status_is 0' \
	'has "$out" "the same"'

# Killed: what is there is the same, and that it is not all is said.
"$pageout" run --mem 8M --record "$rec" -- sh -c \
	"$victim fill 32; kill -KILL \$\$" 2>/dev/null
cp "$(echo "$rec".[0-9]*)" "$tmp/whole"
truncate -s -1 "$tmp/whole"
bad 'a record that was cut off' 'before its end' "$tmp/whole"
try "$pageout" sim "$tmp/whole"
ok 'which is no trace' all 'status_is 1' 'has "$err" "before its end"'

# A disk that is full.
mkdir "$tmp/small"
if mount -t tmpfs -o size=64k none "$tmp/small" 2>/dev/null; then
	try "$pageout" run --mem 8M --record "$tmp/small/rec" -- \
		"$victim" fill 64
	ok 'a full disk: the program goes on, and one line says so' all \
		'status_is 0' 'test $(grep -c "" <<<"$err") = 1' \
		'has "$err" "the record ends: its file system is full"'
	bad 'and what was written' 'before its end' "$tmp/small/rec"
else
	skip 'a full disk' 'no mount'
fi

# Damage, found by a check; and made to fit, found by the comparison.
"$pageout" run --mem 8M --record "$rec" -- "$victim" fill 32
cp "$rec" "$tmp/flipped"
printf '\x5a' | dd of="$tmp/flipped" bs=1 seek=3000 conv=notrunc 2>/dev/null
bad 'a flipped byte' 'damaged' "$tmp/flipped"
cp "$rec" "$tmp/resealed"
"$reseal" "$tmp/resealed" 52 3 53 0 # unmap_batch
try "$pageout" replay "$tmp/resealed"
ok 'another core: exit status 1, and where' all 'status_is 1' \
	'matches "$out" "different: event [0-9]+ .*recorded: "'
try "$pageout" replay --json "$tmp/resealed"
ok 'as JSON too' all 'status_is 1' 'json_lines "$out"' \
	'has "$out" "\"verdict\":\"different\""'
finish
