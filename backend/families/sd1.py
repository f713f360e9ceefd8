"""Stable Diffusion 1.x, and every model of its shape: CLIP text encoder, UNet of four latent channels, 8x VAE or tiny one.

Its inpainting UNets, which are shown mask and masked picture, are run as well. Nothing is taken for granted that a model's
own files say: latent scale, text length, what is predicted, zero-terminal SNR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import SchedulerMixin, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from backend.prompts import Prompt

from .adapter import Beside, Conditioning
from .clip_text import chunk_count, encode_clip
from .components import load_model, load_text_encoder, read_config
from .turns import Place, whole
from .unet import UNetModel
from .vae import PictureCoder, load_vae


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> SD1:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    parts = StableDiffusionPipeline(
        vae=coder.vae,
        text_encoder=load_text_encoder(CLIPTextModel, folder / "text_encoder", dtype),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        unet=load_model(UNet2DConditionModel, folder / "unet", dtype),
        scheduler=None,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return SD1(place(parts, device), coder, scheduler)


@dataclass(frozen=True)
class HiddenStates(Conditioning):
    """The text encoder's hidden states, `[rows, tokens, width]`."""

    hidden: torch.Tensor


class SD1(UNetModel):
    """A loaded Stable Diffusion 1.x; see `adapter.Adapter`."""

    def __init__(self, parts: StableDiffusionPipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        # diffusers' pipelines put these two right in any configuration of this family
        super().__init__(parts, coder, {**scheduler, "steps_offset": 1, "clip_sample": False})

    def encode_text(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> HiddenStates:
        """Encode by CLIP's last hidden state, or that of the layer asked for; see `clip_text`."""
        clip = (self._parts.tokenizer, self._parts.text_encoder)
        prompts = [prompt] if negative is None else [negative, prompt]
        count = chunk_count(*clip, *prompts)
        texts = [encode_clip(*clip, one, chunks=count, layer=one.clip_skip) for one in prompts]
        hidden = torch.cat([text.hidden for text in texts])
        return HiddenStates(negative is not None, hidden, unread=texts[-1].unread or texts[0].unread)

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the UNet."""
        assert isinstance(conditioning, HiddenStates)
        hidden = conditioning.hidden.repeat_interleave(len(latents) // conditioning.rows, 0)
        return self._ask(latents, timestep, hidden, guidance, beside)
