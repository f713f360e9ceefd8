"""Drawings as arrays: rasterised once from the sets' SVG, fitted into squares, and kept in one file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .packages import DRAWINGS, WORDS, fetch, read_json

Bytes = npt.NDArray[np.uint8]

SIDE: Final = 128
"""Pixels on a side of a cached drawing: no drawing is ever shown larger."""

LEAST_COVER: Final = 0.03
"""A drawing that covers less of its square than this is a hair line or empty."""

GROUPS: Final = {0: "smileys", 3: "animals", 4: "food", 5: "travel", 6: "activities", 7: "objects"}
"""Unicode's groups that are drawn from. People and flags are left out: neither is drawn well at this size."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Which set drew it, what it shows (Unicode code points and CLDR label), and its row in the array of pictures."""

    origin: str
    code: str
    label: str
    row: int


def rasterise(svg: str, side: int) -> Bytes:
    """An SVG document as straight RGBA, (side, side, 4)."""
    import resvg_py  # only those who train have it

    image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side)))).convert(
        "RGBA"
    )
    return np.asarray(image if image.size == (side, side) else image.resize((side, side)))


def fit(rgba: Bytes, side: int) -> Bytes | None:
    """What is drawn, cut out and enlarged until its longer side fills the square; None if hardly anything is drawn."""
    alpha = rgba[..., 3]
    if (alpha > 128).mean() < LEAST_COVER:
        return None
    ys, xs = np.nonzero(alpha > 16)
    top, bottom, left, right = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    cut = Image.fromarray(np.ascontiguousarray(rgba[top:bottom, left:right]), "RGBA")
    scale = side / max(cut.size)
    size = (max(1, round(cut.width * scale)), max(1, round(cut.height * scale)))
    # Pillow filters RGBA as if every pixel were opaque, so edges would take the colour of what is clear.
    resized = cut.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (side, side))
    square.paste(resized, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(square)


def slug(label: str) -> str:
    """A label as the sets spell it in the names of their pictures."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower().replace("\u2019", "").replace("ñ", "n")).strip("-")


def svg_of(icons: dict[str, Any], name: str) -> str:
    """The SVG document of one picture of an Iconify set."""
    icon = icons["icons"][name]
    width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    head = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {head} width="{width}" height="{height}" viewBox="{box}">{icon["body"]}</svg>'


def pictures(origin: str, tarball: Path, labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(code points, SVG) of each picture of a set whose code points are in `labels`, each picture once."""
    icons, codes = read_json(tarball, "icons.json"), read_json(tarball, "chars.json")
    aliases = icons.get("aliases", {})
    if not codes:
        names = {slug(label): code for code, label in labels.items()}
        codes = {names[name]: name for name in [*icons["icons"], *aliases] if name in names}
    seen = set()
    for spelled, first in codes.items():
        code, name = plain_code(spelled), first
        while name in aliases:
            name = aliases[name]["parent"]
        if code in labels and name in icons["icons"] and name not in seen:
            seen.add(name)
            yield code, svg_of(icons, name)


def plain_code(code: str) -> str:
    """Code points without the one that only asks for colour."""
    return code.upper().replace("-FE0F", "")


def labels_of(packages: Path) -> dict[str, str]:
    """CLDR's label by code points, of everything in GROUPS."""
    entries = read_json(fetch(WORDS["emojibase-data"], packages), "en/data.json")
    return {plain_code(entry["hexcode"]): entry["label"] for entry in entries if entry.get("group") in GROUPS}


def build(packages: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Rasterise every set into `folder`; a set that is there already is left alone, so that a killed run goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = {origin: package for origin, package in DRAWINGS.items() if not (folder / f"{origin}.json").exists()}
    labels = labels_of(packages) if missing else {}
    for origin, package in missing.items():
        kept: list[Bytes] = []
        rows: list[Drawing] = []
        for code, svg in pictures(origin, fetch(package, packages), labels):
            square = fit(rasterise(svg, SIDE * 3 // 2), SIDE)
            if square is not None:
                rows.append(Drawing(origin, code, labels[code], len(kept)))
                kept.append(square)
        np.save(folder / f"{origin}.npy", np.stack(kept))
        part = folder / f"{origin}.json.part"
        part.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
        part.rename(folder / f"{origin}.json")
        say(f"{origin}: {len(kept)} drawings")


class Icons:
    """The drawings of a folder, read as they are needed."""

    def __init__(self, folder: Path) -> None:
        self.drawings: list[Drawing] = []
        self._pixels: dict[str, Bytes] = {}
        for path in sorted(folder.glob("*.json")):
            self.drawings += [Drawing(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
            self._pixels[path.stem] = np.load(path.with_suffix(".npy"), mmap_mode="r")

    def pixels(self, drawing: Drawing) -> Bytes:
        """The drawing as straight RGBA, (SIDE, SIDE, 4)."""
        return np.array(self._pixels[drawing.origin][drawing.row])

    def of(self, label: str, origins: tuple[str, ...]) -> list[Drawing]:
        """The drawings of what has this label, in the order of `origins`."""
        found = {drawing.origin: drawing for drawing in self.drawings if drawing.label == label}
        return [found[origin] for origin in origins if origin in found]

    def thin(self, labels: Set[str], folder: Path) -> None:
        """Write a folder with only the drawings of what has one of these labels."""
        folder.mkdir(parents=True, exist_ok=True)
        for origin in self._pixels:
            kept = [drawing for drawing in self.drawings if drawing.origin == origin and drawing.label in labels]
            rows = [asdict(replace(drawing, row=row)) for row, drawing in enumerate(kept)]
            np.save(folder / f"{origin}.npy", np.stack([self.pixels(drawing) for drawing in kept]))
            (folder / f"{origin}.json").write_text(json.dumps(rows), encoding="utf-8")
