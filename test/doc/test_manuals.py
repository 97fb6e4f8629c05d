#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_manuals.py [PAGEOUT] -- the manuals say what the program does.

Options are compared with --help of each command (where the program is given),
tunables with --policy=NAME:help, numbers with stat.def, calls with
pageout.h: both ways, so that nothing is missing and nothing is left over.
"""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
MAN = TOP / "man"
INCLUDE = TOP / "include" / "pageout"
cases = 0


def ok(words, *complaints):
    """One case: it holds if there is nothing to complain of."""
    global cases
    cases += 1
    complaints = [c for c in complaints if c]
    print(f"{'not ok' if complaints else 'ok'} {cases} - {words}")
    for c in complaints:
        print(f"# {c}")


def differ(a, what_a, b, what_b):
    """What is in one of two sets only, in words."""
    only_a = sorted(map(str, set(a) - set(b)))
    only_b = sorted(map(str, set(b) - set(a)))
    return "; ".join(
        f"only in {where}: {' '.join(names)}"
        for where, names in ((what_a, only_a), (what_b, only_b))
        if names
    )


def read(path):
    return path.read_text(encoding="utf-8")


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


# -- numbers ------------------------------------------------------------------


def numbers_of_source():
    entry = r'^STAT\((\w+),\s*(\w+),\s*(\w+),\s*(\d),\s*"([^"]*)"\)'
    text = read(INCLUDE / "stat.def")
    found = re.findall(entry, text, re.M)
    assert len(found) == len(re.findall(r"^STAT\(", text, re.M))
    return [(n, k.lower(), u.lower(), int(v), h) for n, k, u, v, h in found]


def numbers_of_manual():
    numbers, level = [], None
    for line in read(MAN / "pageout-stat.1").splitlines():
        if heading := re.search(r"\(level (\d)\):$", line):
            level = int(heading[1])
        elif line.startswith(".It ") and line.count(" Ta ") == 3:
            name, kind, unit, text = line[4:].split(" Ta ")
            if not name.startswith("Sy "):
                numbers.append((name, kind, unit, level, text))
    return numbers


# -- calls --------------------------------------------------------------------


def calls_of_header():
    """Name: (result, arguments, errors that its comment promises)."""
    calls = {}
    text = read(INCLUDE / "pageout.h")
    text = text[text.index("struct pageout;") :]
    call = re.compile(
        r"^([a-z][\w ]*[ *]+)(pageout_\w+)\(([^()]*)\)[^;{]*;", re.M
    )
    for m in call.finditer(text):
        if m[1].startswith("typedef"):
            continue
        before = text[: m.start()]
        comment = before[before.rfind("/*") :]
        args = [squeeze(a) for a in m[3].split(",")]
        errors = set(re.findall(r"-(E[A-Z]+)\b", comment))
        calls[m[2]] = (squeeze(m[1]), args, errors)
    return calls


def calls_of_page(text):
    """Name: (result, arguments), from the synopsis of a page."""
    calls = {}
    synopsis = text[text.index(".Sh SYNOPSIS") : text.index(".Sh DESCRIPTION")]
    for block in synopsis.split(".Ft ")[1:]:
        result, _, rest = block.partition("\n")
        name = re.search(r"^\.F[on] (\w+)(.*)$", rest, re.M)
        words = name[2] + " ".join(re.findall(r"^\.Fa (.*)$", rest, re.M))
        args = re.findall(r'"([^"]*)"|(\S+)', words)
        calls[name[1]] = (result.strip('"'), [a or b for a, b in args])
    return calls


def check_calls():
    header = calls_of_header()
    pages = {}
    for path in sorted(MAN.glob("*.3")):
        text = read(path)
        for name, call in calls_of_page(text).items():
            pages[name] = (path.name, call, text)
    ok(
        "every call has a page, every page a call",
        differ(header, "pageout.h", pages, "man/"),
    )
    for name in sorted(set(header) & set(pages)):
        result, args, errors = header[name]
        page, call, text = pages[name]
        names = text[text.index(".Sh NAME") : text.index(".Nd ")]
        ok(
            f"{page} says how {name} is called and how it fails",
            call != (result, args) and f"{call} is not {(result, args)}",
            name not in names.replace(",", " ").split() and "not under NAME",
            *(e for e in errors if f"Er {e}" not in text),
        )
    everything = "".join(read(p) for p in MAN.glob("*.[37]"))
    words = set(re.findall(r"\bPAGEOUT_\w+", read(INCLUDE / "pageout.h")))
    ok(
        "every constant of pageout.h is explained",
        *(
            w
            for w in sorted(words - {"PAGEOUT_PAGEOUT_H", "PAGEOUT_SWAP"})
            if w not in everything
        ),
    )
    struct = read(INCLUDE / "pageout.h")
    struct = struct[struct.index("struct pageout_options {") :]
    struct = re.sub(r"/\*.*?\*/", "", struct[: struct.index("};")], flags=re.S)
    members = re.findall(r"(\w+);", struct)
    ok(
        "every member of the options is explained",
        *(
            m
            for m in members
            if not re.search(rf"^\.It .*\b{m}\b", pages["pageout_open"][2], re.M)
        ),
    )


# -- commands -----------------------------------------------------------------


def options_of_help(text):
    return set(re.findall(r"^  (?:-(\w), |    )--([a-z-]+)", text, re.M))


def options_of_manual(text):
    options = set()
    for line in re.findall(r"^\.It (Fl .*)$", text, re.M):
        flags = re.findall(r"\bFl (-?[\w-]+)", line)
        letter = [f for f in flags if not f.startswith("-")]
        for name in (f[1:] for f in flags if f.startswith("-")):
            options.add((letter[0] if letter else "", name))
    return options


def commands_of_help(text):
    return set(re.findall(r"^  ([a-z]+) ", text, re.M))


def check_command(pageout, page, *command):
    """The page says what --help of the command says.  => its text"""
    done = subprocess.run(
        [pageout, *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    ok(
        f"{page} has the options of {' '.join(['pageout', *command])}",
        done.returncode != 0 and f"--help: status {done.returncode}",
        differ(
            options_of_help(done.stdout),
            "--help",
            options_of_manual(read(MAN / page)),
            "the manual",
        ),
        len(options_of_help(done.stdout)) < 2 and "--help was not understood",
    )
    return done.stdout


def check_commands(pageout):
    words = check_command(pageout, "pageout.1")
    commands = commands_of_help(words)
    pages = {p.stem.removeprefix("pageout-") for p in MAN.glob("pageout-*.1")}
    ok(
        "every command has a page, every page a command",
        differ(commands, "pageout --help", pages, "man/"),
        differ(
            commands,
            "pageout --help",
            re.findall(r"^\.It Cm (\w+)", read(MAN / "pageout.1"), re.M),
            "pageout.1",
        ),
    )
    for name in sorted(commands & pages):
        check_command(pageout, f"pageout-{name}.1", name)


# -- policies -----------------------------------------------------------------


def policy_help(pageout, of):
    done = subprocess.run(
        [pageout, "run", f"--policy={of}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def references(text):
    """Numbers of defects, quirks and rules of the original."""
    return tuple(sorted(set(re.findall(r"\b(?:[DQR]24|[DR]M)-\d+(?:\.\d+)*", text))))


def tunables_of_help(text):
    line = r"^  (\w+) +(\d+) \(exact: (\d+)\), (\d+) to (\d+): (.*)$"
    return {
        (*m[:5], references(m[5])) for m in re.findall(line, text, re.M)
    }


def tunables_of_manual(text):
    text = text[text.index(".Sh TUNABLES") : text.index(".Sh WATCHING")]
    entry = re.compile(
        r"^\.It Va (\w+)\n"
        r"Default (\d+), exact (\d+), from (\d+) to (\d+)\.\n"
        r"((?:(?!\.It|\.El).*\n)*)",
        re.M,
    )
    assert text.count("\n.It Va ") == len(entry.findall(text))
    return {(*m[:5], references(m[5])) for m in entry.findall(text)}


def check_policies(pageout):
    run = read(MAN / "pageout-run.1")
    tunables = set()
    names = re.findall(r"^  (\w+) ", policy_help(pageout, "help"), re.M)
    for policy in ("linux24", "kswapd"):
        page = read(MAN / f"pageout-{policy}.7")
        mine = tunables_of_help(policy_help(pageout, f"{policy}:help"))
        tunables |= mine
        ok(
            f"pageout-{policy}(7) has every tunable, its values and reasons",
            not mine and f"--policy={policy}:help was not understood",
            differ(mine, "--help", tunables_of_manual(page), "the manual"),
        )
    ok(
        "pageout-run(1) has every policy and every tunable",
        not names and "--policy=help was not understood",
        *(f"{n}" for n in names if f"\n.It Cm {n}\n" not in run),
        *(f"{t[0]}" for t in tunables if not re.search(rf"\b{t[0]}\b", run)),
    )


def check_references():
    bad = []
    for path in sorted(MAN.glob("*.[1-8]")):
        for name, section in re.findall(
            r"^\.Xr (\S+) (\d)", read(path), re.M
        ):
            if name.startswith("pageout") and not (
                (MAN / f"{name}.{section}").exists()
                or re.search(rf"'{name}\.{section}'", read(MAN / "meson.build"))
            ):
                bad.append(f"{path.name}: {name}({section})")
    ok("every manual that is named exists", *bad)


def check_build():
    built = set(re.findall(r"^    '([\w.-]+)',", read(MAN / "meson.build"), re.M))
    there = {p.name for p in MAN.glob("*.[1-8]")}
    ok(
        "every manual is installed",
        differ(there, "man/", built, "man/meson.build"),
    )


def main():
    ok(
        "pageout-stat(1) has every number of stat.def",
        differ(
            numbers_of_source(),
            "stat.def",
            numbers_of_manual(),
            "the manual",
        ),
    )
    check_calls()
    check_build()
    check_references()
    if len(sys.argv) > 1:
        check_commands(sys.argv[1])
        check_policies(sys.argv[1])
    print(f"1..{cases}")


main()
