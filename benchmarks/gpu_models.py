"""Models of random weights and true size for `benchmarks.gpu`, made where they run: nothing passes through the processor's memory.

What counts is their shape. The text encoders are of one layer, since nothing is read by them: what they would say is random too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from diffusers import (
    AutoencoderKL,
    FluxPipeline,
    FluxTransformer2DModel,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from backend.engine.loaded import DTYPES
from backend.families.adapter import Adapter, Conditioning
from backend.families.facts import FAMILIES
from backend.families.flux import Flux, FluxText
from backend.families.sdxl import SDXL, SDXLText
from backend.families.vae import PictureCoder
from protocol import Extent

T = TypeVar("T")

SDXL_LAYOUT: Final = Path(__file__).parents[1] / "backend" / "models" / "layouts" / "sdxl"
"""The configurations that Scumble has for single files of SDXL."""

FLUX_SCHEDULE: Final = {
    "num_train_timesteps": 1000,
    "shift": 3.0,
    "use_dynamic_shifting": True,
    "base_shift": 0.5,
    "max_shift": 1.15,
    "base_image_seq_len": 256,
    "max_image_seq_len": 4096,
}
"""Of FLUX.1 dev."""

SHORT: Final = (2, 4)
"""Blocks of a FLUX.1 that is like dev but for its length, of both kinds in dev's proportion: 1 to 2. Dev has 19 and 38."""


@dataclass(frozen=True)
class Size:
    """The shapes that are measured: a picture's `extent` in pixels, tokens of text for each family, and models true or tiny."""

    extent: Extent
    clip_tokens: int
    t5_tokens: int
    true: bool


TRUE: Final = Size(Extent(1024, 1024), 77, 512, True)
SMALL: Final = Size(Extent(64, 64), 8, 16, False)


@dataclass(frozen=True)
class Subject:
    """A model to be measured: our adapter, the denoiser in it, and what to paint with it."""

    name: str
    adapter: Adapter
    denoiser: torch.nn.Module
    extent: Extent
    sampler: str
    guidance: float
    told: Callable[[bool], Conditioning]
    """What a prompt would say to the denoiser; with the negative prompt's for classifier-free guidance."""


def dtype_of(family: str, device: torch.device) -> torch.dtype:
    """The dtype in which the product runs a family on a device."""
    return DTYPES[next(dtype for kind, dtype in FAMILIES[family].dtypes if kind == device.type)]


def made(make: Callable[[], T], device: torch.device, dtype: torch.dtype) -> T:
    """Make a module of random weights on `device` in `dtype`: as its own layers draw them, in seconds for 12 billion."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            module: Any = make()
    finally:
        torch.set_default_dtype(before)
    return module.eval().requires_grad_(False)  # type: ignore[no-any-return]


def _layout(part: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((SDXL_LAYOUT / part / "config.json").read_text(encoding="utf-8"))
    return config


def sdxl_unet(size: Size) -> UNet2DConditionModel:
    """SDXL's UNet, 2.6 billion weights; or one of its make and a few thousand."""
    tiny = {
        "block_out_channels": (32, 32, 64),
        "transformer_layers_per_block": (1, 1, 1),
        "attention_head_dim": (2, 2, 4),
        "cross_attention_dim": 64,
        "norm_num_groups": 8,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 32 + 6 * 8,
    }
    return UNet2DConditionModel.from_config({**_layout("unet"), **({} if size.true else tiny)})


def picture_vae(size: Size, channels: int) -> AutoencoderKL:
    """The VAE that SDXL and FLUX.1 share in shape, but for the number of latent channels."""
    tiny = {"block_out_channels": (8, 8, 8, 8), "norm_num_groups": 4}
    return AutoencoderKL.from_config(
        {**_layout("vae"), "latent_channels": channels, **({} if size.true else tiny)}, sample_size=size.extent.width
    )


def flux_transformer(size: Size, blocks: tuple[int, int] | None = None) -> FluxTransformer2DModel:
    """The transformer of FLUX.1 dev, 12 billion weights, or one of its make; `blocks` are other numbers of its two kinds."""
    double, single = blocks or ((19, 38) if size.true else (1, 2))
    if size.true:
        return FluxTransformer2DModel(num_layers=double, num_single_layers=single, guidance_embeds=True)
    return FluxTransformer2DModel(
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )


def _clip(hidden: int, projection: int) -> CLIPTextConfig:
    heads = max(1, hidden // 64)
    return CLIPTextConfig(
        vocab_size=64,
        hidden_size=hidden,
        projection_dim=projection,
        intermediate_size=hidden,
        num_hidden_layers=1,
        num_attention_heads=heads,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def sdxl(size: Size, device: torch.device, dtype: torch.dtype | None = None) -> Subject:
    """SDXL, guided by two predictions."""
    dtype = dtype or dtype_of("sdxl", device)
    first, second = (768, 1280) if size.true else (32, 32)
    unet = made(lambda: sdxl_unet(size), device, dtype)
    coder = PictureCoder(made(lambda: picture_vae(size, 4), device, dtype))
    parts: Any = StableDiffusionXLPipeline(
        vae=coder.vae,
        text_encoder=made(lambda: CLIPTextModel(_clip(first, first)), device, dtype),
        text_encoder_2=made(lambda: CLIPTextModelWithProjection(_clip(second, second)), device, dtype),
        tokenizer=None,
        tokenizer_2=None,
        unet=unet,
        scheduler=None,
        add_watermarker=False,
    )
    scheduler = json.loads((SDXL_LAYOUT / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))

    def told(guided: bool) -> SDXLText:
        rows = 2 if guided else 1
        as_read = {"device": device, "dtype": unet.dtype}
        hidden = torch.randn(rows, size.clip_tokens, first + second, **as_read)
        return SDXLText(guided, hidden, torch.randn(rows, second, **as_read))

    facts = FAMILIES["sdxl"]
    adapter = SDXL(parts, coder, scheduler)
    return Subject("sdxl", adapter, unet, size.extent, facts.sampler, facts.guidance, told)


def flux(
    size: Size, device: torch.device, dtype: torch.dtype | None = None, blocks: tuple[int, int] | None = None
) -> Subject:
    """FLUX.1 dev, told of its guidance; or a shorter one."""
    dtype = dtype or dtype_of("flux", device)
    transformer: Any = made(lambda: flux_transformer(size, blocks), device, dtype)
    width, pooled = transformer.config.joint_attention_dim, transformer.config.pooled_projection_dim
    t5 = T5Config(vocab_size=64, d_model=width, d_ff=width, d_kv=64, num_layers=1, num_heads=1)
    coder = PictureCoder(made(lambda: picture_vae(size, 16), device, dtype))
    parts: Any = FluxPipeline(
        vae=coder.vae,
        text_encoder=made(lambda: CLIPTextModel(_clip(pooled, pooled)), device, dtype),
        text_encoder_2=made(lambda: T5EncoderModel(t5), device, dtype),
        tokenizer=None,
        tokenizer_2=None,
        transformer=transformer,
        scheduler=None,
    )

    def told(guided: bool) -> FluxText:
        as_read = {"device": device, "dtype": transformer.dtype}
        places = torch.zeros(size.t5_tokens, 3, **as_read)
        return FluxText(
            False, torch.randn(1, size.t5_tokens, width, **as_read), torch.randn(1, pooled, **as_read), places
        )

    facts = FAMILIES["flux"]
    adapter = Flux(parts, coder, FLUX_SCHEDULE, edits=False)
    return Subject("flux", adapter, transformer, size.extent, facts.sampler, facts.guidance, told)
