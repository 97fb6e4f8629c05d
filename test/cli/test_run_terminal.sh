#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test_run_terminal.sh PAGEOUT -- pageout run under a shell with job control:
# stop, go on, interrupt, read from the terminal.
#
# shellcheck source=test/cli/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
pageout=$1

try "$pageout" run --mem 8M -- true
if [[ $status == 77 ]]; then
	skip 'a terminal' "$err"
	finish
	exit
fi
cat >"$tmp/talk.py" <<'PYTHON'
import os, pty, select, sys, time

pageout = sys.argv[1]
pid, fd = pty.fork()
if pid == 0:
    os.environ["PS1"] = "ready: "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])


def wait(word, seconds=20):
    """Read until the shell has said word."""
    text = ""
    end = time.time() + seconds
    while word not in text and time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            text += os.read(fd, 4096).decode(errors="replace")
    print(word in text, repr(word), repr(text))


def say(text):
    os.write(fd, text.encode())


wait("ready: ")
say(f"{pageout} run --mem 8M -- sh -c 'echo be''gun; exec sleep 60'\n")
wait("begun")
time.sleep(0.3)
say("\x1a")
wait("Stopped")
say("fg; echo status=$?\n")
wait("sleep 60'\r\n")
time.sleep(0.3)
say("\x03")
wait("status=130")
say(f"{pageout} run --mem 8M -- sh -c 'read x; echo got-$x'\n")
time.sleep(0.5)
say("hello\n")
wait("got-hello")
say("exit\n")
PYTHON
try timeout 120 python3 "$tmp/talk.py" "$(realpath "$pageout")"
ok 'stop, go on, interrupt, read' all 'lacks "$out" "False "' \
	'test "$(grep -c "^True" <<<"$out")" = 6'
finish
