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
from protocol import Extent

from .adapter import Beside, Conditioning
from .base import CodedModel
from .clip_text import chunk_count, encode_clip
from .components import load_model, load_text_encoder, read_config
from .schedule import DiffusionSchedule
from .unet import InpaintingInput, guidance_embedding, latent_shape
from .vae import PictureCoder, load_vae


def load(folder: Path, device: torch.device, dtype: torch.dtype) -> SD1:
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
    return SD1(parts.to(device), coder, scheduler)


@dataclass(frozen=True)
class HiddenStates(Conditioning):
    """The text encoder's hidden states, `[rows, tokens, width]`."""

    hidden: torch.Tensor


class SD1(CodedModel):
    """A loaded Stable Diffusion 1.x; see `adapter.Adapter`."""

    def __init__(self, parts: StableDiffusionPipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        super().__init__(coder, parts.device)
        # the pipeline is a bag of parts with helpers; it is never called
        self._parts: Any = parts
        self._unet: Any = parts.unet
        self._vae = coder
        # diffusers' pipelines put these two right in any configuration of this family
        self._scheduler = {**scheduler, "steps_offset": 1, "clip_sample": False}
        self._inpainting = InpaintingInput.of(self._unet, coder)
        self.takes_mask = self._inpainting is not None

    @property
    def classifier_free(self) -> bool:
        """True but for models distilled to take the guidance scale as an input (LCM)."""
        return self._unet.config.time_cond_proj_dim is None

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents; raises ValueError when the sides are no multiples of the latent scale."""
        return latent_shape(extent, self._vae)

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

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """Mask and masked picture for an inpainting UNet."""
        return None if self._inpainting is None else self._inpainting.beside(picture, mask, extent)

    def schedule(self, sampler: str, steps: int, strength: float, extent: Extent) -> DiffusionSchedule:
        """The steps of one picture, by the model's own betas, prediction type and spacing."""
        return DiffusionSchedule(self._scheduler, sampler, steps, strength, self.device)

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
        count = len(latents) // conditioning.rows
        if self._inpainting is not None:
            latents = self._inpainting.widen(latents, beside)
        output = self._unet(
            latents.to(self._unet.dtype),
            timestep,
            encoder_hidden_states=conditioning.hidden.repeat_interleave(count, 0),
            timestep_cond=guidance_embedding(self._parts, guidance),
            return_dict=False,
        )[0]
        predicted: torch.Tensor = output.float()
        return predicted
