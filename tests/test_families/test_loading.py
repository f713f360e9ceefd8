"""Every family loads what it is given and nothing else: no code, no pickles, nothing from the net; and says what is wrong."""

from __future__ import annotations

import importlib
import json
import pickle
import shutil
import socket

import huggingface_hub.constants
import pytest
import torch
from parity.cases import CASES
from safetensors.torch import load_file, save_file

from backend.families.adapter import UnusableModel
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
MODELS = {case.tiny: case for case in CASES}
SAMPLERS = {f"tiny-{case.tiny.replace('_', '-')}": case.sampler for case in CASES}
SIZE = Extent(64, 32)


@pytest.fixture(params=MODELS)
def case(request):
    """Each model of each family in turn."""
    return MODELS[request.param]


@pytest.fixture
def model(case, request):
    """Its folder, and what loads it."""
    module = importlib.import_module(f"backend.families.{case.adapter}")
    return request.getfixturevalue(f"tiny_{case.tiny}"), module.load


@pytest.fixture
def copied(model, tmp_path):
    """The same, its files for changing."""
    folder, load = model
    return shutil.copytree(folder, tmp_path / "model"), load


def components(folder):
    return sorted({file.parent.name for file in folder.glob("*/*.safetensors")})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_paints_and_decodes_in_the_asked_dtype(case, model, dtype):
    folder, load = model
    picture = torch.zeros(1, 3, SIZE.height, SIZE.width)
    with torch.inference_mode():
        adapter = load(folder, CPU, dtype)
        assert adapter.decodes_in_full == (dtype == torch.float32)
        latents = adapter.encode_image(picture).mean
        assert tuple(latents.shape) == adapter.latent_shape(SIZE)
        text = adapter.encode_text(Prompt.of("a house"), None)
        step = adapter.schedule(SAMPLERS[folder.name], 1, 1.0, SIZE)
        seen = adapter.beside(picture, None, [], SIZE)
        velocity = adapter.predict(latents, step.timestep(0), text, 3.0, seen)
        assert velocity.dtype == latents.dtype == torch.float32
        assert velocity.shape == latents.shape
        rgb = adapter.decode(latents)
    assert rgb.dtype == torch.float32
    assert rgb.shape == picture.shape
    assert bool(torch.isfinite(rgb).all())


def test_latents_of_odd_sizes_are_refused(model):
    folder, load = model
    with pytest.raises(ValueError, match="multiple of"):
        load(folder, CPU, torch.float32).latent_shape(Extent(64, 63))


def test_nothing_is_asked_of_the_net(model, monkeypatch):
    folder, load = model
    asked = []

    def refuse(*what, **more):
        asked.append(what)
        raise OSError("no net")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    load(folder, CPU, torch.float32).encode_text(Prompt.of("a house"), None)
    assert not asked


class _Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


def test_a_pickle_is_never_opened(copied, tmp_path):
    folder, load = copied
    for part in components(folder):
        for file in (folder / part).glob("*.safetensors"):
            trap = pickle.dumps(_Trap(tmp_path / "opened"))
            hidden = file.rename(file.with_suffix(".hidden"))
            for name in ("diffusion_pytorch_model.bin", "pytorch_model.bin"):
                (folder / part / name).write_bytes(trap)
            with pytest.raises(OSError, match="safetensors"):
                load(folder, CPU, torch.float32)
            hidden.rename(file)
    assert not (tmp_path / "opened").exists()


def test_no_code_from_the_model_folder_is_run(copied, tmp_path):
    folder, load = copied
    for part in components(folder):
        (folder / part / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
        config = folder / part / "config.json"
        named = {"auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Model"}}
        config.write_text(json.dumps({**json.loads(config.read_text()), **named}))
    load(folder, CPU, torch.float32)
    assert not (tmp_path / "ran").exists()


def test_a_damaged_configuration_is_named(copied):
    folder, load = copied
    (folder / "scheduler" / "scheduler_config.json").write_text("{")
    with pytest.raises(UnusableModel, match=r"scheduler/scheduler_config\.json"):
        load(folder, CPU, torch.float32)


def test_another_kind_of_vae_is_refused(copied):
    folder, load = copied
    config = folder / "vae" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_class_name": "AutoencoderKLWan"}))
    with pytest.raises(UnusableModel, match="VAE"):
        load(folder, CPU, torch.float32)


def test_weights_that_are_missing_are_named(copied):
    """Both libraries would make up for them with random numbers, and say so in a log alone."""
    folder, load = copied
    for part in components(folder):
        (file,) = (folder / part).glob("*.safetensors")
        weights = load_file(file)
        left_out = next(key for key in sorted(weights) if weights[key].ndim > 1 and "embed" not in key)
        save_file({key: tensor for key, tensor in weights.items() if key != left_out}, file, {"format": "pt"})
        with pytest.raises(UnusableModel, match=f"Its {part} lacks weights"):
            load(folder, CPU, torch.float32)
        save_file(weights, file, {"format": "pt"})
    load(folder, CPU, torch.float32)
