"""Stable Diffusion 1.x, and every model of its shape: CLIP text encoder, UNet of four latent channels, 8x VAE or tiny one.

Nothing is taken for granted that a model's own files say: latent scale, text length, what is predicted, zero-terminal SNR.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ModelMixin,
    SchedulerMixin,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextModel, CLIPTokenizer

from protocol import Extent

from .adapter import Conditioning, Encoded, UnusableModel
from .schedule import DiffusionSchedule

VAES: Final = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


def load(folder: Path, device: torch.device, dtype: torch.dtype) -> SD1:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    vae_class = VAES.get(_config(folder, "vae", "config.json").get("_class_name", ""))
    if vae_class is None:
        raise UnusableModel("Its VAE is of a kind that Stable Diffusion 1.x does not have.")
    scheduler = _config(folder, "scheduler", SchedulerMixin.config_name)
    parts = StableDiffusionPipeline(
        vae=_weights(vae_class, folder / "vae", dtype),
        text_encoder=CLIPTextModel.from_pretrained(
            folder / "text_encoder",
            dtype=dtype,
            variant=_variant(folder / "text_encoder"),
            local_files_only=True,
            use_safetensors=True,
        ),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        unet=_weights(UNet2DConditionModel, folder / "unet", dtype),
        scheduler=None,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    if parts.unet.config.in_channels != parts.vae.config.latent_channels:
        raise UnusableModel("Its denoiser takes more than a picture: it is one for inpainting alone or for editing.")
    return SD1(parts.to(device), scheduler)


def _config(folder: Path, part: str, name: str) -> dict[str, Any]:
    try:
        read = json.loads((folder / part / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnusableModel(f"The file {part}/{name} is damaged.") from error
    if not isinstance(read, dict):
        raise UnusableModel(f"The file {part}/{name} is damaged.")
    return read


def _weights(model_class: type[ModelMixin], folder: Path, dtype: torch.dtype) -> ModelMixin:
    return model_class.from_pretrained(
        folder, dtype=dtype, variant=_variant(folder), local_files_only=True, use_safetensors=True
    )


def _variant(folder: Path) -> str | None:
    """Which of several precisions on disk to read: the plain one, else half precision where only that is there."""
    names = [file.name for file in folder.glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None


class SD1:
    """A loaded Stable Diffusion 1.x; see `adapter.Adapter`."""

    def __init__(self, parts: StableDiffusionPipeline, scheduler: dict[str, Any]) -> None:
        # the pipeline is a bag of parts with helpers; it is never called
        self._parts: Any = parts
        self._unet: Any = parts.unet
        self._vae: Any = parts.vae
        # diffusers' pipelines put these two right in any configuration of this family
        self._scheduler = {**scheduler, "steps_offset": 1, "clip_sample": False}
        self.latent_scale: int = parts.vae_scale_factor

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self._unet.device
        return device

    @property
    def classifier_free(self) -> bool:
        """True but for models distilled to take the guidance scale as an input (LCM)."""
        return self._unet.config.time_cond_proj_dim is None

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents; raises ValueError when the sides are no multiples of the latent scale."""
        if extent.width % self.latent_scale or extent.height % self.latent_scale:
            raise ValueError(f"{extent} pixels are no multiple of {self.latent_scale}")
        return (1, self._unet.config.in_channels, extent.height // self.latent_scale, extent.width // self.latent_scale)

    def encode_text(self, prompt: str, negative: str | None) -> Conditioning:
        """Encode as diffusers does: CLIP's last hidden state, cut or padded to the tokenizer's length."""
        positive, opposite = self._parts.encode_prompt(prompt, self.device, 1, negative is not None, negative)
        hidden = positive if negative is None else torch.cat([opposite, positive])
        return Conditioning(hidden, self._unread(prompt))

    def _unread(self, prompt: str) -> str:
        tokenizer = self._parts.tokenizer
        room = tokenizer.model_max_length - 2  # its start and end take a place each
        tokens = tokenizer(prompt, add_special_tokens=False).input_ids
        unread: str = tokenizer.decode(tokens[room:])
        return unread

    def encode_image(self, rgb: torch.Tensor) -> Encoded:
        """Encode a picture; the tiny VAE knows no deviation."""
        encoded = self._vae.encode(rgb.to(self.device, self._vae.dtype))
        scale: float = self._vae.config.scaling_factor
        if isinstance(self._vae, AutoencoderTiny):
            return Encoded(encoded.latents.float() * scale)
        found = encoded.latent_dist
        return Encoded(found.mean.float() * scale, found.std.float() * scale)

    def schedule(self, sampler: str, steps: int, strength: float) -> DiffusionSchedule:
        """The steps of one picture, by the model's own betas, prediction type and spacing."""
        return DiffusionSchedule(self._scheduler, sampler, steps, strength, self.device)

    def predict(
        self, latents: torch.Tensor, timestep: torch.Tensor, conditioning: Conditioning, guidance: float
    ) -> torch.Tensor:
        """Ask the UNet."""
        output = self._unet(
            latents.to(self._unet.dtype),
            timestep,
            encoder_hidden_states=conditioning.hidden,
            timestep_cond=self._guidance_embedding(guidance),
            return_dict=False,
        )[0]
        predicted: torch.Tensor = output.float()
        return predicted

    def _guidance_embedding(self, guidance: float) -> torch.Tensor | None:
        width = self._unet.config.time_cond_proj_dim
        if width is None:
            return None
        embedding: torch.Tensor = self._parts.get_guidance_scale_embedding(torch.tensor([guidance - 1.0]), width)
        return embedding.to(self.device, self._unet.dtype)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode by the model's VAE, in its dtype."""
        scaled = latents / self._vae.config.scaling_factor
        decoded = self._vae.decode(scaled.to(self._vae.dtype), return_dict=False)[0]
        rgb: torch.Tensor = decoded.float()
        return rgb

    @property
    def decodes_in_full(self) -> bool:
        """Whether the VAE is in float32."""
        dtype: torch.dtype = self._vae.dtype
        return dtype == torch.float32

    def decode_in_full(self) -> None:
        """Turn the VAE to float32."""
        self._vae.to(torch.float32)
