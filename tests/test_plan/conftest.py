"""Facts of three models of different measure, and jobs of any geometry."""

from __future__ import annotations

import pytest

import starter
from backend.families.facts import FAMILIES, ModelFacts, Readings, facts_of_model
from backend.models import Library
from protocol import Bounds, Extent, Job, Raster


def sd15() -> ModelFacts:
    readings = Readings(
        native=512, vae_scale=8, downsampling=8, latent_channels=4, text_length=77, prediction="epsilon"
    )
    return facts_of_model(FAMILIES["sd1"], "sd15", "Stable Diffusion 1.5", readings)


def tiny() -> ModelFacts:
    readings = Readings(
        native=128, vae_scale=8, downsampling=2, latent_channels=4, text_length=77, prediction="epsilon"
    )
    return facts_of_model(FAMILIES["sd1"], "tiny", "Tiny", readings)


def bounded() -> ModelFacts:
    """Of a model that has places for 384 pixels on a side, fewer than its native area may have."""
    readings = Readings(
        native=128, vae_scale=8, downsampling=2, latent_channels=16, text_length=77, prediction="flow", most_side=384
    )
    return facts_of_model(FAMILIES["sd3"], "bounded", "Bounded", readings)


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, ModelFacts]:
    embedded = Library(tmp_path_factory.mktemp("none"), starter.folder()).find("starter").facts
    return {"sd15": sd15(), "tiny": tiny(), "bounded": bounded(), "starter": embedded}


@pytest.fixture(scope="session")
def facts(models) -> ModelFacts:
    return models["sd15"]


@pytest.fixture(scope="session")
def job_of():
    """Make a job by the size of its picture, and its selection where it has a mask."""

    def make(extent: Extent, selection: Bounds | None = None, **fields) -> Job:
        width, height = extent.width, extent.height
        if selection is not None:
            fields["mask"] = Raster("b" * 64, width * height, width, height, "gray")
            fields["selection"] = selection
        if selection is not None or fields.pop("with_image", False):
            fields["image"] = Raster("a" * 64, width * height * 3, width, height, "rgb")
        return Job(id="0" * 32, extent=extent, **{"prompt": "a red apple", **fields})

    return make
