"""Qwen2.5-VL as a text encoder: words, and pictures along with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer, Qwen2VLImageProcessorPil

from .adapter import UnusableModel
from .components import load_text_encoder, read_config
from .turns import device_of

PICTURE: Final = "<|image_pad|>"
"""Stands in a text for a picture, and is repeated for each token that the picture takes."""

MARK: Final = f"<|vision_start|>{PICTURE}<|vision_end|>"
"""A picture in a message."""

IMAGE_PROCESSOR: Final = "preprocessor_config.json"

PADDING_PLACE: Final = 1
"""Where padding stands. No word looks at it, but LongCat-Image's denoiser reads what the encoder makes of it."""


@dataclass(frozen=True)
class Words:
    """A painter's words as tokens, and where in the text each of them begins."""

    text: str
    ids: tuple[int, ...]
    starts: tuple[int, ...]

    def unread(self, room: int) -> str:
        """The end of the text that is not among the first `room` tokens."""
        room = max(0, room)
        return self.text[self.starts[room] :] if room < len(self.ids) else ""


@dataclass(frozen=True)
class Seen:
    """Pictures as the encoder takes them: their patches, and how many of those each has `[pictures, 3]`: frames, rows, columns."""

    patches: torch.Tensor
    grids: torch.Tensor
    tokens: tuple[int, ...]


class QwenVL:
    """A loaded Qwen2.5-VL with its tokenizer, and with `pictures`, which cuts pictures into patches, where it is shown some."""

    def __init__(self, encoder: Any, tokenizer: Any, pictures: Any = None) -> None:  # noqa: ANN401 - untyped library
        self.encoder = encoder
        self.tokenizer = tokenizer
        self._pictures = pictures

    @property
    def width(self) -> int:
        """Of its hidden states."""
        width: int = self.encoder.config.text_config.hidden_size
        return width

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text of our own, in which marks such as that for a picture are understood."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def words(self, parts: Sequence[str]) -> Words:
        """Tokens of a painter's words, the parts one by one. What looks like a mark is only letters in them."""
        ids: list[int] = []
        starts: list[int] = []
        at = 0
        for part in parts:
            read = self.tokenizer(
                part, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
            )
            ids += read.input_ids
            starts += [at + start for start, _ in read.offset_mapping]
            at += len(part)
        return Words("".join(parts), tuple(ids), tuple(starts))

    def see(self, pictures: Sequence[Image.Image]) -> Seen | None:
        """Cut pictures into patches; None when there are none."""
        if not pictures:
            return None
        cut = self._pictures(images=list(pictures), return_tensors="pt")
        grids: torch.Tensor = cut["image_grid_thw"]
        merged = self._pictures.merge_size**2
        return Seen(cut["pixel_values"], grids, tuple(int(grid.prod()) // merged for grid in grids))

    def with_pictures(self, text: str, seen: Seen | None) -> list[int]:
        """Tokens of a text in which PICTURE stands once for each picture."""
        first, *others = text.split(PICTURE)
        counts = () if seen is None else seen.tokens
        return self.tokens(first + "".join(PICTURE * count + rest for count, rest in zip(counts, others, strict=True)))

    def hidden(self, ids: Sequence[int], seen: Seen | None = None, mask: Sequence[int] | None = None) -> torch.Tensor:
        """The last hidden states `[1, tokens, width]`; `mask` is 0 where there is padding."""
        output = self.encoder.model(**self.asked(ids, seen, mask), use_cache=False)
        hidden: torch.Tensor = output.last_hidden_state
        return hidden

    def asked(self, ids: Sequence[int], seen: Seen | None, mask: Sequence[int] | None) -> dict[str, torch.Tensor]:
        """What the encoder is handed, places and all.

        A picture's tokens stand in rows and columns, as the encoder was trained (Bai et al. 2025, arXiv 2502.13923, M-RoPE).
        Since transformers 5 it puts them in a row like words unless it is told where they are, which diffusers' pipelines
        do not; and padding behind one another, which used to be in one place.
        """
        model = self.encoder.model
        device = device_of(self.encoder)
        tokens = torch.tensor([list(ids)], device=device)
        attended = torch.ones_like(tokens) if mask is None else torch.tensor([list(mask)], device=device)
        kinds = (tokens == self.encoder.config.image_token_id).int()
        grids = None if seen is None else seen.grids.to(device)
        places, _ = model.get_rope_index(tokens, kinds, image_grid_thw=grids, attention_mask=attended)
        places[:, attended == 0] = PADDING_PLACE
        asked = {"input_ids": tokens, "attention_mask": attended, "position_ids": places}
        if seen is not None and grids is not None:
            asked |= {"pixel_values": seen.patches.to(device), "image_grid_thw": grids}
        return asked


def load_qwen_vl(folder: Path, dtype: torch.dtype, processor: str = "") -> QwenVL:
    """Load the text encoder of a model in diffusers' layout; `processor` is the component that cuts pictures, if any is to.

    Raises UnusableModel when that is damaged, OSError when files are missing.
    """
    encoder = load_text_encoder(Qwen2_5_VLForConditionalGeneration, folder / "text_encoder", dtype)
    tokenizer = Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return QwenVL(encoder, tokenizer, _read_pictures(folder, processor, encoder) if processor else None)


def _read_pictures(folder: Path, processor: str, encoder: Any) -> Any:  # noqa: ANN401 - untyped library
    """The part of Qwen's processor for still pictures: the whole of it wants torchvision."""
    read_config(folder, processor, IMAGE_PROCESSOR)
    pictures = Qwen2VLImageProcessorPil.from_pretrained(folder / processor, local_files_only=True)
    seeing = encoder.config.vision_config
    if (pictures.patch_size, pictures.merge_size) != (seeing.patch_size, seeing.spatial_merge_size):
        raise UnusableModel("Its text encoder wants pictures cut in another way than its processor cuts them.")
    return pictures
