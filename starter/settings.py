"""Sizes of the model's parts, and how long and on what each is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .data.nouns import NOUNS
from .data.scenes import Variety
from .training.loop import Pace

SIDE: Final = 128
"""Pixels on a side of the pictures that the model is trained on."""

MAX_BYTES: Final = 40 * 1024 * 1024
"""The most that the exported model may weigh in all: it travels in the wheel."""

DRAWN: Final = "fluent-emoji-flat"
"""The set that the model learns to draw."""

FEWER: Final = 30
"""Nouns that a processor has the time to learn."""

SECOND: Final = ("fluent-emoji-flat", "twemoji")
"""The sets that the decoder of the autoencoder is trained on."""

JUDGES: Final = ("fluent-emoji-flat", "noto-v1", "twemoji", "fluent-emoji", "fxemoji")
"""The sets that the classifier of shapes learns from."""

GPU_BATCH: Final = 128
"""Pictures in a batch on a GPU. On an H200 a step took 22 ms, and 35 ms for 256; steps count for more than pictures do, see MODEL_CARD.md."""

FINISH_BATCH: Final = 8
"""Pictures in a batch on a processor, in each process of a team: 16 take 1.75 times as long. The rates of finishing are those for a team of two."""

CONTROL_SHARE: Final = 0.16
"""How much of the time on a GPU, and of finishing, goes into the ControlNet."""

HELD_OUT: Final = ("noto",)
"""The sets that it is examined on: neither it nor the model has seen them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the UNet's training: its scenes, how many samples, and the least share of shapes recognised after it."""

    name: str
    variety: Variety
    samples: int
    least: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """Widths of the parts: text encoder, UNet from fine to coarse, decoder of the VAE."""

    text_width: int = 160
    text_layers: int = 3
    unet: tuple[int, int, int, int] = (32, 64, 128, 144)
    groups: int = 16
    decoder: int = 32
    decoder_blocks: tuple[int, int, int] = (4, 3, 1)


