"""What is measured of a case: the greatest difference of any channel of any pixel between our picture and diffusers', 0 to 1."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from backend.engine.denoise import NO_GUIDANCE, Sampling, denoise, is_guided
from backend.families.tokens import pack
from backend.fill import to_latent_mask
from backend.prompts import Prompt

from .case import Both

PROMPT, NEGATIVE = "a red apple on a white background", "blue"
STEPS = 4


def ours(
    both: Both,
    sampling: Sampling,
    picture: torch.Tensor | None = None,
    mask: torch.Tensor | None = None,
    references: Sequence[torch.Tensor] = (),
    prompt: str = PROMPT,
) -> torch.Tensor:
    """Our pictures, `[n, 3, height, width]`, 0 to 1, as the engine paints them."""
    latents = our_latents(both, sampling, picture, mask, references, prompt)
    adapter: Any = both.adapter
    if both.case.layered:
        decoded = [adapter.decode_layer(layer) for one in latents for layer in adapter.split(one[None])]
    else:
        decoded = [adapter.decode(one[None]) for one in latents]
    return (torch.cat(decoded) / 2 + 0.5).clamp(0, 1)


def our_latents(
    both: Both,
    sampling: Sampling,
    picture: torch.Tensor | None = None,
    mask: torch.Tensor | None = None,
    references: Sequence[torch.Tensor] = (),
    prompt: str = PROMPT,
) -> torch.Tensor:
    """The latents of our pictures."""
    adapter, extent = both.adapter, both.case.extent
    guided = is_guided(adapter, sampling.guidance)
    told = replace(Prompt.of(prompt), clip_skip=both.case.clip_skip)
    conditioning = adapter.encode_text(told, Prompt.of(NEGATIVE) if guided else None, references)
    original = None if picture is None else adapter.encode_image(picture)
    beside = adapter.beside(picture, mask, references, extent)
    kept: npt.NDArray[np.float32] | None = None
    if mask is not None and not adapter.takes_mask:
        kept = to_latent_mask(mask[0, 0].numpy(), adapter.latent_scale)
    *_, last = denoise(adapter, conditioning, sampling, extent, original, kept, beside)
    return last.latents


def theirs(both: Both, pipeline: Any, sampling: Sampling, **more: Any) -> torch.Tensor:
    """The pipeline's pictures, as ours."""
    case = both.case
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in sampling.seeds]
    told: dict[str, Any] = {
        "prompt": PROMPT,
        "width": case.extent.width,
        "height": case.extent.height,
        "num_inference_steps": sampling.steps,
        case.guided: sampling.guidance if sampling.guidance > NO_GUIDANCE else case.unguided,
        "generator": generators if len(generators) > 1 else generators[0],
        "num_images_per_prompt": len(sampling.seeds),
        "output_type": "pt",
        **case.told,
        **more,
    }
    if case.negative and is_guided(both.adapter, sampling.guidance):
        told["negative_prompt"] = NEGATIVE
    if case.negative_embeds and is_guided(both.adapter, sampling.guidance):
        told["negative_prompt_embeds"] = pipeline.encode_prompt(NEGATIVE)[0]
    if case.own_size:
        del told["width"], told["height"]
    pictures: torch.Tensor = pipeline(**told).images
    return torch.cat(list(pictures)) if case.layered else pictures


def sampled(
    both: Both, strength: float = 1.0, seeds: tuple[int, ...] = (11,), guidance: float | None = None
) -> Sampling:
    """How a case is sampled."""
    chosen = both.case.guidance if guidance is None else guidance
    return Sampling(both.case.sampler, STEPS, chosen, strength, seeds, both.case.rescale)


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The greatest difference."""
    assert one.shape == other.shape, f"{tuple(one.shape)} and {tuple(other.shape)}"
    return float((one.float().cpu() - other.float().cpu()).abs().max())


def text_to_image(both: Both, seeds: tuple[int, ...] = (11,), guidance: float | None = None) -> float:
    """A new picture from a prompt."""
    return distance(*new_pictures(both, sampled(both, seeds=seeds, guidance=guidance)))


def new_pictures(both: Both, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """Our new pictures and theirs; a case that edits is shown a picture, one that takes a mask fills the half of one."""
    picture = both.picture()
    if both.case.edits:
        mine = ours(both, sampling, references=[picture])
        return mine, theirs(both, both.pipeline, sampling, image=shown(both, picture))
    if both.adapter.takes_mask:
        return ours(both, sampling, picture, both.mask()), their_fills(both, sampling)
    return ours(both, sampling), theirs(both, both.pipeline, sampling)


def their_fills(both: Both, sampling: Sampling) -> torch.Tensor:
    """Fills by a pipeline for inpainting, one at a time: at once, it draws the masked picture's latents once for all."""
    pictures = []
    for seed in sampling.seeds:
        alone = replace(sampling, seeds=(seed,))
        more: dict[str, Any] = {"image": as_given(both.picture()), "mask_image": both.mask()}
        if "strength" in inspect.signature(both.pipeline.__call__).parameters:
            more["strength"] = sampling.strength
        if both.case.samples_picture and sampling.strength == 1:
            # it would take numbers for a picture of which nothing is left
            generator = torch.Generator("cpu").manual_seed(seed)
            noise = torch.randn(both.adapter.latent_shape(both.case.extent), generator=generator)
            more |= {"latents": pack(noise), "generator": generator}
        pictures.append(theirs(both, both.pipeline, alone, **more))
    return torch.cat(pictures)


def refined_fill(both: Both, strength: float = 0.6) -> float:
    """A fill below full strength by a model that takes a mask."""
    sampling = sampled(both, strength)
    return distance(ours(both, sampling, both.picture(), both.mask()), their_fills(both, sampling))


def image_to_image(both: Both, strength: float = 0.6) -> float:
    """A picture refined."""
    sampling = sampled(both, strength)
    pipeline = both.of_class(both.case.image_to_image)
    picture = both.picture()
    their = theirs(both, pipeline, sampling, image=shown(both, picture), strength=strength)
    return distance(ours(both, sampling, picture), their)


def fill(both: Both, strength: float = 0.6) -> float:
    """The half of a picture filled, with a mask of no grey: diffusers and we mean the same by that one alone."""
    sampling, picture, mask = sampled(both, strength), both.picture(), both.mask()
    pipeline = both.of_class(both.case.fill)
    their = theirs(both, pipeline, sampling, image=shown(both, picture), mask_image=mask, strength=strength)
    return distance(ours(both, sampling, picture, mask, [picture] if both.case.edits else []), their)


def shown(both: Both, picture: torch.Tensor) -> Any:
    """A picture, -1 to 1, as the case's pipelines take it."""
    given = as_given(picture)
    if not both.case.of_bytes:
        return given
    image = Image.fromarray((given[0].permute(1, 2, 0) * 255).round().byte().numpy())
    return image.convert("RGBA") if both.case.layered else image


def as_given(picture: torch.Tensor) -> torch.Tensor:
    """A picture, -1 to 1, as pipelines take it."""
    return picture / 2 + 0.5
