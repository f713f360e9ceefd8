"""LongCat-Image, and the one that edits: a transformer of FLUX.1's make, with Qwen2.5-VL as text encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import LongCatImageEditPipeline, LongCatImagePipeline, LongCatImageTransformer2DModel, SchedulerMixin
from diffusers.pipelines.longcat_image import pipeline_longcat_image_edit
from diffusers.pipelines.longcat_image.pipeline_longcat_image import prepare_pos_ids

from backend.prompts import Prompt
from protocol import Extent

from .adapter import Beside, Conditioning
from .agreement import agree_on_latents, agree_on_text
from .components import INDEX, load_model, read_config
from .guidance import classifier_free
from .qwen_vl import MARK, QwenVL, Seen, load_qwen_vl
from .shown import ratio_of, resized
from .tokens import SIDE, pack, unpack
from .transformer import TokenModel
from .turns import Place, whole
from .vae import PictureCoder, load_vae

PROCESSOR: Final = "text_processor"

AREA: Final = 1024 * 1024
"""Pixels that `LongCatImageEditPipeline` brings a picture to; for the text encoder to half of each side."""

LEAST_LENGTH: Final = 1e-8
"""Added to a length that something is divided by, as in diffusers' pipeline."""

QUOTES: Final = ("''", '""', "\u2018\u2019", "\u201c\u201d")
"""Opening and closing marks of words that are to be written in the picture."""

QUOTED: Final = re.compile("|".join(f"{opened}[^{opened}{closed}]*?{closed}" for opened, closed in QUOTES))

INSIDE_A_WORD: Final = re.compile("(?<=[a-zA-Z])'(?=[a-zA-Z])")
"""An apostrophe, which opens no quotation."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> LongCat:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_vae(folder, dtype)
    edits = read_config(folder, "", INDEX).get("_class_name") == LongCatImageEditPipeline.__name__
    reader = load_qwen_vl(folder, dtype, PROCESSOR if edits else "")
    pipeline = LongCatImageEditPipeline if edits else LongCatImagePipeline
    parts = pipeline(
        vae=coder.vae,
        text_encoder=reader.encoder,
        tokenizer=reader.tokenizer,
        text_processor=_Processor(),
        transformer=load_model(LongCatImageTransformer2DModel, folder / "transformer", dtype),
        scheduler=None,
    )
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    return (LongCatEdit if edits else LongCat)(place(parts, device), reader, coder, scheduler)


class _Processor:
    """In the place of the pipeline's own, which wants torchvision, and which nothing here asks."""

    image_processor = None


def split_quoted(prompt: str) -> list[str]:
    """A prompt in parts: what is quoted letter by letter, since the model is to write it, and all else in one piece.

    As diffusers' `split_quotation` has it, but for one thing: that one loses words with apostrophes where there are several.
    """
    without = INSIDE_A_WORD.sub("\0", prompt)
    parts: list[str] = []
    at = 0
    for quoted in QUOTED.finditer(without):
        parts += [prompt[at : quoted.start()], *prompt[quoted.start() : quoted.end()]]
        at = quoted.end()
    return [part for part in (*parts, prompt[at:]) if part]


@dataclass(frozen=True)
class LongCatText(Conditioning):
    """Qwen2.5-VL's hidden states, `[rows, tokens, width]`, what it makes of padding among them."""

    hidden: torch.Tensor


