"""T5's vocabulary as SentencePiece writes it: read by the wire, and split into the same pieces as by SentencePiece itself.

`tiny_models/spiece.model` was trained by sentencepiece 0.2.3 as T5's was: unigram, <pad> 0, </s> 1, <unk> 2, no <s>. Its table of
characters makes a ligature, a wide letter and space, tabs and ends of lines alike to others. The ids below are SentencePiece's.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
from pathlib import Path

import pytest
import tiny_models
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.families import flux
from backend.families.adapter import UnusableModel
from backend.families.sentencepiece import load_t5_tokenizer, read_vocabulary
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
    pieces = len(read_vocabulary(TRAINED).pieces)
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


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def piece(text, score=0.0, kind=1):
    return field(
        1, field(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) + varint(3 << 3) + varint(kind)
    )


T5_START = (piece("<pad>", kind=3), piece("</s>", kind=3), piece("<unk>", kind=2))


def read(tmp_path, content):
    (tmp_path / "spiece.model").write_bytes(content)
    return read_vocabulary(tmp_path / "spiece.model")


def test_fields_that_nobody_asks_for_are_passed_over(tmp_path):
    unknown = varint(9 << 3) + varint(2**63) + varint(10 << 3 | 1) + bytes(8) + field(11, b"\xff" * 300)
    trained = field(2, varint(3 << 3) + varint(1))
    found = read(tmp_path, unknown + b"".join(T5_START) + piece("▁a", -1.5) + trained + field(3, field(2, b"table")))
    assert found.pieces == (("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.5))
    assert found.characters == b"table"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not one of T5's"),
        (b"".join(T5_START[:2]), "not one of T5's"),
        (b"".join(reversed(T5_START)), "not one of T5's"),
        (b"".join(T5_START) + field(2, varint(3 << 3) + varint(2)), "not one of T5's"),
        (b"".join(T5_START) + field(1, varint(2 << 3)), "damaged"),
        (b"".join(T5_START) + varint(1 << 3) + varint(5), "damaged"),
        (field(1, field(1, b"\xff")), "damaged"),
        (b"\x0b", "damaged"),
        (b"\xff" * 20, "damaged"),
        (b'{"not": "protobuf"}', "damaged"),
    ],
)
def test_what_is_no_vocabulary_is_told(tmp_path, content, word):
    with pytest.raises(UnusableModel, match=word):
        read(tmp_path, content)


@given(st.data())
def test_a_damaged_file_is_refused_or_read_and_never_breaks_anything(tmp_path_factory, data):
    content = bytearray(TRAINED.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnusableModel):
        read(tmp_path_factory.getbasetemp(), bytes(content[: data.draw(st.integers(0, len(content)))]))


@pytest.mark.parametrize("count", [-1, 10**9, "3", None])
def test_an_impossible_number_of_sentinels_is_told(folder, count):
    with pytest.raises(UnusableModel, match="impossible"):
        load_t5_tokenizer(folder(extra_ids=count))


def test_far_too_large_a_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.families.sentencepiece.MOST_BYTES", 10)
    with pytest.raises(UnusableModel, match="too large"):
        read_vocabulary(TRAINED)
