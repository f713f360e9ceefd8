"""What tests of several rooms share."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

# before anything imports a model library: a test never asks the net
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# before anything imports torch: tests run beside workers of their own, and threads that wait for a core spin
os.environ.setdefault("OMP_NUM_THREADS", "1")

FOREIGN_WARNINGS = (
    # diffusers' schedulers call numpy.array(tensor), which numpy 2 warns of for every torch so far
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:diffusers",
)

TINY_MODELS = Path(__file__).parent / "tiny_models"


def pytest_configure(config) -> None:
    for warning in FOREIGN_WARNINGS:
        config.addinivalue_line("filterwarnings", warning)


@pytest.fixture(scope="session")
def tiny_sd15(tmp_path_factory) -> Path:
    """A Stable Diffusion 1.5 of random weights, in diffusers' layout. Copy it before changing a file."""
    spec = importlib.util.spec_from_file_location("tiny_sd15", TINY_MODELS / "sd15.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("models") / "tiny-sd15"
    module.save_tiny_sd15(folder)
    return folder
