from __future__ import annotations

import json
import shutil

import pytest
import torch
from diffusers import Flux2Pipeline
from diffusers.pipelines.flux2.pipeline_flux2 import SYSTEM_MESSAGE
from parity.case import load_both
from parity.cases import CASES
from parity.measures import distance, ours, sampled, shown, theirs
from tiny_models.text_encoders import qwen3_causal

from backend.families import flux2
from backend.families.adapter import UnusableModel
from backend.families.flux2_vae import load_flux2_vae
from backend.families.references import ReferenceSize
from backend.models.flux2 import DEV_REFERENCES, KLEIN_REFERENCES
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
A_HOUSE = Prompt.of("a house")
EXTENT = Extent(64, 64)


@pytest.fixture(scope="module")
def dev(tiny_flux2):
    return flux2.load(tiny_flux2, CPU, torch.float32)


@pytest.fixture(scope="module")
def klein(tiny_flux2_klein):
    return flux2.load(tiny_flux2_klein, CPU, torch.float32)


@pytest.fixture(scope="module")
def base(tiny_flux2_klein_base):
    return flux2.load(tiny_flux2_klein_base, CPU, torch.float32)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def asked(adapter, guidance=1.0, beside=None):
    text = adapter.encode_text(A_HOUSE, None)
    latents = torch.linspace(-1, 1, 128 * 16).reshape(1, 128, 4, 4)
    return adapter.predict(latents, torch.tensor(500.0), text, guidance, beside)


def test_latents_are_patches_of_sixteen_pixels(dev):
    assert dev.latent_scale == 16
    assert dev.latent_shape(Extent(64, 48)) == (1, 128, 3, 4)
    with pytest.raises(ValueError, match="multiple of 16"):
        dev.latent_shape(Extent(64, 40))


def test_each_is_guided_in_its_way(dev, klein, base):
    assert (dev.classifier_free, klein.classifier_free, base.classifier_free) == (False, False, True)
    assert not torch.allclose(asked(dev, 1.0), asked(dev, 4.0))
    assert torch.equal(asked(klein, 1.0), asked(klein, 4.0))
    assert torch.equal(asked(base, 1.0), asked(base, 4.0))


def test_only_the_one_with_classifier_free_guidance_reads_a_negative_prompt(dev, klein, base):
    negative = Prompt.of("rain")
    assert dev.encode_text(A_HOUSE, negative).rows == klein.encode_text(A_HOUSE, negative).rows == 1
    guided = base.encode_text(A_HOUSE, negative)
    assert guided.rows == len(guided.hidden) == 2
    assert torch.equal(guided.hidden[:1], base.encode_text(negative, None).hidden)
    assert torch.equal(guided.hidden[1:], base.encode_text(A_HOUSE, None).hidden)


def test_klein_says_which_end_of_a_prompt_was_not_read(klein):
    room = flux2.TEXT_TOKENS - len("user\n") - 1
    assert klein.encode_text(Prompt.of("x" * room), None).unread == ""
    assert klein.encode_text(Prompt.of("x" * room + "yz"), None).unread == "yz"


def test_dev_says_which_end_of_a_prompt_was_not_read(dev):
    # its start, and marks before and behind what every prompt begins with, and before the prompt
    room = flux2.TEXT_TOKENS - len(SYSTEM_MESSAGE) - 4
    assert dev.encode_text(Prompt.of("x" * room), None).unread == ""
    assert dev.encode_text(Prompt.of("x" * room + "yz"), None).unread == "yz"
    # what would stand for a picture is not read at all
    assert dev.encode_text(Prompt.of("[IMG]" + "x" * room + "yz"), None).unread == "yz"


def test_a_picture_that_it_is_shown_bears_on_what_it_paints(dev, klein):
    for adapter in (dev, klein):
        white, black = (
            adapter.beside(None, None, [torch.full((1, 3, 64, 96), level)], EXTENT) for level in (1.0, -1.0)
        )
        assert not torch.allclose(asked(adapter, beside=white), asked(adapter, beside=black))
        assert not torch.allclose(asked(adapter, beside=white), asked(adapter))
        assert adapter.beside(torch.zeros(1, 3, 64, 64), None, [], EXTENT) is None


