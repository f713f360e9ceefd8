"""Weights on a device for a while: their originals wait in the computer's memory, and nothing is copied back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from .lane import Lane

HOME = torch.device("cpu")


@dataclass
class _Guest:
    """A tensor, its data at home and, for a while, its data on the device."""

    tensor: torch.Tensor
    home: torch.Tensor
    there: torch.Tensor

    @property
    def is_there(self) -> bool:
        return _same(self.tensor, self.there)

    @property
    def is_home(self) -> bool:
        return _same(self.tensor, self.home)


def _same(tensor: torch.Tensor, data: torch.Tensor) -> bool:
    return tensor.data_ptr() == data.data_ptr() and tensor.dtype == data.dtype


class Stay:
    """The stay of some tensors on a device; `tensors` tells which they are now, since LoRAs come and go.

    `prepare` takes memory there, `fetch` begins to copy, `arrive` makes the tensors what was copied, `leave` makes them their
    originals again. Each of them does what is missing of those before it. A tensor that was changed on the device, as a VAE is
    that was turned to float32, is copied home instead.
    """

    def __init__(self, tensors: Callable[[], Iterable[torch.Tensor]], device: torch.device, lane: Lane) -> None:
        self._tensors = tensors
        self._device = device
        self._lane = lane
        self._guests: dict[int, _Guest] = {}
        self._missing: list[_Guest] = []
        self._begun: Any = None
        self._copied: Any = None

    @property
    def is_there(self) -> bool:
        """Whether it takes memory on the device."""
        return bool(self._guests)

    @property
    def nbytes(self) -> int:
        """What all of it takes on the device."""
        return sum(tensor.nbytes for tensor in self._tensors())

    def prepare(self) -> None:
        """Take memory on the device for all that is not there yet."""
        guests: dict[int, _Guest] = {}
        missing: list[_Guest] = []
        for tensor in self._tensors():
            guest = self._guests.get(id(tensor))
            if guest is None or not (guest.is_there or guest.is_home):
                home = tensor.data.to(HOME)
                guest = _Guest(tensor, home, torch.empty_like(home, device=self._device))
                missing.append(guest)
            guests[id(tensor)] = guest
        if self._guests.keys() - guests.keys():
            # memory of one that is gone is given back now, and may still be copied to
            self._lane.wait(self._copied)
        self._guests = guests
        if missing:
            self._missing += missing
            self._begun = self._lane.now()

    def fetch(self) -> None:
        """Begin to copy."""
        if self._missing:
            self._lane.wait(self._copied)
            self._copied = self._lane.copy([(guest.there, guest.home) for guest in self._missing], self._begun)
            self._missing = []

    def arrive(self) -> None:
        """Have all of it on the device."""
        with torch.inference_mode():
            self.prepare()
            self.fetch()
            self._lane.wait(self._copied)
            self._copied = None
            for guest in self._guests.values():
                if not guest.is_there:
                    guest.tensor.data = guest.there

    def leave(self) -> None:
        """Have all of it at home, and no memory of the device any more."""
        with torch.inference_mode():
            # a copy that nobody waited for still writes there
            self._lane.wait(self._copied)
            for tensor in self._tensors():
                guest = self._guests.get(id(tensor))
                if guest is not None and guest.is_there:
                    tensor.data = guest.home
                elif tensor.device != HOME:
                    tensor.data = tensor.data.to(HOME)
        self._guests, self._missing, self._begun, self._copied = {}, [], None, None


def tensors_of(*modules: torch.nn.Module) -> list[torch.Tensor]:
    """Parameters and buffers of modules, each once."""
    found = {
        id(tensor): tensor for module in modules for kind in (module.parameters, module.buffers) for tensor in kind()
    }
    return list(found.values())
