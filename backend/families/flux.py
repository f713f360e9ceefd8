"""FLUX.1: dev and schnell, Fill, which is shown mask and masked picture, and Kontext, which is shown a picture to edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, SchedulerMixin
from transformers import CLIPTextModel, CLIPTokenizer, T5EncoderModel

from backend.prompts import Prompt
from protocol import Extent

from .adapter import Beside, Conditioning, UnusableModel
from .agreement import agree_on_text
from .components import INDEX, load_model, load_text_encoder, read_config
from .references import ReferenceSize
from .t5_tokenizer import load_t5_tokenizer
from .tokens import SIDE, pack, unpack
from .transformer import TokenModel
from .turns import Place, whole
from .unread import unread_end
from .vae import PictureCoder, load_vae

TEXT_TOKENS: Final = 512
"""Of T5 that dev was trained with."""

FEW_STEPS_TEXT_TOKENS: Final = 256
"""The same of schnell, by its model card."""

EDITING: Final = "FluxKontextPipeline"
"""Kontext's shapes are dev's: only the index tells them apart."""

REFERENCE_PIXELS: Final = 1024 * 1024
"""Kontext's own: its pipeline brings every picture to one of its sizes of about this area."""

LEAST_REFERENCE_SIDE: Final = 64
LONGEST_REFERENCE: Final = 8
# as FLUX.2 has them, for a picture of any shape; Kontext was trained with nothing longer than 1568 by 672


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> Flux:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    parts = FluxPipeline(
        vae=coder.vae,
        text_encoder=load_text_encoder(CLIPTextModel, folder / "text_encoder", dtype),
        text_encoder_2=load_text_encoder(T5EncoderModel, folder / "text_encoder_2", dtype),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        tokenizer_2=load_t5_tokenizer(folder / "tokenizer_2"),
        transformer=load_model(FluxTransformer2DModel, folder / "transformer", dtype),
        scheduler=None,
    )
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    edits = read_config(folder, "", INDEX).get("_class_name") == EDITING
    return Flux(place(parts, device), coder, scheduler, edits)


@dataclass(frozen=True)
class FluxText(Conditioning):
    """T5's hidden states `[1, tokens, width]`, CLIP's pooled one `[1, width]`, and the tokens' places, all zero."""

    hidden: torch.Tensor
    pooled: torch.Tensor
    places: torch.Tensor


class Flux(TokenModel):
    """A loaded FLUX.1; see `adapter.Adapter`."""

    classifier_free = False

    def __init__(self, parts: FluxPipeline, coder: PictureCoder, scheduler: dict[str, Any], edits: bool) -> None:
        super().__init__(parts, coder, scheduler)
        config = self._transformer.config
        agree_on_text(config.joint_attention_dim, self._parts.text_encoder_2.config.d_model)
        agree_on_text(config.pooled_projection_dim, self._parts.text_encoder.config.hidden_size)
        self.references = 1 if edits else 0
        self._reference_size = ReferenceSize(
            REFERENCE_PIXELS, SIDE * coder.scale, LEAST_REFERENCE_SIDE, LONGEST_REFERENCE
        )
        self.takes_mask = self._takes_mask()

    def _takes_mask(self) -> bool:
        config = self._transformer.config
        plain = pack(torch.empty(1, self._coder.channels, 2, 2)).shape[-1]
        filling = 2 * plain + pack(torch.empty(1, self._coder.scale**2, 2, 2)).shape[-1]
        if config.in_channels not in (plain, filling):
            raise UnusableModel("Its denoiser takes more than a picture and a mask.")
        return bool(config.in_channels == filling)

    def encode_text(self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()) -> FluxText:
        """Encode as diffusers does, with T5 and CLIP; there is no negative prompt."""
        length = TEXT_TOKENS if self._transformer.config.guidance_embeds else FEW_STEPS_TEXT_TOKENS
        hidden, pooled, places = self._parts.encode_prompt(prompt.text, None, self.device, max_sequence_length=length)
        return FluxText(
            False, hidden, pooled, places, unread=unread_end(self._parts.tokenizer_2, prompt.text, length - 1)
        )

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """Mask and masked picture for Fill, the picture to edit for Kontext."""
        if self.takes_mask:
            return self._masked(picture, mask, extent)
        if self.references and references:
            return Beside(references=tuple(self._shown(rgb, extent) for rgb in references[:1]))
        return None

    def _shown(self, rgb: torch.Tensor, extent: Extent) -> torch.Tensor:
        # the canvas comes in the size of what is painted: one lies over the other
        if rgb.shape[-2:] != (extent.height, extent.width):
            rgb = self._reference_size.fit(rgb)
        return self._coder.encode(rgb).mean

    def _masked(self, picture: torch.Tensor | None, mask: torch.Tensor | None, extent: Extent) -> Beside:
        """As diffusers' FluxFillPipeline has it: the mask is cut at one half and keeps its pixels, as channels."""
        open_ = torch.ones(1, 1, extent.height, extent.width) if mask is None else mask
        open_ = (open_ >= 0.5).float().to(self.device)
        seen = torch.zeros(1, 3, extent.height, extent.width) if picture is None else picture
        pixels = torch.nn.functional.pixel_unshuffle(open_, self._coder.scale)
        return Beside(pixels, self._coder.encode(seen.to(self.device) * (1 - open_)))

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity."""
        assert isinstance(conditioning, FluxText)
        count, _, height, width = latents.shape
        dtype = self._transformer.dtype
        tokens, places = self._tokens(latents, beside)
        scale = torch.full([count], guidance, device=self.device) if self._transformer.config.guidance_embeds else None
        output = self._transformer(
            hidden_states=tokens.to(dtype),
            timestep=timestep.expand(count).to(dtype) / 1000,
            guidance=scale,
            pooled_projections=conditioning.pooled.expand(count, -1),
            encoder_hidden_states=conditioning.hidden.expand(count, -1, -1),
            txt_ids=conditioning.places,
            img_ids=places,
            return_dict=False,
        )[0]
        return unpack(output.float(), height, width)

    def _tokens(self, latents: torch.Tensor, beside: Beside | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The latents' tokens with what is shown beside them, and the tokens' places `[tokens, 3]`."""
        tokens, places = pack(latents), self._places(latents, 0)
        count = len(latents)
        if beside is not None and beside.mask is not None and beside.masked is not None:
            masked = pack(beside.masked.mean).expand(count, -1, -1)
            return torch.cat([tokens, masked, pack(beside.mask).expand(count, -1, -1)], dim=2), places
        for reference in () if beside is None else beside.references:
            tokens = torch.cat([tokens, pack(reference).expand(count, -1, -1)], dim=1)
            places = torch.cat([places, self._places(reference, 1)])
        return tokens, places

    def _places(self, latents: torch.Tensor, picture: int) -> torch.Tensor:
        height, width = latents.shape[-2] // 2, latents.shape[-1] // 2
        places: torch.Tensor = self._parts._prepare_latent_image_ids(1, height, width, self.device, torch.float32)
        places[:, 0] = picture
        return places
