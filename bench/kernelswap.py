# SPDX-License-Identifier: BSD-2-Clause
"""Swap files, and kernel swap, for as long as a measurement lasts.

Kernel swap and pageout have files that are made alike: their blocks are there
and written before anything is measured, so nobody's first run finds them.

Swap files, and the control group of kernel swap, must go away whatever happens.
A guard, a process of its own session, waits for the end of a pipe whose other
end only we hold: when we end, in order or killed, it kills what is left in the
group, switches the swap file off and deletes both.
"""

import os
import shutil
import signal
import subprocess
import time

from common import Unavailable

# The group's limit covers the page tables and the program too; pageout's
# budget does not.  So the kernel gets a little more.
KERNEL_EXTRA = 8 << 20
# A swap file more than half full makes the kernel give up the copies of pages
# that it has read, and write them again.  So it is never that full.
# pageout has as much.
SWAP_TIMES = 3


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _find_controller():
    """The mount point of the memory controller, and its version."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    for _, where, kind, options, *_ in mounts:
        if kind == "cgroup" and "memory" in options.split(","):
            return where, 1
    for _, where, kind, *_ in mounts:
        if kind == "cgroup2":
            path = os.path.join(where, "cgroup.controllers")
            with open(path, encoding="ascii") as file:
                if "memory" in file.read().split():
                    return where, 2
    raise Unavailable("no memory controller is mounted")


def _make_group(name):
    where, version = _find_controller()
    group = os.path.join(where, name)
    try:
        if version == 2:
            path = os.path.join(where, "cgroup.subtree_control")
            with open(path, encoding="ascii") as file:
                if "memory" not in file.read().split():
                    _write(path, "+memory")
        os.mkdir(group)
    except OSError as error:
        raise Unavailable(f"control group: {error.strerror}") from None
    return group, version


def _limit_group(group, version, limit):
    name = "memory.max" if version == 2 else "memory.limit_in_bytes"
    try:
        _write(os.path.join(group, name), str(limit))
    except OSError as error:
        raise Unavailable(f"{name}: {error.strerror}") from None


def _command(name, *words):
    # These programs are root's, and not always in the path of others.
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise Unavailable(f"no {name}")
    done = subprocess.run(
        [path, *words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or "failed").splitlines()[-1]
        raise Unavailable(last)


def _make_file(path, size):
    """A swap area, its blocks written, none of them in the page cache."""
    megabytes = str(size >> 20)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from None
    _command("fallocate", "-l", megabytes + "M", path)
    write = ["dd", "if=/dev/zero", "of=" + path, "bs=1M",
             "count=" + megabytes, "conv=notrunc,fsync", "status=none"]
    try:
        _command(*write, "oflag=direct")
    except Unavailable:
        _command(*write)
    _command("mkswap", path)


def _kill_group(group):
    for _ in range(100):
        with open(f"{group}/cgroup.procs", encoding="ascii") as file:
            pids = file.read().split()
        if not pids:
            return
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.1)


def _clean(path, group):
    """Undo everything; each step even if another one failed."""

    def attempt(action, *arguments):
        try:
            action(*arguments)
        except OSError:
            pass

    if group is not None:
        attempt(_kill_group, group)
    with open("/proc/swaps", encoding="utf-8") as file:
        active = any(line.split()[0] == path for line in file)
    if active:
        subprocess.run(["swapoff", path], check=False)
    attempt(os.unlink, path)
    if group is not None:
        attempt(os.rmdir, group)


def _start_guard(path, group):
    """Fork the guard.  => the end of the pipe to close, and its pid"""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reader)
        return writer, pid
    # Another guard waits for the end of a pipe that is ours by inheritance.
    os.closerange(3, reader)
    os.closerange(reader + 1, os.sysconf("SC_OPEN_MAX"))
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        while os.read(reader, 1):
            pass
        _clean(path, group)
    finally:
        os._exit(0)


def for_budget(folder, size, budget, extra=KERNEL_EXTRA):
    """Data of this size, in what pageout calls a budget."""
    return KernelSwap(folder, SWAP_TIMES * size, budget + extra)


def for_pageout(folder, size):
    """Data of this size: a swap file for pageout."""
    return SwapFile(folder, SWAP_TIMES * size)


def counted(names):
    """{name: what the kernel has counted since it started}"""
    with open("/proc/vmstat", encoding="ascii") as file:
        pairs = [line.split() for line in file]
    return {name: int(value) for name, value in pairs if name in names}


class SwapFile:
    """with SwapFile(folder, size) as swap: ... swap.path ..."""

    suffix = ".pageout"

    def __init__(self, folder, size):
        self.name = f"pageout-bench-{os.getpid()}"
        self.path = os.path.join(
            os.path.realpath(folder), self.name + self.suffix
        )
        self.size = size
        self.group = None
        self.guard = None

    def __enter__(self):
        self.guard = _start_guard(self.path, self.group)
        try:
            self._set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _set_up(self):
        _make_file(self.path, self.size)

    def __exit__(self, *_):
        writer, pid = self.guard
        os.close(writer)
        os.waitpid(pid, 0)


class KernelSwap(SwapFile):
    """with KernelSwap(folder, size, limit) as swap: ... swap.group ..."""

    suffix = ".swap"

    def __init__(self, folder, size, limit):
        super().__init__(folder, size)
        self.limit = limit
        self.version = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise Unavailable("not root")
        self.group, self.version = _make_group(self.name)
        return super().__enter__()

    def _set_up(self):
        _limit_group(self.group, self.version, self.limit)
        super()._set_up()
        _command("swapon", self.path)

    def kills(self):
        """Processes that the kernel killed because the group was full."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with open(os.path.join(self.group, name), encoding="ascii") as file:
            counts = dict(line.split() for line in file)
        return int(counts.get("oom_kill", 0))
