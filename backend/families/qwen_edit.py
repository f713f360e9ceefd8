"""Qwen-Image-Edit, which is shown a picture and told what to do with it, and its later ones, which are shown up to three."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit, pipeline_qwenimage_edit_plus

from protocol import Extent

from .adapter import Beside
from .qwen_image import TEXT_TOKENS, QwenImage
from .qwen_vl import MARK, Seen, Words
from .shown import ratio_of, resized

AREA: Final = 1024 * 1024
"""Pixels that `QwenImageEditPipeline` brings a picture to, whatever is painted; multiples of 32 on each side."""


class QwenEdit(QwenImage):
    """A loaded Qwen-Image-Edit; see `adapter.Adapter`."""

    references = 1

    def _seen(self, references: Sequence[torch.Tensor]) -> Seen | None:
        processor = self._parts.image_processor
        taken = references[: self.references]
        return self._reader.see([resized(processor, rgb, *self._read_at(ratio_of(rgb))) for rgb in taken])

    def _read_at(self, ratio: float) -> tuple[int, int]:
        """Width and height of a picture for the text encoder."""
        return self._worked_at(ratio)

    def _worked_at(self, ratio: float) -> tuple[int, int]:
        """Width and height of a picture for the denoiser."""
        width, height, _ = pipeline_qwenimage_edit.calculate_dimensions(AREA, ratio)
        return width, height

    def _message(self, prompt: str, seen: Seen | None) -> tuple[Words, list[int]]:
        before, after = self._around(seen)
        words = self._reader.words([prompt])
        return words, [*before, *words.ids[:TEXT_TOKENS], *after]

    def _room(self, seen: Seen | None) -> int:
        return TEXT_TOKENS

    def _around(self, seen: Seen | None) -> tuple[list[int], list[int]]:
        before, after = self._parts.prompt_template_encode.split("{}")
        marks = self._marks(0 if seen is None else len(seen.tokens))
        told = before.removesuffix(MARK) + marks
        return self._reader.with_pictures(told, seen), self._reader.tokens(after)

    def _marks(self, count: int) -> str:
        """The pictures, as the message speaks of them."""
        return MARK * count

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """The pictures to work from, each in the size that the model was trained with."""
        if not references:
            return None
        return Beside(references=tuple(self._worked(rgb, extent) for rgb in references[: self.references]))

    def _worked(self, rgb: torch.Tensor, extent: Extent) -> torch.Tensor:
        processor = self._parts.image_processor
        # the canvas comes in the size of what is painted, and keeps it: the model takes both as lying with their middles one over
        # the other, whatever their sizes, so that in another size it would come out shrunk or grown
        canvas = rgb.shape[-2:] == (extent.height, extent.width)
        width, height = (extent.width, extent.height) if canvas else self._worked_at(ratio_of(rgb))
        image = resized(processor, rgb, width, height)
        return self._coder.encode(processor.preprocess(image)).mean


class QwenEditPlus(QwenEdit):
    """A loaded Qwen-Image-Edit-2509 or later; see `adapter.Adapter`."""

    references = 3

    def _read_at(self, ratio: float) -> tuple[int, int]:
        plus = pipeline_qwenimage_edit_plus
        width, height = plus.calculate_dimensions(plus.CONDITION_IMAGE_SIZE, ratio)
        return width, height

    def _worked_at(self, ratio: float) -> tuple[int, int]:
        plus = pipeline_qwenimage_edit_plus
        width, height = plus.calculate_dimensions(plus.VAE_IMAGE_SIZE, ratio)
        return width, height

    def _marks(self, count: int) -> str:
        return "".join(f"Picture {number}: {MARK}" for number in range(1, count + 1))
