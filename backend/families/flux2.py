"""FLUX.2: dev with Mistral 3 as text encoder, and Klein with Qwen 3. Both can be shown pictures to work from.

dev is told of the guidance, Klein Base takes classifier-free guidance, and Klein, distilled from it, none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import Flux2KleinPipeline, Flux2Pipeline, Flux2Transformer2DModel, SchedulerMixin
from diffusers.pipelines.flux2.pipeline_flux2 import format_input
from transformers import AutoTokenizer, Mistral3ForConditionalGeneration, Qwen2Tokenizer, Qwen3ForCausalLM

from backend.prompts import Prompt
from protocol import Extent

from .adapter import Beside, Conditioning, UnusableModel
from .agreement import agree_on_latents, agree_on_text
from .base import CodedModel
from .chat import unread_of
from .components import INDEX, load_model, load_text_encoder, read_config
from .flux2_vae import PatchCoder, load_flux2_vae
from .references import ReferenceSize
from .schedule import FlowSchedule, empirical_mu, even_sigmas
from .turns import Place, whole

TEXT_TOKENS: Final = 512
"""That diffusers' pipelines let it read, of the message that the prompt is put into."""

MISTRAL, QWEN = "mistral3", "qwen3"

TAPPED: Final = {MISTRAL: (10, 20, 30), QWEN: (9, 18, 27)}
"""Hidden states of the text encoders that the transformer reads side by side, by diffusers' pipelines."""

DEV_REFERENCES: Final = 6
KLEIN_REFERENCES: Final = 4
# that their makers advise at most

REFERENCE_PIXELS: Final = 1024 * 1024
LEAST_REFERENCE_SIDE: Final = 64
LONGEST_REFERENCE: Final = 8
# of diffusers' Flux2ImageProcessor and the pipelines that use it; pictures out of the last two are refused there


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> Flux2:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_flux2_vae(folder, dtype)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    language = read_config(folder, "text_encoder").get("model_type")
    distilled = read_config(folder, "", INDEX).get("is_distilled") is True
    transformer = load_model(Flux2Transformer2DModel, folder / "transformer", dtype)
    if language == MISTRAL:
        text_encoder = load_text_encoder(Mistral3ForConditionalGeneration, folder / "text_encoder", dtype)
        # PixtralProcessor, which diffusers names, reads text with this tokenizer and wants torchvision
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        parts = Flux2Pipeline(None, coder.vae, text_encoder, tokenizer, transformer)
    elif language == QWEN:
        text_encoder = load_text_encoder(Qwen3ForCausalLM, folder / "text_encoder", dtype)
        tokenizer = Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        parts = Flux2KleinPipeline(None, coder.vae, text_encoder, tokenizer, transformer, is_distilled=distilled)
    else:
        raise UnusableModel("Its text encoder is of a kind that its family does not have.")
    _agree(transformer, coder, text_encoder, TAPPED[language])
    return Flux2(place(parts, device), coder, scheduler, distilled)


def _agree(transformer: Any, coder: PatchCoder, text_encoder: Any, tapped: tuple[int, ...]) -> None:  # noqa: ANN401
    agree_on_latents(transformer.config.in_channels, coder.channels)
    language = text_encoder.config.get_text_config()
    if language.num_hidden_layers < max(tapped):
        raise UnusableModel(
            f"Its text encoder has {language.num_hidden_layers} layers, and layer {max(tapped)} is to be read."
        )
    agree_on_text(transformer.config.joint_attention_dim, language.hidden_size * len(tapped))


@dataclass(frozen=True)
class Flux2Text(Conditioning):
    """Hidden states `[rows, tokens, width]`, and the tokens' places `[1, tokens, 4]`, the same for every row."""

    hidden: torch.Tensor
    places: torch.Tensor


