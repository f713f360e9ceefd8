"""The studio's parts, each alone, under one binding. Started by `test_bindings.py`."""

import json
import os
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import until

from krita_plugin.bundled import protocol
from krita_plugin.qt import QtCore
from krita_plugin.studio import MOST_VARIATIONS, Reference, Settings
from krita_plugin.studio import keep as keeping
from krita_plugin.studio.aside import Aside
from krita_plugin.studio.calm import Calm
from krita_plugin.studio.keep import Keep, Kept, Position
from krita_plugin.studio.pictures import LARGE, THUMBNAIL, for_krita, look_at, preview_image, scaled_down
from krita_plugin.studio.settings import decode_settings, encode_settings

Bounds, Extent = protocol.Bounds, protocol.Extent

SETTINGS = st.builds(
    Settings,
    prompt=st.text(st.characters(exclude_categories=())),
    negative=st.text(),
    strength=st.floats(0, 1, exclude_min=True),
    seed=st.integers(0, protocol.MAX_SEED),
    random_seed=st.booleans(),
    count=st.integers(1, MOST_VARIATIONS),
    style=st.text(),
    references=st.lists(st.builds(Reference, st.text(), st.text()), max_size=10, unique_by=lambda one: one.layer).map(
        tuple
    ),
)


# --- settings


@given(SETTINGS)
def test_settings_come_back_as_they_were(settings):
    assert decode_settings(encode_settings(settings)) == settings


@given(st.binary())
def test_what_is_no_settings_is_the_default(data):
    assert isinstance(decode_settings(data), Settings)


@pytest.mark.parametrize(
    "plain",
    [
        {"strength": 0},
        {"strength": True},
        {"strength": float("inf")},
        {"strength": "1"},
        {"seed": -1},
        {"seed": 2**53},
        {"seed": 1.0},
        {"count": 0},
        {"count": MOST_VARIATIONS + 1},
        {"count": True},
        {"random_seed": 1},
        {"prompt": None},
        {"style": ["a"]},
        {"references": {"layer": "{a}", "name": "a"}},
        {"references": [{"layer": "{a}"}]},
        {"references": [{"layer": "{a}", "name": 1}]},
        {"references": ["{a}"]},
        {"references": [{"layer": "{a}", "name": "a"}, {"layer": "{a}", "name": "b"}]},
        {"references": [{"layer": str(number), "name": "a"} for number in range(11)]},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_read_is_left_out_alone(plain):
    data = json.dumps({"negative": "kept", **plain}).encode()
    assert decode_settings(data) == Settings(negative="kept")


def test_the_longest_settings_are_read_again():
    longest = "\N{GRINNING FACE}" * protocol.MAX_PROMPT_CHARS
    names = tuple(Reference(f"{{{number}}}", longest[: protocol.MAX_NAME_CHARS]) for number in range(10))
    settings = Settings(prompt=longest, negative=longest, references=names)
    assert decode_settings(encode_settings(settings)) == settings


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b" " * 1_000_000])
def test_broken_settings_are_the_default(data):
    assert decode_settings(data) == Settings()


@pytest.mark.parametrize("wrong", [{"strength": 0}, {"strength": 1.01}, {"seed": -1}, {"count": 0}, {"count": 9}])
def test_settings_refuse_what_they_are_not(wrong):
    with pytest.raises(ValueError, match="must"):
        Settings(**wrong)


# --- jobs on disk


def a_job(number=1, **fields):
    return Kept(
        **{
            "id": f"{number:032x}",
            "document": "picture.kra",
            "identity": "",
            "layers": ("{a}", "{b}"),
            "canvas": Extent(100, 80),
            "layer": "{a}",
            "positions": (Position("{a}", 1, -2),),
            "bounds": Bounds(10, 20, 50, 40),
            "extent": Extent(50, 40),
            "prompt": 'an "apple" — ü',
            "seed": protocol.MAX_SEED,
            **fields,
        }
    )


