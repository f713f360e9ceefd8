"""`scumble fill` and `scumble generate` as a painter uses them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

EXAMPLES = ("meadow", "room", "table", "dusk", "badge")

FEW = ("--steps", "4")


@pytest.fixture(scope="module")
def filled(shared, tmp_path_factory):
    """Each example filled, all five at once: several clients on one backend."""
    folder = tmp_path_factory.mktemp("filled")
    commands = {
        name: shared.fill(name, folder / f"{name}.png", "-p", "a red apple", "--seed", 3, *FEW) for name in EXAMPLES
    }
    return {name: (command.wait(), folder / f"{name}.png") for name, command in commands.items()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_changes_inside_its_mask_and_by_no_bit_outside(filled, pictures, examples, name):
    command, path = filled[name]
    before, after = pictures.read(examples / f"{name}.png"), pictures.read(path)
    mask = pictures.read(examples / f"{name}-mask.png")[..., 0]
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    assert np.array_equal(after[mask == 0], before[mask == 0])
    whole = mask == mask.max()
    assert np.any(after[whole] != before[whole], axis=1).mean() > 0.5
    assert command.stdout == f"{path}  seed 3\n"
    # sentences, and no trace of a bar
    assert "\x1b" not in command.stderr
    assert all(line.endswith(".") or "before this one" in line for line in command.stderr.splitlines())


def test_the_examples_cover_8_bit_16_bit_and_alpha(pictures, examples):
    kinds = {
        (pictures.read(examples / f"{name}.png").dtype, pictures.read(examples / f"{name}.png").shape[2])
        for name in EXAMPLES
    }
    assert {(np.dtype("u1"), 3), (np.dtype("u2"), 3), (np.dtype("u1"), 4)} <= kinds


@pytest.mark.parametrize("name", EXAMPLES)
def test_resolution_is_kept(filled, examples, name):
    with Image.open(examples / f"{name}.png") as before, Image.open(filled[name][1]) as after:
        assert after.info["dpi"] == before.info["dpi"]


def test_what_is_painted_has_structure(filled, pictures, examples):
    """Not black, not one colour: four steps are enough for that."""
    mask = pictures.read(examples / "room-mask.png")[..., 0] == 255
    inside = pictures.read(filled["room"][1])[mask]
    assert inside.std() > 5
    assert 5 < inside.mean() < 250


def test_the_same_seed_gives_the_same_file_and_another_seed_another(shared, filled, tmp_path):
    again = shared.fill("room", tmp_path / "again.png", "-p", "a red apple", "--seed", 3, *FEW)
    other = shared.fill("room", tmp_path / "other.png", "-p", "a red apple", "--seed", 4, *FEW)
    words = shared.fill("room", tmp_path / "words.png", "-p", "a blue fish", "--seed", 3, *FEW)
    for command in (again, other, words):
        command.wait()
    first = filled["room"][1].read_bytes()
    assert (tmp_path / "again.png").read_bytes() == first
    assert (tmp_path / "other.png").read_bytes() != first
    assert (tmp_path / "words.png").read_bytes() != first


def test_each_picture_of_a_batch_is_reproduced_alone_by_its_printed_seed(shared, tmp_path):
    out = tmp_path / "three.png"
    batch = shared.fill("badge", out, "-p", "a pine tree", "--count", 3, *FEW).wait()
    told = re.findall(r"^(.+)  seed (\d+)$", batch.stdout, re.MULTILINE)
    assert [path for path, _ in told] == [str(tmp_path / f"three-{i}.png") for i in (1, 2, 3)]
    assert not out.exists()
    alone = [
        shared.fill("badge", tmp_path / f"alone-{i}.png", "-p", "a pine tree", "--seed", seed, *FEW)
        for i, (_, seed) in enumerate(told, 1)
    ]
    for command in alone:
        command.wait()
    files = [(tmp_path / f"three-{i}.png").read_bytes() for i in (1, 2, 3)]
    assert files == [(tmp_path / f"alone-{i}.png").read_bytes() for i in (1, 2, 3)]
    assert len(set(files)) == 3


def test_refining_keeps_the_picture_and_making_anew_does_not(shared, pictures, tmp_path):
    before = pictures.landscape(160, 128)
    source = pictures.write(tmp_path / "in.png", before)
    anew = shared.start("fill", source, "-o", tmp_path / "anew.png", "-p", "a fish", "--seed", 5, *FEW)
    refined = shared.start(
        "fill", source, "-o", tmp_path / "less.png", "-p", "a fish", "--seed", 5, "--strength", "60%", *FEW
    )
    slightly = shared.start(
        "fill", source, "-o", tmp_path / "bit.png", "-p", "a fish", "--seed", 5, "--strength", "0.2", "--steps", 10
    )
    for command in (anew, refined, slightly):
        command.wait()

    def distance(name: str) -> float:
        after = pictures.read(tmp_path / name)
        assert after.shape == before.shape
        return float(np.abs(after.astype(float) - before).mean())

    assert 0 < distance("bit.png") < distance("less.png") < distance("anew.png")


def test_generate_makes_a_new_picture_of_the_asked_size_with_its_recipe(shared, tmp_path):
    command = shared.run(
        "generate", "-p", "a red apple", "--width", 96, "--height", 64, "--seed", 8, "-o", tmp_path / "new.png", *FEW
    )
    with Image.open(tmp_path / "new.png") as made:
        made.load()
        assert (made.size, made.mode) == ((96, 64), "RGB")
        assert (made.info["prompt"], made.info["seed"]) == ("a red apple", "8")
        assert np.asarray(made).std() > 5
    assert command.stdout == f"{tmp_path / 'new.png'}  seed 8\n"
    shared.run("generate", "-o", tmp_path / "square.webp", *FEW)
    with Image.open(tmp_path / "square.webp") as made:
        assert made.size == (128, 128)


def test_previews_are_pictures_of_the_unfinished(shared, tmp_path):
    shared.fill("room", tmp_path / "out.png", "--preview-dir", tmp_path / "new" / "looks", "--steps", 12).wait()
    looks = sorted((tmp_path / "new" / "looks").glob("preview-1-*.png"))
    assert looks
    for look in looks:
        with Image.open(look) as found:
            found.load()
            assert found.mode in ("RGB", "RGBA")
    assert len({look.read_bytes() for look in looks}) == len(looks)


def test_negative_words_style_and_an_empty_prompt_matter(shared, tmp_path):
    style = tmp_path / "flat.toml"
    style.write_text('steps = 3\nguidance = 6.0\ntemplate = "{prompt}, flat icon"\n')
    options = {
        "plain": ("-p", "a house"),
        "negative": ("-p", "a house", "-n", "red"),
        "style": ("-p", "a house", "--style", style),
        "named": ("-p", "a house", "--style", "flat"),
        "empty": (),
    }
    shared.places.styles.mkdir(parents=True, exist_ok=True)
    (shared.places.styles / "flat.toml").write_bytes(style.read_bytes())
    commands = [shared.fill("badge", tmp_path / f"{name}.png", "--seed", 1, *words) for name, words in options.items()]
    for command in commands:
        command.wait()
    made = {name: (tmp_path / f"{name}.png").read_bytes() for name in options}
    assert made["style"] == made["named"]
    assert len(set(made.values())) == 4


def test_one_masked_pixel_is_the_only_one_that_may_change(shared, pictures, tmp_path):
    before = pictures.landscape(120, 90)
    mask = np.zeros((90, 120), np.uint8)
    mask[40, 70] = 255
    source, hole = pictures.write(tmp_path / "in.png", before), pictures.write(tmp_path / "mask.png", mask)
    shared.run("fill", source, "-m", hole, "-p", "a red apple", "-o", tmp_path / "out.png", *FEW)
    after = pictures.read(tmp_path / "out.png")
    assert np.array_equal(after[mask == 0], before[mask == 0])


def test_a_large_picture_is_painted_smaller_and_that_is_said(shared, pictures, tmp_path):
    before = pictures.landscape(3000, 3000)
    source = pictures.write(tmp_path / "large.png", before)
    command = shared.run("fill", source, "--strength", "60%", "-p", "a fish", "-o", tmp_path / "out.png", *FEW)
    assert pictures.read(tmp_path / "out.png").shape == before.shape
    assert re.search(r"3000 x 3000 pixels are more than .* scaled up", command.stderr)


def test_the_picture_may_be_painted_in_place(shared, pictures, tmp_path):
    before = pictures.landscape(96, 96)
    source = pictures.write(tmp_path / "in.png", before)
    hole = pictures.write(tmp_path / "mask.png", pictures.spot(96, 96))
    shared.run("fill", source, "-m", hole, "-o", source, *FEW)
    assert not np.array_equal(pictures.read(source), before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "mask.png"]
