"""FLUX.1's transformer in a single file, as Black Forest Labs write it and ComfyUI reads it: dev, schnell, Fill, and models made of them.

Text encoders and VAE may be in the same file, or in files beside it. The names are those of
https://github.com/black-forest-labs/flux, ``src/flux/model.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from backend.families.facts import FAMILIES, Readings

from . import layouts
from .checkpoint import Shape
from .companions import T5_TOKENIZER, Companions, Wanted, clip_of, t5_of, vae_of
from .flux import readings_of
from .folder import FETCH_AGAIN
from .headers import Tensor
from .layouts import Layout
from .problems import NotUsable
from .schedulers import FILE, SchedulerConfig
from .transformer_file import (
    TIME,
    Changes,
    IncompleteFile,
    TransformerFile,
    count_of,
    lacking,
    latents_of,
    own_part,
    part_of,
    require_shapes,
)
from .transformers import NAME, PackedConfig

TITLE: Final = FAMILIES["flux"].title

DOUBLE: Final = "double_blocks."
SINGLE: Final = "single_blocks."

TOKENIZER: Final = "tokenizer_2"

FEW_STEPS_SHIFT: Final = 1.0
"""Of schnell's schedule, which does not move with the picture's size."""


def read_flux_file(
    file: Path, tensors: Mapping[str, Tensor], companions: Companions
) -> tuple[TransformerFile, Readings]:
    """Say what the transformer with these tensors is, and find what it lacks. Raises IncompleteFile."""
    layout = layouts.FLUX
    own, inner = own_part(file, tensors, TITLE)
    config = _config_of(inner, layout)
    scheduler = layout.read(SchedulerConfig, FILE)
    schedule: dict[str, Any] = {}
    if not config.guidance_embeds:
        schedule = {"use_dynamic_shifting": False, "shift": FEW_STEPS_SHIFT}
    try:
        readings = readings_of(config, latents_of(layout), replace(scheduler, **schedule), {})
    except NotUsable as problem:
        raise IncompleteFile(str(problem)) from problem
    found = {wanted: part_of(wanted, file, tensors, companions) for wanted in wanted_of(layout)}
    missing = [wanted.called for wanted, part in found.items() if part is None]
    tokenizer = companions.t5_tokenizer
    if missing or tokenizer is None:
        raise lacking(TITLE, missing if tokenizer is not None else [*missing, T5_TOKENIZER])
    parts = (("transformer", own), *((wanted.component, part) for wanted, part in found.items() if part is not None))
    shape = {
        "num_layers": count_of(inner, DOUBLE),
        "num_single_layers": count_of(inner, SINGLE),
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "guidance_embeds": config.guidance_embeds,
    }
    changes: Changes = ((NAME, tuple(shape.items())), (FILE, tuple(schedule.items())))
    return TransformerFile(layout, parts, (TOKENIZER, tokenizer), changes), readings


def _config_of(inner: Mapping[str, Tensor], layout: Layout) -> PackedConfig:
    """The configuration that follows from the shapes; all blocks are held against it."""
    config = layout.read(PackedConfig, NAME)
    first, last = inner.get("img_in.weight"), inner.get("final_layer.linear.weight")
    if first is None or last is None or len(first.shape) != 2 or len(last.shape) != 2:
        raise IncompleteFile(f"It is a FLUX.1 transformer, and not whole. {FETCH_AGAIN}")
    config = replace(
        config,
        in_channels=first.shape[1],
        out_channels=last.shape[0],
        guidance_embeds="guidance_in.in_layer.weight" in inner,
    )
    require_shapes(inner, transformer_shapes(config, count_of(inner, DOUBLE), count_of(inner, SINGLE)), TITLE)
    return config


def transformer_shapes(config: PackedConfig, double: int, single: int) -> dict[str, Shape]:
    """Names and shapes of the matrices of a transformer with so many blocks of both kinds."""
    width, mlp = config.width, 4 * config.width
    shapes: dict[str, Shape] = {
        "img_in.weight": (width, config.in_channels),
        "txt_in.weight": (width, config.joint_attention_dim),
        "vector_in.in_layer.weight": (width, config.pooled_projection_dim),
        "vector_in.out_layer.weight": (width, width),
        "time_in.in_layer.weight": (width, TIME),
        "time_in.out_layer.weight": (width, width),
        "final_layer.adaLN_modulation.1.weight": (2 * width, width),
        "final_layer.linear.weight": (config.out_channels or config.in_channels, width),
    }
    if config.guidance_embeds:
        shapes["guidance_in.in_layer.weight"] = (width, TIME)
        shapes["guidance_in.out_layer.weight"] = (width, width)
    for number in range(double):
        for stream in ("img", "txt"):
            block = f"{DOUBLE}{number}.{stream}"
            shapes[f"{block}_mod.lin.weight"] = (6 * width, width)
            shapes[f"{block}_attn.qkv.weight"] = (3 * width, width)
            shapes[f"{block}_attn.proj.weight"] = (width, width)
            shapes[f"{block}_attn.norm.query_norm.scale"] = (config.attention_head_dim,)
            shapes[f"{block}_attn.norm.key_norm.scale"] = (config.attention_head_dim,)
            shapes[f"{block}_mlp.0.weight"] = (mlp, width)
            shapes[f"{block}_mlp.2.weight"] = (width, mlp)
    for number in range(single):
        block = f"{SINGLE}{number}"
        shapes[f"{block}.modulation.lin.weight"] = (3 * width, width)
        shapes[f"{block}.linear1.weight"] = (3 * width + mlp, width)
        shapes[f"{block}.linear2.weight"] = (width, width + mlp)
        shapes[f"{block}.norm.query_norm.scale"] = (config.attention_head_dim,)
        shapes[f"{block}.norm.key_norm.scale"] = (config.attention_head_dim,)
    return shapes


def wanted_of(layout: Layout) -> tuple[Wanted, ...]:
    """What a transformer alone lacks."""
    return (
        vae_of(layout, "FLUX.1's VAE (ae.safetensors)"),
        clip_of(
            layout, "text_encoder", "text_encoders.clip_l.transformer.", "CLIP's text encoder (clip_l.safetensors)"
        ),
        t5_of(
            layout, "text_encoder_2", "text_encoders.t5xxl.transformer.", "T5's text encoder (t5xxl_fp16.safetensors)"
        ),
    )
