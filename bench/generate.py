# SPDX-License-Identifier: BSD-2-Clause
"""Files that the programs of workloads.py read; always the same ones."""

import base64
import random

LINE = 912  # random bytes in a line, which base64 makes 1216 characters


def lines(path, size):
    """Random lines of 1216 characters."""
    source = random.Random(20)
    with open(path, "wb") as file:
        for _ in range(size // (LINE // 3 * 4 + 1)):
            file.write(base64.b64encode(source.randbytes(LINE)) + b"\n")