class Flux2(CodedModel):
    """A loaded FLUX.2; see `adapter.Adapter`."""

    def __init__(
        self,
        parts: Flux2Pipeline | Flux2KleinPipeline,
        coder: PatchCoder,
        scheduler: dict[str, Any],
        distilled: bool,
    ) -> None:
        super().__init__(coder, parts._execution_device)
        # the pipeline is a bag of parts with helpers; it is never called
        self._parts: Any = parts
        self._transformer: Any = parts.transformer
        self._scheduler = scheduler
        self._told_of_guidance = bool(self._transformer.config.guidance_embeds)
        self.classifier_free = not self._told_of_guidance and not distilled
        self.references = DEV_REFERENCES if self._told_of_guidance else KLEIN_REFERENCES
        self._reference_size = ReferenceSize(REFERENCE_PIXELS, coder.scale, LEAST_REFERENCE_SIDE, LONGEST_REFERENCE)

    def encode_text(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> Flux2Text:
        """Encode as diffusers does: as a message to the language model, which is not shown the pictures."""
        hidden, places = self._read(prompt)
        unread = self._unread(prompt.text)
        if negative is None or not self.classifier_free:
            return Flux2Text(False, hidden, places, unread=unread)
        away, _ = self._read(negative)
        return Flux2Text(True, torch.cat([away, hidden]), places, unread=unread)

    def _read(self, prompt: Prompt) -> tuple[torch.Tensor, torch.Tensor]:
        read: tuple[torch.Tensor, torch.Tensor] = self._parts.encode_prompt(
            prompt.text, self.device, max_sequence_length=TEXT_TOKENS
        )
        return read

    def _unread(self, prompt: str) -> str:
        tokenizer = self._parts.tokenizer
        if isinstance(self._parts, Flux2Pipeline):
            messages = format_input([prompt], self._parts.system_message)[0]
            message = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False)
            # what stands for a picture is taken out of the prompt
            prompt = prompt.replace("[IMG]", "")
        else:
            messages = [{"role": "user", "content": prompt}]
            message = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        return unread_of(tokenizer, message, prompt, TEXT_TOKENS)

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """Latents of the pictures to work from, each of its own size."""
        if not references:
            return None
        shown: Sequence[torch.Tensor] = references[: self.references]
        # the canvas alone keeps the size of what is painted, so that one lies over the other; the makers' own code takes one
        # picture of up to four megapixels, as large as any that is painted, and several of one each
        canvas = len(shown) == 1 and shown[0].shape[-2:] == (extent.height, extent.width)
        if not canvas:
            shown = [self._reference_size.fit(rgb) for rgb in shown]
        return Beside(references=tuple(self._coder.encode(rgb).mean for rgb in shown))

    def schedule(self, sampler: str, steps: int, strength: float, extent: Extent) -> FlowSchedule:
        """The steps of one picture, shifted by its size and their number where the model wants that."""
        tokens = (extent.width // self._coder.scale) * (extent.height // self._coder.scale)
        mu = empirical_mu(tokens, steps)
        return FlowSchedule(self._scheduler, sampler, steps, strength, self.device, mu, even_sigmas(steps))

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the transformer for the velocity."""
        assert isinstance(conditioning, Flux2Text)
        count = len(latents)
        dtype = self._transformer.dtype
        tokens, places = self._tokens(latents, beside)
        output = self._transformer(
            hidden_states=tokens.to(dtype),
            timestep=timestep.expand(count).to(dtype) / 1000,
            guidance=torch.full([count], guidance, device=self.device) if self._told_of_guidance else None,
            encoder_hidden_states=conditioning.hidden.repeat_interleave(count // conditioning.rows, 0),
            txt_ids=conditioning.places,
            img_ids=places,
            return_dict=False,
        )[0]
        own: torch.Tensor = output[:, : latents.shape[-2] * latents.shape[-1]].float()
        return own.transpose(1, 2).reshape(latents.shape)

    def _tokens(self, latents: torch.Tensor, beside: Beside | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The latents' tokens and those of the references behind them, and the places of all, `[1, tokens, 4]`."""
        tokens, places = _token_each(latents), self._parts._prepare_latent_ids(latents[:1])
        references = [] if beside is None else list(beside.references)
        if references:
            tokens = torch.cat([tokens, *(_token_each(one).expand(len(latents), -1, -1) for one in references)], dim=1)
            places = torch.cat([places, self._parts._prepare_image_ids(references)], dim=1)
        return tokens, places.to(self.device)


def _token_each(latents: torch.Tensor) -> torch.Tensor:
    """Every latent pixel is a token: `[n, height * width, channels]`, row by row."""
    return latents.flatten(2).transpose(1, 2)
