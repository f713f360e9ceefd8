"""Qwen-Image-Layered, which takes a picture apart into layers with transparency.

What it paints at once are the whole picture again and then the layers, the lowest first. In the latents that the loop works
on they lie one behind another: `[n, (1 + layers) * channels, height, width]`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Final

import torch

from backend.prompts import Prompt
from protocol import MAX_LAYERS, Extent

from .adapter import Beside, Encoded, UnusableModel
from .qwen_image import QwenImage, QwenText
from .qwen_vae import COLOURS, FrameCoder
from .qwen_vl import QwenVL
from .shown import as_image, resized

LAYERS: Final = 4
"""As diffusers' pipeline has it where it is told nothing."""

BASE_TOKENS: Final = 256 * 256 // (16 * 16)
"""Of a picture that takes a shift of 1; more take the root of the ratio (`pipeline_qwenimage_layered.py`)."""

CAPTION_TOKENS: Final = 512
"""Most that the text encoder may say of a picture that nobody described, as in diffusers' pipeline."""


class QwenLayered(QwenImage):
    """A loaded Qwen-Image-Layered; see `adapter.LayeredAdapter`."""

    references = 1

    _coder: FrameCoder

    def __init__(self, parts: Any, reader: QwenVL, coder: FrameCoder, scheduler: dict[str, Any]) -> None:  # noqa: ANN401
        super().__init__(parts, reader, coder, scheduler)
        if coder.colours != COLOURS + 1:
            raise UnusableModel("Its VAE knows no transparency, of which its layers are made.")
        self.layers = LAYERS

    @property
    def frames(self) -> int:
        """The whole picture, and its layers."""
        return 1 + self.layers

    def of_layers(self, layers: int) -> QwenLayered:
        """The same model, which makes that many layers, 1 to MAX_LAYERS. Raises ValueError for another number."""
        if not 1 <= layers <= MAX_LAYERS:
            raise ValueError(f"a picture is taken apart into 1 to {MAX_LAYERS} layers, not {layers}")
        other = copy.copy(self)
        other.layers = layers
        return other

    def encode_text(self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()) -> QwenText:
        """Encode what is in the whole picture; where nobody says it, the text encoder itself describes the picture."""
        described = prompt
        if not prompt.text.strip() and references:
            described = Prompt.of(self._describe(references[0]))
        return super().encode_text(described, negative)

    def _describe(self, rgb: torch.Tensor) -> str:
        reader = self._reader
        seen = reader.see([as_image(self._parts.image_processor, rgb)])
        ids = reader.with_pictures(self._parts.image_caption_prompt_en, seen)
        asked = reader.asked(ids, seen, None)
        # while it writes, the text encoder places its own words, and must know itself where the picture stands
        del asked["position_ids"]
        kinds = (asked["input_ids"] == reader.encoder.config.image_token_id).int()
        said = reader.encoder.generate(**asked, mm_token_type_ids=kinds, max_new_tokens=CAPTION_TOKENS, do_sample=False)
        caption: str = reader.tokenizer.decode(said[0, len(ids) :], skip_special_tokens=True)
        return caption.strip()

    def encode_image(self, rgb: torch.Tensor) -> Encoded:
        """A picture that is all on its lowest layer, and the others empty."""
        picture = self._coder.encode(rgb)
        empty = self._coder.encode(-torch.ones_like(rgb[:, :1]).expand(-1, COLOURS + 1, -1, -1))
        frames = [picture, picture, *[empty] * (self.layers - 1)]
        deviations = torch.cat([frame.deviation for frame in frames if frame.deviation is not None], dim=1)
        return Encoded(torch.cat([frame.mean for frame in frames], dim=1), deviations)

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """The picture to take apart, in the size of its layers."""
        if not references:
            return None
        processor = self._parts.image_processor
        image = resized(processor, references[0], extent.width, extent.height)
        return Beside(references=(self._coder.encode(processor.preprocess(image)).mean,))

    def _shift(self, tokens: int) -> float:
        return math.sqrt(tokens / BASE_TOKENS)

    def _further(self) -> torch.Tensor | None:
        """That there is transparency."""
        if not self._transformer.config.use_additional_t_cond:
            return None
        return torch.zeros(1, dtype=torch.long, device=self.device)

    def seen(self, latents: torch.Tensor) -> torch.Tensor:
        """The whole picture, which comes before its layers."""
        return latents[:, : self._coder.channels]

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode the whole picture, `[1, 3, height, width]`."""
        return self._coder.decode(self.seen(latents))

    def split(self, latents: torch.Tensor) -> Sequence[torch.Tensor]:
        """The latents of each layer, the lowest first."""
        return latents.chunk(self.frames, dim=1)[1:]

    def decode_layer(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode a layer, `[1, 4, height, width]`."""
        return self._coder.decode_all(latents)
