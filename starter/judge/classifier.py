"""A small classifier of shapes: which noun is it? It sees no colour, so colour cannot give the answer away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from ..data.render import Atlas, paint
from ..data.scenes import Composer, Variety
from ..training.loop import Loop, Pace, autocast

SEEN: Final = 64
"""Pixels on a side of what the classifier looks at."""

LUMINANCE: Final = (0.3, 0.59, 0.11)
"""Weights of red, green and blue."""


def look(pictures: Tensor) -> Tensor:
    """Pictures (count, 3, side, side), 0 to 1, as the classifier sees them: small, gray, and of equal contrast."""
    small = F.interpolate(pictures, size=(SEEN, SEEN), mode="area")
    gray = (small * torch.tensor(LUMINANCE, device=small.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return contrast(gray)


def contrast(gray: Tensor) -> Tensor:
    """Gray pictures brought to mean 0 and variance 1, each."""
    return (gray - gray.mean((1, 2, 3), keepdim=True)) / (gray.std((1, 2, 3), keepdim=True) + 0.02)


class Classifier(nn.Module):
    """Convolutions over one channel; answers with scores of each noun."""

    def __init__(self, nouns: Sequence[str]) -> None:
        super().__init__()
        self.nouns = tuple(nouns)
        layers: list[nn.Module] = []
        for before, after, stride, pool in (
            (1, 24, 2, 0),
            (24, 48, 2, 0),
            (48, 96, 1, 2),
            (96, 128, 1, 2),
            (128, 160, 1, 0),
        ):
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(pool)] if pool else []
        layers += [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(640, len(self.nouns))]
        self.layers = nn.Sequential(*layers)

    def forward(self, seen: Tensor) -> Tensor:
        """Scores (count, nouns) of pictures from look()."""
        scores: Tensor = self.layers(seen)
        return scores

    @torch.no_grad()
    def answers(self, pictures: Tensor) -> list[str]:
        """The noun of each picture."""
        self.eval()
        return [self.nouns[int(index)] for index in self(look(pictures)).argmax(1)]


def variety(nouns: Sequence[str], origins: tuple[str, ...]) -> Variety:
    """What is judged: one thing anywhere, at any size, on any background."""
    return Variety(tuple(nouns), origins, (0.36, 0.9), 0.06, 0.35, 0.35, 0.3, 0.0, 0.5, 0.1)


def disturb(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Changes that leave a shape what it is: blur, gamma, inversion, noise."""
    count = len(pictures)
    if rng.random() < 0.4:
        pictures = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    values = torch.from_numpy(rng.random((count, 2))).float().to(pictures.device)
    pictures = pictures.clamp(1e-3, 1) ** (0.5 + 1.5 * values[:, :1, None, None])
    pictures = torch.where(values[:, 1:, None, None] < 0.2, 1 - pictures, pictures)
    return pictures + 0.03 * torch.randn_like(pictures)


def train_classifier(
    classifier: Classifier, atlas: Atlas, origins: tuple[str, ...], pace: Pace, folder: Path, say: Callable[[str], None]
) -> None:
    """Train on renders of the sets `origins`."""
    classifier.to(atlas.device).train()
    composer = Composer(atlas.textures, variety(classifier.nouns, origins))
    index = {noun: number for number, noun in enumerate(classifier.nouns)}
    loop = Loop("judge", folder, pace, [{"params": list(classifier.parameters())}], say)

    def loss(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([2, step])
        scenes = [composer.scene(rng) for _ in range(pace.batch)]
        wanted = torch.tensor([index[scene.items[0].texture.noun] for scene in scenes], device=atlas.device)
        seen = look(disturb(paint(atlas, scenes, SEEN * 2, rng), rng))
        with autocast(atlas.device):
            scores = classifier(seen).float()
        right = (scores.argmax(1) == wanted).float().mean()
        return {"loss": F.cross_entropy(scores, wanted, label_smoothing=0.05), "right": right}

    loop.run(loss)
    classifier.eval()
    torch.save(classifier.state_dict(), folder / "judge.weights.pt")


def examine(classifier: Classifier, atlas: Atlas, origins: tuple[str, ...], count: int = 960) -> float:
    """The share of renders of the sets `origins` that it names rightly, on nouns that those sets have."""
    shown = {texture.noun for texture in atlas.textures if texture.origin in origins}
    nouns = [noun for noun in classifier.nouns if noun in shown]
    composer = Composer(atlas.textures, variety(nouns, origins))
    rng, right = np.random.default_rng(3), 0
    for _ in range(0, count, 64):
        scenes = [composer.scene(rng) for _ in range(64)]
        answers = classifier.answers(paint(atlas, scenes, SEEN * 2, rng))
        right += sum(answer == scene.items[0].texture.noun for answer, scene in zip(answers, scenes, strict=True))
    return right / (-(-count // 64) * 64)
