from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.jobs import EndedJob, JobKey, Spool, spool_file
from backend.jobs.spool_file import SpoolFileError
from protocol import Bounds, Cancelled, Done, Failed, Failure, Picture


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def done(tools):
    def make(owner="ana", seeds=(1,), side=4, ended=1_000_000.0):
        bounds = Bounds(0, 0, side, side)
        contents = {}
        pictures = []
        for seed in seeds:
            content = tools.hand.pixels_for(seed, bounds)
            image = tools.hand.raster_of(content, side, side)
            contents[image.content] = content
            pictures.append(Picture(image, bounds, seed))
        return EndedJob(owner, "digest", ended, Done(uuid.uuid4().hex, tuple(pictures), ("a note",), 1.5)), contents

    return make


def key_of(ended: EndedJob) -> JobKey:
    return JobKey(ended.owner, ended.end.id)


def loaded(folder, **bounds) -> Spool:
    spool = Spool(folder, **bounds)
    spool.load()
    return spool


async def test_ends_outlive_the_process(tmp_path, done, clock):
    first = loaded(tmp_path / "spool", clock=clock)
    kept, contents = done(seeds=(1, 2, 1))
    failed = EndedJob("ben", "other", clock.now, Failed("a" * 32, Failure("no", 'It broke: "ä".', "Try.")))
    cancelled = EndedJob("ben", "third", clock.now, Cancelled("b" * 32))
    for ended in (kept, failed, cancelled):
        await first.put(ended, contents if ended is kept else {})
    second = loaded(tmp_path / "spool", clock=clock)
    assert len(second) == 3
    assert [second.find(key_of(ended)) for ended in (kept, failed, cancelled)] == [kept, failed, cancelled]
    for name, content in contents.items():
        assert second.content("ana", name) == content


async def test_the_layers_of_a_picture_outlive_the_process_too(tmp_path, tools, clock):
    bounds = Bounds(0, 0, 4, 4)
    # the last two are alike, as layers with nothing on them are
    seen, *apart = [tools.hand.pixels_for(seed, bounds) for seed in (1, 2, 3, 3)]
    image, *layers = [tools.hand.raster_of(content, 4, 4) for content in (seen, *apart)]
    done = Done("c" * 32, (Picture(image, bounds, 1, tuple(layers)),))
    ended = EndedJob("ana", "digest", clock.now, done)
    contents = {raster.content: content for raster, content in zip((image, *layers), (seen, *apart), strict=True)}
    await loaded(tmp_path / "spool", clock=clock).put(ended, contents)
    assert ended.size == 3 * 64
    second = loaded(tmp_path / "spool", clock=clock)
    assert second.find(key_of(ended)) == ended
    for name, content in contents.items():
        assert second.content("ana", name) == content
        path, start = second.lying("ana", name)
        assert path.read_bytes()[start : start + 64] == content


async def test_nothing_is_found_by_another_owner(tmp_path, done, clock):
    spool = loaded(tmp_path, clock=clock)
    ended, contents = done("ana")
    await spool.put(ended, contents)
    (name,) = contents
    assert spool.content("ben", name) is None
    assert spool.find(JobKey("ben", ended.end.id)) is None
    spool.drop(JobKey("ben", ended.end.id))
    assert spool.content("ana", name) == contents[name]


async def test_an_acknowledged_end_leaves_nothing(tmp_path, done, clock):
    spool = loaded(tmp_path, clock=clock)
    ended, contents = done()
    await spool.put(ended, contents)
    assert list(tmp_path.iterdir())
    spool.drop(key_of(ended))
    assert not list(tmp_path.iterdir())
    assert spool.find(key_of(ended)) is None
    assert spool.content("ana", *contents) is None


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
async def test_only_this_user_may_read(tmp_path, done, clock):
    spool = loaded(tmp_path / "spool", clock=clock)
    await spool.put(*done())
    (file,) = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700


async def test_size_count_and_age_are_bounded_and_the_oldest_goes_first(tmp_path, done, clock, caplog):
    small = loaded(tmp_path / "size", clock=clock, most_bytes=3 * 64)
    few = loaded(tmp_path / "count", clock=clock, most_ends=2)
    jobs = [done(seeds=(seed,)) for seed in range(5)]
    for ended, contents in jobs:
        await small.put(ended, contents)
        await few.put(ended, contents)
    assert [small.find(key_of(ended)) is not None for ended, _ in jobs] == [False, False, True, True, True]
    assert [few.find(key_of(ended)) is not None for ended, _ in jobs] == [False, False, False, True, True]
    assert len(list((tmp_path / "size").iterdir())) == 3
    assert len(list((tmp_path / "count").iterdir())) == 2
    assert jobs[0][0].end.id in caplog.text
    clock.now += 8 * 24 * 3600
    assert all(small.find(key_of(ended)) is None for ended, _ in jobs)
    assert not list((tmp_path / "size").iterdir())
    assert len(loaded(tmp_path / "count", clock=clock)) == 0


