from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def tiny_copy(tiny_sd15, tmp_path):
    """A tiny Stable Diffusion 1.5 whose files may be changed."""
    return shutil.copytree(tiny_sd15, tmp_path / "model")
