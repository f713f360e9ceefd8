"""LoRAs from a painter's words to the picture: what is used, what is left out and told, and that none outstays its use."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models.loras import attention, random_pairs, save_kohya, save_peft
from tiny_models.oracle import load_pipeline

from backend.engine import Engine, loaded
from backend.engine import loras as room
from backend.engine.loras import MOST_NOTES
from backend.models import Library
from backend.pixels import raw
from backend.plan import Finished, PictureMade, Stopped, WentWrong, make_plan
from protocol import Extent, Job, Style

SIZE = Extent(64, 48)
QUICK = Style(steps=2, guidance=4.0)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, tiny_sd15, tiny_sdxl, tiny_ovis):
    """Models of three families, and LoRAs for two."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, model in (("sd15", tiny_sd15), ("sdxl", tiny_sdxl), ("ovis", tiny_ovis)):
        shutil.copytree(model, folder / name)
    sd15, sdxl = load_pipeline(tiny_sd15), load_pipeline(tiny_sdxl)
    loras = folder / "loras"
    save_peft(loras / "ink.safetensors", random_pairs(sd15, attention))
    save_peft(loras / "wash.safetensors", random_pairs(sd15, lambda name: "unet" in name and attention(name), seed=2))
    save_kohya(loras / "oil.safetensors", random_pairs(sdxl, attention), 4.0)
    (loras / "old.pt").write_bytes(b"PK\x03\x04" + bytes(80))
    (loras / "cut.safetensors").write_bytes((loras / "ink.safetensors").read_bytes()[:-7])
    misfit = load_file(loras / "wash.safetensors")
    save_file({name: torch.ones(tensor.shape[0] + 1, 5) for name, tensor in misfit.items()}, loras / "odd.safetensors")
    return Library(folder)


@pytest.fixture
def engine(shelf):
    return Engine(shelf, device="cpu")


def planned(shelf, prompt, model="sd15", **values):
    (info,) = (info for info in shelf.infos() if info.name == model)
    job = Job("0" * 32, SIZE, prompt=prompt, style=QUICK, seed=5, **values)
    return replace(make_plan(job, shelf.find(info.id).facts), size=SIZE, previews=False)


def paint(engine, plan):
    """The pictures, and the notes."""
    heard = []
    engine.run(plan, {}, heard.append, lambda: False)
    end = heard[-1]
    assert isinstance(end, Finished), end
    made = [event for event in heard if isinstance(event, PictureMade)]
    pictures = [raw.unpack(event.picture.image, event.content) for event in made]
    return pictures, end.notes


def alike(one, other):
    return np.array_equal(one, other)


def test_a_lora_paints_another_picture_and_is_gone_from_the_next(engine, shelf):
    (bare,), notes = paint(engine, planned(shelf, "a cat"))
    assert notes == ()
    (inked,), notes = paint(engine, planned(shelf, "a cat<lora:ink:0.8>"))
    assert notes == ()
    (again,), _ = paint(engine, planned(shelf, "a cat<lora:INK:0.8>"))
    (weaker,), _ = paint(engine, planned(shelf, "a cat<lora:ink:0.4>"))
    (after,), _ = paint(engine, planned(shelf, "a cat"))
    assert not alike(inked, bare)
    assert alike(again, inked)
    assert not alike(weaker, inked)
    assert alike(after, bare)


def test_a_fresh_engine_paints_the_same(engine, shelf):
    """What was painted before leaves no trace in a job."""
    job = planned(shelf, "a cat<lora:ink:0.8><lora:wash:0.3>")
    for before in ("a cat<lora:wash>", "a cat", "a cat<lora:ink:0.8>"):
        paint(engine, planned(shelf, before))
    (seasoned,), _ = paint(engine, job)
    (fresh,), _ = paint(Engine(shelf, device="cpu"), job)
    assert alike(seasoned, fresh)


def test_texts_are_remembered_under_the_loras_that_read_them(engine, shelf):
    """Of one prompt: without, with a LoRA of the text encoder, with another weight of it, and without again."""
    model = engine._shelf.get(planned(shelf, "a cat").model)
    words = planned(shelf, "a cat").words_of(0)

    def hidden(uses):
        model.loras.use(planned(shelf, uses).words_of(0).loras)
        return model.conditioning(words.prompt, None)

    with torch.inference_mode():
        plain, inked, weaker = hidden(""), hidden("<lora:ink>"), hidden("<lora:ink:0.5>")
        assert not torch.equal(plain.hidden, inked.hidden)
        assert not torch.equal(weaker.hidden, inked.hidden)
        assert hidden("<lora:ink>") is inked
        assert hidden("<lora:wash>") is plain, "one that changes the UNet alone reads as the model does"
        model.loras.eject_all()
        assert model.conditioning(words.prompt, None) is plain