def test_pictures_keep_their_own_sizes_and_their_order_bears_on_the_painting(klein):
    one, other = torch.full((1, 3, 64, 96), 0.5), torch.full((1, 3, 128, 64), -0.5)
    beside = klein.beside(None, None, [one, other], EXTENT)
    assert [tuple(latents.shape[-2:]) for latents in beside.references] == [(4, 6), (8, 4)]
    turned = klein.beside(None, None, [other, one], EXTENT)
    assert not torch.allclose(asked(klein, beside=beside), asked(klein, beside=turned))


def test_the_canvas_keeps_the_size_that_is_painted_and_no_other_picture_of_many_pixels_does(klein, monkeypatch):
    monkeypatch.setattr(klein, "_reference_size", ReferenceSize(64 * 64, 16, 16, 8))
    extent = Extent(128, 96)
    canvas, other = torch.zeros(1, 3, 96, 128), torch.zeros(1, 3, 112, 128)
    sizes = [
        [reference.shape[-2:] for reference in klein.beside(None, None, pictures, extent).references]
        for pictures in ([canvas], [other], [canvas, other])
    ]
    assert sizes[0] == [klein.latent_shape(extent)[-2:]]
    # of several each is as small as the makers' own code has them then
    assert all(height * width <= (64 * 64) // 16**2 for found in sizes[1:] for height, width in found)


def test_two_pictures_are_shown_as_the_pipelines_show_them(tiny_flux2_klein):
    case = next(case for case in CASES if case.tiny == "flux2_klein" and case.edits)
    both = load_both(case, tiny_flux2_klein)
    one = both.picture()
    other = one.flip(-1)[..., :64]
    given = [shown(both, picture) for picture in (one, other)]
    mine = ours(both, sampled(both), references=[one, other])
    assert distance(mine, theirs(both, both.pipeline, sampled(both), image=given)) <= 1e-4


def test_it_is_shown_no_more_pictures_than_its_facts_say(dev, klein):
    assert (dev.references, klein.references) == (DEV_REFERENCES, KLEIN_REFERENCES)
    many = [torch.zeros(1, 3, 64, 64)] * 9
    assert len(klein.beside(None, None, many, EXTENT).references) == KLEIN_REFERENCES
    assert len(dev.beside(None, None, many, EXTENT).references) == DEV_REFERENCES


def test_encodes_as_the_pipelines_do(dev):
    """Patches, the batch norm's running numbers, and the middle of the distribution."""
    picture = torch.linspace(-1, 1, 3 * 64 * 48).reshape(1, 3, 64, 48)
    encoded = dev.encode_image(picture)
    theirs = Flux2Pipeline._encode_vae_image(dev._parts, picture, None)
    assert encoded.deviation is None
    torch.testing.assert_close(encoded.mean, theirs)
    assert dev._parts.vae.bn.running_var.unique().numel() > 1


def test_more_steps_are_shifted_less(dev):
    few, many = (dev.schedule("flow_euler", steps, 1.0, Extent(1024, 1024)) for steps in (4, 50))
    # half way through both
    assert few.timestep(2) > many.timestep(25)


def test_a_text_encoder_with_too_few_layers_is_refused(tiny_flux2_klein, tmp_path):
    folder = shutil.copytree(tiny_flux2_klein, tmp_path / "model")
    qwen3_causal(layers=26).save_pretrained(folder / "text_encoder")
    with pytest.raises(UnusableModel, match="26 layers, and layer 27"):
        flux2.load(folder, CPU, torch.float32)


def test_a_text_encoder_of_another_width_is_refused(tiny_flux2_klein, tmp_path):
    folder = shutil.copytree(tiny_flux2_klein, tmp_path / "model")
    qwen3_causal(width=32).save_pretrained(folder / "text_encoder")
    with pytest.raises(UnusableModel, match="text encoder writes 96"):
        flux2.load(folder, CPU, torch.float32)


def test_a_text_encoder_of_another_kind_is_refused(tiny_flux2_klein, tiny_sd15, tmp_path):
    folder = shutil.copytree(tiny_flux2_klein, tmp_path / "model")
    shutil.rmtree(folder / "text_encoder")
    shutil.copytree(tiny_sd15 / "text_encoder", folder / "text_encoder")
    with pytest.raises(UnusableModel, match="text encoder is of a kind"):
        flux2.load(folder, CPU, torch.float32)


def test_patches_that_are_not_square_are_refused(tiny_flux2, tmp_path):
    folder = shutil.copytree(tiny_flux2, tmp_path / "model")
    change(folder / "vae" / "config.json", patch_size=[1, 4])
    with pytest.raises(UnusableModel, match="not square"):
        load_flux2_vae(folder, torch.float32)
