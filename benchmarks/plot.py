"""Lines over facts as an SVG file, for the documents: a panel for each quantity, a colour for each series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: x and y of each point, in order.
Line = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 50, 40, 40
_COLOURS: Final = ("#0b6e99", "#c0392b", "#6b8e23")


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity, from zero up."""

    title: str
    lines: Mapping[str, Line]


def write_plot(file: Path, panels: Sequence[Panel], *, x_title: str) -> None:
    """Write panels one below the other."""
    height = _HEIGHT * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {number * _HEIGHT})">', *_drawn(panel, x_title), "</g>"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def _drawn(panel: Panel, x_title: str) -> list[str]:
    points = [point for line in panel.lines.values() for point in line]
    x_most, y_most = (max(values) * 1.05 for values in zip(*points, strict=True))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [f'<text x="{_LEFT}" y="20" font-weight="bold">{panel.title}</text>']
    for tick in _ticks(y_most):
        y = bottom - tick / y_most * (bottom - _TOP)
        parts += [
            f'<line x1="{_LEFT}" x2="{right}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{tick:,}</text>',
        ]
    for tick in _ticks(x_most):
        x = _LEFT + tick / x_most * (right - _LEFT)
        parts.append(f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle">{tick:,}</text>')
    parts.append(f'<text x="{right}" y="{bottom + 32}" text-anchor="end">{x_title}</text>')
    for number, ((name, line), colour) in enumerate(zip(panel.lines.items(), _COLOURS, strict=False)):
        path = " ".join(
            f"{_LEFT + x / x_most * (right - _LEFT):.1f},{bottom - y / y_most * (bottom - _TOP):.1f}" for x, y in line
        )
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<text x="{_LEFT + 140 + 190 * number}" y="20" fill="{colour}" text-anchor="middle">{name}</text>',
        ]
    return parts


def _ticks(most: float) -> range:
    """Four to ten round numbers from zero up."""
    step = next(step for step in (size * 10**power for power in range(12) for size in (1, 2, 5)) if most / step <= 10)
    return range(0, int(most) + 1, step)
