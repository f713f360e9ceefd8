"""T5's vocabulary as SentencePiece writes it: split into the same pieces as by SentencePiece itself, and refused where it is none.

`tiny_models/spiece.model` was trained by sentencepiece 0.2.3 as T5's was: unigram, <pad> 0, </s> 1, <unk> 2, no <s>. Its table of
characters makes a ligature, a wide letter and space, tabs and ends of lines alike to others. The ids below are SentencePiece's.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
import tiny_models
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec

from backend.families import flux
from backend.families.adapter import UnusableModel
from backend.families.t5_tokenizer import check_vocabulary, load_t5_tokenizer
from backend.prompts import Prompt

TRAINED = Path(tiny_models.__spec__.origin).parent / "spiece.model"

SPLIT = [
    ("a red apple on the white table", [3, 42, 41, 15, 49, 18, 46]),
    ("  two  spaces\tand a tab\n", [72, 62, 61, 70, 72, 64, 55, 68, 52, 71, 64, 38, 3, 72, 62, 68, 57]),
    (
        "\N{LATIN SMALL LIGATURE FI}ne \N{FULLWIDTH LATIN CAPITAL LETTER A}rt é\N{IDEOGRAPHIC SPACE}wide",
        [72, 56, 69, 66, 71, 72, 2, 65, 62, 72, 71, 72, 61, 69, 63, 71],
    ),
    ("日本 and ☃", [72, 2, 38, 72, 2]),
    ("", []),
]


@pytest.fixture
def folder(tmp_path):
    def make(content=None, **config):
        made = tmp_path / "model" / "tokenizer"
        made.mkdir(parents=True)
        (made / "spiece.model").write_bytes(TRAINED.read_bytes() if content is None else content)
        (made / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "T5Tokenizer", **config}))
        return made

    return make


@pytest.mark.parametrize(("text", "ids"), SPLIT)
def test_texts_are_split_as_sentencepiece_splits_them(folder, text, ids):
    tokenizer = load_t5_tokenizer(folder(model_max_length=512))
    assert tokenizer(text).input_ids == [*ids, 1]
    assert tokenizer.model_max_length == 512


def test_the_sentinels_come_behind_from_the_last_to_the_first(folder):
    tokenizer = load_t5_tokenizer(folder(extra_ids=3))
    pieces = SentencePieceProcessor(model_file=str(TRAINED)).get_piece_size()
    assert len(tokenizer) == pieces + 3
    assert [tokenizer.convert_tokens_to_ids(f"<extra_id_{number}>") - pieces for number in range(3)] == [2, 1, 0]
    assert tokenizer("red <extra_id_0>").input_ids[-2] == pieces + 2


def test_one_read_from_the_newer_file_is_the_same(folder, tmp_path):
    older = load_t5_tokenizer(folder())
    older.save_pretrained(tmp_path / "newer")
    assert (tmp_path / "newer" / "tokenizer.json").exists()
    newer = load_t5_tokenizer(tmp_path / "newer")
    for text, _ in SPLIT:
        assert newer(text).input_ids == older(text).input_ids
    assert newer.pad_token_id == older.pad_token_id == 0


def test_a_model_with_the_older_file_alone_reads_prompts(tiny_flux, tmp_path):
    model = shutil.copytree(tiny_flux, tmp_path / "flux")
    (model / "tokenizer_2" / "tokenizer.json").unlink()
    shutil.copyfile(TRAINED, model / "tokenizer_2" / "spiece.model")
    with torch.inference_mode():
        text = flux.load(model, torch.device("cpu"), torch.float32).encode_text(Prompt.of("a red apple"), None)
    assert bool(torch.isfinite(text.hidden).all())


def written(path, *kinds, model_type=TrainerSpec.UNIGRAM):
    """A vocabulary with pieces of these kinds."""
    model = ModelProto()
    model.trainer_spec.model_type = model_type
    for number, kind in enumerate(kinds):
        model.pieces.add(piece=f"piece {number}", type=kind)
    path.write_bytes(model.SerializeToString())
    return path


NORMAL, CONTROL, UNKNOWN = (getattr(ModelProto.SentencePiece, kind) for kind in ("NORMAL", "CONTROL", "UNKNOWN"))
T5_START = (CONTROL, CONTROL, UNKNOWN)


def test_a_vocabulary_of_t5s_kind_passes(tmp_path):
    check_vocabulary(written(tmp_path / "spiece.model", *T5_START, NORMAL))
    check_vocabulary(TRAINED)


@pytest.mark.parametrize(
    ("kinds", "model_type"),
    [
        ((), "UNIGRAM"),
        (T5_START[:2], "UNIGRAM"),
        (T5_START[::-1], "UNIGRAM"),
        ((*T5_START, NORMAL), "BPE"),
    ],
)
def test_a_vocabulary_of_another_kind_is_told(tmp_path, kinds, model_type):
    other = written(tmp_path / "spiece.model", *kinds, model_type=getattr(TrainerSpec, model_type))
    with pytest.raises(UnusableModel, match="not one of T5's"):
        check_vocabulary(other)


@pytest.mark.parametrize("content", [b"\x0b", b"\xff" * 20, b'{"not": "protobuf"}', TRAINED.read_bytes()[:-100]])
def test_what_is_no_vocabulary_is_told(folder, content):
    with pytest.raises(UnusableModel, match="damaged"):
        load_t5_tokenizer(folder(content))


@given(st.data())
def test_a_damaged_file_is_refused_or_read_and_never_breaks_anything(tmp_path_factory, data):
    content = bytearray(TRAINED.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path_factory.getbasetemp() / "spiece.model"
    damaged.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    with contextlib.suppress(UnusableModel):
        check_vocabulary(damaged)


@pytest.mark.parametrize("count", [-1, 10**9, "3", None])
def test_an_impossible_number_of_sentinels_is_told(folder, count):
    with pytest.raises(UnusableModel, match="impossible"):
        load_t5_tokenizer(folder(extra_ids=count))


def test_far_too_large_a_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.families.t5_tokenizer.MOST_BYTES", 10)
    with pytest.raises(UnusableModel, match="too large"):
        check_vocabulary(TRAINED)
