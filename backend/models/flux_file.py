"""FLUX.1's transformer in a single file, as Black Forest Labs write it and ComfyUI reads it: dev, schnell, Fill, and models made of them.

Text encoders and VAE may be in the same file, or in files beside it. The names are those of
https://github.com/black-forest-labs/flux, ``src/flux/model.py``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from backend.families.facts import Readings

from . import layouts
from .checkpoint import UNET, Shape, VaeBlocks
from .companions import Companions, Wanted, clip_of, t5_of, vae_of
from .flux import readings_of
from .folder import FETCH_AGAIN
from .headers import Tensor
from .layouts import Layout, Part
from .problems import NotUsable
from .schedulers import FILE, SchedulerConfig
from .transformers import PackedConfig
from .vaes import Latents

DOUBLE: Final = "double_blocks."
SINGLE: Final = "single_blocks."

MOST_BLOCKS: Final = 200
"""Of either kind. Dev has 19 and 38."""

TIME: Final = 256
"""Numbers that a time, or the guidance scale, is spread over."""

SCALED: Final = ("scale_weight", "scale_input", "weight_scale", "input_scale", "scaled_fp8")
"""Ends of the names of numbers by which weights in 8 bits are to be multiplied: of a file without them each is what it says."""

TOKENIZER: Final = "tokenizer_2"
TOKENIZER_CALLED: Final = "the tokenizer of T5 (spiece.model or tokenizer.json, of FLUX.1's folder tokenizer_2)"

FEW_STEPS_SHIFT: Final = 1.0
"""Of schnell's schedule, which does not move with the picture's size."""


class IncompleteFile(NotUsable):
    """A transformer of this family that cannot be used as it is."""


@dataclass(frozen=True)
class TransformerFile:
    """A transformer in a file, the configuration by which it is built, and where the other components are."""

    layout: Layout
    parts: tuple[tuple[str, Part], ...]
    tokenizer: Path
    changes: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A folder in diffusers' layout, for as long as loading takes, whose weights are in the files."""
        changes = {name: dict(change) for name, change in self.changes}
        with tempfile.TemporaryDirectory(prefix="scumble-model-") as name:
            self.layout.unpack(Path(name), dict(self.parts), changes)
            shutil.copyfile(self.tokenizer, Path(name, TOKENIZER, self.tokenizer.name))
            yield Path(name)


def read_flux_file(
    file: Path, tensors: Mapping[str, Tensor], companions: Companions
) -> tuple[TransformerFile, Readings]:
    """Say what the transformer with these tensors is, and find what it lacks. Raises IncompleteFile."""
    layout = layouts.FLUX
    prefix = UNET if any(name.startswith(UNET) for name in tensors) else ""
    inner = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    if any(name.endswith(SCALED) for name in tensors):
        raise IncompleteFile(
            "It is a FLUX.1 model whose weights were scaled to fit into 8 bits, which this version does not read. Fetch it in"
            " bfloat16, or in 8 bits that are not scaled."
        )
    config = _config_of(inner, layout)
    latents = _latents_of(layout)
    scheduler = layout.read(SchedulerConfig, FILE)
    schedule: dict[str, Any] = {}
    if not config.guidance_embeds:
        scheduler = replace(scheduler, use_dynamic_shifting=False, shift=FEW_STEPS_SHIFT)
        schedule = {"use_dynamic_shifting": False, "shift": FEW_STEPS_SHIFT}
    try:
        readings = readings_of(config, latents, scheduler, {})
    except NotUsable as problem:
        raise IncompleteFile(str(problem)) from problem
    parts, tokenizer = _all_parts(file, tensors, Part(file, prefix), layout, companions)
    shape = {
        "num_layers": _count(inner, DOUBLE),
        "num_single_layers": _count(inner, SINGLE),
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "guidance_embeds": config.guidance_embeds,
    }
    changes = (("transformer/config.json", tuple(shape.items())), (FILE, tuple(schedule.items())))
    return TransformerFile(layout, parts, tokenizer, changes), readings


def _config_of(inner: Mapping[str, Tensor], layout: Layout) -> PackedConfig:
    """The configuration that follows from the shapes; all blocks are held against it."""
    config = layout.read(PackedConfig, "transformer/config.json")
    first, last = inner.get("img_in.weight"), inner.get("final_layer.linear.weight")
    if first is None or last is None or len(first.shape) != 2 or len(last.shape) != 2:
        raise IncompleteFile(f"It is a FLUX.1 transformer, and not whole. {FETCH_AGAIN}")
    config = replace(
        config,
        in_channels=first.shape[1],
        out_channels=last.shape[0],
        guidance_embeds="guidance_in.in_layer.weight" in inner,
    )
    shapes = transformer_shapes(config, _count(inner, DOUBLE), _count(inner, SINGLE))
    wrong = next((name for name, shape in shapes.items() if name not in inner or inner[name].shape != shape), None)
    if wrong is not None:
        raise IncompleteFile(
            f"It is a FLUX.1 transformer, and not whole, or of another make: {wrong!r} is missing or of another shape."
            f" {FETCH_AGAIN}"
        )
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


def _count(inner: Mapping[str, Tensor], kind: str) -> int:
    """How many blocks of a kind there are, by the highest number; what is missing below it is noticed by the shapes."""
    numbers = [name.removeprefix(kind).partition(".")[0] for name in inner if name.startswith(kind)]
    return min(MOST_BLOCKS, max((int(number) + 1 for number in numbers if number.isdecimal()), default=1))


def _latents_of(layout: Layout) -> Latents:
    vae = layout.read(VaeBlocks, "vae/config.json")
    return Latents(vae.latent_channels, 2 ** (len(vae.block_out_channels) - 1))


def _wanted(layout: Layout) -> tuple[Wanted, ...]:
    return (
        vae_of(layout, "FLUX.1's VAE (ae.safetensors)"),
        clip_of(
            layout, "text_encoder", "text_encoders.clip_l.transformer.", "CLIP's text encoder (clip_l.safetensors)"
        ),
        t5_of(
            layout, "text_encoder_2", "text_encoders.t5xxl.transformer.", "T5's text encoder (t5xxl_fp16.safetensors)"
        ),
    )


def _all_parts(
    file: Path, tensors: Mapping[str, Tensor], own: Part, layout: Layout, companions: Companions
) -> tuple[tuple[tuple[str, Part], ...], Path]:
    """Every component's part, the file's own before those beside it, and T5's tokenizer. Raises IncompleteFile."""
    parts, missing = [("transformer", own)], []
    for wanted in _wanted(layout):
        inside = next((prefix for prefix in wanted.inside if wanted.under(prefix, tensors)), None)
        part = companions.find(wanted) if inside is None else Part(file, inside)
        if part is None:
            missing.append(wanted.called)
        else:
            parts.append((wanted.component, part))
    tokenizer = companions.t5_tokenizer
    if tokenizer is None:
        missing.append(TOKENIZER_CALLED)
    if missing or tokenizer is None:
        raise IncompleteFile(
            f"It is a FLUX.1 transformer, and lacks {', '.join(missing)}. Put what is missing into the folder of models; it serves"
            " all such files."
        )
    return tuple(parts), tokenizer
