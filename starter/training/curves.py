"""Curves of a training run as a PNG, drawn with Pillow so that nothing more has to be installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

WIDTH: Final = 640
"""Pixels across one chart."""

HEIGHT: Final = 220
"""Pixels down one chart."""

MARGIN: Final = 44
"""Pixels around a chart's lines, for its numbers."""

COLOURS: Final = ("#3060c0", "#c04030", "#308040", "#a06010", "#703090", "#107080")
"""One for each series of a chart, in turn."""

Series = list[tuple[float, float]]


def read_log(path: Path) -> dict[str, Series]:
    """The series of a log of JSON lines by name: (step, value) pairs, broken lines left out."""
    series: dict[str, Series] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the line during which the run was killed
        for name, value in entry.items():
            if name != "step" and isinstance(value, int | float):
                series.setdefault(name, []).append((float(entry["step"]), float(value)))
    return series


def chart(draw: ImageDraw.ImageDraw, top: int, name: str, points: Series, colour: str) -> None:
    """One series with its extremes written beside it."""
    xs, ys = np.array(points).T
    low, high = float(ys.min()), float(np.quantile(ys, 0.98)) if len(ys) > 50 else float(ys.max())
    span = high - low or 1.0
    right, bottom = WIDTH - MARGIN // 2, top + HEIGHT - MARGIN
    draw.rectangle((MARGIN, top + MARGIN // 2, right, bottom), outline="#cccccc")
    reach = max(float(xs.max()), 1.0)
    line = [
        (MARGIN + x / reach * (right - MARGIN), bottom - min(1.0, (y - low) / span) * (bottom - top - MARGIN // 2))
        for x, y in zip(xs, ys, strict=True)
    ]
    draw.line(line, fill=colour, width=2) if len(line) > 1 else draw.point(line, fill=colour)
    draw.text((MARGIN, top + 4), f"{name}: now {ys[-1]:.4g}", fill=colour)
    draw.text((2, top + MARGIN // 2), f"{high:.3g}", fill="black")
    draw.text((2, bottom - 12), f"{low:.3g}", fill="black")
    draw.text((right - 60, bottom + 4), f"{reach:,.0f} steps", fill="black")


def draw_curves(log: Path, picture: Path) -> None:
    """The log's series one below the other."""
    series = read_log(log)
    if not series:
        return
    image = Image.new("RGB", (WIDTH, HEIGHT * len(series)), "white")
    draw = ImageDraw.Draw(image)
    for index, (name, points) in enumerate(series.items()):
        chart(draw, index * HEIGHT, name, points, COLOURS[index % len(COLOURS)])
    image.save(picture)
