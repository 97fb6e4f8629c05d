# SPDX-License-Identifier: BSD-2-Clause
"""Run a program and see what it took."""

import hashlib
import json
import os
import subprocess
import tempfile
import time


class Run:
    """A program that has ended."""

    def __init__(self, status, wall_s, usage, sha256, report):
        self.status = status
        self.wall_s = wall_s
        self.cpu_s = usage.ru_utime + usage.ru_stime
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


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(command, output=None, env=None, quiet=True):
    """Run a command to its end; its output is digested, or kept in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = output or os.path.join(folder, "output")
        errors = os.path.join(folder, "errors")
        report = os.path.join(folder, "report")
        command = [word.replace("@REPORT@", report) for word in command]
        start = time.monotonic()
        with open(path, "wb") as out, open(errors, "wb") as err:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err if quiet else None,
                env={**os.environ, **(env or {})},
            )
            try:
                _, status, usage = os.wait4(child.pid, 0)
            except BaseException:
                child.terminate()
                child.wait()
                raise
            child.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - start
        if child.returncode != 0:
            with open(errors, encoding="utf-8", errors="replace") as file:
                raise SystemExit(
                    f"{' '.join(command)}: exit status {child.returncode}\n"
                    + file.read()[-2000:]
                )
        return Run(
            child.returncode, wall_s, usage, digest(path), _read_report(report)
        )


def under_pageout(program, mem_bytes, command, policy="clock", **options):
    """The same command under pageout run."""
    words = [
        program,
        "run",
        f"--mem={mem_bytes >> 10}K",
        f"--policy={policy}",
        "--report=@REPORT@",
        "--json",
        "--",
        *command,
    ]
    return run(words, **options)
