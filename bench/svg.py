# SPDX-License-Identifier: BSD-2-Clause
"""A bar chart as SVG, without a library."""

COLOURS = ("#33658a", "#86bbd8", "#f6ae2d")
LINE, GAP, LEFT, WIDTH = 18, 14, 190, 420


def bars(title, groups):
    """groups: [(label, {series: value or None})]  => text of the file"""
    top = max(
        (v for _, series in groups for v in series.values() if v), default=1
    )
    parts, y = [], 40
    for label, series in groups:
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + LINE - 5}" text-anchor="end">'
            f"{label}</text>"
        )
        for i, (name, value) in enumerate(series.items()):
            width = WIDTH * (value or 0) / top
            text = f"{value:.1f}" if value else "not measured"
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" '
                f'height="{LINE - 3}" fill="{COLOURS[i % 3]}"/>'
                f'<text x="{LEFT + width + 5:.1f}" y="{y + LINE - 5}">'
                f"{text} {name}</text>"
            )
            y += LINE
        y += GAP
    one = LEFT + WIDTH / top
    parts.append(
        f'<line x1="{one:.1f}" y1="34" x2="{one:.1f}" y2="{y - GAP}" '
        'stroke="#444" stroke-dasharray="4 3"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{y}" '
        'font-family="sans-serif" font-size="12">'
        f'<text x="{LEFT}" y="22" font-size="14">{title}</text>'
        + "".join(parts)
        + "</svg>\n"
    )