class LongCat(TokenModel):
    """A loaded LongCat-Image; see `adapter.Adapter`."""

    classifier_free = True

    def __init__(self, parts: Any, reader: QwenVL, coder: PictureCoder, scheduler: dict[str, Any]) -> None:  # noqa: ANN401
        super().__init__(parts, coder, scheduler)
        self._reader = reader
        agree_on_text(self._transformer.config.joint_attention_dim, reader.width)
        agree_on_latents(self._transformer.config.in_channels // SIDE**2, coder.channels)

    def encode_text(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> LongCatText:
        """Encode within the message that the model was trained with, padded to the length that it was trained with."""
        seen = self._seen(references)
        told = [prompt.text] if negative is None else [negative.text, prompt.text]
        encoded = [self._encode(words, seen) for words in told]
        hidden = torch.cat([states for states, _ in encoded])
        return LongCatText(negative is not None, hidden, unread=encoded[-1][1])

    def _encode(self, prompt: str, seen: Seen | None) -> tuple[torch.Tensor, str]:
        reader = self._reader
        room: int = self._parts.tokenizer_max_length
        words = reader.words(split_quoted(prompt))
        read = words.ids[:room]
        padding = [reader.tokenizer.pad_token_id] * (room - len(read))
        before, skipped = self._before(seen)
        after = reader.tokens(self._parts.prompt_template_encode_suffix)
        mask = [1] * (len(before) + len(read)) + [0] * len(padding) + [1] * len(after)
        states = reader.hidden([*before, *read, *padding, *after], seen, mask)
        return states[:, skipped : -len(after)], words.unread(room)

    def _seen(self, references: Sequence[torch.Tensor]) -> Seen | None:
        """What the text encoder is shown."""
        return None

    def _before(self, seen: Seen | None) -> tuple[list[int], int]:
        """The tokens of the message before the painter's words, and how many of them the denoiser does not see."""
        tokens = self._reader.tokens(self._parts.prompt_template_encode_prefix)
        return tokens, len(tokens)

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity."""
        assert isinstance(conditioning, LongCatText)
        count, _, height, width = latents.shape
        dtype = self._transformer.dtype
        length = conditioning.hidden.shape[1]
        tokens, places = pack(latents), self._places(latents, 1, length)
        painted = tokens.shape[1]
        for reference in () if beside is None else beside.references:
            tokens = torch.cat([tokens, pack(reference).expand(count, -1, -1)], dim=1)
            places = torch.cat([places, self._places(reference, 2, length)])
        output = self._transformer(
            hidden_states=tokens.to(dtype),
            timestep=timestep.expand(count).to(dtype) / 1000,
            encoder_hidden_states=conditioning.hidden.to(dtype).repeat_interleave(count // conditioning.rows, 0),
            txt_ids=prepare_pos_ids(num_token=length).to(self.device),
            img_ids=places,
            return_dict=False,
        )[0]
        return unpack(output[:, :painted].float(), height, width)

    def _places(self, latents: torch.Tensor, picture: int, start: int) -> torch.Tensor:
        """Of a picture's tokens, `[tokens, 3]`; they come after the words, `start` tokens."""
        height, width = latents.shape[-2] // SIDE, latents.shape[-1] // SIDE
        places: torch.Tensor = prepare_pos_ids(picture, "image", (start, start), height=height, width=width)
        return places.to(self.device)

    def guide(self, away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float) -> torch.Tensor:
        """Classifier-free guidance of which no token is longer than it was for the prompt alone.

        As diffusers' pipeline does it (`enable_cfg_renorm`), which takes it from the model's authors.
        """
        guided, wanted = pack(classifier_free(away, towards, guidance, rescale)), pack(towards)
        length = torch.linalg.vector_norm(guided, dim=-1, keepdim=True) + LEAST_LENGTH
        share = (torch.linalg.vector_norm(wanted, dim=-1, keepdim=True) / length).clamp(max=1)
        return unpack(guided * share, *towards.shape[-2:])


class LongCatEdit(LongCat):
    """A loaded LongCat-Image-Edit; see `adapter.Adapter`."""

    references = 1

    def _seen(self, references: Sequence[torch.Tensor]) -> Seen | None:
        processor = self._parts.image_processor
        return self._reader.see([self._read_at(processor, rgb) for rgb in references[:1]])

    @staticmethod
    def _read_at(processor: Any, rgb: torch.Tensor) -> Any:  # noqa: ANN401 - untyped library
        width, height = pipeline_longcat_image_edit.calculate_dimensions(AREA, ratio_of(rgb))
        # twice, as diffusers' pipeline does it
        return processor.resize(resized(processor, rgb, width, height), height // 2, width // 2)

    def _before(self, seen: Seen | None) -> tuple[list[int], int]:
        """The denoiser sees what the text encoder makes of the picture, too."""
        told: str = self._parts.prompt_template_encode_prefix
        if seen is None:
            tokens = self._reader.tokens(told.removesuffix(MARK))
            return tokens, len(tokens)
        return self._reader.with_pictures(told, seen), len(self._reader.tokens(told.removesuffix(MARK)))

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """The picture to edit, in the size of the one that is painted: the model knows them only alike."""
        if not references:
            return None
        processor = self._parts.image_processor
        image = resized(processor, references[0], extent.width, extent.height)
        return Beside(references=(self._coder.encode(processor.preprocess(image)).mean,))

    def guide(self, away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float) -> torch.Tensor:
        """Plain classifier-free guidance."""
        return classifier_free(away, towards, guidance, rescale)
