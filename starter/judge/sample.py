"""Pictures from the model by diffusers' own pipelines: whoever loads it there gets the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

STEPS: Final = 20
"""Denoising steps of a judged picture."""

GUIDANCE: Final = 3.0
"""Guidance scale of a judged picture."""

AT_ONCE: Final = 16
"""Pictures painted together: enough to be quick, few enough for any machine."""


def assemble(tokenizer: Any, encoder: Any, vae: Any, unet: Any, scheduler: Any) -> Any:  # noqa: ANN401 - untyped library
    """diffusers' StableDiffusionPipeline of these parts."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load(folder: Path, device: torch.device) -> Any:  # noqa: ANN401 - untyped library
    """The exported model as StableDiffusionPipeline, in single precision."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One generator a picture, so that a picture does not depend on those painted with it."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def paint_prompts(
    pipeline: Any,  # noqa: ANN401 - untyped library
    prompts: Sequence[str],
    seeds: Sequence[int],
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    **inputs: Any,  # noqa: ANN401 - what each pipeline takes besides: pictures, masks, strength
) -> Tensor:
    """One picture for each prompt and seed, (count, 3, side, side), 0 to 1. Sequences in `inputs` are split along."""
    painted = []
    for start in range(0, len(prompts), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        own = {name: value[part] if isinstance(value, Tensor | list) else value for name, value in inputs.items()}
        result = pipeline(
            prompt=list(prompts[part]),
            generator=generators(seeds[part]),
            num_inference_steps=steps,
            guidance_scale=guidance,
            output_type="pt",
            **own,
        )
        painted.append(result.images.float().cpu())
    return torch.cat(painted)
