"""What is carried to a machine without a network: everything that the training of the UNet reads, and no more."""

import tarfile

import numpy as np
import pytest

from starter.data.icons import Icons
from starter.data.nouns import NOUNS
from starter.settings import Folders
from starter.shards import CARRIED, ShardError, main, prepare


@pytest.fixture
def run(tmp_path, icons):
    folders = Folders(tmp_path / "run")
    icons.thin({noun.label for noun in NOUNS[:5]}, folders.icons)
    for name in CARRIED:
        path = folders.parts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "." in name:
            path.write_text(name)
        else:
            path.mkdir()
            (path / "config.json").write_text("{}")
    return folders


def test_the_drawings_of_the_nouns_and_the_finished_parts_are_carried(run, tmp_path, icons, capsys):
    target = tmp_path / "run.tar.gz"
    assert main(["prepare", "--folder", str(run.root), "--shards", str(target)]) == 0
    assert "MiB" in capsys.readouterr().out
    there = Folders(tmp_path / "there")
    with tarfile.open(target) as archive:
        archive.extractall(there.root, filter="data")
    assert (there.parts / "judge.txt").read_text() == "judge.txt"
    assert (there.parts / "vae" / "config.json").is_file()
    carried = Icons(there.icons)
    assert {drawing.label for drawing in carried.drawings} == {noun.label for noun in NOUNS[:5]}
    for drawing in carried.drawings:
        same = next(d for d in icons.drawings if (d.origin, d.label) == (drawing.origin, drawing.label))
        assert np.array_equal(carried.pixels(drawing), icons.pixels(same))


def test_what_is_missing_is_named(run, tmp_path, capsys):
    (run.parts / "judge.txt").unlink()
    with pytest.raises(ShardError, match=r"judge\.txt.*--until judge"):
        prepare(run, tmp_path / "run.tar.gz")
    assert main(["prepare", "--folder", str(run.root), "--shards", str(tmp_path / "run.tar.gz")]) == 1
    assert "judge.txt" in capsys.readouterr().out
