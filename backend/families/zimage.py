"""Z-Image, and the turbo one that was distilled from it: Qwen 3 as text encoder, a transformer of one stream, FLUX.1's VAE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import SchedulerMixin, ZImagePipeline, ZImageTransformer2DModel
from transformers import Qwen2Tokenizer, Qwen3Model

from backend.prompts import Prompt

from .adapter import Beside, Conditioning, UnusableModel
from .agreement import agree_on_latents, agree_on_text
from .chat import unread_of
from .components import load_model, load_text_encoder, read_config
from .guidance import no_longer_than
from .tokens import SIDE
from .transformer import TokenModel
from .turns import Place, whole
from .vae import PictureCoder, load_vae

TEXT_TOKENS: Final = 512
"""That diffusers' pipelines let it read, of the message that the prompt is put into."""

TRAINED_STEPS: Final = 1000
"""It counts time from noise to picture, 0 to 1, and so the other way round than the schedule."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> ZImage:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    parts = ZImagePipeline(
        scheduler=None,
        vae=coder.vae,
        text_encoder=load_text_encoder(Qwen3Model, folder / "text_encoder", dtype),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        transformer=load_model(ZImageTransformer2DModel, folder / "transformer", dtype),
    )
    return ZImage(place(parts, device), coder, scheduler)


@dataclass(frozen=True)
class ZImageText(Conditioning):
    """Qwen's hidden states, `[tokens, width]` a row; rows differ in tokens."""

    hidden: tuple[torch.Tensor, ...]


class ZImage(TokenModel):
    """A loaded Z-Image; see `adapter.Adapter`. The turbo one differs in its schedule and in being asked without guidance."""

    classifier_free = True

    def __init__(self, parts: ZImagePipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        super().__init__(parts, coder, scheduler)
        config = self._transformer.config
        if config.siglip_feat_dim is not None or SIDE not in config.all_patch_size:
            raise UnusableModel("Its denoiser is of a kind of Z-Image that this version does not know.")
        agree_on_latents(config.in_channels, coder.channels)
        agree_on_text(config.cap_feat_dim, self._parts.text_encoder.config.hidden_size)

    def encode_text(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> ZImageText:
        """Encode as diffusers does: as a message to Qwen, whose last hidden states but one are taken."""
        towards, away = self._parts.encode_prompt(
            prompt.text,
            self.device,
            negative is not None,
            None if negative is None else negative.text,
            max_sequence_length=TEXT_TOKENS,
        )
        return ZImageText(negative is not None, (*away, *towards), unread=self._unread(prompt.text))

    def _unread(self, prompt: str) -> str:
        message = self._parts.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        return unread_of(self._parts.tokenizer, message, prompt, TEXT_TOKENS)

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity, which it has towards the picture and the schedule towards the noise."""
        assert isinstance(conditioning, ZImageText)
        count = len(latents) // conditioning.rows
        pictures = latents.to(self._transformer.dtype).unsqueeze(2)  # of a single frame
        output = self._transformer(
            list(pictures.unbind()),
            (TRAINED_STEPS - timestep.expand(len(latents))) / TRAINED_STEPS,
            [row for row in conditioning.hidden for _ in range(count)],
            return_dict=False,
        )[0]
        return -torch.stack([picture.float().squeeze(1) for picture in output])

    def guide(self, away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float) -> torch.Tensor:
        """Guide in the way of Z-Image's authors, who start from the prompt: their 4 is 5 elsewhere.

        Here too nothing is guided up to a scale of 1, so that it means the same to a painter in every family; for theirs that
        is 0. `rescale` shortens what is longer than the prediction for the prompt; at 1 as much as their `cfg_normalization`.
        """
        guided = towards + guidance * (towards - away)
        if rescale <= 0:
            return guided
        return rescale * no_longer_than(guided, towards) + (1 - rescale) * guided
