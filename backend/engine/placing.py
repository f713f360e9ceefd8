"""Puts the parts of one model where they are to be on a device, and knows of it while the model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from backend.families.facts import ModelFacts
from backend.families.stay import tensors_of
from backend.families.turns import Turns, modules_of, whole
from protocol import DeviceInfo, Extent

from .accelerator import free_at_home, free_memory, lockable
from .failures import too_large
from .places import OF_ITS_OWN, Places, Rung, choose, denoiser_of, lower, needed_by, room_in

NEWS: Final[dict[Rung, str]] = {
    "whole": "",
    "turns": "{title} does not fit into the graphics card's memory as a whole, so its parts take turns there, which takes longer.",
    "streamed": "{title} is larger than the graphics card's memory, so much of it is fetched anew in every step, which takes"
    " longer.",
}
"""What the painter is told with the first picture after a model was loaded."""


class Placing:
    """What a family's `load` asks where its components are to be (see `turns.Place`); `at_least` is the rung to begin on."""

    def __init__(self, facts: ModelFacts, info: DeviceInfo, at_least: Rung = "whole") -> None:
        self._facts = facts
        self._info = info
        self._at_least = at_least
        self._places = Places(at_least)
        self._turns: Turns | None = None
        self._parts: tuple[str, ...] = ()
        self._told = False

    def foresee(self, weights: Callable[[], int]) -> None:
        """Raise CannotPaint when a model whose weights take so many bytes fits neither into the device nor beside it."""
        if self._info.kind not in OF_ITS_OWN:
            return
        nbytes = weights()
        if nbytes + self._picture(self._native) > room_in(self._info) and nbytes > free_at_home():
            raise too_large(self._facts.title, nbytes)

    def __call__(self, parts: Any, device: torch.device) -> Any:  # noqa: ANN401 - untyped library
        """Put the components of a pipeline in their places."""
        modules = modules_of(parts)
        sizes = {name: sum(tensor.nbytes for tensor in tensors_of(module)) for name, module in modules.items()}
        picture = self._picture(self._native)
        self._places = choose(sizes, picture, self._info, free_memory(device), self._at_least)
        if self._places.rung == "whole":
            return whole(parts, device)
        self._parts = tuple(modules)
        self._turns = Turns(parts, device, self._places.room, self._places.streamed, lockable())
        return parts

    @property
    def rung(self) -> Rung:
        """Where on the ladder the model is."""
        return self._places.rung

    @property
    def takes_turns(self) -> bool:
        """Whether parts come to the device and go again."""
        return self._turns is not None

    @property
    def lower(self) -> Rung | None:
        """Where to begin when memory ran out here; None where nothing takes less."""
        return lower(self._places, self._at_least, self._info.kind)

    def left(self) -> int | None:
        """Bytes of the device that the denoiser leaves for pixels; None where all parts are there, and none are counted."""
        if self._turns is None:
            return None
        return self._places.room - self._turns.weight(denoiser_of(self._parts))

    def expect(self, size: Extent, frames: int) -> None:
        """What comes next are pictures of `size` pixels, so many of them at once, or of their layers."""
        if self._turns is not None:
            picture = self._picture(size.area)
            self._turns.expect({name: needed_by(name, picture, frames) for name in self._parts})

    def news(self) -> tuple[str, ...]:
        """What the painter is to know of it, once."""
        told, self._told = self._told, True
        said = NEWS[self.rung].format(title=self._facts.title)
        return (said,) if said and not told else ()

    def end(self) -> None:
        """Have nothing on the device that came by turns, and no hook in the model."""
        if self._turns is not None:
            self._turns.end()
            self._turns = None

    @property
    def _native(self) -> int:
        return self._facts.native**2

    def _picture(self, pixels: int) -> int:
        return self._facts.bytes_of(pixels, self._info.kind)
