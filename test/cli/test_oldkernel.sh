#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_oldkernel.sh PAGEOUT VICTIM OPENER OLDKERNEL -- a kernel that does not
# move pages: what is wrong, why, and what to do; no hang, and nothing is left.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$1 victim=$2 opener=$3 shim=$4

try "$pageout" run --mem 8M -- true
if [[ $status == 77 ]]; then
	skip 'a kernel without UFFDIO_MOVE' "$err"
	finish
	exit
fi

why='this kernel does not move pages (UFFDIO_MOVE): Linux 6.8 or later is'
why+=' needed; see pageout doctor'
swap=$tmp/swap
mkdir "$swap"

# on HOW COMMAND...: try it on a kernel that does not move pages
on() { try timeout 60 env LD_PRELOAD="$shim" OLDKERNEL="$1" "${@:2}"; }

nothing_is_left() { [[ -z $(ls -A "$swap") ]]; }

try env LD_PRELOAD="$shim" "$opener" thread "$swap"
ok 'without a word it is the kernel that it is' all 'status_is 0' \
	'test -z "$err"' 'test "$out" = "open, 0 descriptors more"'

for how in old broken; do
	on "$how" "$pageout" doctor --swap "$swap"
	ok "$how: the doctor says that no page moved, and what to do" all \
		'status_is 1' 'matches "$out" \
		"^FAIL  move and poison: move: Invalid argument -- .*; use 6\."'
	ok "$how: the doctor's last word is that it does not work" matches \
		"$(tail -n 1 <<<"$out")" '^pageout run does not work here'

	on "$how" "$pageout" run --mem 8M --swap "$swap" \
		--record="$swap/record" -- touch "$swap/ran"
	ok "$how: run says why and what to do, and runs nothing" all \
		'status_is 77' 'test -z "$out"' 'test "$err" = "pageout: $why"' \
		nothing_is_left

	for mode in thread inline; do
		on "$how" "$opener" "$mode" "$swap"
		ok "$how: pageout_open() says it too, $mode mode" all \
			'status_is 1' 'test "$err" = "error: $why"' \
			'test "$out" = "ENOSYS, 0 descriptors more"' \
			nothing_is_left
	done

	# The launcher's kernel is good; that of a program it starts is not.
	try timeout 60 "$pageout" run --mem 8M --swap "$swap" -- sh -c \
		'LD_PRELOAD="$LD_PRELOAD:$0" OLDKERNEL=$1 exec "$2" twice 48' \
		"$shim" "$how" "$victim"
	ok "$how: the agent says it too; the program runs unmanaged" all \
		'status_is 0' 'test "$out" = right' \
		'has "$err" "victim: runs unmanaged: $why"' nothing_is_left
done
ok 'an old kernel lacks a feature, says the doctor' matches \
	"$(LD_PRELOAD=$shim OLDKERNEL=old "$pageout" doctor)" \
	'^FAIL  features: has .*; lacks MOVE -- .*; use 6\.'
finish
