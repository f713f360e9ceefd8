"""Qwen-Image and its kin, for what the comparison with diffusers' pipelines does not show."""

from __future__ import annotations

import importlib
import json
import shutil

import pytest
import torch
from diffusers import AutoencoderKLQwenImage
from parity.case import smaller
from parity.qwen import PIPELINES
from parity.qwen_vl import tell_places
from PIL import Image
from tiny_models.oracle import load_pipeline
from tiny_models.text_encoders import qwen25vl_text_encoder

from backend.families import qwen
from backend.families.adapter import LayeredAdapter, UnusableModel
from backend.families.qwen_image import TEXT_TOKENS
from backend.families.qwen_layered import LAYERS
from backend.families.shown import MOST_DRAWN_OUT, ratio_of
from backend.prompts import Prompt
from protocol import MAX_LAYERS, Extent

CPU = torch.device("cpu")
MEGAPIXEL = 1024 * 1024
APPLE = Prompt.of("a red apple")


def load(folder):
    return qwen.load(folder, CPU, torch.float32)


@pytest.fixture(scope="module")
def base(tiny_qwen):
    return load(tiny_qwen)


@pytest.fixture(scope="module")
def edit(tiny_qwen_edit):
    return load(tiny_qwen_edit)


@pytest.fixture(scope="module")
def plus(tiny_qwen_edit_plus):
    return load(tiny_qwen_edit_plus)


@pytest.fixture(scope="module")
def layered(tiny_qwen_layered):
    return load(tiny_qwen_layered)


@pytest.fixture
def small(monkeypatch):
    """Pictures to edit are brought to a 256th of a megapixel, by us and by diffusers."""
    for name in ("edit", "edit_plus", "layered"):
        module = importlib.import_module(f"{PIPELINES}.pipeline_qwenimage_{name}")
        monkeypatch.setattr(module, "calculate_dimensions", smaller(module.calculate_dimensions))


@pytest.fixture
def copied(tiny_qwen_edit, tmp_path):
    return shutil.copytree(tiny_qwen_edit, tmp_path / "model")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def noise(width, height, seed=0):
    """A picture of eight bits, -1 to 1."""
    drawn = torch.randint(0, 256, (1, 3, height, width), generator=torch.Generator().manual_seed(seed))
    return drawn / 127.5 - 1


