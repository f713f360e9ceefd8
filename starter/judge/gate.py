"""What the model must show, measured: shapes, colours, pairs, scribbles, fills, and that two seeds differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ..data.colours import HUES, NAMES, shares
from ..data.nouns import with_article
from ..data.places import PLACES, SCENERIES
from ..data.render import Atlas, paint, scribble
from ..data.scenes import Item, Scene, Texture, kept_out, placement_kept_out
from ..export import PRODUCT
from .classifier import Classifier
from .sample import paint_prompts

SEEDS: Final = 8
"""Pictures of each noun."""

FIRST_SEED: Final = 70_001
"""Seeds of the gate; training and the checks of stages use none from here on."""

GUIDED: Final = 1.0
"""Conditioning scale of the scribbles."""

NEAR: Final = 2
"""Pixels that an edge may lie beside the line drawn for it."""

CANVAS: Final = 256
"""Pixels on a side of the pictures that are filled in part."""

PADDING: Final = float(PRODUCT["context"]["padding"])
"""How much of a selection's side Scumble shows around it."""

SAME: Final = 0.04
"""Two pictures whose mean absolute difference is below this are the same picture."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the gate: what, how much, and the least that passes (both 0 to 1), over how many pictures."""

    name: str
    value: float
    least: float
    count: int

    @property
    def passed(self) -> bool:
        """Whether the figure is high enough."""
        return self.value >= self.least


@dataclass(frozen=True, slots=True)
class Shown:
    """Pictures of one measure with their prompts and whether each was right."""

    prompts: list[str]
    pictures: Tensor
    right: list[bool]

    @property
    def share(self) -> float:
        """The share of pictures that are right."""
        return sum(self.right) / max(1, len(self.right))


def unseen_place(noun: str, colour: str | None, at: int) -> str:
    """A background that this noun, in this colour, was never trained on; another one for another `at`."""
    found = [place for place in PLACES if kept_out(noun, colour, place)]
    return found[at % len(found)] if found else "white"


def words_for(place: str) -> str:
    """The plainest words for a background."""
    return SCENERIES[place].words[0] if place in SCENERIES else f"on a {place} background"


def shapes(pipeline: Any, judge: Classifier, nouns: tuple[str, ...]) -> tuple[Shown, Measure]:  # noqa: ANN401 - untyped library
    """Every noun SEEDS times, before backgrounds that it was never trained on; and whether two seeds differ."""
    asked = [(noun, unseen_place(noun, None, index)) for noun in nouns for index in range(SEEDS)]
    prompts = [f"{with_article(noun)} {words_for(place)}" for noun, place in asked]
    pictures = paint_prompts(pipeline, prompts, [FIRST_SEED + index for index in range(len(prompts))])
    answers = judge.answers(pictures)
    right = [answer == noun for answer, (noun, _) in zip(answers, asked, strict=True)]
    # before white: two backgrounds alone would be two pictures as well
    twice = [[f"{with_article(noun)} on a white background"] * 2 for noun in nouns]
    pairs = [paint_prompts(pipeline, prompts_of_two, [FIRST_SEED + 500, FIRST_SEED + 501]) for prompts_of_two in twice]
    differ = [float((pair[0] - pair[1]).abs().mean()) > SAME for pair in pairs]
    return Shown(prompts, pictures, right), Measure("two seeds differ", sum(differ) / len(differ), 0.9, len(differ))


def object_colour(picture: Tensor) -> str | None:
    """The word for most of what stands before a white background; None if nothing stands there."""
    rgb = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    marked = rgb.min(-1) < 205
    share = shares(rgb, marked)
    return NAMES[int(share.argmax())] if marked.mean() > 0.01 else None


def colours(pipeline: Any, atlas: Atlas, nouns: tuple[str, ...]) -> Shown:  # noqa: ANN401 - untyped library
    """Things in colours by word. Only colours that the noun's drawings can take, whatever the background was in training."""
    able = {(texture.noun, texture.colour) for texture in atlas.textures if texture.turned}
    asked = [(noun, colour) for noun in nouns for colour in HUES if (noun, colour) in able]
    prompts = [f"{with_article(f'{colour} {noun}')} on a white background" for noun, colour in asked]
    pictures = paint_prompts(pipeline, prompts, [FIRST_SEED + 1000 + index for index in range(len(prompts))])
    right = [object_colour(picture) == colour for picture, (_, colour) in zip(pictures, asked, strict=True)]
    return Shown(prompts, pictures, right)


def found_in(judge: Classifier, crops: Tensor, noun: str) -> bool:
    """Whether the classifier finds the noun in any of the crops."""
    return noun in judge.answers(crops)


def pairs(pipeline: Any, judge: Classifier, nouns: tuple[str, ...], count: int = 48) -> Shown:  # noqa: ANN401 - untyped library
    """Pairs of nouns that were never trained on together, each to be found in its half of the picture."""
    rng = np.random.default_rng(FIRST_SEED)
    ways = ("{0} on the left and {1} on the right", "{0} above {1}")
    asked: list[tuple[str, str, str]] = []
    while len(asked) < count:
        first, second = (str(noun) for noun in rng.choice(nouns, 2, replace=False))
        if kept_out(*sorted((first, second))):
            asked.append((first, second, ways[len(asked) % 2]))
    prompts = [f"{way.format(with_article(a), with_article(b))} on a white background" for a, b, way in asked]
    pictures = paint_prompts(pipeline, prompts, [FIRST_SEED + 2000 + index for index in range(count)])
    right = []
    for picture, (first, second, way) in zip(pictures, asked, strict=True):
        turned = picture.transpose(1, 2) if "above" in way else picture
        halves = (crops(turned, 0.0, 0.5), crops(turned, 0.5, 1.0))
        one, two = (half.transpose(2, 3) if "above" in way else half for half in halves)
        right.append(found_in(judge, one, first) and found_in(judge, two, second))
    return Shown(prompts, pictures, right)


