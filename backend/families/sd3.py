"""Stable Diffusion 3 and 3.5, medium, large and turbo: two CLIP text encoders and T5, a transformer of patches, a VAE of 16 channels.

T5 takes more memory than all the rest, and may be left out of a model: CLIP's encoders then speak alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import SchedulerMixin, SD3Transformer2DModel, StableDiffusion3Pipeline
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel

from backend.prompts import Prompt
from protocol import Extent

from .adapter import Beside, Conditioning, UnusableModel
from .agreement import agree_on_latents, agree_on_text
from .components import INDEX, load_model, load_text_encoder, read_config
from .schedule import FlowSchedule
from .t5_tokenizer import load_t5_tokenizer
from .tokens import SIDE, packed_shape, tokens_of
from .transformer import TokenModel
from .turns import Place, whole
from .unread import unread_end
from .vae import PictureCoder, load_vae

TEXT_TOKENS: Final = 256
"""Of T5, by diffusers' pipelines."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> SD3:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    reads_t5 = _has(read_config(folder, "", INDEX), "text_encoder_3")
    t5, t5_tokenizer = None, None
    if reads_t5:
        t5 = load_text_encoder(T5EncoderModel, folder / "text_encoder_3", dtype)
        t5_tokenizer = load_t5_tokenizer(folder / "tokenizer_3")
    parts = StableDiffusion3Pipeline(
        transformer=load_model(SD3Transformer2DModel, folder / "transformer", dtype),
        scheduler=None,
        vae=coder.vae,
        text_encoder=load_text_encoder(CLIPTextModelWithProjection, folder / "text_encoder", dtype),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        text_encoder_2=load_text_encoder(CLIPTextModelWithProjection, folder / "text_encoder_2", dtype),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2", local_files_only=True),
        text_encoder_3=t5,
        tokenizer_3=t5_tokenizer,
    )
    return SD3(place(parts, device), coder, scheduler)


def _has(index: dict[str, Any], component: str) -> bool:
    """Whether a model's index names a class for a component, and does not leave it out."""
    entry = index.get(component)
    return isinstance(entry, list) and None not in entry


@dataclass(frozen=True)
class SD3Text(Conditioning):
    """CLIP's hidden states and T5's one behind the other `[rows, tokens, width]`, and CLIP's pooled ones `[rows, width]`."""

    hidden: torch.Tensor
    pooled: torch.Tensor


class SD3(TokenModel):
    """A loaded Stable Diffusion 3.x; see `adapter.Adapter`. The turbo one differs in being asked without guidance."""

    classifier_free = True

    def __init__(self, parts: StableDiffusion3Pipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        super().__init__(parts, coder, scheduler)
        self._hold_together()

    def _hold_together(self) -> None:
        """Raise UnusableModel where the parts were not made for each other."""
        config, t5 = self._transformer.config, self._parts.text_encoder_3
        if config.patch_size != SIDE:
            raise UnusableModel("Its denoiser is of a kind of Stable Diffusion 3 that this version does not know.")
        agree_on_latents(config.in_channels, self._coder.channels)
        clips = (self._parts.text_encoder.config, self._parts.text_encoder_2.config)
        agree_on_text(config.pooled_projection_dim, sum(clip.projection_dim for clip in clips))
        if t5 is not None:
            agree_on_text(config.joint_attention_dim, t5.config.d_model)

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents; raises ValueError when the sides do not make up whole patches, or more than it has places for."""
        most = self._transformer.config.pos_embed_max_size * SIDE * self._coder.scale
        if max(extent.width, extent.height) > most:
            raise ValueError(f"{extent} pixels are more than {most} on a side")
        return packed_shape(extent, self._coder.channels, self._coder.scale)

    def encode_text(self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()) -> SD3Text:
        """Encode as diffusers does, with both of CLIP's encoders and T5; nought stands for one that was left out."""
        hidden, opposite, pooled, summary = self._parts.encode_prompt(
            prompt.text,
            None,
            None,
            self.device,
            do_classifier_free_guidance=negative is not None,
            negative_prompt=None if negative is None else negative.text,
            max_sequence_length=TEXT_TOKENS,
        )
        if negative is not None:
            hidden, pooled = torch.cat([opposite, hidden]), torch.cat([summary, pooled])
        return SD3Text(negative is not None, hidden, pooled, unread=self._unread(prompt.text))

    def _unread(self, prompt: str) -> str:
        """What the encoder that reads furthest had no room for: T5, whose end takes a place, else CLIP, whose start does too."""
        if self._parts.tokenizer_3 is not None:
            return unread_end(self._parts.tokenizer_3, prompt, TEXT_TOKENS - 1)
        return unread_end(self._parts.tokenizer, prompt, self._parts.tokenizer_max_length - 2)

    def schedule(self, sampler: str, steps: int, strength: float, extent: Extent) -> FlowSchedule:
        """The steps of one picture, spaced by the scheduler itself, and shifted by the picture's size where it wants that."""
        mu = self._shift(tokens_of(extent, self._coder.scale))
        return FlowSchedule(self._scheduler, sampler, steps, strength, self.device, mu)

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity."""
        assert isinstance(conditioning, SD3Text)
        count = len(latents) // conditioning.rows
        output = self._transformer(
            hidden_states=latents.to(self._transformer.dtype),
            timestep=timestep.expand(len(latents)),
            encoder_hidden_states=conditioning.hidden.repeat_interleave(count, 0),
            pooled_projections=conditioning.pooled.repeat_interleave(count, 0),
            return_dict=False,
        )[0]
        predicted: torch.Tensor = output.float()
        return predicted
