# SPDX-License-Identifier: BSD-2-Clause
"""Real programs that want more memory than they get.

bench/programs measures them; test/programs runs some of them smaller, for
identity and peak memory alone.  A program has two sizes, full and small, each
with a budget; its constructor makes its input, or raises Unavailable.
"""

import os
import shutil
import sys

import common
import generate

SLACK = 48 << 20  # what a process may have beside its budget


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


FIRST = (Sort, Python, Sqlite)  # what is measured if no name is given
ALL = {w.name: w for w in FIRST}
