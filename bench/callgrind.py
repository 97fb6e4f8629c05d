# SPDX-License-Identifier: BSD-2-Clause
"""What callgrind has counted, function by function.

A profile is text.  "fn=(7) name" begins a function, and "(7)" stands for the
name from then on.  Lines that begin with a number are a place in its source and
a cost of its own; but the one after "calls=" is what a call from there has
cost, with all that was called in turn, and "cfn=" before it says of whom.
"""

import re


class Function:
    def __init__(self):
        self.self = 0
        self.inclusive = 0
        self.calls = set()


def read(profile):
    """=> {name: Function}; parts of a function are one"""
    names, functions = {}, {}
    here, callee, is_call = None, None, False

    def named(text):
        number, name = re.fullmatch(r"(\(\d+\)) ?(.*)", text).groups()
        if name:
            names[number] = name.split(".")[0]  # name.part.0
        return names[number]

    with open(profile, encoding="utf-8") as file:
        for line in file:
            key, _, value = line.rstrip("\n").partition("=")
            if key == "fn":
                name = named(value)
                here = functions.setdefault(name, Function())
            elif key == "cfn":
                callee = named(value)
            elif key == "calls":
                is_call = True
            elif here is not None and re.match(r"[\d+*-]", line):
                cost = int(line.split()[1])
                if not is_call:
                    here.self += cost
                    here.inclusive += cost
                elif callee != name:
                    here.inclusive += cost
                    here.calls.add(callee)
                is_call = False
    return functions


def below(root, profile):
    """=> {name: Function} of root and all that it has called

    Right where none calls itself by way of others: its cost were counted twice.
    """
    functions, found, left = read(profile), {}, [root]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = functions[name]
            left += found[name].calls
    return found
