"""A new family is one file and one row: this one paints in the plain colour that the prompt names, and can all that others can.

Its denoiser is exact, so what comes out is known: the colour, wherever the loop lets it paint.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from backend.engine import Engine
from backend.families.adapter import Conditioning, Encoded
from backend.families.base import CodedModel
from backend.families.facts import FamilyFacts, Readings, facts_of_model
from backend.families.schedule import FlowSchedule, even_sigmas
from backend.models import ModelEntry
from backend.pixels import raw
from backend.plan import Finished, PictureMade, PreviewMade, Stepped, Stopped, make_plan
from protocol import Bounds, Extent, Job, ModelInfo, Style

# ---------------------------------------------------------------- the family's one row

TOY = FamilyFacts(
    name="toy",
    title="Toy",
    adapter="toy",
    native=64,
    least_side=16,
    most_pixels=128 * 128,
    steps=8,
    guidance=1.0,
    guidance_kind="none",
    sampler="flow_euler",
    samplers=("flow_euler",),
    context=(0.5, 32),
    dtypes=(("cpu", "float32"),),
    pixel_bytes=100,
    wordless_strength=0.5,
    weights=False,
)

# ---------------------------------------------------------------- the family's one file

SCALE = 4
COLOURS = {"red": (1.0, -1.0, -1.0), "blue": (-1.0, -1.0, 1.0)}


class Pooled:
    """A latent is the mean of its pixels."""

    scale = SCALE
    in_full = True

    def encode(self, rgb):
        return Encoded(torch.nn.functional.avg_pool2d(rgb, SCALE))

    def decode(self, latents):
        return torch.nn.functional.interpolate(latents, scale_factor=SCALE)

    def turn_full(self):
        """It is."""


@dataclass(frozen=True)
class Named(Conditioning):
    colour: torch.Tensor


class Toy(CodedModel):
    classifier_free = False

    def latent_shape(self, extent):
        return (1, 3, extent.height // SCALE, extent.width // SCALE)

    def encode_text(self, prompt, negative, references=()):
        words = str(getattr(prompt, "text", prompt))
        return Named(False, torch.tensor(next(colour for name, colour in COLOURS.items() if name in words)))

    def schedule(self, sampler, steps, strength, extent):
        return FlowSchedule({}, sampler, steps, strength, self.device, sigmas=even_sigmas(steps))

    def predict(self, latents, timestep, conditioning, guidance, beside=None):
        # the velocity that leads straight to the colour
        return (latents - conditioning.colour.view(1, 3, 1, 1)) * 1000 / timestep


def load(folder, device, dtype, place):
    return Toy(Pooled(), device)


# ---------------------------------------------------------------- what it then can

SIDE = Extent(64, 64)


class Shelf:
    """A library of the one model."""

    loras = Path("none")
    facts = facts_of_model(TOY, "toy", "Toy", Readings(64, SCALE, 1, 3, 77, "flow"))

    def find(self, model_id):
        info = ModelInfo("toy", "Toy", "toy", 64, SCALE, self.facts.context, 8, 1.0)
        return ModelEntry(info, self.facts, folder=None)


@pytest.fixture
def engine(monkeypatch):
    module = ModuleType("backend.families.toy")
    module.load = load
    monkeypatch.setitem(sys.modules, "backend.families.toy", module)
    return Engine(Shelf(), device="cpu")


def grey_with_gradient():
    y, x = np.meshgrid(np.linspace(0.3, 0.6, 64), np.linspace(0.2, 0.7, 64), indexing="ij")
    return np.stack([x, y, y, np.ones_like(x)], axis=-1).astype(np.float32)


def run(engine, stop_after=None, mask=None, image=None, **fields):
    contents = {}
    if image is not None:
        fields["image"], content = raw.pack(image, "u8")
        contents[fields["image"].content] = content
    if mask is not None:
        fields["mask"], content = raw.to_raster(raw.quantise(mask, "u8"), "gray")
        contents[fields["mask"].content] = content
        fields["selection"] = Bounds(16, 16, 32, 32)
    job = Job("0" * 32, SIDE, **fields)
    events = []
    engine.run(make_plan(job, Shelf.facts), contents, events.append, lambda: stop_after and stop_after(events))
    return events


def layer(events):
    assert isinstance(events[-1], Finished), events[-1]
    (made,) = [event for event in events if isinstance(event, PictureMade)]
    return raw.to_rgba(raw.unpack(made.picture.image, made.content), "rgba")


def square():
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    return mask


def test_it_paints(engine):
    painted = layer(run(engine, prompt="red"))
    assert np.allclose(painted, [1, 0, 0, 1], atol=1 / 255)


def test_it_fills(engine):
    events = run(engine, image=grey_with_gradient(), mask=square(), prompt="blue", grow=0, feather=0)
    (made,) = [event for event in events if isinstance(event, PictureMade)]
    assert made.picture.bounds == Bounds(16, 16, 32, 32)
    painted = layer(events)
    assert (painted[..., 2] > painted[..., 0] + 0.3).all()


def test_it_refines(engine):
    events = run(engine, image=grey_with_gradient(), prompt="red", strength=0.25)
    steps = [event for event in events if isinstance(event, Stepped) and event.stage == "painting"]
    assert [(event.step, event.steps) for event in steps] == [(1, 2), (2, 2)]
    # its denoiser goes all the way from wherever it begins
    assert np.allclose(layer(events), [1, 0, 0, 1], atol=1 / 255)


def test_it_shows_previews_of_where_it_is_heading(engine):
    previews = [event for event in run(engine, prompt="red") if isinstance(event, PreviewMade)]
    assert previews
    for preview in previews:
        shown = raw.unpack(preview.image, preview.content)
        assert np.abs(shown.astype(int) - [255, 0, 0]).max() <= 3


def test_it_can_be_cancelled_between_two_steps(engine):
    def third(events):
        return isinstance(events[-1], Stepped) and events[-1].stage == "painting" and events[-1].step == 3

    events = run(engine, third, prompt="red", style=Style(steps=50))
    assert isinstance(events[-1], Stopped)
    assert [event.step for event in events if isinstance(event, Stepped) and event.stage == "painting"] == [1, 2, 3]


def test_several_at_once_have_their_own_seeds(engine):
    events = run(engine, prompt="red", count=3, seed=7)
    assert [event.picture.seed for event in events if isinstance(event, PictureMade)] == [7, 8, 9]
