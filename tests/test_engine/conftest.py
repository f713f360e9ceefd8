from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

from backend.engine import Engine
from backend.families import sd1
from backend.models import Library
from protocol import Extent


@dataclass(frozen=True)
class Both:
    """One model, loaded twice: for us, and for diffusers' own pipeline."""

    adapter: sd1.SD1
    pipeline: StableDiffusionPipeline
    extent: Extent

    @property
    def refining(self) -> StableDiffusionImg2ImgPipeline:
        return StableDiffusionImg2ImgPipeline(**self.pipeline.components, requires_safety_checker=False)

    def picture(self) -> torch.Tensor:
        """A smooth picture of this model's size, -1 to 1, with every colour in it."""
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, self.extent.height), torch.linspace(-1, 1, self.extent.width), indexing="ij"
        )
        return torch.stack([x, y, x * y])[None]


def load_both(folder: Path, extent: Extent) -> Both:
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder,
        dtype=torch.float32,
        scheduler=DDIMScheduler.from_pretrained(folder / "scheduler", steps_offset=1),
        local_files_only=True,
    )
    pipeline.set_progress_bar_config(disable=True)
    return Both(sd1.load(folder, torch.device("cpu"), torch.float32), pipeline, extent)


@pytest.fixture(scope="session")
def starter_model() -> Path:
    return Path(__file__).parents[2] / "starter" / "weights"


@pytest.fixture(scope="session")
def tiny(tiny_sd15) -> Both:
    return load_both(tiny_sd15, Extent(64, 48))


@pytest.fixture(scope="session")
def starter(starter_model) -> Both:
    return load_both(starter_model, Extent(128, 96))


@pytest.fixture(params=["tiny", "starter"])
def both(request) -> Both:
    """Each of the two models in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def library(tiny_sd15):
    return Library(tiny_sd15.parent)


@pytest.fixture(scope="module")
def engine(library):
    return Engine(library, device="cpu")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield
