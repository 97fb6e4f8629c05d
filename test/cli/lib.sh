# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh -- cases of command-line tests, as TAP.  Sourced.
#
# A case runs a command with `try` and then says what must be true of $status,
# $out and $err; `ok` prints the line.  The first word of `try` is mostly
# $pageout, the program that is tested.
set -u
tmp=$(mktemp -d)
chmod 755 "$tmp"
trap 'cleanup; rm -rf "$tmp"' EXIT
cases=0

cleanup() { :; } # scripts that start something define their own

# try COMMAND...: run it; sets status, out, err.
try() {
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

# ok WORDS COMMAND...: the case holds if the command succeeds.
ok() {
	local words=$1
	shift
	cases=$((cases + 1))
	if "$@" >/dev/null 2>&1; then
		echo "ok $cases - $words"
	else
		echo "not ok $cases - $words"
		{
			echo "$*"
			echo "status ${status-}, out: ${out-}" | head -n 20
			echo "err: ${err-}" | head -n 5
		} | sed 's/^/# /'
	fi
}

skip() {
	cases=$((cases + 1))
	echo "ok $cases - $1 # SKIP $2"
}

has() { [[ $1 == *"$2"* ]]; }
lacks() { [[ $1 != *"$2"* ]]; }
matches() { grep -Eq -- "$2" <<<"$1"; }
status_is() { [[ $status == "$1" ]]; }
json_lines() { python3 -m json.tool --json-lines <<<"$1"; }
all() { # all LIST OF COMMANDS AS ONE WORD EACH: every one holds
	local c
	for c; do
		eval "$c" || return 1
	done
}

finish() { echo "1..$cases"; }
