"""The loop, the parts at tiny sizes, their checks, and the export: a kill loses nothing, a failed check stops."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from starter.build import build
from starter.data.nouns import NOUNS
from starter.data.packages import WORDS
from starter.data.render import paint
from starter.data.scenes import Composer, Variety
from starter.export import TooLarge, export, hashes
from starter.judge.sample import assemble, load, paint_prompts
from starter.settings import (
    DRAWN,
    SIDE,
    Folders,
    Settings,
    Sizes,
    Stage,
    finish,
    finish_control,
    on_gpu,
    on_processor,
    words,
)
from starter.training import loop as loop_module
from starter.training import parts as parts_module
from starter.training import words as words_module
from starter.training.batches import Artist
from starter.training.captured import Captured
from starter.training.control import make_control, train_control
from starter.training.curves import read_log
from starter.training.loop import Loop, Pace
from starter.training.parts import Workshop
from starter.training.times import FIRST_SHIFT, SHIFT, outlines, shifted
from starter.training.unet import Batches, StageFailed, UNetTraining, make_scheduler, make_unet, text_effect
from starter.training.vae import Compressor, as_one_convolution, fold, make_vae

SIZES = Sizes(text_width=32, text_layers=1, unet=(8, 8, 16, 16), groups=4, decoder=8, decoder_blocks=(1, 1, 1))
SAID = {noun.label: [noun.word, *noun.others] for noun in NOUNS} | {
    "dragon": ["dragon", "monster", "dragon monster"],
    "ufo": ["ufo", "spacecraft"],
}


def tiny(samples=16):
    narrow = Variety(words(4))
    pace = Pace(steps=4, batch=4, rate=1e-3, warm_up=1)
    stages = (
        Stage("first", narrow, samples, 0.0),
        Stage("second", dataclasses.replace(narrow, pairs=0.5), samples, 0.0),
    )
    unet = dataclasses.replace(pace, steps=2 * samples // 4)
    return Settings(SIZES, pace, pace, pace, unet, pace, stages, finish, finish_control)


@pytest.fixture
def workshop(tmp_path, icons, monkeypatch):
    for module in (parts_module, words_module):
        if hasattr(module, "keywords"):
            monkeypatch.setattr(module, "keywords", lambda packages: SAID)
    monkeypatch.setattr("starter.training.text.keywords", lambda packages: SAID)
    said = []
    made = Workshop(Folders(tmp_path), tiny(), torch.device("cpu"), said.append)
    made.said = said
    made.__dict__["icons"] = icons
    return made


def line_loop(folder, steps, **changes):
    """Fits a slope to y = 3x."""
    weight = torch.nn.Parameter(torch.zeros(1))
    pace = Pace(steps=steps, batch=1, rate=0.1, warm_up=1, weight_decay=0.0, **changes)
    return weight, Loop("line", folder, pace, [{"params": [weight]}], lambda text: None)


def slope(weight, step):
    x = torch.tensor(float(np.random.default_rng(step).uniform(1, 2)))
    return (weight * x - 3 * x).square().sum()


def test_a_killed_run_ends_like_one_that_was_not(tmp_path):
    weight, loop = line_loop(tmp_path / "whole", 60)
    loop.run(lambda step: slope(weight, step))
    halved, first = line_loop(tmp_path / "halved", 60)
    first.run(lambda step: slope(halved, step), 30)
    again, second = line_loop(tmp_path / "halved", 60)
    assert second.step == 30
    second.run(lambda step: slope(again, step))
    assert second.done
    assert torch.equal(again, weight)
    assert torch.equal(second.averaged[0], loop.averaged[0])
    assert abs(weight.item() - 3) < 0.5


def test_a_checkpoint_is_whole_or_the_old_one(tmp_path, monkeypatch):
    weight, loop = line_loop(tmp_path, 10)
    loop.run(lambda step: slope(weight, step), 5)

    def cut_short(state, path):
        path.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", cut_short)
    with pytest.raises(OSError, match="disk full"):
        loop.run(lambda step: slope(weight, step), 8)
    assert line_loop(tmp_path, 10)[1].step == 5


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    weight, loop = line_loop(tmp_path, 10)
    with pytest.raises(FloatingPointError, match="Lower the rate"):
        loop.run(lambda step: (weight * float("nan")).sum())


def test_the_log_becomes_a_picture_and_a_broken_line_is_skipped(tmp_path):
    weight, loop = line_loop(tmp_path, 100)
    loop.run(lambda step: {"loss": slope(weight, step), "half": torch.tensor(0.5)}, 80)
    log = tmp_path / "line.jsonl"
    log.write_text(log.read_text() + '{"step": 81, "lo')
    series = read_log(log)
    assert [step for step, _ in series["loss"]] == [20, 40, 60, 80]
    assert series["half"][-1] == (80, 0.5)
    loop.save()
    with Image.open(tmp_path / "line.png") as picture:
        assert len(set(picture.convert("RGB").get_flattened_data())) > 3


def test_the_rate_warms_up_and_ends_low():
    pace = Pace(steps=1000, batch=1, rate=1.0, warm_up=10, decay=0.5)
    assert pace.rate_at(0, 0.0) == pytest.approx(0.1)
    assert pace.rate_at(400, 0.4) == 1.0
    assert 0.4 < pace.rate_at(750, 0.75) < 0.6
    assert pace.rate_at(999, 0.999) < 0.02
    assert dataclasses.replace(pace, decay=0.0).rate_at(999, 0.999) == 1.0


def test_a_pace_in_seconds_ends_when_they_are_spent_and_goes_on_where_it_was(tmp_path, monkeypatch):
    clock = iter(float(tick) for tick in range(1000))
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: next(clock))
    _, first = line_loop(tmp_path, 0, seconds=20.0)
    first.run(lambda step: (first.parameters[0] * 1).sum(), share=0.4)
    assert 8.0 <= first.spent <= 10.0
    made = first.step
    _, second = line_loop(tmp_path, 0, seconds=20.0)
    assert (second.spent, second.step, second.done) == (first.spent, made, False)
    second.run(lambda step: (second.parameters[0] * 1).sum())
    assert second.done
    assert second.step > made


def test_the_folded_encoder_is_the_linear_one(tmp_path, atlas):
    compressor = Compressor()
    composer, rng = Composer(atlas.textures, Variety(words(8), pairs=0.5)), np.random.default_rng(0)
    pictures = paint(atlas, [composer.scene(rng) for _ in range(16)], 64, rng)
    compressor.train()(pictures)
    vae = make_vae(8, (1, 1, 1))
    fold(compressor.eval(), vae)
    with torch.no_grad():
        expected, folded = compressor(pictures), vae.encode(pictures * 2 - 1).latents
    # The border of the last convolution sees padding in one and not in the other.
    assert torch.allclose(expected[:, :3], folded[:, :3], atol=1e-3)
    assert torch.allclose(expected[..., 1:-1, 1:-1], folded[..., 1:-1, 1:-1], atol=1e-3)
    assert expected.var((0, 2, 3)).sub(1).abs().max() < 0.1


def test_one_convolution_stands_for_the_encoder(atlas):
    vae = make_vae(8, (1, 1, 1)).eval()
    compressor = Compressor().eval()
    compressor.mean.uniform_(-0.5, 0.5)
    compressor.variance.uniform_(0.5, 2.0)
    fold(compressor, vae)
    pictures = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.allclose(as_one_convolution(vae)(pictures), vae.encode(pictures * 2 - 1).latents, atol=1e-4)


def test_group_norm_is_calculated_in_full():
    unet = make_unet(SIZES)
    norm = next(module for module in unet.modules() if isinstance(module, torch.nn.GroupNorm))
    with torch.autocast("cpu", torch.bfloat16):
        assert norm(torch.rand(1, norm.num_channels, 4, 4).bfloat16()).dtype == torch.float32


def test_words_of_the_same_thing_are_near_and_grammar_is_not(tmp_path):
    from transformers import CLIPTokenizer

    words_module.write_tokenizer(words_module.count_words(SAID), tmp_path)
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path)
    assert tokenizer.model_max_length == words_module.TEXT_LENGTH
    assert len(tokenizer.tokenize("a red puppy on the left")) == 6
    rows = words_module.table(tokenizer.get_vocab(), SAID, 64)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    def near(one, other):
        first, second = (rows[tokenizer(word).input_ids[1]] for word in (one, other))
        return float(first @ second)

    assert near("puppy", "dog") > 0.5
    assert near("dragon", "monster") > 0.5
    assert abs(near("left", "right")) < 0.4
    assert near("puppy", "castle") < 0.4


def test_text_that_does_not_matter_stops_the_training(workshop, tmp_path):
    unet = make_unet(SIZES)
    unet.conv_out.weight.data.zero_()
    training = UNetTraining(
        workshop.settings.course, unet, workshop.frozen, workshop.atlas, tmp_path, lambda text: None
    )
    assert text_effect(training.unet, workshop.frozen, words(4)) < 1e-6
    training._loss = lambda step, index: training.unet.conv_out.weight.square().sum()
    with pytest.raises(StageFailed, match="hardly matters"):
        training.run(lambda unet, stage: 1.0, carry_on=False)


def test_a_model_that_is_finished_is_trained_at_the_times_of_outlines(workshop, tmp_path):
    def times(course, step):
        training = UNetTraining(
            course, make_unet(SIZES), workshop.frozen, workshop.atlas, tmp_path / str(course.fresh), lambda text: None
        )
        return training._times(step)(torch.linspace(0, 1, 101))

    even, course = torch.linspace(0, 1, 101), workshop.settings.course
    assert torch.equal(times(course, 0), shifted(FIRST_SHIFT)(even))
    assert torch.equal(times(course, 1000), shifted(SHIFT)(even))
    assert torch.equal(times(dataclasses.replace(course, fresh=False), 0), outlines(even))


def test_what_a_gpu_has_made_at_once_is_cut_into_batches(workshop):
    composers = [Composer(workshop.atlas.textures, stage.variety) for stage in workshop.settings.stages]
    frozen, atlas = workshop.frozen, workshop.atlas
    batches = Batches(frozen, atlas, composers, 4, 0.0, 1, at_once=8)
    try:
        taken = [batches.take(step, stage) for step, stage in ((0, 0), (1, 0), (2, 0), (3, 1))]
    finally:
        batches.close()
    artist = Artist(composers, frozen.words, 8, SIDE, 0.0, 1)
    for (drawn, chance), (whole, stage, half) in zip(taken, ((0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 1, 1)), strict=True):
        scenes = artist(whole, stage)
        wanted = frozen.drawn(atlas, scenes)
        assert chance == scenes.chance
        for values, at_once in zip(drawn, wanted, strict=True):
            assert torch.equal(values, at_once[4 * half : 4 * half + 4])


def test_a_loss_with_its_gradients_is_learned_from_like_any_other(tmp_path):
    weight, loop = line_loop(tmp_path / "plain", 30)
    loop.run(lambda step: slope(weight, step))
    other, second = line_loop(tmp_path / "captured", 30)

    def already(step):
        other.grad = None
        loss = slope(other, step)
        loss.backward()
        return loss.detach()

    second.run(already)
    assert torch.equal(other, weight)


def test_what_is_not_on_a_gpu_is_not_captured():
    weight = torch.nn.Parameter(torch.ones(2))
    captured = Captured(lambda x: (weight * x).sum(), [weight])
    captured(torch.tensor([3.0, 4.0])).backward()
    assert weight.grad.tolist() == [3, 4]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need CUDA")
def test_a_graph_gives_the_gradients_of_what_it_was_captured_from():
    weight = torch.nn.Parameter(torch.ones(2, device="cuda"))
    captured = Captured(lambda x: (weight * x).square().sum(), [weight])
    for values in ([1.0, 2.0], [3.0, 4.0]):
        loss = captured(torch.tensor(values, device="cuda"))
        assert loss.item() == sum(value**2 for value in values)
        assert weight.grad.tolist() == [2 * value**2 for value in values]


def test_a_stage_that_fails_its_check_stops_and_is_taken_up_there(workshop, tmp_path, monkeypatch):
    monkeypatch.setattr("starter.training.unet.TEXT_EFFECT", 0.0)
    stages = tuple(dataclasses.replace(stage, least=0.5) for stage in workshop.settings.stages)
    settings = dataclasses.replace(workshop.settings, stages=stages)

    def start(score, carry_on=False):
        torch.manual_seed(0)
        made = UNetTraining(
            settings.course, make_unet(SIZES), workshop.frozen, workshop.atlas, tmp_path, lambda text: None
        )
        made.run(score, carry_on)
        return made

    scored = []

    def poor_second(unet, stage):
        scored.append(stage.name)
        return 0.9 if stage.name == "first" else 0.2

    with pytest.raises(StageFailed, match="second"):
        start(poor_second)
    assert scored == ["first", "second"]
    ended = start(lambda unet, stage: scored.append(stage.name) or 0.6)
    assert scored == ["first", "second", "second"]
    assert ended.loop.done


def test_every_part_is_made_exported_and_loaded_by_the_stock_pipelines(workshop, monkeypatch):
    monkeypatch.setattr("starter.training.unet.TEXT_EFFECT", 0.0)
    monkeypatch.setattr(Workshop, "score", lambda self, unet, stage: 1.0)
    workshop.train_unet(carry_on=False)
    train_control(workshop)
    model = export(workshop.folders)
    assert {path.suffix for path in model.rglob("*") if path.is_file()} == {".json", ".safetensors"}
    assert set(hashes(model)) == {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert str(workshop.folders.root) not in "".join(path.read_text() for path in model.rglob("*.json"))
    pipeline = load(model, torch.device("cpu"))
    assert (pipeline.vae_scale_factor, pipeline.tokenizer.model_max_length) == (4, 77)
    both = paint_prompts(pipeline, ["a red apple", "a cat"], [1, 2], steps=2)
    alone = paint_prompts(pipeline, ["a cat"], [2], steps=2)
    assert both.shape == (2, 3, 128, 128)
    assert torch.allclose(both[1], alone[0], atol=1e-3)
    frozen = workshop.frozen
    trained = assemble(frozen.tokenizer, frozen.encoder, frozen.vae, pipeline.unet, make_scheduler())
    assert isinstance(trained, StableDiffusionPipeline)
    assert (paint_prompts(trained, ["a cat"], [2], steps=2) - alone).abs().mean() < 0.02
    monkeypatch.setattr("starter.export.MAX_BYTES", 1000)
    with pytest.raises(TooLarge, match="narrower"):
        export(workshop.folders)
    assert model.is_dir()


def weights_of(folder):
    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def distance(one, other):
    return sum(float((one[name] - other[name]).abs().sum()) for name in one)


def test_what_is_finished_is_trained_on_from_where_it_was(workshop, monkeypatch):
    monkeypatch.setattr("starter.training.unet.TEXT_EFFECT", 0.0)
    monkeypatch.setattr(Workshop, "score", lambda self, unet, stage: 1.0)
    workshop.train_unet(carry_on=False)
    train_control(workshop)
    parts = workshop.folders.parts
    before = {name: weights_of(parts / name) for name in ("unet", "controlnet")}
    train_control(workshop)
    assert distance(weights_of(parts / "controlnet"), before["controlnet"]) == 0
    # no check of the text: a UNet that is finished knows it, and noise alone is no scene of these stages
    monkeypatch.setattr(UNetTraining, "_check_text", lambda *arguments: pytest.fail("it is not fresh"))
    workshop.__dict__["judge"] = None  # it was examined on a set that these drawings lack, and `score` does not ask it
    build(workshop, "control", False, finish=0.01)
    torch.manual_seed(9)
    fresh = {"unet": make_unet(SIZES), "controlnet": make_control(make_unet(SIZES))}
    for name, model in fresh.items():
        moved = distance(weights_of(parts / name), before[name])
        assert 0 < moved < 0.2 * distance(dict(model.state_dict()), before[name])
    before_it, *stages = finish(0.01).stages
    assert all((parts / f"passed {stage.name}.txt").exists() for stage in stages)
    assert not (parts / f"passed {before_it.name}.txt").exists()
    assert (parts / "finish control.pt").exists()


def test_the_decoder_learns(workshop):
    settings = dataclasses.replace(workshop.settings, vae=Pace(steps=80, batch=8, rate=3e-3, warm_up=1, average=0.9))
    workshop.settings = settings
    vae = workshop.vae
    assert isinstance(vae, AutoencoderTiny)
    log = [json.loads(line) for line in (workshop.folders.parts / "vae.jsonl").read_text().splitlines()]
    assert log[-1]["psnr"] > log[0]["psnr"] + 1


def test_settings_fit_together():
    for settings in (on_processor(), on_gpu()):
        assert settings.unet.seconds or settings.unet.steps >= sum(
            stage.samples // settings.unet.batch for stage in settings.stages
        )
        assert all(width % settings.sizes.groups == 0 for width in settings.sizes.unet)
        grown = [len(stage.variety.nouns) for stage in settings.stages]
        assert grown == sorted(grown)
        assert settings.stages[0].variety.origins == (DRAWN,)
        finished = settings.finish(1)
        assert not finished.fresh
        assert finished.pace.seconds == settings.finish_control(1).seconds == 60
    assert {package.licence for package in WORDS.values()} == {"MIT"}
