"""Chroma: FLUX.1 schnell's make with T5 alone for text, and guidance that was not distilled away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import ChromaPipeline, ChromaTransformer2DModel, SchedulerMixin
from transformers import T5EncoderModel

from backend.prompts import Prompt

from .adapter import Beside, Conditioning
from .agreement import agree_on_latents, agree_on_text
from .components import load_model, load_text_encoder, read_config
from .t5_tokenizer import load_t5_tokenizer
from .tokens import SIDE, pack, unpack
from .transformer import TokenModel
from .turns import Place, whole
from .unread import unread_end
from .vae import PictureCoder, load_vae

TEXT_TOKENS: Final = 512
"""Of T5, by diffusers' pipelines."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> Chroma:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    parts = ChromaPipeline(
        scheduler=None,
        vae=coder.vae,
        text_encoder=load_text_encoder(T5EncoderModel, folder / "text_encoder", dtype),
        tokenizer=load_t5_tokenizer(folder / "tokenizer"),
        transformer=load_model(ChromaTransformer2DModel, folder / "transformer", dtype),
    )
    return Chroma(place(parts, device), coder, scheduler)


@dataclass(frozen=True)
class ChromaText(Conditioning):
    """T5's hidden states of what Chroma sees of them, `[1, tokens, width]` a row; rows differ in tokens."""

    hidden: tuple[torch.Tensor, ...]


class Chroma(TokenModel):
    """A loaded Chroma; see `adapter.Adapter`. Its flash one differs in being asked without guidance."""

    classifier_free = True

    def __init__(self, parts: ChromaPipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        super().__init__(parts, coder, scheduler)
        config = self._transformer.config
        agree_on_latents(config.in_channels, coder.channels * SIDE**2)
        agree_on_text(config.joint_attention_dim, self._parts.text_encoder.config.d_model)

    def encode_text(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> ChromaText:
        """Encode with T5, which sees the prompt alone; of what fills it up the transformer sees the first token."""
        spoken = [prompt.text] if negative is None else [negative.text, prompt.text]
        hidden = tuple(self._read(text) for text in spoken)
        return ChromaText(
            negative is not None, hidden, unread=unread_end(self._parts.tokenizer, prompt.text, TEXT_TOKENS - 1)
        )

    def _read(self, text: str) -> torch.Tensor:
        """Hidden states of what the transformer is to see, `[1, tokens, width]`.

        It was trained to see one token of padding, and no other. diffusers hands it all of them, with a mask of numbers that is
        added to attention where one of truth values was meant, so that it hides nothing. Without them there is nothing to hide.
        """
        hidden, _, seen, *_ = self._parts.encode_prompt(
            text, device=self.device, do_classifier_free_guidance=False, max_sequence_length=TEXT_TOKENS
        )
        shown: torch.Tensor = hidden[:, : int(seen.sum())]
        return shown

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity, for each prompt apart: they are not of one length."""
        assert isinstance(conditioning, ChromaText)
        rows = zip(latents.chunk(conditioning.rows), conditioning.hidden, strict=True)
        return torch.cat([self._predict(pictures, timestep, hidden) for pictures, hidden in rows])

    def _predict(self, latents: torch.Tensor, timestep: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        count, _, height, width = latents.shape
        dtype = self._transformer.dtype
        places = self._parts._prepare_latent_image_ids(1, height // SIDE, width // SIDE, self.device, torch.float32)
        output = self._transformer(
            hidden_states=pack(latents).to(dtype),
            timestep=timestep.expand(count).to(dtype) / 1000,
            encoder_hidden_states=hidden.expand(count, -1, -1),
            txt_ids=torch.zeros(hidden.shape[1], 3, device=self.device),
            img_ids=places,
            return_dict=False,
        )[0]
        return unpack(output.float(), height, width)
