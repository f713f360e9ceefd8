"""The tiny models are models: diffusers itself loads each and paints with it."""

import pytest
import torch
from tiny_models.oracle import load_pipeline

SIDE = 32


@pytest.mark.parametrize(
    "name",
    [
        "sd15", "sdxl", "sd3", "flux", "flux_schnell", "flux2", "flux2_klein", "flux2_klein_base", "zimage", "qwen", "ovis",
        "longcat", "chroma",
    ],
)  # fmt: skip
def test_diffusers_paints_with_it(request, name):
    pipeline = load_pipeline(request.getfixturevalue(f"tiny_{name}"))
    settings = {"enable_prompt_rewrite": False} if name == "longcat" else {}
    generator = torch.Generator().manual_seed(0)
    painted = pipeline(
        prompt="a fox",
        num_inference_steps=2,
        height=SIDE,
        width=SIDE,
        generator=generator,
        output_type="pt",
        **settings,
    ).images
    assert painted.shape == (1, 3, SIDE, SIDE)
    assert torch.isfinite(painted).all()
    assert painted.std() > 0.01
