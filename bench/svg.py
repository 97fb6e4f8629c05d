# SPDX-License-Identifier: BSD-2-Clause
"""Bar charts as SVG, without a library."""

import collections
import html

COLOURS = ("#33658a", "#86bbd8", "#f6ae2d", "#758e4f", "#f26419", "#a4243b")
LINE, GAP, TOP, LEFT, WIDTH = 18, 14, 40, 190, 420

# groups: {label: {series: value or None}}; mark: a value with a line, or None
Chart = collections.namedtuple("Chart", "title groups mark")


def bars(chart, y):
    """=> the parts, and where they end"""
    values = [v for series in chart.groups.values() for v in series.values()]
    top = max((v for v in values if v), default=1)
    parts = [
        f'<text x="{LEFT}" y="{y + 22}" font-size="14">'
        f"{html.escape(chart.title)}</text>"
    ]
    y += TOP
    first = y
    for label, series in chart.groups.items():
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + LINE - 5}" text-anchor="end">'
            f"{html.escape(label)}</text>"
        )
        for i, (name, value) in enumerate(series.items()):
            width = WIDTH * (value or 0) / top
            text = "not measured" if value is None else f"{value:.1f}"
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" '
                f'height="{LINE - 3}" fill="{COLOURS[i % len(COLOURS)]}"/>'
                f'<text x="{LEFT + width + 5:.1f}" y="{y + LINE - 5}">'
                f"{text} {html.escape(name)}</text>"
            )
            y += LINE
        y += GAP
    if chart.mark is not None:
        x = LEFT + WIDTH * chart.mark / top
        parts.append(
            f'<line x1="{x:.1f}" y1="{first - 6}" x2="{x:.1f}" '
            f'y2="{y - GAP}" stroke="#444" stroke-dasharray="4 3"/>'
        )
    return parts, y


def page(facts, charts):
    """The charts, one below the other, behind what was measured on.

    facts   [(name, value)]
    => text of the file
    """
    parts, y = [], GAP
    for name, value in facts:
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + LINE - 5}" text-anchor="end">'
            f'{html.escape(name)}</text><text x="{LEFT}" y="{y + LINE - 5}">'
            f"{html.escape(value)}</text>"
        )
        y += LINE
    y += GAP
    for chart in charts:
        more, y = bars(chart, y)
        parts += more
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{y}" '
        'font-family="sans-serif" font-size="12">' + "".join(parts) + "</svg>\n"
    )
