"""A header is sound exactly when the safetensors library itself opens the file; and what is none is called by its name."""

import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from backend.models import NotUsable
from backend.models.headers import MAX_HEADER_BYTES, read_header

SOUND = save(
    {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((), np.int64), "c": np.zeros((0, 4), np.uint8)},
    metadata={"format": "np"},
)


def problem_of(tmp_path, content: bytes) -> str:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(NotUsable) as refused:
        read_header(path, path.name)
    assert path.name in str(refused.value)
    return str(refused.value)


def of_header(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def opens(path) -> bool:
    try:
        with safe_open(path, framework="numpy"):
            return True
    except SafetensorError:
        return False


def reads(path) -> bool:
    try:
        read_header(path, path.name)
    except NotUsable:
        return False
    return True


def test_tensors_are_those_that_were_saved(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(SOUND)
    tensors = read_header(path, "x")
    assert {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("I64", ()),
        "c": ("U8", (0, 4)),
    }


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "bfloat16", "int8", "bool", "float8_e4m3fn", "float8_e5m2", "uint16"]
)
def test_every_type_that_torch_saves_is_known(tmp_path, dtype):
    from safetensors.torch import save_file

    path = tmp_path / "x"
    save_file({"w": torch.zeros(3, 5).to(getattr(torch, dtype))}, path)
    assert read_header(path, "x")["w"].shape == (3, 5)


def test_a_file_cut_anywhere_is_called_cut_short(tmp_path):
    for length in range(len(SOUND)):
        assert "cut short" in problem_of(tmp_path, SOUND[:length]), length


def test_bytes_behind_the_end_are_told(tmp_path):
    assert "3 bytes too many" in problem_of(tmp_path, SOUND + b"abc")


@settings(deadline=None, max_examples=400)
@given(place=st.integers(0, len(SOUND) - 1), byte=st.integers(0, 255))
def test_one_changed_byte_is_judged_as_the_library_judges_it(tmp_path_factory, place, byte):
    path = tmp_path_factory.mktemp("changed") / "x"
    path.write_bytes(SOUND[:place] + bytes([byte]) + SOUND[place + 1 :])
    assert reads(path) == opens(path)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(content)
    assert reads(path) == opens(path)


def entry(dtype="F32", shape=(1,), span=(0, 4)):
    return {"dtype": dtype, "shape": shape, "data_offsets": span}


@pytest.mark.parametrize(
    ("tensors", "data"),
    [
        ({"a": entry(), "b": entry(span=(0, 4))}, 4),
        ({"a": entry(), "b": entry(span=(8, 12))}, 12),
        ({"a": entry(span=(4, 8))}, 8),
        ({"a": entry(span=(4, 0))}, 4),
        ({"a": entry(shape=(2,))}, 4),
        ({"a": entry(shape=(-1,))}, 4),
        ({"a": entry(shape=(2**40, 2**40), span=(0, 2**82))}, 4),
        ({"a": entry(dtype="OBJECT")}, 4),
        ({"a": entry(shape=None)}, 4),
        ({"a": entry(shape=[True])}, 4),
        ({"a": {}}, 0),
        ({"a": []}, 0),
        ({"__metadata__": "pt"}, 0),
        ({"__metadata__": {"format": 1}}, 0),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path, tensors, data):
    problem_of(tmp_path, of_header(json.dumps(tensors).encode(), bytes(data)))
    assert not opens(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    "header",
    [b'{"a": NaN}', b'{"a": {}, "a": {}}', b"{" + b'"a":{' * 5000, b'{"\xff": 1}', b"{}}", b'{"a": ' + b"9" * 9000],
)
def test_a_header_that_is_no_strict_json_is_refused(tmp_path, header):
    assert "header" in problem_of(tmp_path, of_header(header))


def test_an_endless_header_is_not_read(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", MAX_HEADER_BYTES + 1) + b"{")
        stream.truncate(MAX_HEADER_BYTES + 100)
    with pytest.raises(NotUsable):
        read_header(path, path.name)


class Program:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_a_pickle_is_refused_whatever_it_is_called(tmp_path, capsys):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert "pickle" in problem_of(tmp_path, pickle.dumps(Program(), protocol=protocol))
    for zipped in (True, False):
        torch.save({"w": torch.zeros(4)}, tmp_path / "x.ckpt", _use_new_zipfile_serialization=zipped)
        assert "pickle" in problem_of(tmp_path, (tmp_path / "x.ckpt").read_bytes())
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Program()))
    assert "pickle" in problem_of(tmp_path, (tmp_path / "z").read_bytes())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"GGUF\x03\x00\x00\x00" + bytes(20), "GGUF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        (b"<!DOCTYPE html><html>Please log in</html>", "web page"),
        (b"nothing of the kind at all", "no safetensors"),
        (b"", "empty"),
    ],
)
def test_what_else_it_is_is_told(tmp_path, content, word):
    assert word in problem_of(tmp_path, content)