async def test_old_contents_leave_the_memory_and_come_back_from_disk(tmp_path, done, clock):
    spool = loaded(tmp_path, clock=clock, recent_bytes=64)
    jobs = [done(seeds=(seed,)) for seed in range(3)]
    for ended, contents in jobs:
        await spool.put(ended, contents)
    first, last = (
        tmp_path / name for name in sorted(os.listdir(tmp_path), key=lambda n: os.stat(tmp_path / n).st_mtime_ns)[::2]
    )
    last.unlink()
    assert spool.content("ana", *jobs[0][1]) == next(iter(jobs[0][1].values())), "from disk"
    assert spool.content("ana", *jobs[2][1]) == next(iter(jobs[2][1].values())), "from memory"
    first.unlink()
    assert spool.content("ana", *jobs[0][1]) is None


def test_any_spoilt_byte_is_noticed(tmp_path_factory, done):
    folder = tmp_path_factory.mktemp("spoilt")
    ended, contents = done(side=2)
    path = folder / "x.end"
    spool_file.write(path, ended, contents)
    sound = path.read_bytes()
    (name,) = contents

    def read(data: bytes) -> None:
        path.write_bytes(data)
        assert spool_file.read(path) == ended
        assert spool_file.read_content(path, name) == contents[name]

    read(sound)
    cut = [sound[:length] for length in range(len(sound))]
    flipped = [sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :] for place in range(len(sound))]
    for data in (*cut, sound + b"x", *flipped):
        with pytest.raises(SpoolFileError):
            read(data)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_that_are_no_end_are_the_documented_error(tmp_path_factory, data, hashed):
    path = tmp_path_factory.getbasetemp() / "any.end"
    prefix = spool_file.PREFIX.pack(spool_file.MAGIC, len(data), hashlib.sha256(data).digest())
    path.write_bytes(prefix + data if hashed else spool_file.MAGIC + data)
    with pytest.raises(SpoolFileError):
        spool_file.read(path)


async def test_broken_files_are_skipped_with_a_word_and_removed(tmp_path, done, clock, caplog):
    spool = loaded(tmp_path, clock=clock)
    (good, contents), (bad, more) = done(), done()
    await spool.put(good, contents)
    await spool.put(bad, more)
    broken = next(path for path in tmp_path.iterdir() if bad.end.id in path.name)
    broken.write_bytes(broken.read_bytes()[:-1])
    (tmp_path / "half.part").write_bytes(b"half")
    (tmp_path / "mine.txt").write_text("not the spool's")
    (tmp_path / f"{'0' * 32}-{'c' * 32}.end").write_bytes(
        (tmp_path / next(p.name for p in tmp_path.iterdir() if good.end.id in p.name)).read_bytes()
    )
    again = loaded(tmp_path, clock=clock)
    assert len(again) == 1
    assert again.find(key_of(good)) == good
    assert broken.name in caplog.text
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".end", ".txt"]


def test_a_folder_that_is_not_there_is_an_empty_spool(tmp_path):
    assert len(loaded(tmp_path / "none")) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is always full")
async def test_with_a_full_disk_the_result_stays_in_memory_and_says_so(tmp_path, done, clock, caplog, monkeypatch):
    spool = loaded(tmp_path, clock=clock, recent_bytes=0)
    ended, contents = done()
    with monkeypatch.context() as full:
        full.setattr(spool_file, "_private", lambda path, flags: os.open("/dev/full", os.O_WRONLY))
        told = await spool.put(ended, contents)
    assert told.end.pictures == ended.end.pictures
    assert told.end.notes[0] == "a note"
    assert "full" in told.end.notes[1]
    assert "Make room" in told.end.notes[1]
    assert os.strerror(errno.ENOSPC) in caplog.text
    assert spool.find(key_of(ended)) == told
    assert spool.content("ana", *contents) == next(iter(contents.values()))
    assert not list(tmp_path.iterdir())
    # once there is room again it is written after all
    other, more = done(seeds=(2,))
    assert (await spool.put(other, more)).end.notes == ("a note",)
    again = loaded(tmp_path, clock=clock)
    assert again.content("ana", *contents) == next(iter(contents.values()))
    assert again.content("ana", *more) == next(iter(more.values()))


async def test_a_folder_that_cannot_be_made_is_no_loss_either(tmp_path, done, clock):
    (tmp_path / "spool").write_text("in the way")
    spool = loaded(tmp_path / "spool", clock=clock)
    ended, contents = done()
    told = await spool.put(ended, contents)
    assert len(told.end.notes) == 2
    assert spool.content("ana", *contents) == next(iter(contents.values()))


async def test_where_a_picture_lies_is_known_of_what_is_on_disk(tmp_path, done, clock, monkeypatch):
    spool = loaded(tmp_path / "spool", clock=clock)
    kept, contents = done(seeds=(1, 2))
    await spool.put(kept, contents)
    for again in (spool, loaded(tmp_path / "spool", clock=clock)):
        for name, content in contents.items():
            path, start = again.lying("ana", name)
            assert path.read_bytes()[start : start + len(content)] == content
            assert again.lying("ben", name) is None
    path.unlink()
    assert spool.lying("ana", name) is None
    monkeypatch.setattr(spool_file, "write", _full)
    other, more = done(seeds=(3,))
    await spool.put(other, more)
    assert spool.lying("ana", next(iter(more))) is None, "it is in memory only"


def _full(*_) -> None:
    raise OSError(errno.ENOSPC, "no space left")
