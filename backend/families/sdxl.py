"""Stable Diffusion XL, and every model of its shape: two CLIP text encoders, and a UNet that is told sizes.

Pony, Illustrious and NoobAI are of it, and what was distilled from it: Turbo, Lightning, Hyper and LCM differ in their schedule
alone, or in a UNet that takes the guidance scale as an input. Its inpainting UNets are run as well, its refiner is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import SchedulerMixin, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from backend.prompts import Prompt

from .adapter import Beside, Conditioning, UnusableModel
from .agreement import agree_on_text
from .clip_text import chunk_count, encode_clip
from .components import INDEX, load_model, load_text_encoder, read_config
from .turns import Place, whole
from .unet import UNetModel
from .vae import PictureCoder, load_vae

SIZES: Final = 6
"""Numbers that the UNet is told (Podell et al. 2023, arXiv 2307.01952, section 2.2): height and width of the original, where it was
cropped from the top and from the left, height and width of the target."""

LAYER: Final = 2
"""Whose hidden states its text encoders give, counted from the end: no final layer norm comes behind it."""

OTHER_NOISE: Final = "EDM"
"""How the names of diffusers' schedulers begin for models of Karras' preconditioning, which want other inputs (Playground 2.5)."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> SDXL:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`.

    A VAE that says of itself that it overflows in float16 is loaded in float32 instead.
    """
    index, scheduler = read_config(folder, "", INDEX), read_config(folder, "scheduler", SchedulerMixin.config_name)
    _refuse_others(folder, index, scheduler)
    coder = load_vae(folder, torch.float32 if dtype == torch.float16 and _overflows(folder) else dtype)
    parts = StableDiffusionXLPipeline(
        vae=coder.vae,
        text_encoder=load_text_encoder(CLIPTextModel, folder / "text_encoder", dtype),
        text_encoder_2=load_text_encoder(CLIPTextModelWithProjection, folder / "text_encoder_2", dtype),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2", local_files_only=True),
        unet=load_model(UNet2DConditionModel, folder / "unet", dtype),
        scheduler=None,
        force_zeros_for_empty_prompt=index.get("force_zeros_for_empty_prompt", True),
        add_watermarker=False,
    )
    return SDXL(place(parts, device), coder, scheduler)


def _overflows(folder: Path) -> bool:
    """Whether a model's VAE says that it overflows in float16; SDXL's own does, one that was mended says that it does not."""
    config = read_config(folder, "vae")
    # what diffusers takes it for where the file does not tell
    return bool(config.get("force_upcast", config.get("_class_name") == "AutoencoderKL"))


def _refuse_others(folder: Path, index: dict[str, Any], scheduler: dict[str, Any]) -> None:
    """Raise UnusableModel for what has SDXL's parts and wants to be used in another way."""
    if index.get("requires_aesthetics_score") or not (folder / "text_encoder").is_dir():
        raise UnusableModel("It is SDXL's refiner, which only finishes what another model began.")
    if str(scheduler.get("_class_name", "")).startswith(OTHER_NOISE):
        raise UnusableModel("It was trained with another kind of noise than SDXL, which this version does not make.")


@dataclass(frozen=True)
class SDXLText(Conditioning):
    """Both encoders' hidden states side by side `[rows, tokens, width]`, and the second one's pooled `[rows, width]`."""

    hidden: torch.Tensor
    pooled: torch.Tensor


class SDXL(UNetModel):
    """A loaded Stable Diffusion XL; see `adapter.Adapter`."""

    def __init__(self, parts: StableDiffusionXLPipeline, coder: PictureCoder, scheduler: dict[str, Any]) -> None:
        super().__init__(parts, coder, scheduler)
        self._readers = (
            (self._parts.tokenizer, self._parts.text_encoder),
            (self._parts.tokenizer_2, self._parts.text_encoder_2),
        )
        self._hold_together()

    def _hold_together(self) -> None:
        """Raise UnusableModel where the parts were not made for each other, or the UNet wants to be told other things."""
        config = self._unet.config
        agree_on_text(config.cross_attention_dim, sum(encoder.config.hidden_size for _, encoder in self._readers))
        told = self._parts.text_encoder_2.config.projection_dim + SIZES * (config.addition_time_embed_dim or 0)
        if config.addition_embed_type != "text_time" or config.projection_class_embeddings_input_dim != told:
            raise UnusableModel("Its UNet wants to be told other things beside the prompt than SDXL's sizes.")

    def encode_text(self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()) -> SDXLText:
        """Encode with both encoders, see `clip_text`. An empty negative prompt is nought, where the model was trained so.

        A `clip_skip` of 1 is the same as 2, the layer before the last: in this family the last one never spoke. diffusers' own
        `clip_skip` is less by two. Raises NoSuchLayer.
        """
        prompts = [prompt] if negative is None else [negative, prompt]
        chunks = max(chunk_count(*reader, *prompts) for reader in self._readers)
        texts = [self._read(one, chunks) for one in prompts]
        if negative is not None and not negative.text.strip() and self._parts.config.force_zeros_for_empty_prompt:
            nought = texts[0]
            texts[0] = replace(nought, hidden=torch.zeros_like(nought.hidden), pooled=torch.zeros_like(nought.pooled))
        hidden, pooled = torch.cat([text.hidden for text in texts]), torch.cat([text.pooled for text in texts])
        return SDXLText(negative is not None, hidden, pooled, unread=texts[-1].unread or texts[0].unread)

    def _read(self, prompt: Prompt, chunks: int) -> SDXLText:
        """Encode one prompt: both encoders' hidden states side by side, and the second one's pooled one."""
        layer = max(prompt.clip_skip, LAYER)
        first, second = (
            encode_clip(*reader, prompt, chunks=chunks, layer=layer, normed=False) for reader in self._readers
        )
        assert second.pooled is not None
        hidden = torch.cat([first.hidden, second.hidden], dim=-1)
        return SDXLText(False, hidden, second.pooled, unread=max(first.unread, second.unread, key=len))

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the UNet; it is told that original and target have the picture's size, and that nothing was cropped."""
        assert isinstance(conditioning, SDXLText)
        count = len(latents) // conditioning.rows
        height, width = (side * self._coder.scale for side in latents.shape[-2:])
        sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=self.device)
        added = {
            "text_embeds": conditioning.pooled.repeat_interleave(count, 0),
            "time_ids": sizes.expand(len(latents), -1),
        }
        return self._ask(latents, timestep, conditioning.hidden.repeat_interleave(count, 0), guidance, beside, added)