def test_a_weight_of_nothing_is_none_to_the_bit(engine, shelf):
    (bare,), _ = paint(engine, planned(shelf, "a cat"))
    (nothing,), notes = paint(engine, planned(shelf, "a cat<lora:ink:0>"))
    assert (alike(bare, nothing), notes) == (True, ())


def test_one_that_is_named_twice_counts_with_both_weights(engine, shelf):
    (twice,), _ = paint(engine, planned(shelf, "a <lora:ink:0.5>cat<lora:Ink:0.25>"))
    (once,), _ = paint(engine, planned(shelf, "a cat<lora:ink:0.75>"))
    (none,), _ = paint(engine, planned(shelf, "a cat<lora:ink:0.5><lora:ink:-0.5>"))
    (bare,), _ = paint(engine, planned(shelf, "a cat"))
    assert alike(twice, once)
    assert alike(none, bare)


def test_pictures_of_one_job_may_have_different_loras(engine, shelf):
    """Drawn by their seeds; each is the one that it is alone."""
    pictures, notes = paint(engine, planned(shelf, "a cat{<lora:ink>|<lora:wash>|}", count=6))
    assert notes == ()
    plan = planned(shelf, "a cat{<lora:ink>|<lora:wash>|}", count=6)
    drawn = [tuple(lora.name for lora in plan.words_of(picture).loras) for picture in range(6)]
    assert set(drawn) == {("ink",), ("wash",), ()}, "the seeds were chosen so that all are drawn"
    for number, names in enumerate(drawn):
        prompt = "a cat" + "".join(f"<lora:{name}>" for name in names)
        alone = replace(planned(shelf, prompt), seeds=(plan.seeds[number],))
        (picture,), _ = paint(Engine(shelf, device="cpu"), alone)
        assert alike(picture, pictures[number]), names


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            "pencil",
            "There is no LoRA called 'pencil'; it was left out. These are there: cut, ink, odd, oil, old, wash.",
        ),
        ("../ink", "There is no LoRA called '../ink'"),
        ("oil", "The LoRA 'oil' is for Stable Diffusion XL, and this is Stable Diffusion 1.x, so it was left out."),
        ("old", "The LoRA 'old' was left out. It is a .pt file"),
        ("cut", "The LoRA 'cut' was left out. Its file cut.safetensors is cut short"),
        ("odd", "The LoRA 'odd' does not fit sd15, so it was left out: it is for a model of other sizes"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_picture_painted(engine, shelf, asked, says):
    (bare,), _ = paint(engine, planned(shelf, "a cat"))
    (picture,), (note,) = paint(engine, planned(shelf, f"a cat<lora:{asked}>"))
    assert note.startswith(says)
    assert alike(picture, bare)
    (beside,), notes = paint(engine, planned(shelf, f"a cat<lora:{asked}><lora:ink:0.8>"))
    (inked,), _ = paint(engine, planned(shelf, "a cat<lora:ink:0.8>"))
    assert (len(notes), alike(beside, inked)) == (1, True), "the others are used all the same"


def test_layers_that_are_left_out_are_counted_for_the_painter(engine, shelf):
    tensors = load_file(shelf.loras / "wash.safetensors")
    for half, shape in (("A", (4, 16)), ("B", (16, 4))):
        tensors[f"unet.down_blocks.7.to_q.lora_{half}.weight"] = torch.ones(shape)
    save_file(tensors, shelf.loras / "more.safetensors")
    (picture,), (note,) = paint(engine, planned(shelf, "a cat<lora:more>"))
    (whole,), _ = paint(engine, planned(shelf, "a cat<lora:wash>"))
    (shelf.loras / "more.safetensors").unlink()
    assert note == f"The LoRA 'more' changes {len(tensors) // 2} layers; 1 of them are not in sd15."
    assert alike(picture, whole)


def test_a_family_that_has_no_loras_says_so(engine, shelf):
    _, (note,) = paint(engine, planned(shelf, "a cat<lora:ink>", "ovis"))
    assert note == "ovis takes no LoRAs, so it painted without 'ink'."


def test_the_same_lora_for_another_model(engine, shelf):
    (bare,), _ = paint(engine, planned(shelf, "a cat", "sdxl"))
    (oiled,), notes = paint(engine, planned(shelf, "a cat<lora:oil>", "sdxl"))
    assert (notes, alike(oiled, bare)) == ((), False)
    _, (note,) = paint(engine, planned(shelf, "a cat<lora:wash>", "sdxl"))
    assert "does not fit sdxl" in note, "its header does not tell the tiny families apart; its shapes do"


def test_a_prompt_of_wrong_names_fills_no_page(engine, shelf):
    _, notes = paint(engine, planned(shelf, "a cat" + "".join(f"<lora:x{number}>" for number in range(20))))
    assert len(notes) == MOST_NOTES + 1
    assert notes[-1] == f"{20 - MOST_NOTES} more LoRAs were left out."


def test_a_file_that_changes_meanwhile_is_read_again(shelf, tmp_path, tiny_sd15):
    shutil.copytree(tiny_sd15, tmp_path / "sd15")
    pipeline, file = load_pipeline(tiny_sd15), tmp_path / "loras" / "ink.safetensors"
    library = Library(tmp_path)
    engine = Engine(library, device="cpu")
    save_peft(file, random_pairs(pipeline, attention))
    (before,), _ = paint(engine, planned(library, "a cat<lora:ink>"))
    save_peft(file, random_pairs(pipeline, attention, rank=5, seed=9))
    (after,), _ = paint(engine, planned(library, "a cat<lora:ink>"))
    assert not alike(before, after)
    file.unlink()
    (bare,), (note,) = paint(engine, planned(library, "a cat<lora:ink>"))
    assert "no LoRA called 'ink'" in note
    assert not alike(bare, after)


def attached(engine, shelf):
    """How many layers of the model are wrapped, and by which LoRAs."""
    model = engine._shelf.get(planned(shelf, "a cat").model)
    wrapped = [layer for layer in model.adapter.parts.unet.modules() if hasattr(layer, "base_layer")]
    return len(wrapped), {name for layer in wrapped for name in layer.lora_A}


def test_those_in_use_stay_and_the_rest_goes_when_there_is_no_room(engine, shelf, monkeypatch):
    paint(engine, planned(shelf, "a cat<lora:ink>"))
    paint(engine, planned(shelf, "a cat<lora:wash>"))
    layers, names = attached(engine, shelf)
    assert len(names) == 2, "the painter may come back to the first one"
    monkeypatch.setattr(room, "KEPT_BYTES", 1)
    paint(engine, planned(shelf, "a cat<lora:wash>"))
    assert attached(engine, shelf) == (layers, names - {"lora1"})
    paint(engine, planned(shelf, "a cat"))
    assert attached(engine, shelf) == (0, set())


def test_a_failure_in_the_middle_leaves_none_in_the_model(engine, shelf, monkeypatch):
    (bare,), _ = paint(engine, planned(shelf, "a cat"))
    fill = room.inject.__globals__["_fill"]
    filled = []

    def fails(layer, name, pair):
        filled.append(layer)
        if len(filled) == 5:
            raise RuntimeError("of no kind that is expected")
        fill(layer, name, pair)

    monkeypatch.setitem(room.inject.__globals__, "_fill", fails)
    heard = []
    engine.run(planned(shelf, "a cat<lora:ink>"), {}, heard.append, lambda: False)
    assert isinstance(heard[-1], WentWrong)
    assert attached(engine, shelf) == (0, set())
    (after,), _ = paint(engine, planned(shelf, "a cat"))
    assert alike(after, bare)


def test_a_cancelled_picture_leaves_the_next_one_alone(engine, shelf):
    (bare,), _ = paint(engine, planned(shelf, "a cat"))
    heard = []
    engine.run(planned(shelf, "a cat<lora:ink>"), {}, heard.append, lambda: len(heard) > 3)
    assert isinstance(heard[-1], Stopped)
    (after,), _ = paint(engine, planned(shelf, "a cat"))
    assert alike(after, bare)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("bfloat16", 2)])
def test_their_memory_is_counted_where_it_is_planned_how_many_pictures_fit(shelf, monkeypatch, dtype, size):
    asked = []

    def room_for(facts, extent, device, loras, room):
        assert room is None, "all of it is there"
        asked.append(loras)
        return 8

    monkeypatch.setattr(loaded, "room_for", room_for)
    engine = Engine(shelf, device="cpu", dtype=dtype)
    tensors = load_file(shelf.loras / "wash.safetensors")
    paint(engine, planned(shelf, "a {cat<lora:wash>|dog}", count=4))
    taken = sum(tensor.numel() for tensor in tensors.values()) * size
    assert set(asked) <= {0, taken}
    assert taken in asked
    model = engine._shelf.get(planned(shelf, "a cat").model)
    assert taken == sum(
        parameter.nbytes for name, parameter in model.adapter.parts.unet.named_parameters() if ".lora_" in name
    )
    paint(engine, planned(shelf, "a cat"))
    assert asked[-1] == 0
