"""A folder of LoRAs, and the names by which prompts ask for what is in it."""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file

from backend.models import Library, LoraFolder, NoSuchLora

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


def lora(path, width=768):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({f"{LAYER}.lora_A.weight": torch.ones(4, width), f"{LAYER}.lora_B.weight": torch.ones(320, 4)}, path)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "loras").mkdir()
    return LoraFolder(tmp_path / "loras")


def test_names_are_the_files_without_their_ending(folder):
    lora(folder.folder / "ink.v1.5.safetensors")
    lora(folder.folder / "styles" / "Wash.safetensors", 2048)
    (folder.folder / "readme.txt").write_text("hello")
    assert [(entry.name, entry.families, entry.problem) for entry in folder.entries()] == [
        ("ink.v1.5", ("sd1",), ""),
        ("styles/Wash", ("sdxl",), ""),
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ink", "ink"),
        ("INK", "ink"),
        ("ink.safetensors", "ink"),
        ("Styles/wash", "styles/Wash"),
        ("styles\\wash", "styles/Wash"),
        ("wash", "styles/Wash"),
        ("styles/ink", "styles/ink"),
        ("a/oil", "a/oil"),
        ("CAFE\u0301", "caf\u00e9"),
    ],
)
def test_a_name_finds_its_file(folder, asked, found):
    for name in ("ink", "styles/Wash", "styles/ink", "a/oil", "b/oil", "caf\u00e9"):
        lora(folder.folder / f"{name}.safetensors")
    assert folder.find(asked).name == found


@pytest.mark.parametrize(
    "asked", ["../secret", "styles/../../secret", "/etc/passwd", "..", ".", "", "secret", "lo\nst"]
)
def test_no_name_leads_out_of_the_folder(folder, asked):
    lora(folder.folder / "ink.safetensors")
    lora(folder.folder.parent / "secret.safetensors")
    with pytest.raises(NoSuchLora, match=r"There is no LoRA called .* These are there: ink\."):
        folder.find(asked)


def test_a_name_that_several_have_is_not_guessed(folder):
    for name in ("a/oil", "b/oil"):
        lora(folder.folder / f"{name}.safetensors")
    with pytest.raises(NoSuchLora, match=r"several LoRAs called 'oil'.*a/oil, b/oil"):
        folder.find("oil")


def test_a_long_list_is_cut(folder):
    for number in range(20):
        lora(folder.folder / f"ink{number:02}.safetensors")
    with pytest.raises(NoSuchLora, match=r"ink00, .*, ink11 and 8 more"):
        folder.find("wash")


def test_an_empty_folder_and_one_that_is_not_there(folder):
    for where in (folder, LoraFolder(folder.folder / "gone")):
        assert where.entries() == ()
        with pytest.raises(NoSuchLora, match="There are none yet: they belong into"):
            where.find("ink")


def test_a_file_that_is_put_there_is_found_at_once_and_another_one_is_another(folder):
    with pytest.raises(NoSuchLora):
        folder.find("ink")
    lora(folder.folder / "ink.safetensors")
    before = folder.find("ink")
    assert folder.find("ink") == before
    lora(folder.folder / "ink.safetensors", 2048)
    assert folder.find("ink") != before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("ink.safetensors", b"PK\x03\x04" + bytes(90), "pickle"),
        ("ink.pt", b"\x80\x02}q\x00." + bytes(90), "is a .pt file"),
        ("ink.ckpt", b"", "is a .ckpt file"),
        ("ink.safetensors", b"", "empty or cut short"),
        ("ink.safetensors", b"<html>no</html>" + bytes(90), "web page"),
        ("ink.safetensors", b"version https://git-lfs.github.com/spec/v1\n" + bytes(90), "Git LFS"),
    ],
)
def test_files_that_cannot_be_used_are_listed_with_the_reason(folder, name, content, says):
    (folder.folder / name).write_bytes(content)
    (entry,) = folder.entries()
    assert (entry.name, entry.families) == ("ink", ())
    assert says in entry.problem
    assert folder.find("ink") == entry


def test_a_file_that_was_cut_short(folder):
    lora(folder.folder / "ink.safetensors")
    content = (folder.folder / "ink.safetensors").read_bytes()
    (folder.folder / "ink.safetensors").write_bytes(content[:-10])
    assert "cut short" in folder.find("ink").problem


def test_a_sound_file_hides_a_pickle_of_its_name(folder):
    (folder.folder / "ink.ckpt").write_bytes(b"PK\x03\x04")
    (folder.folder / "ink.pt").write_bytes(b"PK\x03\x04")
    lora(folder.folder / "ink.safetensors")
    assert folder.find("ink").problem == ""


def test_a_model_in_the_folder_is_no_lora(folder):
    save_file({"unet.conv_in.weight": torch.ones(4)}, folder.folder / "model.safetensors")
    assert "no LoRA" in folder.find("model").problem


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_that_leads_outside_is_not_followed(folder):
    lora(folder.folder.parent / "secret.safetensors")
    (folder.folder / "ink.safetensors").symlink_to(folder.folder.parent / "secret.safetensors")
    (folder.folder / "wash.safetensors").symlink_to(folder.folder.parent / "nowhere.safetensors")
    (folder.folder / "up").symlink_to(folder.folder.parent)
    (entry,) = folder.entries()
    assert (entry.name, entry.families) == ("ink", ())
    assert "outside the folder" in entry.problem


def test_a_folder_that_is_a_link_itself_is_the_painters_choice(folder, tmp_path):
    lora(folder.folder / "ink.safetensors")
    (tmp_path / "elsewhere").symlink_to(folder.folder)
    assert LoraFolder(tmp_path / "elsewhere").find("ink").problem == ""


@pytest.mark.parametrize("named", [None, "mine/of all sorts"])
def test_the_folder_is_no_part_of_the_models(tmp_path, named):
    lora(tmp_path / "stray.safetensors")
    lora(tmp_path / (named or "loras") / "ink.safetensors")
    library = Library(tmp_path, loras=None if named is None else tmp_path / named)
    _, stray = library.infos()
    assert stray.name == "stray.safetensors"
    assert "'scumble loras'" in stray.problem
