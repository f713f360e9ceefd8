"""What tests of several rooms share."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest

# before anything imports a model library: a test never asks the net
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# before anything imports torch: tests run beside workers of their own, and threads that wait for a core spin
os.environ.setdefault("OMP_NUM_THREADS", "1")

FOREIGN_WARNINGS = (
    # diffusers' schedulers call numpy.array(tensor), which numpy 2 warns of for every torch so far
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:diffusers",
    # and its Chroma imports a class from where it used to be
    "ignore:.FluxPosEmbed. is deprecated:FutureWarning",
)

SHARED = ("tiny_models", "parity", "bindings", "engine_runs", "worker_runs", "painter_talk")
"""Packages beside the tests that tests of several rooms import by name."""


# so that tests can write `from tiny_models import ...`: what pytest's importlib mode knows as a package it must be given
for _name in SHARED:
    _spec = importlib.util.spec_from_file_location(_name, Path(__file__).parent / _name / "__init__.py")
    sys.modules[_name] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[_name])


def pytest_configure(config) -> None:
    for warning in FOREIGN_WARNINGS:
        config.addinivalue_line("filterwarnings", warning)


def tiny(group: str, model: str = ""):
    """A fixture: the folder of a tiny model, in diffusers' layout, made when first asked for.

    `group` is the file in tiny_models, `model` the ending of its save_tiny_...() where that is another one. Copy the folder
    before changing a file.
    """
    name = model or group

    @pytest.fixture(scope="session", name=f"tiny_{name}")
    def build(tmp_path_factory) -> Path:
        save = getattr(importlib.import_module(f"tiny_models.{group}"), f"save_tiny_{name}")
        folder = tmp_path_factory.mktemp("models") / f"tiny-{name.replace('_', '-')}"
        save(folder)
        return folder

    return build


tiny_sd15 = tiny("sd15")
tiny_sd15_inpaint = tiny("sd15", "sd15_inpaint")
tiny_sd15_velocity = tiny("sd15", "sd15_velocity")
tiny_sdxl = tiny("sdxl")
tiny_sdxl_inpaint = tiny("sdxl", "sdxl_inpaint")
tiny_sdxl_velocity = tiny("sdxl", "sdxl_velocity")
tiny_sdxl_turbo = tiny("sdxl", "sdxl_turbo")
tiny_sdxl_lcm = tiny("sdxl", "sdxl_lcm")
tiny_sd3 = tiny("sd3")
tiny_sd3_large = tiny("sd3", "sd3_large")
tiny_flux = tiny("flux")
tiny_flux_schnell = tiny("flux", "flux_schnell")
tiny_flux_fill = tiny("flux", "flux_fill")
tiny_flux_kontext = tiny("flux", "flux_kontext")
tiny_flux2 = tiny("flux2")
tiny_flux2_klein = tiny("flux2", "flux2_klein")
tiny_flux2_klein_base = tiny("flux2", "flux2_klein_base")
tiny_zimage = tiny("zimage")
tiny_qwen = tiny("qwen")
tiny_qwen_edit = tiny("qwen", "qwen_edit")
tiny_qwen_edit_plus = tiny("qwen", "qwen_edit_plus")
tiny_qwen_layered = tiny("qwen", "qwen_layered")
tiny_ovis = tiny("ovis")
tiny_longcat = tiny("longcat")
tiny_longcat_edit = tiny("longcat", "longcat_edit")
tiny_chroma = tiny("chroma")
