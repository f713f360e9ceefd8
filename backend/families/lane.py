"""The way from the computer's memory to a device, and memory that it is quick from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import torch

CHUNK_BYTES: Final = 512 * 1024**2
"""Locked at once. torch rounds what it locks up to a power of two, which costs up to half as much again for single weights; many of
them in one piece of just that size lose little."""

ALIGNED: Final = 256
"""Where a weight may begin in such a piece: what torch's own allocators give, and enough for every kernel."""


class Lane:
    """Copies to a device beside what is calculated there, where it can do both at once (CUDA, ROCm, XPU).

    Memory for the copies is taken and given back in the order of what is calculated, so that nothing is overwritten that is still
    in use, and no more is taken than is written down here: a copy waits for what was asked of the device up to `now()`, and
    what uses it for the copy.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._module: Any = torch.get_device_module(device) if device.type in ("cuda", "xpu") else None
        self._aside = None if self._module is None else self._module.Stream(device)

    def now(self) -> Any:  # noqa: ANN401 - each device has events of its own
        """A mark behind all that was asked of the device until now; None where nothing goes on beside anything."""
        return None if self._module is None else self._module.current_stream(self._device).record_event()

    def copy(self, pairs: Iterable[tuple[torch.Tensor, torch.Tensor]], after: Any) -> Any:  # noqa: ANN401
        """Copy the second of each pair into the first once the mark `after` is reached; returns the mark behind the last copy."""
        if self._aside is None:
            for there, home in pairs:
                there.copy_(home)
            return None
        self._aside.wait_event(after)
        with self._module.stream(self._aside):
            for there, home in pairs:
                there.copy_(home, non_blocking=True)
        return self._aside.record_event()

    def wait(self, mark: Any) -> None:  # noqa: ANN401
        """Let nothing that is asked of the device from now on begin before the mark is reached."""
        if mark is not None:
            self._module.current_stream(self._device).wait_event(mark)

    def finish(self) -> None:
        """Wait here until the device has done all that it was asked."""
        if self._module is not None:
            self._module.synchronize(self._device)


def locked(tensors: Sequence[torch.Tensor], device: torch.device, most: int) -> int:
    """Move weights in the computer's memory into parts of it that a device reads by itself; returns how many bytes that took.

    At most `most` bytes are locked: the rest stays where it is, and is only slower to fetch. So it does where the system locks
    no more.
    """
    taken = 0
    if device.type not in ("cuda", "xpu"):
        return taken
    for chunk in chunks([tensor.nbytes for tensor in tensors]):
        some = [tensors[index] for index, _ in chunk.places]
        if taken + chunk.size > most:
            return taken
        try:
            memory = torch.empty(chunk.size, dtype=torch.uint8, pin_memory=True)
        except RuntimeError:
            return taken
        taken += chunk.size
        for tensor, (_, start) in zip(some, chunk.places, strict=True):
            place = memory[start : start + tensor.nbytes].view(tensor.dtype).view(tensor.shape)
            tensor.data = place.copy_(tensor)
    return taken


class Chunk:
    """A piece of locked memory of `size` bytes: which tensors lie in it, by number, and where each of them begins."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.places: list[tuple[int, int]] = []


def chunks(sizes: Sequence[int]) -> list[Chunk]:
    """Lay tensors of these sizes, in bytes, one behind another into pieces that are powers of two."""
    laid: list[Chunk] = []
    end = 0
    for number, size in enumerate(sizes):
        if not laid or end + size > laid[-1].size:
            laid.append(Chunk(max(CHUNK_BYTES, 1 << (size - 1).bit_length() if size else 0)))
            end = 0
        laid[-1].places.append((number, end))
        end += -(-size // ALIGNED) * ALIGNED
    if laid:
        # the last one need not be full
        laid[-1].size = min(laid[-1].size, 1 << max(0, end - 1).bit_length())
    return laid
