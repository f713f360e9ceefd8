"""T5's tokenizer, from tokenizer.json or from spiece.model, the vocabulary as SentencePiece writes it.

spiece.model is a message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding) by the names of
sentencepiece_model.proto. Of it a tokenizer takes the pieces, their scores, and the table by which characters are made alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from transformers import AutoTokenizer, T5Tokenizer

from .adapter import UnusableModel
from .components import read_config

SPIECE: Final = "spiece.model"

UNKNOWN: Final = 2
"""T5's place for what no piece covers, and the kind of piece that stands there."""

UNIGRAM: Final = 1
"""The kind of SentencePiece model that T5's is (Kudo 2018, arXiv 1804.10959)."""

SENTINELS: Final = 100
"""Pieces behind the vocabulary for the gaps that T5 was trained to fill, where a configuration does not tell their number."""

MOST_SENTINELS: Final = 1000
"""Above it a configuration is no T5's: each takes a place of the text encoder's vocabulary."""

MOST_BYTES: Final = 16 * 1024**2
"""Of a file that is read. That of T5 v1.1 has 0.8 MB, that of its kin for all languages 4.3."""

# wire types
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


@dataclass(frozen=True)
class Vocabulary:
    """Pieces with their scores, log probabilities, in the order of their ids; and the table of characters, empty where none is."""

    pieces: tuple[tuple[str, float], ...]
    characters: bytes


def load_t5_tokenizer(folder: Path) -> Any:  # noqa: ANN401 - untyped library
    """Load T5's tokenizer from its folder. Raises UnusableModel when spiece.model is not one of T5's, OSError when it is missing."""
    spiece = folder / SPIECE
    if (folder / "tokenizer.json").exists() or not spiece.exists():
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    found = read_vocabulary(spiece)
    config = read_config(folder.parent, folder.name, "tokenizer_config.json")
    sentinels = config.get("extra_ids", SENTINELS)
    if type(sentinels) is not int or not 0 <= sentinels <= MOST_SENTINELS:
        raise UnusableModel(f"The file {folder.name}/tokenizer_config.json says something impossible.")
    behind = [(f"<extra_id_{number}>", 0.0) for number in reversed(range(sentinels))]
    return T5Tokenizer(
        vocab=[*found.pieces, *behind],
        extra_ids=sentinels,
        _spm_precompiled_charsmap=found.characters or None,
        model_max_length=config.get("model_max_length"),
    )


def read_vocabulary(file: Path) -> Vocabulary:
    """Read a spiece.model. Raises UnusableModel when it is damaged, or not of T5's kind."""
    if file.stat().st_size > MOST_BYTES:
        raise UnusableModel(f"The file {SPIECE} of its tokenizer is far too large for one.")
    try:
        found, kind, kinds = _vocabulary(memoryview(file.read_bytes()))
    except (ValueError, LookupError, struct.error) as error:
        raise UnusableModel(f"The file {SPIECE} of its tokenizer is damaged.") from error
    if kind != UNIGRAM or kinds[UNKNOWN : UNKNOWN + 1] != [UNKNOWN]:
        raise UnusableModel(f"The file {SPIECE} of its tokenizer is not one of T5's.")
    return found


def _vocabulary(content: memoryview) -> tuple[Vocabulary, int, list[int]]:
    """The vocabulary in a ModelProto, the kind of the model, and the kinds of the pieces."""
    pieces, kinds, characters, kind = [], [], b"", UNIGRAM
    for field, value in _fields(content):
        if field == 1:
            piece = dict(_fields(_message(value)))
            (score,) = struct.unpack("<f", _message(piece.get(2, memoryview(bytes(4)))))
            pieces.append((str(_message(piece[1]), "utf-8"), float(score)))
            kinds.append(_number(piece.get(3, 1)))
        elif field == 2:
            kind = _number(dict(_fields(_message(value))).get(3, UNIGRAM))
        elif field == 3:
            characters = bytes(_message(dict(_fields(_message(value))).get(2, b"")))
    return Vocabulary(tuple(pieces), characters), kind, kinds


def _message(value: int | memoryview | bytes) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")
    return memoryview(value)


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number belongs")
    return value


def _fields(content: memoryview) -> Iterator[tuple[int, Any]]:
    """Number and value of every field of a message, in order: an int for varints, the bytes of all others."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(content, at)
            yield tag >> 3, value
            continue
        if wire == _BYTES:
            length, at = _varint(content, at)
        elif wire in (_FOUR, _EIGHT):
            length = 4 if wire == _FOUR else 8
        else:
            raise ValueError(f"there is no wire type {wire} in use")
        if at + length > len(content):
            raise ValueError("it ends in the middle")
        yield tag >> 3, content[at : at + length]
        at += length


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where it ends."""
    value = 0
    for place in range(10):
        byte = content[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number of more than 64 bits")
