# SPDX-License-Identifier: BSD-2-Clause
"""What the measuring scripts share: places, facts, medians and tables."""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("PAGEOUT_BUILD", os.path.join(TOP, "build"))
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Stopped(Exception):
    """A signal asks for the end."""


class Unavailable(Exception):
    """What is to be measured cannot be set up here; the text says why."""


class Killed(Exception):
    """The process was killed, by nobody that we know of."""


def stop_on_signals():
    """Turn the usual signals into an exception, so that clean-up happens."""

    def stop(number, _frame):
        raise Stopped(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def size(text):
    """A size such as 256M in bytes."""
    unit = UNITS.get(text[-1:].upper(), 0)
    try:
        return int(float(text[:-1]) * unit) if unit else int(text)
    except ValueError:
        raise SystemExit(f"bench: {text}: not a size such as 256M") from None


def size_text(count):
    for unit in "GM":
        if count >= UNITS[unit]:
            return f"{count / UNITS[unit]:.4g}{unit}"
    return f"{count / 1024:.4g}K"


def swap_place():
    """The folder that pageout itself would take for its swap file."""
    for name in ("PAGEOUT_SWAP", "TMPDIR"):
        place = os.environ.get(name)
        if place and os.path.isdir(place):
            return place
    return "/var/tmp"


def pageout():
    """The program, as it is run from the source tree."""
    for path in (os.path.join(TOP, "pageout"), os.path.join(BUILD, "pageout")):
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise SystemExit(f"bench: no pageout program in {TOP}: run make first")


def read_line(path, default="unknown"):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return default


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def file_system(folder):
    out = subprocess.run(
        ["stat", "-f", "-c", "%T", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return out.stdout.strip() or "unknown"


def run_bench(words, options):
    command = [os.path.join(BUILD, "bench", "bench")]
    command += [f"--{k}={v}" for k, v in options.items() if v is not None]
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, check=False
    )


def bench(*words, **options):
    """The program bench.  => {row: result}; raises Unavailable, or Killed"""
    done = run_bench(words, options)
    if done.returncode == 77:
        raise Unavailable(done.stderr.strip())
    if done.returncode == -signal.SIGKILL:
        raise Killed
    if done.returncode != 0:
        raise SystemExit(
            f"bench {' '.join(words)}: exit status {done.returncode}\n"
            f"{done.stderr}"
        )
    results = {}
    for line in done.stdout.splitlines():
        result = json.loads(line)
        results[result.pop("row")] = result
    return results


def unknown_policy(names):
    """What to say of the first that this build does not know, or None."""
    for name in names:
        nothing = {"size": 4096, "mem": 4 << 20, "policy": name}
        if run_bench(["work", "", "thread"], nothing).returncode == 2:
            return (
                f"policy {name}: not in this build, nor its tunables; "
                "pageout run --policy=help lists what is"
            )
    return None


def facts(folder):
    """What a reader must know of the machine; [(name, text)]."""
    disk = run_bench(["disk", folder], {})
    if disk.returncode == 0:
        d = json.loads(disk.stdout)
        disk_text = (
            f"{d['read_mib_s']:.0f} MiB/s read, {d['write_mib_s']:.0f} MiB/s"
            f" write, {d['read_4k_us']:.0f} us for a random 4 KiB read"
        )
    else:
        disk_text = disk.stderr.strip()
    thp = read_line("/sys/kernel/mm/transparent_hugepage/enabled")
    return [
        ("kernel", platform.release()),
        ("CPUs", f"{os.cpu_count()}, {cpu_name()}"),
        ("memory", size_text(memory_bytes())),
        ("huge pages", thp),
        ("swap place", f"{folder} ({file_system(folder)})"),
        ("its disk", disk_text),
        ("load before", " ".join(read_line("/proc/loadavg").split()[:3])),
    ]


def print_facts(lines):
    for name, text in lines:
        print(f"{name:12} {text}")


def write_json(name, value):
    try:
        with open(name, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
    except OSError as why:
        raise SystemExit(f"bench: {name}: {why.strerror}") from None


def median(values):
    """The median, or None of nothing."""
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def print_table(rows, widths):
    """The first column to the left, the others to the right."""
    for row in rows:
        cells = [f"{row[0]:{widths[0]}}"]
        cells += [f"{c:>{w}}" for c, w in zip(row[1:], widths[1:])]
        print("".join(cells).rstrip())