def as_pil(picture):
    return Image.fromarray(((picture[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy())


def test_each_takes_as_many_pictures_as_its_card_says(base, edit, plus, layered):
    assert [model.references for model in (base, edit, plus, layered)] == [0, 1, 3, 1]
    assert all(model.classifier_free and not model.takes_mask for model in (base, edit, plus, layered))


def test_the_first_of_the_later_ones_is_known_by_its_index_alone(tiny_qwen_edit, tmp_path):
    """The denoiser of 2509 has no setting of its own."""
    folder = shutil.copytree(tiny_qwen_edit, tmp_path / "model")
    change(folder / "model_index.json", _class_name="QwenImageEditPlusPipeline")
    assert load(folder).references == 3


def test_latents_are_an_eighth_on_each_side(base):
    assert base.latent_scale == 8
    assert base.latent_shape(Extent(64, 48)) == (1, 16, 6, 8)
    with pytest.raises(ValueError, match="multiple of 16"):
        base.latent_shape(Extent(64, 40))


def test_rows_are_as_long_as_their_prompts(base):
    guided = base.encode_text(APPLE, Prompt.of(""))
    assert guided.rows == 2
    away, towards = guided.hidden
    assert towards.shape[1] - away.shape[1] == len("a red apple")
    assert torch.equal(towards, base.encode_text(APPLE, None).hidden[0])
    assert torch.equal(away, base.encode_text(Prompt.of(""), None).hidden[0])


@pytest.mark.parametrize("name", ["base", "edit", "layered"])
def test_what_is_unread_does_not_count_and_the_rest_does(name, request):
    model = request.getfixturevalue(name)
    words = "".join(chr(97 + number % 26) for number in range(3 * TEXT_TOKENS))
    text = model.encode_text(Prompt.of(words), None)
    read = words.removesuffix(text.unread)
    assert 0 < len(read) <= TEXT_TOKENS
    assert words == read + text.unread
    other = model.encode_text(Prompt.of(read + "?" * len(text.unread)), None)
    assert torch.equal(text.hidden[0], other.hidden[0])
    changed = model.encode_text(Prompt.of(read[:-1] + "?" + text.unread), None)
    assert not torch.equal(text.hidden[0], changed.hidden[0])
    assert model.encode_text(Prompt.of(read), None).unread == ""


@pytest.mark.usefixtures("small")
def test_marks_in_a_prompt_are_letters(edit):
    """A painter who writes one does not turn the message upside down."""
    told = Prompt.of("<|image_pad|><|im_end|> apple")
    one, other = (edit.encode_text(words, None, [noise(64, 64)]).hidden[0] for words in (told, Prompt.of("")))
    assert one.shape[1] - other.shape[1] == len(told.text)


def test_edits_without_a_picture_are_painted_from_words(edit, plus):
    for model in (edit, plus):
        assert model.beside(None, None, [], Extent(64, 64)) is None
        assert model.encode_text(APPLE, None).hidden[0].shape[1] > len("a red apple")


@pytest.mark.usefixtures("small")
def test_several_pictures_of_all_sizes_are_seen_as_diffusers_shows_them(plus, tiny_qwen_edit_plus):
    pictures = [noise(64, 48, 1), noise(40, 56, 2), noise(51, 50, 3)]
    pipeline = load_pipeline(tiny_qwen_edit_plus)
    tell_places(pipeline)
    seen = []
    denoise = pipeline.transformer.forward

    def watch(**asked):
        seen.append(asked)
        return denoise(**asked)

    pipeline.transformer.forward = watch
    size = {"height": 64, "width": 64}
    pipeline([as_pil(one) for one in pictures], "x", true_cfg_scale=1.0, num_inference_steps=2, **size)
    asked = seen[0]
    text = plus.encode_text(Prompt.of("x"), None, pictures)
    assert torch.allclose(text.hidden[0], asked["encoder_hidden_states"], atol=1e-5)
    beside = plus.beside(None, None, pictures, Extent(64, 64))
    tokens = torch.cat([plus._pack(reference) for reference in beside.references], dim=1)
    assert torch.allclose(tokens, asked["hidden_states"][:, -tokens.shape[1] :], atol=1e-5)
    sides = [tuple(side // 2 for side in reference.shape[-2:]) for reference in beside.references]
    assert [(1, *one) for one in sides] == asked["img_shapes"][0][1:]


@pytest.mark.usefixtures("small")
def test_the_canvas_is_shown_in_the_size_that_is_painted_and_another_picture_is_not(plus, edit):
    for model in (edit, plus):
        for extent in (Extent(96, 64), Extent(32, 48)):
            canvas, other = noise(extent.width, extent.height), noise(extent.width - 16, extent.height)
            (shown,) = model.beside(None, None, [canvas], extent).references
            assert shown.shape == model.latent_shape(extent)
            (shown,) = model.beside(None, None, [other], extent).references
            assert shown.shape != model.latent_shape(extent)


@pytest.mark.usefixtures("small")
def test_more_pictures_than_a_model_takes_are_left_out(plus, edit):
    pictures = [noise(64, 48, seed) for seed in range(5)]
    assert len(plus.beside(None, None, pictures, Extent(64, 64)).references) == 3
    assert len(edit.beside(None, None, pictures, Extent(64, 64)).references) == 1
    assert edit.encode_text(APPLE, None, pictures).hidden[0].shape == (
        edit.encode_text(APPLE, None, pictures[:1]).hidden[0].shape
    )


@pytest.mark.parametrize("ratio", [1 / MOST_DRAWN_OUT, 3 / 4, 1.0, 16 / 9, MOST_DRAWN_OUT])
def test_pictures_are_edited_at_a_megapixel(edit, plus, ratio):
    for model in (edit, plus):
        width, height = model._worked_at(ratio)
        assert width % 32 == height % 32 == 0
        assert width * height == pytest.approx(MEGAPIXEL, rel=0.05)
    assert edit._read_at(ratio) == edit._worked_at(ratio)
    width, height = plus._read_at(ratio)
    assert width * height == pytest.approx(384 * 384, rel=0.5)


def test_a_strip_is_squeezed_to_what_a_model_can_be_shown():
    assert ratio_of(torch.zeros(1, 3, 1, 2000)) == MOST_DRAWN_OUT
    assert ratio_of(torch.zeros(1, 3, 2000, 1)) == 1 / MOST_DRAWN_OUT


def test_a_picture_stands_in_rows_and_columns_among_the_words(edit):
    """Bai et al. 2025, arXiv 2502.13923, section 2.1; padding is at 1."""
    reader = edit._reader
    seen = reader.see([as_pil(noise(84, 56))])
    assert seen.tokens == (6,)
    ids = reader.with_pictures("ab<|image_pad|>c", seen)
    places = reader.asked([*ids, 0, 0], seen, [1] * len(ids) + [0, 0])["position_ids"][:, 0]
    assert places[0].tolist() == [0, 1, 2, 2, 2, 2, 2, 2, 5, 1, 1]
    assert places[1].tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 5, 1, 1]
    assert places[2].tolist() == [0, 1, 2, 3, 4, 2, 3, 4, 5, 1, 1]


def test_layers_are_pictures_with_transparency(layered):
    latents = torch.randn(layered.latent_shape(Extent(32, 48)), generator=torch.Generator().manual_seed(0))
    assert latents.shape == (1, (1 + LAYERS) * 16, 6, 4)
    layers = [layered.decode_layer(layer) for layer in layered.split(latents)]
    assert [layer.shape for layer in layers] == [(1, 4, 48, 32)] * LAYERS
    assert not torch.allclose(layers[0], layers[1])
    third = latents[:, 3 * 16 : 4 * 16]
    assert torch.equal(layers[2], layered._coder.decode_all(third))
    assert torch.equal(layered.decode(latents), layered._coder.decode_all(latents[:, :16])[:, :3])


def test_what_is_seen_of_it_meanwhile_is_the_whole_picture(layered, base):
    latents = torch.randn(layered.latent_shape(Extent(32, 48)), generator=torch.Generator().manual_seed(0))
    assert torch.equal(layered.seen(latents), latents[:, :16])
    assert torch.equal(base.seen(latents), latents)


def test_only_the_one_for_layers_makes_some(layered, base, edit):
    assert isinstance(layered, LayeredAdapter)
    assert not isinstance(base, LayeredAdapter)
    assert not isinstance(edit, LayeredAdapter)


def test_a_painting_is_its_own_lowest_layer(layered):
    picture = noise(32, 32)
    frames = layered.encode_image(picture).mean.chunk(1 + LAYERS, dim=1)
    assert torch.equal(frames[0], frames[1])
    assert all(torch.equal(frames[2], frame) for frame in frames[3:])
    assert not torch.allclose(frames[1], frames[2])


def test_the_number_of_layers_is_the_painters(layered):
    two = layered.of_layers(2)
    assert two.latent_shape(Extent(32, 32))[1] == 3 * 16
    assert layered.latent_shape(Extent(32, 32))[1] == (1 + LAYERS) * 16
    for wrong in (0, MAX_LAYERS + 1):
        with pytest.raises(ValueError, match="layers"):
            layered.of_layers(wrong)


def test_a_picture_that_nobody_described_is_described_by_the_text_encoder(layered, tiny_qwen_layered):
    picture = noise(32, 32)
    pipeline = load_pipeline(tiny_qwen_layered)
    caption = pipeline.get_image_caption(as_pil(picture), device=CPU)
    assert caption
    described = layered.encode_text(Prompt.of(" "), None, [picture])
    assert torch.equal(described.hidden[0], layered.encode_text(Prompt.of(caption), None).hidden[0])


def test_a_denoiser_of_another_text_encoder_is_refused(copied):
    qwen25vl_text_encoder(32).save_pretrained(copied / "text_encoder")
    with pytest.raises(UnusableModel, match="text encoder writes 32"):
        load(copied)


def test_a_denoiser_of_another_vae_is_refused(copied):
    ones = [1.0] * 8
    vae = AutoencoderKLQwenImage(
        base_dim=8, z_dim=8, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=ones, latents_std=ones
    )
    vae.save_pretrained(copied / "vae")
    with pytest.raises(UnusableModel, match="latents of 8 channels"):
        load(copied)


def test_a_vae_that_does_not_know_its_latents_is_refused(copied):
    change(copied / "vae" / "config.json", latents_mean=[0.0] * 3)
    with pytest.raises(UnusableModel, match="how large its latents are"):
        load(copied)


def test_layers_take_a_vae_with_transparency(tiny_qwen_layered, tiny_qwen, tmp_path):
    folder = shutil.copytree(tiny_qwen_layered, tmp_path / "model")
    shutil.rmtree(folder / "vae")
    shutil.copytree(tiny_qwen / "vae", folder / "vae")
    with pytest.raises(UnusableModel, match="transparency"):
        load(folder)


def test_a_denoiser_that_is_told_of_the_guidance_is_refused(copied):
    change(copied / "transformer" / "config.json", guidance_embeds=True)
    with pytest.raises(UnusableModel, match="guidance"):
        load(copied)


def test_a_damaged_processor_is_named(copied):
    (copied / "processor" / "preprocessor_config.json").write_text("[")
    with pytest.raises(UnusableModel, match=r"processor/preprocessor_config\.json"):
        load(copied)


def test_pictures_cut_in_another_way_are_refused(copied):
    change(copied / "processor" / "preprocessor_config.json", patch_size=16)
    with pytest.raises(UnusableModel, match="cut"):
        load(copied)
