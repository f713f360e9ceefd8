"""Qwen-Image from words, and what the others of its family have in common with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from backend.prompts import Prompt

from .adapter import Beside, Conditioning, UnusableModel
from .agreement import agree_on_latents, agree_on_text
from .guidance import classifier_free, of_the_norm_of
from .qwen_vae import FrameCoder
from .qwen_vl import QwenVL, Seen, Words
from .tokens import SIDE, pack, unpack
from .transformer import TokenModel

TEXT_TOKENS: Final = 512
"""As diffusers' pipelines have it (`max_sequence_length`), of the 1024 that they would take."""


@dataclass(frozen=True)
class QwenText(Conditioning):
    """Qwen2.5-VL's hidden states for each row, `[1, tokens, width]`: as long as its prompt is."""

    hidden: tuple[torch.Tensor, ...]


class QwenImage(TokenModel):
    """A loaded Qwen-Image; see `adapter.Adapter`."""

    classifier_free = True

    def __init__(self, parts: Any, reader: QwenVL, coder: FrameCoder, scheduler: dict[str, Any]) -> None:  # noqa: ANN401
        super().__init__(parts, coder, scheduler)
        self._reader = reader
        config = self._transformer.config
        if config.guidance_embeds:
            raise UnusableModel("Its denoiser wants to be told of the guidance, which none of its family can be.")
        agree_on_text(config.joint_attention_dim, reader.width)
        agree_on_latents(config.in_channels // SIDE**2, coder.channels)
        agree_on_latents(config.out_channels, coder.channels)

    @property
    def frames(self) -> int:
        """Pictures that are painted at once and belong together, one behind another in the latents' channels."""
        return 1

    @property
    def latent_channels(self) -> int:
        """Channels of all frames."""
        return self.frames * self._coder.channels

    def encode_text(self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()) -> QwenText:
        """Encode within the message that the model was trained with, which is then left out of it."""
        seen = self._seen(references)
        words, ids = self._message(prompt.text, seen)
        messages = [ids] if negative is None else [self._message(negative.text, seen)[1], ids]
        skipped = self._skipped()
        hidden = tuple(self._reader.hidden(message, seen)[:, skipped:] for message in messages)
        return QwenText(negative is not None, hidden, unread=words.unread(self._room(seen)))

    def _seen(self, references: Sequence[torch.Tensor]) -> Seen | None:
        """What the text encoder is shown."""
        return None

    def _message(self, prompt: str, seen: Seen | None) -> tuple[Words, list[int]]:
        """A prompt's words, and the tokens of the message that has as many of them as are read."""
        before, after = self._around(seen)
        words = self._reader.words([prompt])
        ids = [*before, *words.ids, *after]
        return words, ids[: self._skipped() + TEXT_TOKENS]

    def _around(self, seen: Seen | None) -> tuple[list[int], list[int]]:
        """The tokens of the message before and after the painter's words."""
        before, after = self._parts.prompt_template_encode.split("{}")
        return self._reader.tokens(before), self._reader.tokens(after)

    def _room(self, seen: Seen | None) -> int:
        """How many tokens of the painter's words are read."""
        return self._skipped() + TEXT_TOKENS - len(self._around(seen)[0])

    def _skipped(self) -> int:
        skipped: int = self._parts.prompt_template_encode_start_idx
        return skipped

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity; row by row, since their texts are not equally long."""
        assert isinstance(conditioning, QwenText)
        rows = latents.chunk(conditioning.rows)
        asked = zip(rows, conditioning.hidden, strict=True)
        return torch.cat([self._ask(row, timestep, hidden, beside) for row, hidden in asked])

    def _ask(
        self, latents: torch.Tensor, timestep: torch.Tensor, hidden: torch.Tensor, beside: Beside | None
    ) -> torch.Tensor:
        count, _, height, width = latents.shape
        dtype = self._transformer.dtype
        references = () if beside is None else beside.references
        tokens = [self._pack(latents), *(pack(reference).expand(count, -1, -1) for reference in references)]
        shapes = [_shape(latents)] * self.frames + [_shape(reference) for reference in references]
        output = self._transformer(
            hidden_states=torch.cat(tokens, dim=1).to(dtype),
            timestep=timestep.expand(count).to(dtype) / 1000,
            encoder_hidden_states=hidden.to(dtype).expand(count, -1, -1),
            img_shapes=[shapes],
            additional_t_cond=self._further(),
            return_dict=False,
        )[0]
        return self._unpack(output[:, : tokens[0].shape[1]].float(), height, width)

    def _further(self) -> torch.Tensor | None:
        """What a denoiser is told beside the time."""
        return None

    def _pack(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents as tokens `[n, tokens, depth]`, one frame after another."""
        count = len(latents)
        framed = latents.reshape(count * self.frames, -1, *latents.shape[-2:])
        tokens = pack(framed)
        return tokens.reshape(count, -1, tokens.shape[-1])

    def _unpack(self, tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
        count, _, depth = tokens.shape
        return unpack(tokens.reshape(count * self.frames, -1, depth), height, width).reshape(count, -1, height, width)

    def guide(self, away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float) -> torch.Tensor:
        """Classifier-free guidance of which each token has the length that it had for the prompt alone."""
        guided = classifier_free(away, towards, guidance, rescale)
        return self._unpack(of_the_norm_of(self._pack(guided), self._pack(towards)), *towards.shape[-2:])


def _shape(latents: torch.Tensor) -> tuple[int, int, int]:
    """Frames, and rows and columns of tokens, of a picture's latents."""
    return 1, latents.shape[-2] // SIDE, latents.shape[-1] // SIDE
