"""Masking of what is sent, three times as fast as websockets does it where its compiled part is missing, as in Krita.

RFC 6455, 5.3: every byte from the client is joined by exclusive or with one of four random ones. Done by long integers, as
websockets does, a canvas of 2048 x 2048 takes about 60 ms of it, which hold Python's lock 3.5 ms at a time.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType


def quicken(frames: ModuleType) -> None:
    """Have this copy of `websockets.frames` mask by `apply_mask`, unless it has its compiled part."""
    if frames.apply_mask.__module__.endswith(".utils"):
        frames.apply_mask = apply_mask  # type: ignore[attr-defined, unused-ignore]


def apply_mask(data: bytes | bytearray | memoryview, mask: bytes | bytearray) -> bytes:
    """Return the data, each byte at i joined with `mask[i % 4]`. Raises ValueError for a mask that has not four bytes."""
    if len(mask) != 4:
        raise ValueError("mask must contain 4 bytes")
    joined = bytearray(data)
    for lane, byte in enumerate(mask):
        joined[lane::4] = joined[lane::4].translate(_table(byte))
    return bytes(joined)


@lru_cache(maxsize=256)
def _table(byte: int) -> bytes:
    return bytes(other ^ byte for other in range(256))
