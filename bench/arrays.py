# SPDX-License-Identifier: BSD-2-Clause
"""arrays.py MEGABYTES -- numpy over two matrices of half of that each.

In order, across, in growing pieces and at random: a matrix is made, turned,
sorted by rows and then as a whole, searched, picked from and summed up.  Only
whole numbers, so that the checksums are the same wherever memory comes from.
"""

import sys
import zlib

import numpy

SEARCHES = 10000
PICKED = 256  # one number of so many is picked
CELL = 8


def show(what, array):
    print(f"{what:8} {array.size} {zlib.crc32(array):08x}", flush=True)


def main():
    side = int((int(sys.argv[1]) * (1 << 20) / 2 / CELL) ** 0.5)
    random = numpy.random.Generator(numpy.random.PCG64(7))
    first = random.integers(0, 1 << 62, (side, side))
    show("made", first)
    second = numpy.empty_like(first)
    second[:] = first.T
    show("turned", second)
    second ^= first
    second.sort(axis=1)
    show("rows", second)
    numbers = second.reshape(-1)
    numbers.sort()
    show("sorted", numbers)
    wanted = random.integers(0, 1 << 62, SEARCHES)
    show("found", numpy.searchsorted(numbers, wanted))
    places = random.permutation(numbers.size // PICKED) * PICKED
    show("picked", numbers[places])
    sums = first.reshape(-1)
    numpy.cumsum(numbers, out=sums)
    show("summed", sums)


if __name__ == "__main__":
    main()
