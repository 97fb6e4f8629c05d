#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_micro.sh BENCH BUILD SANITIZER -- that a path of the core is what it is
# said to be, and that bench/micro sees when it has become longer.
# shellcheck source=test/cli/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"
bench=$1 build=$2 sanitizer=$3
export PAGEOUT_BUILD=$build
paths=$build/bench/paths

# What happens each time, and what may: by the names of the statistics.
cat >"$tmp/events" <<'END'
touch      pgfirsttouch,pgmap        -
touch-run  pgmap                     pgfirsttouch
soft       pgsoftfault,pgmap         -
hard       pgmajfault,pswpin,pgmap   -
hard-run   pgmap                     pgmajfault,pgsoftfault,pswpin,swap_ra
scan       pgunmap,pgunmap_clean     -
scan-new   pgunmap,swap_used         -
launder    pswpout                   -
free       pgfree                    -
END

is_path() { # is_path EACH SOME: of the JSON in $tmp/out
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
each, some = (set(words.split(",")) - {"-"} for words in sys.argv[2:])
happened = set(d["events"])
sys.exit(not (d["times"] >= 500 and each <= happened <= each | some
and all(d["events"][name] == d["times"] for name in each)))' "$tmp/out" "$@"
}

for policy in clock 2q linux24 kswapd; do
	while read -r path each some; do
		try "$paths" "$path" "$policy"
		ok "$policy: $path is what its name says, and nothing else" \
			all 'status_is 0' "is_path '$each' '$some'"
	done <"$tmp/events"
	try "$paths" turnover "$policy"
	ok "$policy: in the long run as many pages come as leave" \
		all 'status_is 0' 'python3 -c "import json, sys
e = json.load(open(sys.argv[1]))[\"events\"]
sys.exit(not .9 < e[\"pgunmap\"] / (e[\"pswpin\"] + e[\"pgsoftfault\"]) < 1.1)
" "$tmp/out"'
done
try "$paths" --list
ok 'no path is missing here' test \
	"$(cut -d' ' -f1 <<<"$out")" = "$(cut -d' ' -f1 "$tmp/events"; echo turnover)"
try "$paths" no-such clock
ok 'a path that there is not' all 'status_is 2' 'has "$err" "path no-such"'
try "$paths" soft no-such
ok 'a policy that there is not' all 'status_is 2' 'has "$err" "policy no-such"'

# -- bench/micro -------------------------------------------------------------

expected=$tmp/expected
micro=("$bench/micro" --paths scan-new --policies clock "--expected=$expected")

try "${micro[@]}"
ok 'nothing to compare with' all 'status_is 2' 'has "$err" "--update makes one"'
echo 'scan-new clock many' >"$expected"
try "${micro[@]}"
ok 'what is stored makes no sense' all 'status_is 2' \
	'has "$err" "expected:1: not a path, a policy and a number"'
echo 'scan-new clock 7' >"$expected"
try "${micro[@]}"
ok 'it is not said of which build that is' all 'status_is 2' \
	'has "$err" "of which build"'
printf 'build: another\nfree clock 7\n' >"$expected"
try "${micro[@]}" --update
ok 'one file is of one build' all 'status_is 2' 'has "$err" "another build"'
try "$bench/micro" --paths no-such
ok 'micro names a path that there is not' all 'status_is 2' \
	'has "$err" "path no-such: there is none; there are touch, "'
try "$bench/micro" --policies no-such
ok 'micro names a policy that is not built in' all 'status_is 2' \
	'has "$err" "policy no-such: not in this build"'
mkdir "$tmp/bin"
ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$tmp/bin/python3"
rm "$expected"
try env PATH="$tmp/bin" "${micro[@]}" --update
ok 'without valgrind it says what to install' all 'status_is 77' \
	'has "$err" "apt-get install valgrind"'

why=
command -v valgrind >/dev/null || why='no valgrind'
test "$sanitizer" = none || why="valgrind cannot run a sanitizer's program"
if test -n "$why"; then
	skip 'instructions are counted' "$why"
	finish
	exit
fi

store() { # store FACTOR: what is stored, and was counted, by a factor
	awk -v by="$1" '$1 == "scan-new" { $3 *= by } 1' "$tmp/counted" |
		sed 's/^scan-new clock/scan-new  clock /' >"$expected"
}

try "${micro[@]}" --update --json="$tmp/json" --functions=3
cp "$expected" "$tmp/counted"
ok 'instructions are counted, and stored' all 'status_is 0' \
	'matches "$out" "^scan-new +clock +[0-9.]+ +- +-$"' \
	'matches "$(cat "$expected")" "^scan-new +clock +[0-9]+\.[0-9]$"' \
	'has "$(cat "$expected")" "build: $("$paths" --build)"'
ok 'they are those of functions of the core' all \
	'matches "$out" "^  core_kswapd +[0-9.]+ +[0-9.]+$"' \
	'python3 -c "import json, sys
r = json.load(open(sys.argv[1]))[\"results\"][0]
calls = sum(r[\"functions\"][f][\"inclusive\"]
for f in (\"core_kswapd\", \"core_op_done\"))
sys.exit(not .9 * r[\"instructions\"] < calls <= r[\"instructions\"])
" "$tmp/json"'
try "${micro[@]}"
ok 'the next run takes as many' all 'status_is 0' 'matches "$out" "\+0\.0 %$"'
store 0.9
try "${micro[@]}"
ok 'a path that got worse fails' all 'status_is 1' \
	'has "$out" "worse: scan-new, clock: +11.1 %"'
store 1.1
try "${micro[@]}"
ok 'one that got better is to be stored' all 'status_is 0' \
	'has "$out" "better: scan-new, clock: -9.1 %"' 'has "$out" "--update"'
store 0.9
sed -i 's/^build: .*/build: another/' "$expected"
try "${micro[@]}"
ok 'another build is no judge' all 'status_is 0' \
	'has "$out" "Apples and pears"' 'matches "$out" "\+11\.1 %$"'
finish
