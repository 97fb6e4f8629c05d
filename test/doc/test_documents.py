#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_documents.py -- what the documents name exists.

Links, files, folders, functions and words for make, in every document of the
tree.  A document that names what is gone, or not there yet, is not true.
"""

import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
ROOMS = "src test sim man include scripts docs bench fuzz examples"
cases = 0


def ok(words, *complaints):
    """One case: it holds if there is nothing to complain of."""
    global cases
    cases += 1
    complaints = sorted({c for c in complaints if c})
    print(f"{'not ok' if complaints else 'ok'} {cases} - {words}")
    for c in complaints:
        print(f"# {c}")


def tree():
    done = subprocess.run(
        ["scripts/files"], cwd=TOP, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


FILES = tree()
DOCUMENTS = {
    name: (TOP / name).read_text(encoding="utf-8")
    for name in FILES
    if name.endswith(".md")
}
SOURCE = "".join(
    (TOP / name).read_text(encoding="utf-8", errors="replace")
    for name in FILES
    if name.endswith((".c", ".h", ".def", ".py", ".map"))
)


def exists(name, document):
    """A path or pattern: from the top, below src or test, beside the document.

    A program that is built counts when its source exists.
    """
    name = name.rstrip("/")
    return any(
        any(base.glob(path))
        for base in (TOP, TOP / "src", TOP / "test", (TOP / document).parent)
        for path in (name, f"{name}.c")
    )


def links():
    for document, text in DOCUMENTS.items():
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            if "://" in target:
                continue
            if not (TOP / document).parent.joinpath(target).exists():
                yield f"{document}: {target}"


def paths():
    room = "|".join(ROOMS.split())
    inner = "|".join(p.name for p in (TOP / "src").iterdir() if p.is_dir())
    whole = re.compile(rf"`((?:{room}|{inner})/[\w./*{{}}-]*)`")
    for document, text in DOCUMENTS.items():
        for name in whole.findall(text):
            if not exists(name, document):
                yield f"{document}: {name}"


def functions():
    for document, text in DOCUMENTS.items():
        for name in re.findall(r"`(\w+)\(\)`", text):
            if not re.search(rf"\b{name}\b", SOURCE):
                yield f"{document}: {name}()"


def make_words():
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    words = set(re.findall(r"^([a-z]+):", makefile, re.M))
    for document, text in DOCUMENTS.items():
        for name in re.findall(r"(?:`| {4})make ([a-z]+)\b", text):
            if name not in words:
                yield f"{document}: make {name}"


ok("every link leads somewhere", *links())
ok("every file and folder that is named exists", *paths())
ok("every function that is named exists", *functions())
ok("every word for make exists", *make_words())
print(f"1..{cases}")
