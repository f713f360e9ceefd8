from __future__ import annotations

import shutil

import pytest
import torch

from backend.families import ovis
from backend.families.adapter import UnusableModel
from backend.prompts import Prompt

CPU = torch.device("cpu")
A_HOUSE = Prompt.of("a house")


@pytest.fixture(scope="module")
def adapter(tiny_ovis):
    return ovis.load(tiny_ovis, CPU, torch.float32)


def test_guided_text_has_the_negative_prompt_first(adapter):
    with torch.inference_mode():
        alone = adapter.encode_text(A_HOUSE, None)
        guided = adapter.encode_text(A_HOUSE, Prompt.of("rain"))
        away = adapter.encode_text(Prompt.of("rain"), None)
    assert alone.rows == len(alone.hidden) == 1
    assert guided.rows == len(guided.hidden) == 2
    assert torch.equal(guided.hidden, torch.cat([away.hidden, alone.hidden]))
    assert guided.hidden.shape[1] == ovis.TEXT_TOKENS == len(guided.places)


def test_says_which_end_of_a_prompt_was_not_read(adapter):
    parts = adapter._parts
    # letters are tokens here: the words that every prompt begins with take most of the room
    before = 1 + len("user\n") + len(parts.system_prompt)
    room = ovis.TEXT_TOKENS + parts.user_prompt_begin_id - before
    assert room > 10
    with torch.inference_mode():
        assert adapter.encode_text(Prompt.of("x" * room), None).unread == ""
        assert adapter.encode_text(Prompt.of("x" * room + "yz"), None).unread == "yz"


def test_a_text_encoder_of_another_model_is_refused(tiny_ovis, tiny_zimage, tmp_path):
    folder = shutil.copytree(tiny_ovis, tmp_path / "model")
    shutil.rmtree(folder / "text_encoder")
    shutil.copytree(tiny_zimage / "text_encoder", folder / "text_encoder")
    with pytest.raises(UnusableModel, match="writes 16 numbers a word, its denoiser reads 32"):
        ovis.load(folder, CPU, torch.float32)


def test_a_vae_of_another_model_is_refused(tiny_ovis, tiny_sd15, tmp_path):
    folder = shutil.copytree(tiny_ovis, tmp_path / "model")
    shutil.rmtree(folder / "vae")
    shutil.copytree(tiny_sd15 / "vae", folder / "vae")
    with pytest.raises(UnusableModel, match="VAE makes latents"):
        ovis.load(folder, CPU, torch.float32)
