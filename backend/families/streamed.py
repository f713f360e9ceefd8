"""A part that is larger than the device: its pieces are fetched one by one, each while the one before it works.

A piece is a module that is called as a whole, such as a transformer's block. Which one comes after which is seen as they are asked,
and holds for the next time; one that comes as it did not before is waited for.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Final

import torch
from torch.utils.hooks import RemovableHandle

from .lane import Lane, locked
from .stay import Stay, tensors_of

MOST_PIECE_BYTES: Final = 1024**3
"""Two of them are on the device at once. FLUX.1's largest block takes 0.7 GB in bfloat16, FLUX.2's usual one just under this."""

FEWEST_PIECES: Final = 8
"""Of a part, so that two of them are a small share of it."""

LEAST_SHARE: Final = 1 / 64
"""Of the largest piece that may be: what is smaller is not worth a way of its own, and stays while the part is there."""

CONTAINERS: Final = (torch.nn.ModuleList, torch.nn.ModuleDict, torch.nn.Sequential)
"""Modules whose contents may be called without them."""

UNDIVIDED: Final = (torch.nn.MultiheadAttention,)
"""Modules that use their contents' weights without calling those."""


def cut(part: torch.nn.Module) -> list[torch.nn.Module]:
    """Cut a part into pieces, none within another; what is in none of them is to stay."""
    nbytes = sum(tensor.nbytes for tensor in tensors_of(part))
    most = min(MOST_PIECE_BYTES, nbytes // FEWEST_PIECES)
    pieces: list[torch.nn.Module] = []
    _cut(part, most, int(most * LEAST_SHARE), _shared(part), pieces)
    return pieces


def _cut(module: torch.nn.Module, most: int, least: int, shared: set[int], pieces: list[torch.nn.Module]) -> None:
    for child in module.children():
        tensors = tensors_of(child)
        nbytes = sum(tensor.nbytes for tensor in tensors)
        if nbytes < least:
            continue
        alone = not any(id(tensor) in shared for tensor in tensors)
        undivided = isinstance(child, UNDIVIDED) or not any(child.children())
        if alone and not isinstance(child, CONTAINERS) and (nbytes <= most or undivided):
            pieces.append(child)
        elif not undivided:
            _cut(child, most, least, shared, pieces)


def _shared(part: torch.nn.Module) -> set[int]:
    """The tensors that more than one module has: such as an embedding that turns words into numbers, and back again."""
    counted = Counter(
        id(tensor)
        for module in part.modules()
        for tensor in (*module._parameters.values(), *module._buffers.values())
        if tensor is not None
    )
    return {tensor for tensor, count in counted.items() if count > 1}


class Streamed:
    """A part on a device, never more than two of its pieces at once; `most` bytes of the computer's memory may be locked for them."""

    def __init__(self, part: torch.nn.Module, device: torch.device, lane: Lane, most: int = 0) -> None:
        self._part = part
        self._pieces = cut(part)
        self._stays = [Stay(partial(tensors_of, piece), device, lane) for piece in self._pieces]
        self._rest = Stay(self._resting, device, lane)
        self._following: dict[int, int] = {}
        self._last: int | None = None
        with torch.inference_mode():
            locked(tensors_of(*self._pieces), device, most)
        self._handles: list[RemovableHandle] = []
        for number, piece in enumerate(self._pieces):
            self._handles += [
                piece.register_forward_pre_hook(partial(self._ask, number)),
                piece.register_forward_hook(partial(self._asked, number)),
            ]

    def _resting(self) -> list[torch.Tensor]:
        """What is in no piece now: LoRAs around a piece are not in it."""
        moving = {id(tensor) for tensor in tensors_of(*self._pieces)}
        return [tensor for tensor in tensors_of(self._part) if id(tensor) not in moving]

    @property
    def is_there(self) -> bool:
        """Whether any of it takes memory on the device."""
        return self._rest.is_there or any(stay.is_there for stay in self._stays)

    @property
    def nbytes(self) -> int:
        """What it takes on the device at most: its two largest pieces, and what stays."""
        return self._rest.nbytes + sum(sorted(stay.nbytes for stay in self._stays)[-2:])

    def arrive(self) -> None:
        """Have there what is in no piece."""
        self._rest.arrive()

    def leave(self) -> None:
        """Have all of it at home."""
        for stay in (self._rest, *self._stays):
            stay.leave()
        self._last = None

    def end(self) -> None:
        """Let go of the part."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _ask(self, number: int, *_called: object) -> None:
        """A piece is about to work: the one before it has its memory taken for the one that comes next."""
        if self._last is not None:
            self._following[self._last] = number
        self._last = number
        following = self._following.get(number)
        for other, stay in enumerate(self._stays):
            if other not in (number, following) and stay.is_there:
                stay.leave()
        self._stays[number].arrive()
        if following is not None and following != number:
            with torch.inference_mode():
                self._stays[following].prepare()

    def _asked(self, number: int, *_called: object) -> None:
        """A piece's work is asked for: while it goes on there is time to fetch the next one."""
        following = self._following.get(number)
        if following is not None and following != number:
            with torch.inference_mode():
                self._stays[following].fetch()
