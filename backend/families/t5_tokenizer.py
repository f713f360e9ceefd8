"""T5's tokenizer, from tokenizer.json or from spiece.model, the vocabulary as SentencePiece writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from transformers import AutoTokenizer

from .adapter import UnusableModel
from .components import read_config

SPIECE: Final = "spiece.model"

UNKNOWN: Final = 2
"""T5's place for what no piece covers."""

MOST_SENTINELS: Final = 1000
"""Pieces behind the vocabulary for the gaps that T5 was trained to fill; T5's own has 100. Each takes a place of the text encoder's
vocabulary, so that a configuration with more is no T5's."""

MOST_BYTES: Final = 16 * 1024**2
"""Of a file that is read. That of T5 v1.1 has 0.8 MB, that of its kin for all languages 4.3."""


def load_t5_tokenizer(folder: Path) -> Any:  # noqa: ANN401 - untyped library
    """Load T5's tokenizer from its folder. Raises UnusableModel when spiece.model is not one of T5's, OSError when it is missing."""
    spiece = folder / SPIECE
    if spiece.exists() and not (folder / "tokenizer.json").exists():
        check_vocabulary(spiece)
        sentinels = read_config(folder.parent, folder.name, "tokenizer_config.json").get("extra_ids", 0)
        if type(sentinels) is not int or not 0 <= sentinels <= MOST_SENTINELS:
            raise UnusableModel(f"The file {folder.name}/tokenizer_config.json says something impossible.")
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def check_vocabulary(file: Path) -> None:
    """Raises UnusableModel when a spiece.model is damaged, or not of T5's kind: transformers would guess at another format."""
    if file.stat().st_size > MOST_BYTES:
        raise UnusableModel(f"The file {SPIECE} of its tokenizer is far too large for one.")
    model = ModelProto()
    try:
        model.ParseFromString(file.read_bytes())
        pieces = [(piece.piece, piece.type) for piece in model.pieces]
    except (DecodeError, UnicodeDecodeError) as error:
        raise UnusableModel(f"The file {SPIECE} of its tokenizer is damaged.") from error
    unigram = model.trainer_spec.model_type == model.trainer_spec.UNIGRAM
    if not unigram or len(pieces) <= UNKNOWN or pieces[UNKNOWN][1] != model.SentencePiece.UNKNOWN:
        raise UnusableModel(f"The file {SPIECE} of its tokenizer is not one of T5's.")
