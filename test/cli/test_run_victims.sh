#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_run_victims.sh PAGEOUT VICTIM AGENT [OPTION...] -- programs that do what
# programs do, in a quarter of the memory they use.  Each looks at its own
# contents; each is run without pageout first, for a case must hold there too.
# The options are of pageout run: what a program can do in the budget of the
# only node it can do where each of several has as much.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$1 victim=$2 agent=$3
shift 3
options=("$@")

# right WORDS CASE MIB [ARGUMENT]
right() {
	local words=$1 native
	shift
	try timeout 60 "$victim" "$@"
	native=$status:$out
	try timeout 120 "$pageout" run --mem 16M "${options[@]}" -- \
		"$victim" "$@"
	ok "$words" all "test '$native' = '$status:$out'" 'status_is 0' \
		'test -z "$err"'
}

names='malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|asprintf'
names+='|v?f?printf|f?puts|fopen|fwrite|perror|__tls_get_addr'
found=$(nm -D --undefined-only "$agent" | awk '{print $2}' |
	grep -E "^($names)(@.*)?\$")
ok 'the agent knows no malloc, no stdio, no lazy thread variable' \
	test -z "$found"

try "$pageout" run --mem 8M -- true
if [[ $status == 77 ]]; then
	skip 'programs' "$err"
	finish
	exit
fi
right 'memory is filled and read twice' fill 64
right 'all descriptors closed: close_range' close 48 close_range
right 'all descriptors closed: closefrom' close 48 closefrom
right 'all descriptors closed: close' close 48 close
right 'all descriptors replaced: dup2' close 48 dup2
right 'all descriptors closed, the first three too' close 48 all
right 'all signals blocked' block 64
right 'SIGBUS ignored' sigbus 64 ignore
right 'SIGBUS set to its default' sigbus 64 default
right 'SIGBUS handled' sigbus 64 handle
right 'munmap: the middle, twice, nothing' munmap 64
right 'MAP_FIXED over the same place' fixed 48
right 'madvise' discard 64
right 'guard pages' guard 64
right 'mremap' mremap 32
right 'mprotect' mprotect 24
right 'mprotect of more than fits' adopt 64
right 'mlock' mlock 64
right 'a thread on a stack of its own making' stack 64
right 'no room for more areas: nothing is lost' areas 48
right 'as many mappings as there may be' mappings 24
right 'a mapping that may not be locked' locked 24
right 'stacks and locked memory that move' pins 16
right 'a robust mutex whose owner ends' robust 64
right 'eight threads that map, change and free' threads 64
right 'the same with a signal every millisecond' threads 64 signals
right 'stacks of coroutines in managed memory' coroutine 32
right 'system calls on memory that is away' calls 64
right 'system calls that are interrupted, left, cancelled' call-signals 64
right 'the same from six threads at once' calls-at-once 64
right 'fork, when it fits' fork 4
right 'fork, when most of it is away' fork-away 8
right 'fork, while another thread is inside of a library' fork-busy 4
right '_Fork, when it fits' fork 4 _Fork
right 'daemon' daemon 4
right 'a child made past the C library: no zeros' clone 64
right 'vfork' vfork 64
right 'posix_spawn, system and popen' spawn 64
right 'exec' exec 64

try timeout 60 "$pageout" run --mem 16M "${options[@]}" -- \
	"$victim" fork-refused 64
ok 'fork that does not fit is refused with a message' all 'status_is 0' \
	'test "$out" = refused' 'has "$err" "fork is refused"'
try timeout 60 "$pageout" run --mem 16M "${options[@]}" -- \
	"$victim" forkpty-refused 64
ok 'a child of the C library that does not fit ends at once' all \
	'status_is 0' 'test "$out" = refused' 'has "$err" "fork is refused"'
try timeout 60 "$pageout" run --mem 8M --swap-size 48M "${options[@]}" -- \
	"$victim" eat 256
ok 'out of swap: malloc returns NULL, and contents stay' all 'status_is 0' \
	'test "$out" -ge 16' 'test "$out" -le 56' 'has "$err" "refused"'
try timeout 60 "$pageout" run --mem 8M "${options[@]}" -- \
	"$victim" orphan 32 "$tmp/late"
ok 'the launcher returns before a process that goes on' all 'status_is 0' \
	'test ! -e "$tmp/late"'
for _ in $(seq 100); do
	test -s "$tmp/late" && break
	sleep 0.1
done
ok 'and that process is kept' grep -q right "$tmp/late"
finish
