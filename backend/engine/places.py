"""Where the parts of a model are while it paints: all on the device, by turns, or fetched in pieces. Pure arithmetic: no torch.

The three rungs of a ladder, the quickest first:

- `whole`: every part is on the device and stays there.
- `turns`: text encoders, denoiser and VAE come to the device when they are asked, and go back to the computer's memory where
  another one needs the room.
- `streamed`: besides, what is larger than the device even alone is fetched piece by piece each time that it is asked.

What comes out of a model is the same on every rung, to the bit; the lower ones take more time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from backend.families.facts import TEXT_ENCODER, VAE
from protocol import DeviceInfo

Rung = Literal["whole", "turns", "streamed"]

OF_ITS_OWN: Final = ("cuda", "rocm", "xpu")
"""Kinds of devices with memory beside the computer's. A processor has none, and an Apple's is one and the same."""

OTHERS_BYTES: Final = 1024**3
"""Of a device, for whoever else is there: a desktop on a large screen, and Krita's canvas, which lies in textures."""

OWN_BYTES: Final = 512 * 1024**2
"""For what torch itself takes beside tensors: CUDA's context and the kernels that it loads, and room lost between tensors."""

READING_BYTES: Final = 512 * 1024**2
"""While a text encoder reads: hidden states of some dozens of layers, for 512 tokens and 4096 numbers each, are a quarter of it."""

STEP_SHARE: Final = 0.25
"""What a step takes, of what a picture takes at its worst moment, which is the VAE's. FLUX.1's step took 473 MiB beside the weights
and SDXL's, guided, 329, where their facts have 2500 and 5000 for the VAE: a fifth and less."""

LEAST_STEP_BYTES: Final = 512 * 1024**2
"""For a step of any size: workspaces of the libraries that multiply matrices do not shrink with the picture."""


@dataclass(frozen=True)
class Places:
    """Where a model's parts are. `streamed` are the names of those that are fetched piece by piece.

    `room` is how many bytes of the device there are for weights and pixels together; with 0 no two parts are there at once.
    """

    rung: Rung
    room: int = 0
    streamed: frozenset[str] = frozenset()


def choose(
    parts: Mapping[str, int], picture: int, device: DeviceInfo, free: int | None = None, at_least: Rung = "whole"
) -> Places:
    """Choose the quickest rung on which a model with these parts, in bytes, fits into a device.

    `picture` are the bytes that a picture takes at its worst moment; `free` is what the device has left now, with nothing of
    the model in it yet, where that is known. `at_least` is where to begin: below `whole` the sums are not believed any more,
    no two parts are there at once, and on the lowest rung all but the VAE is fetched in pieces.
    """
    if at_least == "streamed":
        return Places("streamed", 0, frozenset(name for name in parts if name != VAE))
    if device.kind not in OF_ITS_OWN:
        return Places(at_least)
    room = room_in(device, free)
    if at_least == "whole" and sum(parts.values()) + picture <= room:
        return Places("whole", room)
    # a VAE is small, and what it needs is for the picture
    streamed = frozenset(
        name for name, nbytes in parts.items() if name != VAE and nbytes + needed_by(name, picture) > room
    )
    return Places("streamed" if streamed else "turns", room if at_least == "whole" else 0, streamed)


def lower(places: Places, at_least: Rung, kind: str) -> Rung | None:
    """Where to begin after a model ran out of memory in its places, which were chosen with `at_least`; None where nothing is lower."""
    if kind not in OF_ITS_OWN or at_least == "streamed":
        return None
    return "streamed" if at_least == "turns" or places.rung == "streamed" else "turns"


def room_in(device: DeviceInfo, free: int | None = None) -> int:
    """How many bytes of a device a model and its pictures may take, at least 0; `free` is what it has left now, if known."""
    room = device.memory - OTHERS_BYTES
    return max(0, (room if free is None else min(room, free)) - OWN_BYTES)


def needed_by(part: str, picture: int, frames: int = 1) -> int:
    """How many bytes a part takes beside its weights while it works on pictures that take `picture` each at their worst moment.

    The denoiser works on so many `frames` at once, pictures or layers of them; the VAE on one after the other.
    """
    if part == VAE:
        return picture
    if part.startswith(TEXT_ENCODER):
        return READING_BYTES
    return max(LEAST_STEP_BYTES, int(picture * STEP_SHARE) * frames)


def denoiser_of(parts: Iterable[str]) -> str:
    """The name of the denoiser among those of a model's parts."""
    return next(name for name in parts if name != VAE and not name.startswith(TEXT_ENCODER))
