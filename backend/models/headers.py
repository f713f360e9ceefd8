"""What is in a safetensors file, by its header alone: names, types and shapes of its tensors.

The format: eight bytes, the header's length N as a little-endian integer; N bytes of JSON, which may end in spaces; then the
tensors, one after the other, without gaps. See https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final, TypeGuard

from .folder import FETCH_AGAIN, strict_object
from .problems import NotUsable

LENGTH: Final = struct.Struct("<Q")

MAX_HEADER_BYTES: Final = 16 * 1024 * 1024
"""A few thousand tensors make about one MiB. The format's own bound of 100 MB would take a parser seconds and gigabytes."""

ELEMENT_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Bits of one element, by the format's names."""


@dataclass(frozen=True)
class Tensor:
    """One tensor: its type by the format's name, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path, name: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, by name.

    Raises NotUsable when it is none, or not whole; `name` is how its text calls the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(LENGTH.size)
            length = LENGTH.unpack(start)[0] if len(start) == LENGTH.size else 0
            header = stream.read(length) if length <= MAX_HEADER_BYTES else b""
    except OSError as error:
        raise NotUsable(f"Its file {name} cannot be read. Look at the file's permissions.") from error
    # the first bytes of anything else make no plausible length, or what follows them is no JSON
    if not header.startswith(b"{"):
        raise NotUsable(_told_apart(path, name))
    if len(header) < length:
        raise NotUsable(_cut_short(name, size, LENGTH.size + length))
    try:
        entries = strict_object(header)
        tensors, data_bytes = _tensors(entries)
    except ValueError as error:
        raise NotUsable(f"The header of its file {name} is damaged ({error}). {FETCH_AGAIN}") from error
    whole = LENGTH.size + length + data_bytes
    if size < whole:
        raise NotUsable(_cut_short(name, size, whole))
    if size > whole:
        raise NotUsable(f"Its file {name} has {size - whole} bytes too many at its end. {FETCH_AGAIN}")
    return tensors


def _tensors(entries: dict[str, Any]) -> tuple[dict[str, Tensor], int]:
    """Return the tensors and the bytes that they take. Raises ValueError for what contradicts itself."""
    metadata = entries.pop("__metadata__", {})
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        raise ValueError("its metadata are no texts")
    tensors, spans = {}, []
    for name, entry in entries.items():
        if type(entry) is not dict:
            raise ValueError(f"{name[:80]!r} is no tensor")
        dtype, shape, span = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if type(dtype) is not str or dtype not in ELEMENT_BITS:
            raise ValueError(f"{name[:80]!r} is of an unknown type")
        if not _whole_numbers(shape) or not _whole_numbers(span) or len(span) != 2:
            raise ValueError(f"{name[:80]!r} has no shape or no place")
        if prod(shape) * ELEMENT_BITS[dtype] != (span[1] - span[0]) * 8:
            raise ValueError(f"{name[:80]!r} takes more or less bytes than its shape")
        tensors[name] = Tensor(dtype, tuple(shape))
        spans.append((span[0], span[1]))
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise ValueError("its tensors overlap or leave gaps")
        end = stop
    return tensors, end


def _whole_numbers(value: Any) -> TypeGuard[list[int]]:  # noqa: ANN401 - whatever JSON gave
    return type(value) is list and all(type(item) is int and item >= 0 for item in value)


def _cut_short(name: str, size: int, whole: int) -> str:
    return f"Its file {name} is cut short: {size} bytes of at least {whole}. {FETCH_AGAIN}"


def _told_apart(path: Path, name: str) -> str:
    """Say what a file is that is no safetensors, whatever it is called."""
    with path.open("rb") as stream:
        start = stream.read(64)
    if len(start) <= LENGTH.size:
        return f"Its file {name} is empty or cut short. {FETCH_AGAIN}"
    if is_pickle(start):
        return (
            f"Its file {name} is a pickle, whatever its name says: loading it could run any program that somebody hid"
            " in it. It is refused. Fetch the model's safetensors version."
        )
    if start.startswith(b"GGUF"):
        return f"Its file {name} is in GGUF format, which this version does not read. Fetch the safetensors version."
    if start.startswith(b"version https://git-lfs"):
        return f"Its file {name} is only a note of Git LFS on where the weights are. Fetch the weights with 'git lfs pull'."
    if start.lstrip().startswith(b"<"):
        return f"Its file {name} is a web page, not weights: the download did not work. {FETCH_AGAIN}"
    return f"Its file {name} is no safetensors file. {FETCH_AGAIN}"


def is_pickle(start: bytes) -> bool:
    """Whether a file that starts so is one of PyTorch's: a zip archive of pickles, a tar of them, or a bare pickle."""
    bare = len(start) >= 2 and start[0] == 0x80 and 2 <= start[1] <= 5
    return bare or start.startswith((b"PK\x03\x04", b"(dp", b"(lp", b"ccollections\n", b"./\x00"))
