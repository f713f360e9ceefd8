"""The model that ships inside: whole, as it was shipped, and as its card says."""

import shutil

import pytest

import starter
from backend.models import Library, ModelError, verify
from backend.models.headers import read_header


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(starter.folder(), tmp_path / "weights")


def test_every_file_has_its_hash():
    verify(starter.folder(), starter.HASHES)


def test_nothing_in_it_is_a_program():
    suffixes = {path.suffix for path in starter.folder().rglob("*") if path.is_file()}
    assert suffixes == {".json", ".safetensors"}
    for path in starter.folder().rglob("*.safetensors"):
        assert {tensor.dtype for tensor in read_header(path, path.name).values()} <= {"F16", "I64"}


@pytest.mark.parametrize("name", sorted(starter.HASHES))
def test_a_changed_byte_is_found(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelError) as damaged:
        verify(copy, starter.HASHES)
    assert damaged.value.failure.code == "damaged_model"
    assert name in damaged.value.failure.happened


def test_a_file_too_few_or_too_many_is_found(copy):
    (copy / ".DS_Store").write_bytes(b"a file manager was here")
    verify(copy, starter.HASHES)
    extra = copy / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    extra.write_text("{}")
    with pytest.raises(ModelError, match="index"):
        verify(copy, starter.HASHES)
    extra.unlink()
    (copy / "vae" / "config.json").unlink()
    with pytest.raises(ModelError, match="vae/config"):
        verify(copy, starter.HASHES)


def test_its_card_tells_what_the_files_are(tmp_path):
    facts = Library(tmp_path).find("starter").facts
    card = (starter.folder().parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert (facts.native, facts.vae_scale, facts.text_length, facts.prediction) == (128, 4, 77, "v_prediction")
    assert f"{facts.native} x {facts.native} pixels" in card
    assert f"{facts.text_length} tokens" in card
    assert f"{facts.steps} steps, guidance {facts.guidance:g}" in card
    assert f"reduces by {facts.vae_scale}" in card
    assert "MIT" in card
    assert "Apache-2.0" in card


def test_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in starter.folder().rglob("*") if path.is_file()) < 40 * 1024 * 1024
