# SPDX-License-Identifier: BSD-2-Clause
"""Three real programs that want more memory than they get.

bench/programs measures them; test/programs runs them smaller, for identity and
peak memory alone.
"""

import base64
import os
import random
import shutil
import sys

import common

SLACK = 48 << 20  # what a process may have beside its budget


LINE = 912  # random bytes in a line, which base64 makes 1216 characters


def write_lines(path, size):
    """Random lines of 1216 characters, always the same."""
    source = random.Random(20)
    with open(path, "wb") as file:
        for _ in range(size // (LINE // 3 * 4 + 1)):
            file.write(base64.b64encode(source.randbytes(LINE)) + b"\n")


class Sort:
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
        write_lines(path, size)
        self.command = ["sort", f"-S{size >> 20}M", "-T", folder, path]


class Python:
    """Python objects, made, looked up, changed and summed up."""

    name = "python"
    full = (600 << 20, 128 << 20)
    small = (150 << 20, 48 << 20)

    def __init__(self, size, _folder):
        megabytes = str(size >> 20)
        self.text = f"python3, {megabytes} MB of objects"
        self.env = {}
        big = os.path.join(common.TOP, "examples", "big.py")
        self.command = [sys.executable, big, megabytes]


class Sqlite:
    """An SQLite database in memory, queried and checked."""

    name = "sqlite"
    full = (500 << 20, 128 << 20)
    small = (150 << 20, 48 << 20)

    def __init__(self, size, _folder):
        self.text = f"sqlite3, {size >> 20} MB in memory, integrity_check"
        self.env = {}
        if not shutil.which("sqlite3"):
            raise SystemExit("bench: sqlite3 is missing")
        rows = size // 1300
        self.command = ["sqlite3", ":memory:", SQL.replace("ROWS", str(rows))]


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

ALL = {w.name: w for w in (Sort, Python, Sqlite)}
