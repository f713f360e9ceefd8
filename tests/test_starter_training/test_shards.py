"""A checkpoint in small files goes on where it was, and a damaged one is not taken."""

import pytest
import torch

from starter.shards import ShardError, main, pack, unpack
from starter.training.loop import Loop, Pace


def loop_in(folder):
    weight = torch.nn.Parameter(torch.full((300,), 0.5))
    pace = Pace(steps=400, batch=1, rate=0.02, warm_up=1, weight_decay=0.0, average=0.9)
    return weight, Loop("unet", folder, pace, [{"params": [weight], "boost": 2.0}], lambda text: None)


@pytest.fixture
def trained(tmp_path):
    weight, loop = loop_in(tmp_path / "here" / "parts")
    loop.run(lambda step: (weight - 3).square().sum(), 50)
    return weight, loop


def test_training_goes_on_on_the_other_machine(trained, tmp_path):
    weight, loop = trained
    assert main(["pack", "--folder", str(tmp_path / "here"), "--shards", str(tmp_path / "carried")]) == 0
    assert main(["unpack", "--folder", str(tmp_path / "there"), "--shards", str(tmp_path / "carried")]) == 0
    there, other = loop_in(tmp_path / "there" / "parts")
    assert other.step == 50
    assert torch.allclose(there, weight, atol=2e-3)
    assert torch.allclose(other.averaged[0], loop.averaged[0], atol=2e-3)
    before = (there - 3).abs().mean().item()
    other.run(lambda step: (there - 3).square().sum())
    assert other.done
    assert (there - 3).abs().mean().item() < before / 5


def test_no_file_is_larger_than_asked_for(trained, tmp_path):
    files = pack(tmp_path / "here" / "parts" / "unet.pt", tmp_path / "carried", 1000)
    assert len(files) > 3
    assert max(path.stat().st_size for path in files[:-1]) == 1000


@pytest.mark.parametrize("harm", ["damage", "remove"])
def test_damaged_or_missing_shards_are_refused(trained, tmp_path, harm):
    first, *_ = pack(tmp_path / "here" / "parts" / "unet.pt", tmp_path / "carried", 1000)
    if harm == "remove":
        first.unlink()
    else:
        first.write_bytes(first.read_bytes()[:-1] + b"!")
    with pytest.raises(ShardError, match="Carry"):
        unpack(tmp_path / "carried", tmp_path / "there")
    assert not (tmp_path / "there" / "unet.pt").exists()
