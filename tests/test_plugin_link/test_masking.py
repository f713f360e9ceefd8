"""Masking in Python alone: the same bytes as websockets makes, and used by its frames."""

import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.utils import apply_mask as slow_mask

from krita_plugin.link import masking


@given(st.binary(max_size=99), st.binary(min_size=4, max_size=4))
def test_it_masks_as_websockets_does(data, mask):
    masked = masking.apply_mask(data, mask)
    assert masked == slow_mask(data, mask)
    assert masking.apply_mask(memoryview(masked), bytearray(mask)) == data


def test_a_mask_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="4 bytes"):
        masking.apply_mask(b"data", b"abc")


@pytest.fixture
def frames(monkeypatch):
    """`websockets.frames` as it is where there is no compiled part."""
    before = sys.modules["websockets.frames"]
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    monkeypatch.delitem(sys.modules, "websockets.frames")
    yield importlib.import_module("websockets.frames")
    import websockets

    websockets.frames = before


def test_frames_use_it_where_there_is_no_compiled_part(frames, monkeypatch):
    masking.quicken(frames)
    assert frames.apply_mask is masking.apply_mask
    monkeypatch.setattr(frames.secrets, "token_bytes", lambda count: b"\x01\x02\x03\x04")
    frame = frames.Frame(frames.Opcode.BINARY, b"\0" * 5).serialize(mask=True)
    assert frame[-5:] == b"\x01\x02\x03\x04\x01"
    # seen to be ours: another one shows in the frame
    monkeypatch.setattr(frames, "apply_mask", lambda data, mask: b"ours!")
    assert frames.Frame(frames.Opcode.BINARY, b"\0" * 5).serialize(mask=True)[-5:] == b"ours!"


def test_the_compiled_part_stays(frames, monkeypatch):
    def compiled(data, mask):
        raise AssertionError

    compiled.__module__ = "websockets.speedups"
    monkeypatch.setattr(frames, "apply_mask", compiled)
    masking.quicken(frames)
    assert frames.apply_mask is compiled
