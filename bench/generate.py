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


WORDS = 5000  # words that a text is made of
WORDS_IN_LINE = 12
LINE_OF_WORDS = 90  # about so many characters
VERSIONS = 20
CHANGED = 100  # from version to version one line of so many is another one


def versions(path, size):
    """A text of words, over and over, with changes: a backup of a backup."""
    source = random.Random(11)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [
        "".join(source.choices(letters, k=source.randrange(3, 11)))
        for _ in range(WORDS)
    ]

    def line():
        return " ".join(source.choices(words, k=WORDS_IN_LINE)) + "\n"

    text = [line() for _ in range(size // VERSIONS // LINE_OF_WORDS)]
    with open(path, "w", encoding="ascii") as file:
        for _ in range(VERSIONS):
            for _ in range(len(text) // CHANGED):
                text[source.randrange(len(text))] = line()
            file.writelines(text)


PARTS = 12  # statements of a function, each of them one of these
LOOP = """\
	for (i = 0; i < (y & %u); i++)
		p->v[(i + %u) %% 64] += x * %uu + p->v[i %% 61];
"""
CHOICE = """\
	if ((x ^ y) %% 53 > %u %% 53)
		x = p->v[%u %% 64] - (y >> 7);
	else
		y += x * %uu;
"""
STEPS = """\
	p->v[%u %% 64] = x + y * %uu;
	x = (x << 9) | (y >> (%u %% 31));
"""
TURN = """\
	switch (x %% 5) {
	case 0:
		y ^= p->v[%u %% 64];
		break;
	case 1:
		y -= p->v[%u %% 64] + x;
		break;
	case 2:
		y = y * 3 + %uu;
		break;
	default:
		x ^= y;
	}
"""


def function(number, source):
    """The text of a function of C, which calls an earlier one."""
    yield f"static unsigned\nf{number}(unsigned x, unsigned y, struct s *p)\n"
    yield "{\n\tunsigned i;\n\n"
    for _ in range(PARTS):
        part = source.choice((LOOP, CHOICE, STEPS, TURN))
        yield part % tuple(source.randrange(1, 1000) for _ in range(3))
    if number > 0:
        called = source.randrange(number)
        yield f"\tif (x & 1)\n\t\tx += f{called}(y, x, p);\n"
    yield "\treturn x ^ y;\n}\n\n"


def functions(path, count):
    """A source of C; a table of its functions keeps all of them."""
    source = random.Random(5)
    with open(path, "w", encoding="ascii") as file:
        file.write("struct s {\n\tunsigned v[64];\n};\n\n")
        for number in range(count):
            file.writelines(function(number, source))
        file.write(
            "unsigned (*const all[])(unsigned, unsigned, struct s *) = {\n"
        )
        file.writelines(f"\tf{number},\n" for number in range(count))
        file.write("};\n")
