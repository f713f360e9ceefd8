"""`scumble loras` says what there is, for which models, and how to ask for it."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from backend.cli import main

LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SCUMBLE_LORAS", str(tmp_path / "loras"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "loras" / "styles").mkdir(parents=True)
    return tmp_path / "loras"


def test_what_is_there_is_listed(folder, capsys):
    tensors = {f"{LAYER}.lora_A.weight": torch.ones(4, 2048), f"{LAYER}.lora_B.weight": torch.ones(640, 4)}
    save_file(tensors, folder / "styles" / "[b]ink.safetensors")
    (folder / "old.ckpt").write_bytes(b"PK\x03\x04")
    assert main(["loras"]) == 0
    said = capsys.readouterr().out
    (line,) = (line for line in said.splitlines() if "styles/[b]ink" in line)
    assert "Stable Diffusion XL" in line
    assert "old cannot be used: It is a .ckpt file" in said
    assert "<lora:NAME:0.8>" in said
    assert str(folder) in said


def test_an_empty_folder_is_told_and_nothing_else(folder, capsys):
    assert main(["loras"]) == 0
    assert capsys.readouterr().out == f"More LoRAs: put safetensors files into {folder}\n"