def test_jobs_come_back_in_the_order_of_their_writing(tmp_path):
    keep = Keep(tmp_path / "jobs")
    assert keep.load() == ()
    jobs = [a_job(number, dealt=(number,), cancelled=number == 2) for number in (3, 1, 2)]
    for at, job in enumerate(jobs):
        keep.write(job)
        os.utime(tmp_path / "jobs" / f"{job.id}.json", (at, at))
    assert keep.load() == tuple(jobs)
    assert jobs[0].anchor.positions == {"{a}": (1, -2)}
    keep.forget(jobs[0].id)
    keep.forget(jobs[0].id)
    assert keep.load() == tuple(jobs[1:])
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "jobs").iterdir()} == {0o600}


@pytest.mark.parametrize(
    "break_it",
    [
        lambda path: path.write_text(path.read_text()[:-10]),
        lambda path: path.write_text(path.read_text().replace('"seed"', '"sead"')),
        lambda path: path.write_text(path.read_text().replace(f"{1:032x}", f"{3:032x}")),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.write_bytes(b" " * (keeping.MOST_FILE_BYTES + 1)),
        lambda path: path.write_text("[]"),
    ],
)
def test_a_broken_file_is_set_aside(tmp_path, break_it):
    keep = Keep(tmp_path)
    for number in (1, 2):
        keep.write(a_job(number))
    path = tmp_path / f"{1:032x}.json"
    break_it(path)
    assert keep.load() == (a_job(2),)
    assert not path.exists()
    assert path.with_name(path.name + ".broken").exists()
    assert keep.load() == (a_job(2),)


