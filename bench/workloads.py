# SPDX-License-Identifier: BSD-2-Clause
"""Real programs that want more memory than they get.

bench/programs measures them; test/programs runs some of them smaller, for
identity and peak memory alone.  A program has two sizes, full and small, each
with a budget; its constructor makes its input, or raises Unavailable.
"""

import functools
import os
import shutil
import subprocess
import sys

import common
import generate

SLACK = 48 << 20  # what a process may have beside its budget
HERE = os.path.dirname(os.path.abspath(__file__))


def need(name, package):
    """The path of a program, which a package has."""
    path = shutil.which(name)
    if not path:
        raise common.Unavailable(f"no {name}: install {package}")
    return path


class Program:
    """What the others are."""

    env = {}
    mapped = 0  # bytes of mapped files in use, its own above all: not managed

    @classmethod
    def most(cls, budget):
        """The memory that a process may have in this budget."""
        return budget + SLACK + cls.mapped


class Sort(Program):
    """sort -S, over random lines; its buffer is larger than the budget.

    Each merge goes over its part of the text in random order, so the number of
    lines, not of bytes, decides how often it must wait for the disk.
    """

    name = "sort"
    full = (1 << 30, 128 << 20)
    small = (150 << 20, 48 << 20)

    def __init__(self, size, folder):
        self.text = f"sort -S {size >> 20}M, {size >> 20} MiB of lines"
        self.env = {"LC_ALL": "C"}
        path = os.path.join(folder, "lines")
        generate.lines(path, size)
        self.command = ["sort", f"-S{size >> 20}M", "-T", folder, path]


class Python(Program):
    """Python objects, made, looked up, changed and summed up."""

    name = "python"
    full = (600 << 20, 128 << 20)
    small = (150 << 20, 48 << 20)

    def __init__(self, size, _folder):
        megabytes = str(size >> 20)
        self.text = f"python3, {megabytes} MB of objects"
        big = os.path.join(common.TOP, "examples", "big.py")
        self.command = [sys.executable, big, megabytes]


class Sqlite(Program):
    """An SQLite database in memory, queried and checked."""

    name = "sqlite"
    full = (500 << 20, 128 << 20)
    small = (150 << 20, 48 << 20)

    def __init__(self, size, _folder):
        self.text = f"sqlite3, {size >> 20} MB in memory, integrity_check"
        program = need("sqlite3", "sqlite3")
        rows = size // 1300
        self.command = [program, ":memory:", SQL.replace("ROWS", str(rows))]


# Values follow from the row's number alone, so two runs must agree.
SQL = """
CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v TEXT, data TEXT);
WITH RECURSIVE n (i) AS
  (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
INSERT INTO t SELECT i, (i * 7919) % 1000003, 'value ' || (i % 1009),
  printf('%016x%0900d%016x', i * 2654435761, i, i * 40503) FROM n;
CREATE INDEX t_k ON t (k);
SELECT count(*), sum(k), sum(length(data)) FROM t;
SELECT v, count(*), sum(k) FROM t GROUP BY v ORDER BY 2 DESC, 1 LIMIT 20;
UPDATE t SET data = 'changed ' || id || data WHERE k % 17 = 0;
SELECT id, substr(data, 1, 40) FROM t WHERE k BETWEEN 500000 AND 500400
  ORDER BY k, id LIMIT 100;
SELECT sum(length(data)), max(data) FROM t;
PRAGMA page_count;
PRAGMA integrity_check;
"""


@functools.cache
def python_with_numpy():
    """The python3 that runs this, or Debian's, if it has numpy."""
    for path in (sys.executable, "/usr/bin/python3"):
        done = subprocess.run(
            [path, "-c", "import numpy"], capture_output=True, check=False
        ) if os.access(path, os.X_OK) else None
        if done and done.returncode == 0:
            return path
    raise common.Unavailable("no python3 has numpy: install python3-numpy")


class Numpy(Program):
    """Two matrices: in order, across, sorted, searched and picked from."""

    name = "numpy"
    full = (600 << 20, 128 << 20)
    small = (150 << 20, 48 << 20)

    def __init__(self, size, _folder):
        megabytes = str(size >> 20)
        self.text = f"numpy, matrices of {megabytes} MB"
        self.env = {"OPENBLAS_NUM_THREADS": "1"}
        arrays = os.path.join(HERE, "arrays.py")
        self.command = [python_with_numpy(), arrays, megabytes]


class Compiler(Program):
    """gcc -O2: function by function, over what it knows of all of them.

    The process that is measured is cc1, which gcc starts.  Size is the number
    of functions.
    """

    name = "gcc"
    full = (2000, 128 << 20)
    small = (200, 48 << 20)
    mapped = 32 << 20  # cc1

    def __init__(self, size, folder):
        self.text = f"gcc -O2, {size} functions"
        program = need("gcc", "gcc")
        path = os.path.join(folder, "functions.c")
        generate.functions(path, size)
        self.command = [program, "-O2", "-w", "-S", "-o", "-", path]


class Perl(Program):
    """A hash of records: pointers to pointers, nothing beside its kin."""

    name = "perl"
    full = (600 << 20, 128 << 20)
    small = (100 << 20, 48 << 20)

    def __init__(self, size, _folder):
        megabytes = str(size >> 20)
        self.text = f"perl, a hash of {megabytes} MB"
        self.env = {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}
        program = need("perl", "perl")
        self.command = [program, os.path.join(HERE, "hash.pl"), megabytes]


class Xz(Program):
    """xz -9: a hot table at random, many streams, a few nodes of a tree.

    The text repeats itself, and so a match is found at the first nodes that
    are looked at.  In a text that does not, each byte asks for several at
    random; in less memory than the tree takes that does not end in good time.
    """

    name = "xz"
    full = (48 << 20, 128 << 20)
    small = (14 << 20, 48 << 20)

    def __init__(self, size, folder):
        dictionary = 1 << (size - 1).bit_length()
        self.text = f"xz -9, {size >> 20} MiB of versions of a text"
        program = need("xz", "xz-utils")
        path = os.path.join(folder, "versions")
        generate.versions(path, size)
        self.command = [
            program, "-c", "-T1", f"--lzma2=preset=9,dict={dictionary}", path
        ]


FIRST = (Sort, Python, Sqlite)  # what is measured if no name is given
ALL = {w.name: w for w in (*FIRST, Numpy, Compiler, Perl, Xz)}
