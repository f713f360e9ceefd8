from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers.pipelines.flux2.image_processor import Flux2ImageProcessor
from PIL import Image

from backend.families import flux
from backend.families.references import ReferenceSize
from protocol import Extent

SIZE = ReferenceSize(most_pixels=1024 * 1024, multiple=16, least_side=64, longest=8)


def picture(height, width):
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([x, y, torch.sin(9 * x * y)])[None]


def as_pil(rgb):
    return Image.fromarray(((rgb[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy())


def by_the_pipeline(image):
    """What the pipelines of FLUX.2 do with a picture, as they are written."""
    processor = Flux2ImageProcessor(vae_scale_factor=16)
    processor.check_image_input(image)
    if image.width * image.height > 1024 * 1024:
        image = processor._resize_to_target_area(image, 1024 * 1024)
    height, width = image.height // 16 * 16, image.width // 16 * 16
    return processor.preprocess(image, height=height, width=width, resize_mode="crop")


@pytest.mark.parametrize(("height", "width"), [(64, 96), (70, 101), (1024, 1024), (1300, 1700), (3000, 500), (512, 64)])
def test_fits_as_the_pipelines_do_but_for_rounding_to_bytes(height, width):
    rgb = picture(height, width)
    theirs = by_the_pipeline(as_pil(rgb))
    mine = SIZE.fit(rgb)
    assert mine.shape == theirs.shape
    # half a level for their picture, and another for what they make of it
    assert (mine - theirs).abs().max() <= 2 / 127.5


def test_a_picture_that_fits_keeps_its_bits():
    rgb = picture(64, 96)
    assert torch.equal(SIZE.fit(rgb), rgb)


def test_a_picture_is_cut_around_its_middle():
    rgb = picture(67, 101)
    assert torch.equal(SIZE.fit(rgb), rgb[..., 1:65, 2:98])


@pytest.mark.parametrize(
    ("height", "width", "fitted"),
    [(32, 48, (64, 96)), (1, 1, (64, 64)), (10, 4000, (64, 512)), (4000, 10, (512, 64)), (5, 7, (64, 80))],
)
def test_what_the_pipelines_would_refuse_is_made_to_fit(height, width, fitted):
    made = SIZE.fit(picture(height, width))
    assert made.shape == (1, 3, *fitted)
    assert made.isfinite().all()


@pytest.mark.parametrize("height", [64, 1000, 8000])
def test_no_picture_is_larger_than_the_model_takes(height):
    made = SIZE.fit(torch.zeros(1, 3, height, 6000))
    assert made.shape[-1] * made.shape[-2] <= SIZE.most_pixels
    assert made.shape[-1] % 16 == made.shape[-2] % 16 == 0


def test_values_stay_in_range():
    hard = torch.from_numpy(np.random.default_rng(1).choice([-1.0, 1.0], size=(1, 3, 1500, 1500))).float()
    made = SIZE.fit(hard)
    assert made.min() >= -1
    assert made.max() <= 1


@pytest.mark.parametrize(("height", "width", "latents"), [(101, 77, (12, 8)), (48, 64, (6, 8)), (10, 30, (8, 24))])
def test_kontext_is_shown_a_reference_of_any_size(tiny_flux_kontext, height, width, latents):
    model = flux.load(tiny_flux_kontext, torch.device("cpu"), torch.float32)
    beside = model.beside(None, None, [picture(height, width)], Extent(64, 48))
    assert beside.references[0].shape[-2:] == latents
