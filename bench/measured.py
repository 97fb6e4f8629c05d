# SPDX-License-Identifier: BSD-2-Clause
"""Run a program and see what it took."""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time

import kernelswap


class Run:
    """A program that has ended."""

    def __init__(self, status, wall_s, usage, sha256, report):
        self.status = status
        self.wall_s = wall_s
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.major = usage.ru_majflt
        # Of the largest process below: the program itself, not its launcher.
        self.peak_bytes = usage.ru_maxrss * 1024
        self.sha256 = sha256
        self.report = report

    def number(self, name):
        """A number of the report, wherever in it; None if it is not there."""
        found = list(_find(self.report, name))
        return sum(found) if found else None


def _find(value, name):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name and isinstance(inner, (int, float)):
                yield inner
            else:
                yield from _find(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _find(inner, name)


def _read_report(path):
    """The last JSON object of the file: the program's own, not a child's."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return None
    for part in [text, *reversed(text.strip().splitlines())]:
        try:
            return json.loads(part)
        except ValueError:
            continue
    return None


class Failed(SystemExit):
    """The program did not end well; why says it in few words."""

    def __init__(self, command, why, errors):
        super().__init__(f"{' '.join(command)}: {why}\n{errors}")
        self.why = why


class Late(Failed):
    """It took longer than it may."""


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_end(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()[-2000:]


def _stop(child):
    """Stop a program and what it has started."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass


def _wait(child, limit_s):
    """=> usage, and whether it took longer than it may"""
    late = threading.Event()

    def stop():
        late.set()
        _stop(child)

    timer = threading.Timer(limit_s or 0, stop)
    if limit_s:
        timer.start()
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        _stop(child)
        child.wait()
        raise
    finally:
        timer.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage, late.is_set()


def _in_group(group, command):
    """The command, which enters a control group before anything else."""
    script = 'echo 0 >"$0/cgroup.procs" && exec "$@"'
    return ["sh", "-c", script, group, *command]


def run(command, output=None, env=None, quiet=True, group=None, limit_s=None):
    """Run a command to its end; its output is digested, or kept in a file.

    => raises Failed if its exit status is not 0, Late if it is over its limit
    """
    with tempfile.TemporaryDirectory() as folder:
        path = output or os.path.join(folder, "output")
        errors = os.path.join(folder, "errors")
        report = os.path.join(folder, "report")
        command = [word.replace("@REPORT@", report) for word in command]
        start = time.monotonic()
        with open(path, "wb") as out, open(errors, "wb") as err:
            child = subprocess.Popen(
                _in_group(group, command) if group else command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err if quiet else None,
                env={**os.environ, **(env or {})},
                process_group=0,
            )
            usage, late = _wait(child, limit_s)
        wall_s = time.monotonic() - start
        if late:
            raise Late(command, f"over {limit_s:g} s", "")
        if child.returncode != 0:
            why = f"exit status {child.returncode}"
            raise Failed(command, why, _read_end(errors))
        return Run(
            child.returncode, wall_s, usage, digest(path), _read_report(report)
        )


def under_pageout(
    program, mem_bytes, command, policy="clock", nodes=None, fault=None,
    **options
):
    """The same command under pageout run."""
    words = [
        program,
        "run",
        f"--mem={mem_bytes >> 10}K",
        f"--policy={policy}",
        *([f"--nodes={nodes}"] if nodes is not None else []),
        *([f"--fault={fault}"] if fault is not None else []),
        "--report=@REPORT@",
        "--json",
        "--",
        *command,
    ]
    return run(words, **options)


def under_kernel_swap(folder, size, budget, command, **options):
    """The same command in a control group, with a swap file in the folder.

    => the report has the counts of the kernel, by the names that ours have:
       faults of the program, traffic of the machine
    => raises Unavailable where that cannot be had
    """
    traffic = ("pswpin", "pswpout")
    with kernelswap.for_budget(folder, size, budget) as swap:
        before = kernelswap.counted(traffic)
        try:
            ended = run(command, group=swap.group, **options)
        except Late:
            raise
        except Failed:
            if not swap.kills():
                raise
            raise Failed(command, "out of memory", "") from None
        after = kernelswap.counted(traffic)
    ended.report = {name: after[name] - before[name] for name in traffic}
    ended.report["pgmajfault"] = ended.major
    return ended
