#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""big.py [MEGABYTES] -- a program that wants memory.

Makes Python objects of about so many megabytes (200), looks many of them up,
changes some, and prints a checksum, which is always the same for a size:

    ./pageout run --mem 64M -- python3 examples/big.py
"""

import gc
import random
import sys
import zlib

RECORD_BYTES = 560  # what one record takes, its objects and the tables


def make(count):
    """A dictionary of records, each a few small objects."""
    return {
        key: [key, f"record {key}", float(key), ("x" * 200) + str(key)]
        for key in range(count)
    }


def use(records, seed=1):
    """Look up and change records here and there, most often close by."""
    choose = random.Random(seed)
    count = len(records)
    for _ in range(count // 50):
        start = choose.randrange(count)
        for key in range(start, min(start + 16, count)):
            record = records[key]
            record[2] += 1.0


def checksum(records):
    total = 0
    for key, (number, name, value, text) in records.items():
        total = zlib.crc32(f"{key} {number} {name} {value}".encode(), total)
        total = zlib.crc32(text.encode(), total)
    return total


def main():
    gc.disable()  # it would go over all of them, again and again
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    records = make(megabytes * (1 << 20) // RECORD_BYTES)
    use(records)
    print(f"{len(records)} records, checksum {checksum(records):08x}")


if __name__ == "__main__":
    main()
