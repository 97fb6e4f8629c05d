#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_sim.sh PAGEOUT -- pageout sim: formats, sizes, pictures, what is wrong.
# The numbers themselves are the tests' compare, trace and optimum.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
cd "$tmp" || exit

cleanup() { umount "$tmp/small" "$tmp/tiny" 2>/dev/null; }

# What is counted, without what is measured.
counted() { sed 's/,"accesses_per_s":[0-9]*//; /^{"trace"/d' <<<"$out"; }
rows() { grep -c '"policy"' <<<"$out"; }
bad() { # bad STATUS WORDS PATTERN ARGUMENT...
	local expected=$1 words=$2 pattern=$3
	shift 3
	try "$pageout" sim "$@"
	ok "$words" all "status_is $expected" "matches \"\$err\" '$pattern'" \
		'test -z "$out"' 'test $(grep -c "" <<<"$err") = 1'
}

# -- the command line
try "$pageout" sim --help
ok 'sim --help' all 'status_is 0' 'has "$out" --generate' 'has "$out" --svg'
bad 2 'no file' 'one FILE'
bad 2 'two files' 'one FILE' a b
bad 2 'a file and a pattern' 'one FILE' --generate zipf a
bad 2 'no such policy' 'lru: no such policy' -p lru -g zipf
bad 2 'no such tunable' 'no such policy' -p linux24:colour=1 -g zipf
bad 2 'no size' '64Q: unknown unit' -m 64Q -g zipf
bad 2 'no range' 'FIRST\.\.LAST:N' -m 1M..2M -g zipf
bad 2 'a range that falls' 'FIRST\.\.LAST:N' -m 2M..1M:3 -g zipf
bad 2 'read-ahead out of range' '1 to 256' --readahead 0 -g zipf
bad 2 'no time at all' 'access-time' --access-time 0ns -g zipf
try "$pageout" sim -p help
ok 'the policies' all 'status_is 0' 'matches "$out" "^  fifo "' \
	'matches "$out" "^  optimum "'
try "$pageout" sim -g help
ok 'the patterns' all 'status_is 0' 'matches "$out" "^  zipf "'
try "$pageout" sim -f help
ok 'the formats' all 'status_is 0' 'matches "$out" "^  lackey "'

# -- the same accesses in every format, from a file and from a pipe
tr , '\n' <<<7,0,1,2,0,3,0,4,2,3,0,3,2,1,2,0,1,7,0,1 >pages.csv
{
	echo address,op
	sed 's/.*/0x&000,r/' pages.csv
} >addresses.csv
sed 's/.*/ L 0400&010,8/' pages.csv >lackey.txt
python3 - <<'PYTHON'
import struct
with open("pages.csv") as pages, open("objects", "wb") as out:
    for i, page in enumerate(pages):
        out.write(struct.pack("<IQIq", i, int(page), 1, -1))
PYTHON
textbook=(-p optimum -m 12K --json)
for file in pages.csv addresses.csv lackey.txt objects; do
	try "$pageout" sim "${textbook[@]}" $file
	ok "$file: 9 faults of 20, 6 of them first touches" all 'status_is 0' \
		'json_lines "$out"' 'has "$out" "\"misses\":3,\"first_touches\":6,"'
	of_file=$(counted)
	out=$(cat $file | "$pageout" sim "${textbook[@]}" - 2>&1)
	ok "$file through a pipe" test "$(counted)" = "$of_file"
done
try "$pageout" sim "${textbook[@]}" -f csv objects
ok 'a format that is said is believed' all 'status_is 1' \
	'has "$err" "line 1"'

# -- policies and sizes
try "$pageout" sim -g loop:pages=1000,accesses=3000,writes=0% -p fifo -m 1M \
	--access-time 1ms
ok 'the table' all 'status_is 0' \
	'matches "$out" "^loop.*: 3000 accesses, 0 of them write, to 1000 pages"' \
	'matches "$out" "^fifo +1M +3000 +2000 +66\.67 +1000 +0 +1000 +2000 "'
try "$pageout" sim -g zipf:pages=2K,accesses=30K -m 1M -m 50%..150%:3 --json
all_policies=$("$pageout" sim -p help | grep -c '')
ok 'all policies, in each size' all 'status_is 0' 'json_lines "$out"' \
	'test $(rows) = $((4 * all_policies))'
for text in README.md man/pageout-sim.1; do
	shown=$(awk '/^$|^[.`]/ { on = 0 } on { print $1 } /^POLICY / { on = 1 }' \
		"$top/$text")
	ok "the table of $text has them all" test "$shown" = \
		"$("$pageout" sim -p help | awk '{ print $1 }')"
