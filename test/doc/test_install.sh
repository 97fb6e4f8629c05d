#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_install.sh BUILD -- what is installed is enough for a stranger: an
# example is compiled, linked and run with what pkg-config says, nothing else.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

meson install -C "$build" --destdir "$tmp" --no-rebuild >"$tmp/log" || {
	sed 's/^/# /' "$tmp/log"
	echo '1..1'
	echo 'not ok 1 - install into a scratch folder'
	exit 1
}
pc=$(find "$tmp" -name pageout.pc)
lib=$(dirname "$(find "$tmp" -name libpageout.so)")
include=$(dirname "$(dirname "$(find "$tmp" -name pageout.h)")")
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$tmp
export LD_LIBRARY_PATH=$lib

echo '1..4'
cases=0

# expect WORDS COMMAND...
expect() {
	local words=$1 status=0
	shift
	cases=$((cases + 1))
	"$@" >"$tmp/log" 2>&1 || status=$?
	case $status in
	0) echo "ok $cases - $words" ;;
	77) echo "ok $cases - $words # SKIP $(head -n 1 "$tmp/log")" ;;
	*)
		echo "not ok $cases - $words"
		sed 's/^/# /' "$tmp/log"
		;;
	esac
}

link_shared() {
	# shellcheck disable=SC2046 # words of the compiler
	"${CC:-cc}" "$root/examples/bigarray.c" \
		$(pkg-config --cflags --libs pageout) -o "$tmp/bigarray"
}

# Without a sysroot for the libraries of the system.
link_static() {
	"${CC:-cc}" "$root/examples/bigarray.c" "-I$include" \
		"$lib/libpageout.a" -luring -lpthread -o "$tmp/static"
}

expect 'an example is linked with the installed library' link_shared
expect 'and runs' "$tmp/bigarray"
expect 'it is linked with the installed archive' link_static
expect 'and runs alone' "$tmp/static"
