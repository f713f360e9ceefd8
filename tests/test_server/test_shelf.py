"""A picture larger than the device's memory allows is scaled down for the model, and the painter hears of it."""

import uuid

import pytest

from backend.models import Library
from backend.server.shelf import Shelf
from protocol import DeviceInfo, Extent, Job

GIB = 1024**3


@pytest.fixture
def plan(tmp_path):
    """Plan a picture of 160 x 128 with the embedded model on a device with that much memory."""

    async def plan(memory: int | None, kind="cpu"):
        library = Library(tmp_path)
        library.scan()
        device = None if memory is None else DeviceInfo("a device", kind, memory)
        return await Shelf(library, lambda: device, *[tmp_path] * 3).plan(Job(uuid.uuid4().hex, Extent(160, 128)))

    return plan


@pytest.mark.parametrize("memory", [None, 0, 8 * GIB])
async def test_where_memory_suffices_or_is_not_known_nothing_is_scaled(plan, memory):
    made = await plan(memory)
    assert made.size == Extent(160, 128)
    assert made.notes == ()


async def test_wildcards_are_read_anew_for_each_job(tmp_path):
    shelf = Shelf(Library(tmp_path), lambda: None, tmp_path, tmp_path / "wildcards", tmp_path)

    async def planned():
        made = await shelf.plan(Job(uuid.uuid4().hex, Extent(160, 128), "a __pet__"))
        return made.words_of(0).prompt.text, made.notes

    text, notes = await planned()
    assert text == "a __pet__"
    assert "no pet.txt" in notes[0]
    (tmp_path / "wildcards").mkdir()
    for pet in ("cat", "dog"):
        (tmp_path / "wildcards" / "pet.txt").write_text(f"{pet}\n", "utf-8")
        assert await planned() == (f"a {pet}", ())


async def test_what_does_not_fit_is_scaled_down_and_said(plan):
    made = await plan(200_000_000)
    pixels = 200_000_000 // 2 // 5000
    assert made.size.area <= pixels < 160 * 128
    assert made.extent == Extent(160, 128)
    assert any("160 x 128" in note for note in made.notes)
