"""Parts that take turns paint what they paint together, to the bit, in every family; and each is there just while it is asked.

The processor stands for the device here and for the computer's memory as well: what is there is a copy, and what is at home is no
number, so that nothing is right that was not brought.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from parity.measures import STEPS, ours, sampled
from tiny_models.loras import attention, random_pairs, save_peft

from backend.families import streamed
from backend.families.lora import eject, inject, read_lora, takes_loras, turn_on
from backend.families.stay import tensors_of
from backend.families.streamed import cut
from backend.families.turns import Turns, device_of, modules_of


@pytest.mark.parametrize("rung", ["turns", "streamed"])
def test_the_picture_is_the_same_to_the_bit(painter, watched, rung, tmp_path):
    place = watched(rung)
    together, apart = painter.load(), painter.load(place)
    expected = painter.paint(together)
    for _ in range(2):
        assert torch.equal(painter.paint(apart), expected)
    if takes_loras(together.adapter.parts):
        pairs = random_pairs(together.adapter.parts, attention)
        save_peft(tmp_path / "ink.safetensors", pairs)
        inked = _with_lora(painter, together, tmp_path / "ink.safetensors")
        assert not torch.equal(inked, expected)
        assert torch.equal(_with_lora(painter, apart, tmp_path / "ink.safetensors"), inked)
        assert torch.equal(painter.paint(apart), expected)


def _with_lora(painter, both, file):
    """A picture with a LoRA, which is ejected then; it comes while the model is in the midst of things."""
    parts = both.adapter.parts
    inject(read_lora(file, parts), "ink", parts)
    turn_on({"ink": 1.0}, parts)
    picture = painter.paint(both)
    eject("ink", parts)
    return picture


@pytest.mark.parametrize("rung", ["turns", "streamed"])
def test_each_part_is_there_alone_while_it_is_asked(painter, watched, rung):
    place = watched(rung)
    painter.paint(painter.load(place))
    for name, there in zip(place.asked, place.there, strict=True):
        # of one in pieces there may be none yet
        assert there == (name,) or (there == () and rung == "streamed")
    order = [name for name, _ in itertools.groupby(place.asked)]
    denoiser = next(name for name in order if name in ("unet", "transformer"))
    before, after = order[: order.index(denoiser)], order[order.index(denoiser) + 1 :]
    assert all(name == "vae" or name.startswith("text_encoder") for name in before)
    assert any(name.startswith("text_encoder") for name in before)
    assert after == ["vae"]
    assert place.asked.count(denoiser) >= STEPS


def test_a_part_comes_once_for_all_its_steps(flux, watched):
    place = watched("turns")
    both = flux.load(place)
    flux.paint(both)
    sizes = {name: sum(map(_nbytes, tensors_of(module))) for name, module in modules_of(both.adapter.parts).items()}
    # the VAE encodes the picture and decodes it again
    assert sum(place.copied) == sum(sizes.values()) + sizes["vae"]


def _nbytes(tensor):
    return tensor.nbytes


def test_what_has_room_beside_the_others_stays(flux):
    whole = flux.load()
    sizes = {name: sum(map(_nbytes, tensors_of(module))) for name, module in modules_of(whole.adapter.parts).items()}
    found = {}

    def place(room):
        def put(parts, device):
            found["turns"] = Turns(parts, device, room)
            return parts

        return put

    expected = flux.paint(whole)
    room = sum(sizes.values()) + 1000
    both = flux.load(place(room))
    found["turns"].expect({"transformer": 1001})
    assert torch.equal(flux.paint(both), expected)
    # the one that was asked longest ago had to go for the denoiser's work
    assert found["turns"].there == ("text_encoder_2", "transformer", "vae")
    both = flux.load(place(sum(sizes.values())))
    assert torch.equal(flux.paint(both), expected)
    assert set(found["turns"].there) == set(sizes)
    # the next picture is so large that the VAE wants all of the device
    found["turns"].expect({"vae": sum(sizes.values())})
    assert torch.equal(flux.paint(both), expected)
    assert found["turns"].there == ("vae",)


def test_a_vae_that_was_turned_to_float32_stays_so(flux):
    turns = {}

    def place(parts, device):
        turns["of"] = Turns(parts, device, 0)
        return parts

    both = flux.load(place)
    both.adapter.parts.vae.to(torch.bfloat16)
    latents = torch.zeros(both.adapter.latent_shape(both.case.extent))
    assert torch.isfinite(both.adapter.decode(latents)).all()
    both.adapter.decode_in_full()
    full = both.adapter.decode(latents)
    both.adapter.encode_text(_prompt(), None)
    assert turns["of"].there == ("text_encoder_2",)
    assert {tensor.dtype for tensor in both.adapter.parts.vae.parameters()} == {torch.float32}
    assert torch.equal(both.adapter.decode(latents), full)


def _prompt():
    from backend.prompts import Prompt

    return Prompt.of("a red apple")


@pytest.mark.parametrize("rung", ["turns", "streamed"])
def test_the_end_leaves_nothing_behind(painter, rung):
    both = painter.load()
    expected, parts = painter.paint(both), both.adapter.parts
    before = _everything(parts)
    turns = Turns(parts, torch.device("cpu"), 0, frozenset(modules_of(parts)) if rung == "streamed" else frozenset())
    assert torch.equal(painter.paint(both), expected)
    assert _everything(parts) != before
    turns.end()
    assert _everything(parts) == before
    assert turns.there == ()
    assert torch.equal(painter.paint(both), expected)


def _everything(parts):
    """All hooks of every module, how it is called, and where its weights lie."""
    modules = [module for part in modules_of(parts).values() for module in part.modules()]
    return (
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules],
        [module.forward for module in modules],
        [hasattr(module, "_hf_hook") for module in modules],
        [tensor.data_ptr() for tensor in tensors_of(*modules)],
    )


def test_a_component_says_where_it_calculates_wherever_its_weights_are(flux):
    elsewhere = torch.device("meta")

    def place(parts, device):
        Turns(parts, elsewhere, 0)
        return parts

    both = flux.load(place)
    assert both.adapter.device == elsewhere
    for part in modules_of(both.adapter.parts).values():
        assert device_of(part) == elsewhere
        assert part.device == torch.device("cpu")
    assert device_of(flux.load().adapter.parts.vae) == torch.device("cpu")


def test_a_reading_that_is_broken_off_does_no_harm(flux, watched):
    place = watched("streamed")
    both = flux.load(place)
    expected = flux.paint(flux.load())

    class Cancelled(Exception):
        pass

    def cancel(*_):
        raise Cancelled

    blocks = both.adapter.parts.transformer.transformer_blocks
    for _ in range(2):
        handle = blocks[-1].register_forward_hook(cancel)
        with pytest.raises(Cancelled):
            ours(both, sampled(both))
        handle.remove()
        assert torch.equal(flux.paint(both), expected)


def test_memory_is_locked_for_what_is_asked_in_every_step(flux, monkeypatch):
    asked = []
    monkeypatch.setattr(streamed, "locked", lambda tensors, device, most: asked.append((len(tensors), most)))
    parts = flux.load().adapter.parts
    turns = Turns(parts, torch.device("cpu"), 0, frozenset(modules_of(parts)) - {"vae"}, 1000)
    sizes = {name: len(tensors_of(*cut(module))) for name, module in modules_of(parts).items()}
    assert asked == [(sizes[name], 1000 if name == "transformer" else 0) for name in modules_of(parts) if name != "vae"]
    turns.end()
