"""Ovis-Image: Qwen 3's layers, tuned by Ovis, as text encoder; a transformer of FLUX.1's make; FLUX.1's VAE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import OvisImagePipeline, OvisImageTransformer2DModel, SchedulerMixin
from transformers import Qwen2Tokenizer, Qwen3Model

from backend.prompts import Prompt

from .adapter import Beside, Conditioning
from .agreement import agree_on_latents, agree_on_text
from .chat import unread_of
from .components import load_model, load_text_encoder, read_config
from .tokens import SIDE, pack, unpack
from .transformer import TokenModel
from .turns import Place, whole
from .vae import PictureCoder, load_vae

TEXT_TOKENS: Final = 256
"""That diffusers' pipeline lets it read, behind the words that every prompt begins with."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> Ovis:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    parts = OvisImagePipeline(
        scheduler=None,
        vae=coder.vae,
        text_encoder=load_text_encoder(Qwen3Model, folder / "text_encoder", dtype),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        transformer=load_model(OvisImageTransformer2DModel, folder / "transformer", dtype),
    )
    return Ovis(place(parts, device), coder, scheduler)


@dataclass(frozen=True)
class OvisText(Conditioning):
    """Qwen's hidden states `[rows, tokens, width]`, and the tokens' places `[tokens, 3]`, the same for every row."""

    hidden: torch.Tensor
    places: torch.Tensor


class Ovis(TokenModel):
    """A loaded Ovis-Image; see `adapter.Adapter`."""

    classifier_free = True

    def __init__(self, parts: OvisImagePipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        super().__init__(parts, coder, scheduler)
        config = self._transformer.config
        agree_on_latents(config.in_channels, coder.channels * SIDE**2)
        agree_on_text(config.joint_attention_dim, self._parts.text_encoder.config.hidden_size)

    def encode_text(self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()) -> OvisText:
        """Encode as diffusers does: as a message to Qwen, of which what stands before the prompt is left out again."""
        opposite = None if negative is None else negative.text
        hidden, away, places, _ = self._parts.encode_prompt(
            prompt.text, opposite, negative is not None, self.device, max_sequence_length=TEXT_TOKENS
        )
        rows = hidden if negative is None else torch.cat([away, hidden])
        return OvisText(negative is not None, rows, places, unread=self._unread(prompt.text))

    def _unread(self, prompt: str) -> str:
        (message,) = self._parts._get_messages(prompt)
        return unread_of(self._parts.tokenizer, message, prompt, TEXT_TOKENS + self._parts.user_prompt_begin_id)

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity."""
        assert isinstance(conditioning, OvisText)
        count, _, height, width = latents.shape
        dtype = self._transformer.dtype
        output = self._transformer(
            hidden_states=pack(latents).to(dtype),
            timestep=timestep.expand(count).to(dtype) / 1000,
            encoder_hidden_states=conditioning.hidden.repeat_interleave(count // conditioning.rows, 0),
            txt_ids=conditioning.places,
            img_ids=self._places(height, width),
            return_dict=False,
        )[0]
        return unpack(output.float(), height, width)

    def _places(self, height: int, width: int) -> torch.Tensor:
        places: torch.Tensor = self._parts._prepare_latent_image_ids(
            1, height // SIDE, width // SIDE, self.device, torch.float32
        )
        return places
