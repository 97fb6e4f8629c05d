#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_checklist.py -- docs/checklist.md has every row, and each is true.

A row names what holds its mechanism, which must be defined in src, and what
shows it: scenarios, or tests below test.  Every scenario from S24-01 to S24-63
and from SM-01 to SM-36 exists, and meson knows every scenario that does.  At
the end the test is shown tables that are wrong.
"""

import functools
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = TOP / "test" / "scenario"
SOURCE = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(TOP.glob("src/**/*.[ch]"))
)
IDS = (
    [f"A{n:02}" for n in range(1, 30)]
    + [f"B{n:02}" for n in range(1, 42)]
    + [f"C{n:02}" for n in range(1, 118)]
)
cases = 0


def ok(words, complaints):
    """One case: it holds if there is nothing to complain of."""
    global cases
    cases += 1
    print(f"{'not ok' if complaints else 'ok'} {cases} - {words}")
    for c in complaints:
        print(f"# {c}")


def member_of(struct, member):
    """True when a structure of this name has such a member."""
    body = re.search(rf"^struct {struct} {{\n(.*?)^}}", SOURCE, re.S | re.M)
    return body and re.search(rf"\b{member}\b", body.group(1))


@functools.lru_cache(maxsize=None)
def is_defined(name):
    """A function(), a struct's .member, an enum, a constant or a table."""
    if name.endswith("()"):
        return re.search(rf"^{re.escape(name[:-2])}\(", SOURCE, re.M)
    if "." in name:
        return member_of(*name.split(".", 1))
    if name.startswith("enum "):
        return re.search(rf"^{name} {{", SOURCE, re.M)
    return re.search(rf"\b{name}\b", SOURCE)


@functools.lru_cache(maxsize=None)
def is_shown(name):
    """A scenario by its number or name, or a path below test."""
    found = list(SCENARIOS.glob(f"{name}.scn")) + list((TOP / "test").glob(name))
    if re.fullmatch(r"(s24|sm)-\d\d", name):
        found += SCENARIOS.glob(f"{name}-*.scn")
    return found


def row_complaints(row):
    """What is wrong with [id, mechanism, holders, shown by]."""
    if len(row) != 4 or not row[1]:
        return [f"{row[0]}: four columns"]
    held, shown = (re.findall(r"`([^`]+)`", cell) for cell in row[2:])
    return (
        [f"{row[0]}: nothing holds it"] * (not held)
        + [f"{row[0]}: nothing shows it"] * (not shown)
        + [f"{row[0]}: {n} is not defined in src" for n in held if not is_defined(n)]
        + [f"{row[0]}: there is no {n}" for n in shown if not is_shown(n)]
    )


def table_complaints(text):
    """What is wrong with a checklist."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(r"\| [ABC]\d", line)
    ]
    ids = [row[0] for row in rows]
    complaints = [f"{i} is there {ids.count(i)} times" for i in IDS if ids.count(i) != 1]
    complaints += [f"{i} is none of ours" for i in ids if i not in IDS]
    return complaints + [c for row in rows for c in row_complaints(row)]


def main():
    text = (TOP / "docs" / "checklist.md").read_text(encoding="utf-8")
    ok("every row is there, and true", table_complaints(text))
    for kind, last in ("s24", 63), ("sm", 36):
        wanted = [f"{kind}-{n:02}" for n in range(1, last + 1)]
        ok(
            f"every scenario from {wanted[0]} to {wanted[-1]} exists",
            [f"there is no {name}" for name in wanted if not is_shown(name)],
        )
    known = (SCENARIOS / "meson.build").read_text(encoding="utf-8")
    ok(
        "every scenario is run",
        [
            str(path)
            for path in sorted(SCENARIOS.glob("**/*.scn"))
            if f"'{path.relative_to(SCENARIOS)}'" not in known
        ],
    )
    row = next(line for line in text.splitlines() if line.startswith("| B09"))
    for words, wrong in (
        ("a row is missing", ""),
        ("a row is there twice", f"{row}\n{row}"),
        ("a function does not exist", row.replace("page_launder()", "launder_it()")),
        ("a member does not exist", row.replace("page_launder()", "frame.wings")),
        ("nothing holds it", "| B09 | page_launder | | `s24-29` |"),
        ("nothing shows it", "| B09 | page_launder | `page_launder()` | |"),
        ("a scenario does not exist", row.replace("s24-29", "s24-99")),
    ):
        noticed = len(table_complaints(text.replace(row, wrong))) == 1
        ok(f"noticed: {words}", [] if noticed else ["it is not"])
    print(f"1..{cases}")


main()