def crops(picture: Tensor, begin: float, end: float) -> Tensor:
    """Squares from a vertical strip of a picture: things in a pair are smaller than what the classifier is used to."""
    side = picture.shape[-1]
    width = int(side * (end - begin))
    left = int(side * begin)
    strip = picture[:, :, left : left + width]
    tops = [int(side * share) for share in (0.0, 0.12, 0.25, 0.38, 0.5)]
    return torch.stack([strip[:, top : top + width] for top in tops])


def unseen_scene(texture: Texture, rng: np.random.Generator) -> Scene:
    """The drawing on white at a placement that was never trained on."""
    while True:
        x, y, size = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.4, 0.6))
        if placement_kept_out(x, y):
            return Scene(
                "white", (Item(texture, x, y, size, False, 0.0),), f"{with_article(texture.noun)} on a white background"
            )


def own_textures(atlas: Atlas, nouns: tuple[str, ...]) -> list[Texture]:
    """The first drawing of each noun in its own colours."""
    first = {texture.noun: texture for texture in reversed(atlas.textures) if not texture.turned}
    return [first[noun] for noun in nouns]


def overlap(lines: Tensor, wanted: Tensor) -> float:
    """How much of the wanted lines (3, height, width; 0 or 1) has lines within NEAR pixels, and the reverse: harmonic mean."""
    broad = [torch.nn.functional.max_pool2d(side[None], 2 * NEAR + 1, 1, NEAR)[0] for side in (lines, wanted)]
    covered = float((wanted * broad[0]).sum() / wanted.sum().clamp(min=1))
    precise = float((lines * broad[1]).sum() / lines.sum().clamp(min=1))
    return 2 * covered * precise / max(1e-6, covered + precise)


def scribbles(guided: Any, atlas: Atlas, nouns: tuple[str, ...]) -> tuple[Shown, Tensor, Measure]:  # noqa: ANN401 - untyped library
    """Lines of drawings at unseen placements: how much more of them is followed with control than without."""
    rng = np.random.default_rng(FIRST_SEED + 1)
    scenes = [unseen_scene(texture, rng) for texture in own_textures(atlas, nouns)]
    lines = scribble(paint(atlas, scenes, 128, rng)).cpu()
    prompts, seeds = [scene.caption for scene in scenes], [FIRST_SEED + 3000 + index for index in range(len(scenes))]
    painted = [
        paint_prompts(guided, prompts, seeds, image=lines, controlnet_conditioning_scale=scale)
        for scale in (GUIDED, 0.0)
    ]
    scores = [[overlap(*both) for both in zip(scribble(pictures), lines, strict=True)] for pictures in painted]
    better = [with_control > without + 0.1 for with_control, without in zip(*scores, strict=True)]
    measure = Measure(
        "scribble: overlap of edges (harmonic mean)",
        float(np.mean(scores[0])),
        float(np.mean(scores[1])) + 0.15,
        len(better),
    )
    return Shown(prompts, painted[0], better), lines, measure


def frame_of(top: int, left: int, side: int) -> tuple[int, int, int]:
    """Top, left and side of what Scumble would show the model of a picture of CANVAS: the selection and its context."""
    whole = min(CANVAS, side + 2 * round(side * PADDING))
    y, x = (min(max(0, at - (whole - side) // 2), CANVAS - whole) for at in (top, left))
    return y, x, whole


def fills(inpaint: Any, judge: Classifier, atlas: Atlas, nouns: tuple[str, ...]) -> Shown:  # noqa: ANN401 - untyped library
    """A thing filled into a square of a scenery where it was never trained: found inside the square.

    Asked as Scumble asks: the selection is cut out with its context, brought to the model's size, filled, and brought back.
    """
    rng = np.random.default_rng(FIRST_SEED + 2)
    places = [unseen_place(noun, None, index) for index, noun in enumerate(nouns)]
    scenery = paint(atlas, [Scene(place, (), "") for place in places], CANVAS, rng).cpu()
    masks, boxes = torch.zeros(len(nouns), 1, CANVAS, CANVAS), []
    for index in range(len(nouns)):
        side = int(rng.integers(96, 168))
        top, left = (int(at) for at in rng.integers(4, CANVAS - 4 - side, 2))
        masks[index, :, top : top + side, left : left + side] = 1
        boxes.append((top, left, side))
    frames = [frame_of(*box) for box in boxes]
    shown, asked = (
        torch.cat(
            [
                resized(picture[None, :, y : y + side, x : x + side], 128)
                for picture, (y, x, side) in zip(pictures, frames, strict=True)
            ]
        )
        for pictures in (scenery, masks)
    )
    prompts = [f"{with_article(noun)} {words_for(place)}" for noun, place in zip(nouns, places, strict=True)]
    seeds = [FIRST_SEED + 4000 + index for index in range(len(nouns))]
    painted = paint_prompts(
        inpaint, prompts, seeds, image=shown, mask_image=asked.round(), height=128, width=128, strength=1.0
    )
    filled = scenery.clone()
    for picture, part, (y, x, side) in zip(filled, painted, frames, strict=True):
        picture[:, y : y + side, x : x + side] = resized(part[None], side)[0]
    filled = filled * masks + scenery * (1 - masks)
    right = []
    for picture, noun, (top, left, side) in zip(filled, nouns, boxes, strict=True):
        right.append(found_in(judge, picture[None, :, top : top + side, left : left + side], noun))
    return Shown(prompts, filled, right)


def resized(pictures: Tensor, side: int) -> Tensor:
    """Pictures (count, channels, height, width) at another size, filtered."""
    return torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
