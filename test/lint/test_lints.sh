#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_lints.sh -- every lint passes a small clean tree, and fails once the
# mistake that it is there for is planted in it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GIT_DIR=$tmp/none # no git: the tree is what find sees
spdx='/* SPDX-License-Identifier: BSD-2-Clause */'
cases=0

# clean: make the small tree anew and enter it.
clean() {
	rm -rf "$tmp/tree"
	mkdir -p "$tmp"/tree/{src/{base,core,os},man}
	cp -r "$root"/{scripts,.clang-format,.clang-tidy} "$tmp/tree"
	cd "$tmp/tree"
	printf '%s\n' "$spdx" 'int os_x(void);' >src/os/os.h
	printf '%s\n' "$spdx" 'int core_x(void);' >src/core/core.h
	printf '%s\n' "$spdx" '#include "core/core.h"' '' 'int' \
		'core_x(void)' '{' $'\treturn 1;' '}' >src/core/core.c
}

# host CALL: compile a host that makes one call.
host() {
	mkdir -p build
	printf 'void %s(void);\nvoid host(void);\nvoid\nhost(void)\n{\n\t%s();\n}\n' \
		"$1" "$1" >build/host.c
	cc -c build/host.c -o build/host.o
	rm -f build/libhost.a
	ar rcs build/libhost.a build/host.o
}

# objects: compile core.c, for the lints that look at what was built.
objects() {
	mkdir -p build
	cc -Isrc -c src/core/core.c -o build/core.o
	rm -f build/libcore.a
	ar rcs build/libcore.a build/core.o
	printf '[{"directory": "%s", "file": "%s", "command": "%s"}]\n' \
		"$PWD" src/core/core.c "cc -Isrc -c src/core/core.c" \
		>build/compile_commands.json
}

# report STATUS WORDS...: one line of TAP.
report() {
	local status=$1
	shift
	cases=$((cases + 1))
	if test "$status" -eq 0; then
		echo "ok $cases - $*"
	else
		echo "not ok $cases - $*"
		sed 's/^/# /' "$tmp/output"
	fi
}

# expect LINT WORDS PATTERN: the lint must fail and say what PATTERN matches.
expect() {
	local lint=$1 words=$2 pattern=$3 status=0
	shift 3
	"scripts/check-$lint" "$@" >"$tmp/output" 2>&1 || status=$?
	if test $status -eq 77; then
		cases=$((cases + 1))
		echo "ok $cases - $lint # SKIP its tool is not installed"
	elif test $status -ne 0 && grep -Eq "$pattern" "$tmp/output"; then
		report 0 "$lint finds $words"
	else
		report 1 "$lint finds $words"
	fi
}

clean
objects
host tap_fault
for lint in scripts/check-*; do
	status=0
	case $lint in
	*-pure) "$lint" build/libcore.a ;;
	*-tapped) "$lint" build/libhost.a ;;
	*) "$lint" build ;;
	esac >"$tmp/output" 2>&1 || status=$?
	test $status -ne 77 || status=0
	report $status "$(basename "$lint") passes a clean tree"
done

clean
sed -i '2i #include "os/os.h"' src/core/core.c
expect layers 'a room that may not be entered' 'core may not include os/'
clean
sed -i '2i #include "core.h"' src/core/core.c
expect layers 'a header without its room' 'does not name its room'
clean
sed -i '2i #  include <os/os.h>' src/core/core.c
expect layers 'the wrong room in angle brackets' 'core may not include os/'

clean
echo 'extern uint32_t core_y;' >>src/core/core.h
expect headers 'a header that needs another one' 'does not compile alone'

clean
printf '/* %077d */\n' 0 >>src/core/core.c
expect size 'a line of 83 columns' 'more than 80 columns'
clean
printf '\t\t\t\t\t\t\t\t\t/* %03d */\n' 0 >>src/core/core.c
expect size 'a line of 81 columns in tabs' 'more than 80 columns'
clean
{
	printf 'void\ncore_y(void)\n{\n'
	printf '\t;\n%.0s' {1..69}
	echo '}'
} >>src/core/core.c
expect size 'a function of 71 lines' 'a function of 71 lines'
clean
printf '\n%.0s' {1..600} >>src/core/core.h
expect size 'a file of more than 600 lines' 'more than 600 lines'
clean
for i in {2..13}; do cp src/core/core.h "src/core/core$i.h"; done
expect size 'a room of 13 modules' 'modules in a room'

clean
sed -i 1d src/core/core.c
expect spdx 'a file without a licence' 'core.c: no SPDX'

clean
echo 'int  core_y(void);' >>src/core/core.h
expect format 'two spaces' 'core.h:3:.*clang-format'

clean
# shellcheck disable=SC2016
printf '#!/bin/sh\nrm -r $1\n' >scripts/x
expect shell 'a variable without quotes' 'SC2086'

clean
printf '/* t\145h core */\n' >>src/core/core.h
expect spelling 'a word misspelt' '==> the'

clean
printf '.Dd today\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Bogus\n' >man/x.1
expect man 'a macro that does not exist' 'Bogus'

for plant in 'int puts(const char *s); int core_y(void) { return puts(""); }' \
	'int core_y(void) { static int n; return ++n; }' \
	'int core_y = 3;' \
	'int getpid(void) __attribute__((weak));
	int core_y(void) { return getpid(); }'; do
	clean
	echo "$plant" >>src/core/core.c
	objects
	expect pure "${plant%%;*}" 'core (calls out|has variables): ' \
		build/libcore.a
done

clean
host core_fault
expect tapped 'a call past the tap' 'without the tap: core_fault' build/libhost.a

clean
echo 'int core_y(int *p) { *p = 0; return p ? 1 : 0; }' >>src/core/core.c
objects
expect cppcheck 'a null check after the use' 'nullPointer' build
clean
echo 'int core_y(int a) { int n; if (a) n = 1; return n; }' >>src/core/core.c
objects
expect tidy 'a value that was never set' 'UndefReturn|undefined' build

echo "1..$cases"