def test_more_jobs_than_are_kept_are_forgotten_the_oldest_first(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_KEPT", 2)
    keep = Keep(tmp_path)
    for number in (1, 2, 3):
        keep.write(a_job(number))
        os.utime(tmp_path / f"{number:032x}.json", (number, number))
    assert [kept.id for kept in keep.load()] == [f"{2:032x}", f"{3:032x}"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_takes_nothing_is_no_fault(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder is to be")
    keep = Keep(blocked)
    keep.write(a_job())
    keep.forget(a_job().id)
    assert keep.load() == ()


def test_a_part_of_a_job_has_its_place_on_the_canvas():
    assert a_job().on_canvas(Bounds(5, 6, 7, 8)) == Bounds(15, 26, 7, 8)
    half = a_job(bounds=Bounds(10, 20, 101, 80), extent=Extent(50, 40))
    assert half.on_canvas(Bounds.of(Extent(50, 40))) == Bounds(10, 20, 101, 80)
    left, right = half.on_canvas(Bounds(0, 0, 25, 40)), half.on_canvas(Bounds(25, 0, 25, 40))
    assert (left.right, left.x, right.right) == (right.x, 10, 111)


# --- pictures


def raster_of(data, width, height, order="bgra", depth="u8"):
    return protocol.Raster(protocol.content_name(data), len(data), width, height, order, depth)


def test_bytes_for_krita_are_the_same_and_its_own():
    data = random.Random(1).randbytes(3 * 1024 * 1024 + 5)
    made = for_krita(data)
    assert made.data() == data
    assert for_krita(b"").size() == 0


@pytest.mark.parametrize(("order", "depth"), [("bgra", "u8"), ("rgba", "u8"), ("bgra", "u16"), ("rgba", "u16")])
def test_a_look_has_the_pictures_colours_and_size(order, depth):
    # four quarters of one colour each, one of them clear
    width, height = 2400, 1200
    colours = [(250, 20, 30, 255), (20, 240, 30, 255), (20, 30, 230, 255), (0, 0, 0, 0)]
    laid = [(b, g, r, a) if order == "bgra" else (r, g, b, a) for r, g, b, a in colours]
    wide = 1 if depth == "u8" else 2
    pixels = [bytes(value for value in colour for _ in range(wide)) for colour in laid]
    data = (pixels[0] * 1200 + pixels[1] * 1200) * 600 + (pixels[2] * 1200 + pixels[3] * 1200) * 600
    look = look_at(data, raster_of(data, width, height, order, depth))
    assert (look.large.width(), look.large.height()) == (LARGE, LARGE // 2)
    assert (look.thumbnail.width(), look.thumbnail.height()) == (THUMBNAIL, THUMBNAIL // 2)
    for image in (look.large, look.thumbnail):
        for index, colour in enumerate(colours):
            x, y = image.width() * (1 + index % 2 * 2) // 4, image.height() * (1 + index // 2 * 2) // 4
            seen = image.pixelColor(x, y)
            assert (seen.red(), seen.green(), seen.blue(), seen.alpha()) == colour
    assert look.size >= LARGE * LARGE // 2 * 4


def test_a_small_picture_is_not_enlarged():
    data = bytes(range(24))
    image = scaled_down(data, raster_of(data, 4, 2, "rgb"), 256)
    assert (image.width(), image.height()) == (4, 2)
    assert [image.pixelColor(3, 1).getRgb()[:3]] == [(21, 22, 23)]


def test_rows_that_are_no_multiple_of_four_bytes():
    data = bytes(range(27))
    image = preview_image(raster_of(data, 3, 3, "rgb"), data)
    assert image.pixelColor(2, 2).getRgb()[:3] == (24, 25, 26)


def test_what_cannot_be_shown_is_refused():
    data = bytes(16)
    packed = protocol.Raster(protocol.content_name(data), 16, 100, 100, "rgba", "u8", "zlib")
    for raster in (raster_of(data, 4, 2, "graya"), packed, raster_of(data + data, 4, 2, "rgba")):
        with pytest.raises(ValueError, match="cannot be shown"):
            look_at(data, raster)
        assert preview_image(raster, data) is None


def test_a_very_long_picture_keeps_a_side():
    data = bytes(4) * 20_000
    look = look_at(data, raster_of(data, 20_000, 1))
    assert (look.large.width(), look.large.height()) == (LARGE, 1)


# --- work aside


@pytest.fixture
def faults():
    return []


@pytest.fixture
def aside(faults):
    made = Aside(faults.append)
    yield made
    made.close()


def test_work_is_done_aside_and_answered_here(aside, faults):
    threads, answers = [], []

    def answered(number):
        threads.append(threading.get_ident())
        answers.append(number)

    for number in range(20):
        aside.do(lambda number=number: (number, threading.get_ident()), answered)
    until(lambda: len(answers) == 20)
    assert [number for number, _ in answers] == list(range(20))
    assert threading.get_ident() not in {thread for _, thread in answers}
    assert set(threads) == {threading.get_ident()}
    assert faults == []


def test_faults_of_work_and_of_answers_are_told(aside, faults):
    failed = []
    aside.do(lambda: 1 / 0, None, failed.append)
    aside.do(lambda: 1 / 0)
    aside.do(lambda: 0, lambda zero: 1 / zero)
    until(lambda: len(faults) == 2)
    assert [type(error) for error in (*failed, *faults)] == [ZeroDivisionError] * 3


def test_the_end_finishes_what_was_asked_and_tells_nobody(aside, faults):
    done, told = [], []
    for number in range(50):
        aside.do(lambda number=number: done.append(number), told.append)
    aside.close()
    aside.close()
    assert done == list(range(50))
    aside.do(lambda: done.append(-1), told.append)
    until(lambda: True)
    assert (len(done), told, faults) == (50, [], [])


def test_a_calm_signal_is_told_at_once_and_then_together():
    told, owner = [], QtCore.QObject()
    calm = Calm(lambda: told.append(True), 50, owner)
    calm.ask()
    assert len(told) == 1, "at once"
    for _ in range(20):
        calm.ask()
    assert len(told) == 1
    until(lambda: len(told) == 2)
    wait = QtCore.QElapsedTimer()
    wait.start()
    until(lambda: wait.elapsed() > 150)
    assert len(told) == 2, "nothing more was asked"
    calm.ask()
    assert len(told) == 3
    calm.ask()
    calm.at_once()
    assert len(told) == 4
    wait.restart()
    until(lambda: wait.elapsed() > 150)
    assert len(told) == 4, "what was asked for before is told with it"
