"""Packages, drawings, colours, scenes: from a tarball to a picture with its caption."""

import base64
import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
import torch

from starter.data import packages
from starter.data.colours import HUES, dominant, recolour
from starter.data.icons import fit, pictures, rasterise
from starter.data.nouns import NOUNS, with_article
from starter.data.packages import DRAWINGS, OPEN_LICENCES, WORDS, Package, PackageError, verify
from starter.data.places import PLACES, SCENERIES
from starter.data.render import paint, scribble
from starter.data.scenes import Composer, Item, Scene, Texture, Variety, kept_out, placement_kept_out

WIDE = Variety(
    tuple(noun.word for noun in NOUNS), ("fluent-emoji-flat",), (0.35, 0.88), 0.07, 0.5, 0.3, 0.4, 0.4, 0.5, 0.1
)


def tarball(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    return Package("@set/name", "1.0.0", "MIT", f"sha512-{digest}")


def test_only_open_licences_are_fetched():
    assert {package.licence for package in (*DRAWINGS.values(), *WORDS.values())} <= OPEN_LICENCES


def test_a_package_that_is_not_the_pinned_one_is_refused_and_removed(tmp_path):
    pinned = tarball(tmp_path / "set-name-1.0.0.tgz", {"a.json": [1]})
    assert pinned.file_name == "set-name-1.0.0.tgz"
    verify(pinned, tmp_path / pinned.file_name)
    tarball(tmp_path / pinned.file_name, {"a.json": [2]})
    with pytest.raises(PackageError, match="not the file that was pinned"):
        packages.fetch(pinned, tmp_path)
    assert not (tmp_path / pinned.file_name).exists()


def test_without_npm_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(PackageError, match=r"Install Node\.js"):
        packages.fetch(DRAWINGS["noto"], tmp_path)


def test_a_set_is_read_through_its_aliases(tmp_path):
    icons = {"icons": {"a": {"body": "<path/>"}}, "aliases": {"b": {"parent": "a"}}, "width": 32, "height": 32}
    tarball(tmp_path / "t.tgz", {"icons.json": icons, "chars.json": {"1f34e": "b", "2b50-fe0f": "a", "1f600": "a"}})
    found = list(pictures("set", tmp_path / "t.tgz", {"1F34E": "red apple", "2B50": "star"}))
    assert [code for code, _ in found] == ["1F34E"]
    assert 'viewBox="0 0 32 32"><path/>' in found[0][1]


def test_a_drawing_fills_its_square_and_keeps_its_edge_colour():
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect x="2" y="4" width="6" height="3" fill="#f00"/></svg>'
    square = fit(rasterise(svg, 64), 32)
    ys, xs = np.nonzero(square[..., 3])
    assert (xs.min(), xs.max()) == (0, 31)
    assert 14 <= ys.max() - ys.min() + 1 <= 18
    assert (square[..., 0][square[..., 3] > 0] > 250).all()
    assert fit(np.zeros((64, 64, 4), np.uint8), 32) is None


@pytest.mark.parametrize("word", HUES)
def test_a_drawing_turned_to_a_colour_has_that_colour(icons, word):
    turned = recolour(icons.pixels(icons.drawings[0]), word)
    assert dominant(turned) == word


def test_a_gray_drawing_is_not_turned():
    assert recolour(np.full((16, 16, 4), 128, np.uint8) | np.array([0, 0, 0, 255], np.uint8), "blue") is None


def test_articles():
    assert [with_article(word) for word in ("apple", "umbrella", "unicorn", "cat")] == [
        "an apple",
        "an umbrella",
        "a unicorn",
        "a cat",
    ]


def test_what_is_kept_for_evaluation_is_never_trained_on(atlas):
    composer, rng = Composer(atlas.textures, WIDE), np.random.default_rng(0)
    seen = set()
    for _ in range(600):
        scene = composer.scene(rng)
        nouns = [item.texture.noun for item in scene.items]
        if len(nouns) == 2:
            assert not kept_out(*sorted(nouns))
        else:
            item = scene.items[0]
            assert not placement_kept_out(item.x, item.y)
            said = item.texture.colour if item.texture.colour in scene.caption.split(" on ")[0].split() else None
            assert not kept_out(nouns[0], said, scene.place)
        seen.add(scene.place)
    assert seen == set(PLACES)
    assert len(SCENERIES) == 10


def test_one_in_eight_is_kept_out():
    kept = [kept_out(noun.word, None, place) for noun in NOUNS for place in PLACES]
    assert 0.08 < sum(kept) / len(kept) < 0.17
    cells = [placement_kept_out((x + 0.5) / 16, (y + 0.5) / 16) for x in range(16) for y in range(16)]
    assert 0.06 < sum(cells) / len(cells) < 0.2
    assert kept_out("a", None) == kept_out("a", None)


def test_captions_say_what_is_where(atlas):
    composer, rng = Composer(atlas.textures, WIDE), np.random.default_rng(1)
    told = 0
    for _ in range(300):
        scene = composer.pair(rng, "cat", "dog", "white")
        cat, dog = scene.items
        if "above" in scene.caption or "over" in scene.caption or "below" in scene.caption:
            told += 1
            assert cat.y < dog.y - 0.3
        elif "left" in scene.caption or "right" in scene.caption:
            told += 1
            assert cat.x < dog.x - 0.3
    assert told > 200


def test_a_variety_without_drawings_is_refused(atlas):
    with pytest.raises(ValueError, match="no drawing"):
        Composer(atlas.textures, Variety(("cat",), ("nobody",)))


def row_of(atlas, noun):
    return next(texture for texture in atlas.textures if texture.noun == noun and not texture.turned)


@pytest.mark.parametrize("size", [0.25, 0.5, 0.9])
def test_a_thing_lies_where_the_scene_says(atlas, size):
    scene = Scene("white", (Item(row_of(atlas, "cat"), 0.5, 0.5, size, False, 0.0),), "")
    picture = paint(atlas, [scene], 128, np.random.default_rng(0))[0]
    ys, xs = (picture[1] < 0.6).nonzero().unbind(1)
    extent = max(int(ys.max() - ys.min()), int(xs.max() - xs.min())) + 1
    assert abs(extent - size * 128) <= 3
    assert abs(float(xs.float().mean()) - 63.5) < 16 * size + 2


def test_a_mirrored_thing_is_mirrored(atlas):
    texture = row_of(atlas, "house")
    pair = [Scene("black", (Item(texture, 0.5, 0.5, 0.8, flip, 0.0),), "") for flip in (False, True)]
    first, second = paint(atlas, pair, 128, np.random.default_rng(0))
    assert torch.allclose((first[0] > 0.5).float(), (second[0] > 0.5).float().flip(-1), atol=0.01) or (
        ((first[0] > 0.5) != (second[0] > 0.5).flip(-1)).float().mean() < 0.01
    )
    assert ((first[0] > 0.5) != (second[0] > 0.5)).float().mean() > 0.01


def test_the_later_thing_covers_the_earlier(atlas):
    back = Item(row_of(atlas, "cat"), 0.5, 0.5, 0.9, False, 0.0)
    blue = next(texture for texture in atlas.textures if texture.noun == "cat" and texture.colour == "blue")
    front = Item(Texture("cat", blue.origin, "blue", True, blue.row), 0.5, 0.5, 0.4, False, 0.0)
    picture = paint(atlas, [Scene("white", (back, front), "")], 128, np.random.default_rng(0))[0]
    red, _, over = picture[:, 64, 64]
    assert over > red


def test_sceneries_differ_and_night_has_stars(atlas):
    rng = np.random.default_rng(0)
    painted = paint(atlas, [Scene(place, (), "") for place in PLACES], 64, rng)
    assert painted.shape == (len(PLACES), 3, 64, 64)
    apart = torch.cdist(painted.flatten(1), painted.flatten(1)) + 1e3 * torch.eye(len(PLACES))
    assert apart.min() > 2
    night = paint(atlas, [Scene("night", (), "")], 128, rng)[0]
    assert (night[0] > 0.5).sum() > 8


def test_scribbles_have_inner_lines_and_nothing_on_plain_ground(atlas):
    back = Item(row_of(atlas, "cat"), 0.5, 0.5, 0.9, False, 0.0)
    blue = next(texture for texture in atlas.textures if texture.noun == "cat" and texture.colour == "blue")
    plain, one, two = paint(
        atlas,
        [
            Scene("white", (), ""),
            Scene("white", (back,), ""),
            Scene("white", (back, Item(blue, 0.5, 0.5, 0.3, False, 0.0)), ""),
        ],
        128,
        np.random.default_rng(0),
    )
    lines = scribble(torch.stack([plain, one, two]))
    assert lines[0].sum() == 0
    assert 0 < lines[1].sum() < lines[2].sum()
    assert set(lines.unique().tolist()) == {0.0, 1.0}