done
try "$pageout" sim -g zipf:pages=2K,accesses=30K -m 10%..100%:10 -p optimum -j
misses=$(sed -n 's/.*"misses":\([0-9]*\).*/\1/p' <<<"$out")
ok 'more memory, fewer misses of the optimum' all 'test $(rows) = 10' \
	'sort -cnr <<<"$misses"' 'test $(tail -n 1 <<<"$misses") = 0'
bad 1 'too little memory for a policy' 'takes 256 to' -m 12K -p fifo pages.csv
bad 1 'one size of several is too small' 'fifo takes 256 to' -p optimum -p fifo \
	-m 2M -m 12K pages.csv
bad 1 'one size of several is too large' 'takes 256 to' -p fifo -m 1M -m 2T \
	pages.csv
try "$pageout" sim --json pages.csv
ok 'half of very little is the least that there can be' all 'status_is 0' \
	'has "$err" "50%: raised to 1M, the least"' \
	'test $(rows) = $all_policies' \
	'test $(grep -c "\"mem_bytes\":1048576" <<<"$out") = $all_policies'
try "$pageout" sim -p optimum -m 5%..50%:10 --json pages.csv
ok 'the optimum takes as little as a page' all 'status_is 0' \
	'has "$out" "\"mem_bytes\":4096,"' 'has "$out" "\"mem_bytes\":12288,"'
try "$pageout" sim -g loop:pages=1000,accesses=3000 --svg small.svg -p fifo --json
ok 'a picture of a small trace: the smallest sizes are one' all 'status_is 0' \
	'has "$err" "10%..100%:10: 2 sizes raised to 1M, the least"' 'test $(rows) = 9' \
	'test $(grep -o "<circle" small.svg | wc -l) = 9'

# -- pictures
try "$pageout" sim -g scan:pages=4K,accesses=30K --svg curves.svg
ok 'a picture: a line a policy, 10 sizes' all 'status_is 0' \
	'python3 -c "import xml.dom.minidom as m; m.parse(\"curves.svg\")"' \
	'test $(grep -c "<polyline" curves.svg) = $all_policies' \
	'test $(grep -o "<circle" curves.svg | wc -l) = $((10 * all_policies))'
loop=(-g 'loop:pages=1000,accesses=3000' -p fifo)
bad 1 'a picture that cannot be made' 'missing/curves.svg: No such file' \
	"${loop[@]}" --svg missing/curves.svg
bad 1 'a picture in place of a folder' 'directory' "${loop[@]}" --svg "$tmp"
bad 1 'no trace, no picture' 'No such file' --svg none.svg missing
ok 'it is not there' test ! -e none.svg
cp curves.svg kept.svg
bad 1 'no trace, the old picture stays' 'No such file' --svg kept.svg missing
ok 'it is as it was' cmp curves.svg kept.svg
try "$pageout" sim "${loop[@]}" -m 1M --svg /dev/full
ok 'a picture that finds no room' all 'status_is 1' \
	'has "$err" "/dev/full: No space"' 'test -c /dev/full'
if mkdir tiny && mount -t tmpfs -o size=4k none tiny 2>/dev/null; then
	try "$pageout" sim "${loop[@]}" --svg tiny/curves.svg -m 1M..40M:99
	left=$(ls tiny)
	umount tiny
	ok 'half a picture is taken away' all 'status_is 1' \
		'has "$err" "tiny/curves.svg: No space"' 'test -z "$left"'
else
	skip 'half a picture is taken away' 'no mount'
fi

# -- what is wrong
: >empty
bad 1 'a file that is missing' 'missing: No such file' missing
bad 1 'a folder' 'directory' "$tmp"
bad 1 'an empty file' 'empty: it is empty' empty
try "$pageout" sim - # lib.sh gives /dev/null
ok 'nothing comes through the pipe' all 'status_is 1' 'has "$err" "empty"'
head -c 100 objects >part
bad 1 'objects that are cut off' 'record 5 is cut off: 4 bytes of 24' part
printf '1\n2\nthree\n' >words
bad 1 'a line that is no access' 'line 3: .three. is no page' words
bad 1 'a program' 'not recognised' "$pageout"
gzip -c pages.csv >packed
bad 1 'a packed file' 'gzip -dc' packed
bad 1 'a pattern that there is not' 'no such pattern' -g zpif
bad 1 'a setting that there is not' 'colour: no such setting' -g zipf:colour=1
TMPDIR=/nonexistent bad 1 'no place for the trace' 'TMPDIR' pages.csv
mkdir small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
	TMPDIR=$tmp/small bad 1 'a full disk' 'No space left.*TMPDIR' -g zipf
else
	skip 'a full disk' 'no mount'
fi
finish