@dataclass(frozen=True, slots=True)
class Course:
    """How a UNet is trained: under which name, at which pace, and by which stages; from nothing, or on from what is there.

    A stage of no samples is not trained: it only stands before the next, which brings a share of it back.
    """

    name: str
    pace: Pace
    stages: tuple[Stage, ...]
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run is made from."""

    sizes: Sizes
    text: Pace
    vae: Pace
    judge: Pace
    unet: Pace
    control: Pace
    stages: tuple[Stage, ...]
    finish: Callable[[float], Course]
    finish_control: Callable[[float], Pace]

    @property
    def course(self) -> Course:
        """How the UNet is trained from nothing."""
        return Course("unet", self.unet, self.stages)


def words(count: int) -> tuple[str, ...]:
    """The first nouns."""
    return tuple(noun.word for noun in NOUNS[:count])


def ladder() -> tuple[Stage, ...]:
    """From narrow to wide, for a large GPU. The samples are shares of the time that there is."""
    narrow = Variety(words(8))
    free = replace(narrow, nouns=words(48), size=(0.38, 0.9), drift=0.07, flips=0.5)
    scenery = replace(free, sceneries=0.4, white=0.35, colours=0.35, synonyms=0.2)
    rungs = (
        ("8 nouns, one place", narrow, 100_000, 0.7),
        ("24 nouns, one place", replace(narrow, nouns=words(24)), 130_000, 0.7),
        ("48 nouns, one place", replace(narrow, nouns=words(48)), 200_000, 0.7),
        ("48 nouns, any place", free, 350_000, 0.6),
        ("sceneries and colours", scenery, 420_000, 0.6),
        ("pairs", replace(scenery, pairs=0.35, tilt=0.05), 800_000, 0.6),
    )
    return tuple(Stage(*rung) for rung in rungs)


def short_ladder() -> tuple[Stage, ...]:
    """From narrow to wide in three hours of two processor cores: fewer nouns, one drawing of each, all in the middle.

    More room takes many times as long: 36,000 samples of any size at any place, and 25,000 of nearly the full size near the
    middle, undid what had been learned of shapes.
    """
    narrow = Variety(words(8))
    colours = replace(narrow, nouns=words(FEWER), sceneries=0.2, white=0.45, colours=0.3)
    rungs = (
        ("8 nouns, one place", narrow, 12_000, 0.7),
        ("24 nouns, one place", replace(narrow, nouns=words(24)), 20_000, 0.6),
        ("30 nouns, one place", replace(narrow, nouns=words(FEWER)), 60_000, 0.6),
        ("sceneries and colours", colours, 83_000, 0.5),
    )
    return tuple(Stage(*rung) for rung in rungs)


def roomy() -> tuple[Stage, ...]:
    """The stages of finishing: all nouns, with room for place and size, and pairs.

    Nothing is mirrored: with little training what looks to one side came out as both at once, a moon with two horns up and a carrot
    with leaves on both sides.
    """
    wide = ladder()[-1]
    room = Variety(
        words(48),
        size=(0.45, 0.9),
        drift=0.062,
        sceneries=0.35,
        white=0.4,
        colours=0.3,
        pairs=0.45,
        synonyms=0.2,
        above=0.45,
    )
    return (
        Stage("before finishing", replace(wide.variety, flips=0.0), 0, wide.least),
        Stage("finish with room", room, 1, 0.6),
    )


def finish(minutes: float) -> Course:
    """For a processor, after a GPU: small batches at a low rate, so that what much training brought is not lost."""
    pace = Pace(0, FINISH_BATCH, 2e-4, warm_up=150, decay=0.7, seconds=minutes * 60)
    return Course("finish", pace, roomy(), fresh=False)


def finish_on_gpu(minutes: float) -> Course:
    """For a GPU, after whatever was trained before."""
    pace = Pace(0, GPU_BATCH, 8e-4, warm_up=300, decay=0.7, average=0.9995, seconds=minutes * 60)
    return Course("finish", pace, roomy(), fresh=False)


def finish_control(minutes: float) -> Pace:
    """The same for the ControlNet, on a processor."""
    return Pace(0, FINISH_BATCH, 4e-4, warm_up=20, decay=0.7, average=0.98, seconds=minutes * 60)


def on_processor() -> Settings:
    """For two processor cores: about three hours."""
    stages = short_ladder()
    samples = sum(stage.samples for stage in stages)
    return Settings(
        sizes=Sizes(),
        text=Pace(steps=1200, batch=64, rate=1e-3, decay=0.6),
        vae=Pace(steps=1200, batch=16, rate=1.2e-3, decay=0.6, average=0.997),
        judge=Pace(steps=1800, batch=64, rate=2e-3, decay=0.9, weight_decay=0.02),
        unet=Pace(steps=samples // 16, batch=16, rate=8e-4, decay=0.25),
        control=Pace(steps=1500, batch=16, rate=5e-4, decay=0.4),
        stages=stages,
        finish=finish,
        finish_control=finish_control,
    )


def on_gpu(minutes: float = 40.0) -> Settings:
    """For one large GPU: a wider UNet and larger batches, for so many minutes of training UNet and ControlNet."""
    seconds = minutes * 60
    control = Pace(0, GPU_BATCH, 5e-4, decay=0.5, warm_up=100, seconds=seconds * CONTROL_SHARE)
    return Settings(
        sizes=Sizes(unet=(48, 80, 144, 176)),
        text=Pace(steps=3600, batch=64, rate=1e-3, decay=0.5),
        vae=Pace(steps=5000, batch=16, rate=1.2e-3, decay=0.6),
        judge=Pace(steps=1800, batch=64, rate=2e-3, decay=0.9, weight_decay=0.02),
        unet=Pace(0, GPU_BATCH, 1e-3, warm_up=100, average=0.9985, seconds=seconds * (1 - CONTROL_SHARE)),
        control=control,
        stages=ladder(),
        finish=finish_on_gpu,
        finish_control=lambda minutes: replace(control, seconds=minutes * 60),
    )


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run keeps what: `root` can be anywhere with 2 GB to spare, but not in the source tree."""

    root: Path

    @property
    def packages(self) -> Path:
        """The tarballs from npm."""
        return self.root / "packages"

    @property
    def icons(self) -> Path:
        """The drawings as arrays."""
        return self.root / "icons"

    @property
    def parts(self) -> Path:
        """Checkpoints, logs, curves, and finished parts in diffusers' layout."""
        return self.root / "parts"

    @property
    def model(self) -> Path:
        """The exported model."""
        return self.root / "model"

    @property
    def sheets(self) -> Path:
        """Contact sheets and the report of the gate."""
        return self.root / "sheets"
