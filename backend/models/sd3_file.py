"""Stable Diffusion 3 and 3.5 in a single file, as Stability AI writes it: transformer and VAE, with text encoders or without.

The names are those of https://github.com/Stability-AI/sd3.5, ``mmditx.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import Any, Final

from backend.families.facts import FAMILIES, Readings

from . import layouts
from .checkpoint import Shape, TextLayers
from .companions import Companions, Wanted, clip_of, t5_of, vae_of
from .folder import FETCH_AGAIN
from .headers import Tensor
from .layouts import Layout
from .sd3 import TOKENS, SD3Config, readings_of
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
from .transformers import NAME, PATCH

TITLE: Final = FAMILIES["sd3"].title

BLOCKS: Final = "joint_blocks."
TOKENIZER: Final = "tokenizer_3"
NORMED: Final = "attn.ln_q.weight"
TWICE: Final = "x_block.attn2.qkv.weight"
"""Of a block with a second attention, as the first ones of 3.5 medium have it."""

LEFT_OUT: Final = (("text_encoder_3", (None, None)), ("tokenizer_3", (None, None)))
"""Of the index of a model without T5."""


@dataclass(frozen=True)
class Build:
    """A transformer's configuration, its blocks, and whether queries and keys are normed."""

    config: SD3Config
    blocks: int
    normed: bool

    @property
    def changes(self) -> tuple[tuple[str, Any], ...]:
        """In what its configuration differs from the layout's."""
        return (
            ("num_layers", self.blocks),
            ("num_attention_heads", self.config.num_attention_heads),
            ("caption_projection_dim", self.config.caption_projection_dim),
            ("pos_embed_max_size", self.config.pos_embed_max_size),
            ("dual_attention_layers", self.config.dual_attention_layers),
            ("qk_norm", "rms_norm" if self.normed else None),
        )


def read_sd3_file(
    file: Path, tensors: Mapping[str, Tensor], companions: Companions
) -> tuple[TransformerFile, Readings]:
    """Say what the transformer with these tensors is, and find what it lacks. It does without T5 where that is not there.

    Raises IncompleteFile.
    """
    layout = layouts.SD3
    own, inner = own_part(file, tensors, TITLE)
    build = _build_of(inner, layout)
    found = {wanted: part_of(wanted, file, tensors, companions) for wanted in wanted_of(layout)}
    missing = [wanted.called for wanted, part in found.items() if part is None]
    if missing:
        raise lacking(TITLE, missing)
    parts = [("transformer", own), *((wanted.component, part) for wanted, part in found.items() if part is not None)]
    t5 = part_of(t5_wanted(layout), file, tensors, companions)
    tokenizer = companions.t5_tokenizer
    changes: Changes = ((NAME, build.changes),)
    if t5 is None or tokenizer is None:
        tokens = layout.read(TextLayers, "text_encoder/config.json").max_position_embeddings
        single = TransformerFile(layout, tuple(parts), None, (*changes, ("model_index.json", LEFT_OUT)))
        return single, readings_of(build.config, latents_of(layout), tokens)
    parts.append(("text_encoder_3", t5))
    single = TransformerFile(layout, tuple(parts), (TOKENIZER, tokenizer), changes)
    return single, readings_of(build.config, latents_of(layout), TOKENS)


def _build_of(inner: Mapping[str, Tensor], layout: Layout) -> Build:
    """The configuration that follows from the shapes; all blocks are held against it."""
    config = layout.read(SD3Config, NAME)
    places = inner.get("pos_embed")
    if places is None or len(places.shape) != 3 or places.shape[2] % config.attention_head_dim:
        raise IncompleteFile(f"It is a {TITLE} transformer, and not whole. {FETCH_AGAIN}")
    width, blocks = places.shape[2], count_of(inner, BLOCKS)
    config = replace(
        config,
        num_attention_heads=width // config.attention_head_dim,
        caption_projection_dim=width,
        pos_embed_max_size=isqrt(places.shape[1]),
        dual_attention_layers=tuple(number for number in range(blocks) if f"{BLOCKS}{number}.{TWICE}" in inner),
    )
    build = Build(config, blocks, f"{BLOCKS}0.x_block.{NORMED}" in inner)
    require_shapes(inner, transformer_shapes(build), TITLE)
    return build


def transformer_shapes(build: Build) -> dict[str, Shape]:
    """Names and shapes of the matrices of a transformer."""
    config = build.config
    width = config.caption_projection_dim
    shapes: dict[str, Shape] = {
        "pos_embed": (1, config.pos_embed_max_size**2, width),
        "x_embedder.proj.weight": (width, config.in_channels, config.patch_size, config.patch_size),
        "context_embedder.weight": (width, config.joint_attention_dim),
        "t_embedder.mlp.0.weight": (width, TIME),
        "t_embedder.mlp.2.weight": (width, width),
        "y_embedder.mlp.0.weight": (width, config.pooled_projection_dim),
        "y_embedder.mlp.2.weight": (width, width),
        "final_layer.adaLN_modulation.1.weight": (2 * width, width),
        "final_layer.linear.weight": (config.in_channels * PATCH**2, width),
    }
    for number in range(build.blocks):
        last, twice = number == build.blocks - 1, number in config.dual_attention_layers
        for stream in ("x_block", "context_block"):
            block = f"{BLOCKS}{number}.{stream}"
            ends = stream == "context_block" and last
            shapes[f"{block}.attn.qkv.weight"] = (3 * width, width)
            modulations = 2 if ends else 9 if twice and stream == "x_block" else 6
            shapes[f"{block}.adaLN_modulation.1.weight"] = (modulations * width, width)
            if build.normed:
                shapes[f"{block}.attn.ln_q.weight"] = (config.attention_head_dim,)
                shapes[f"{block}.attn.ln_k.weight"] = (config.attention_head_dim,)
            if not ends:
                shapes[f"{block}.attn.proj.weight"] = (width, width)
                shapes[f"{block}.mlp.fc1.weight"] = (4 * width, width)
                shapes[f"{block}.mlp.fc2.weight"] = (width, 4 * width)
        if twice:
            block = f"{BLOCKS}{number}.x_block.attn2"
            shapes[f"{block}.qkv.weight"] = (3 * width, width)
            shapes[f"{block}.proj.weight"] = (width, width)
            if build.normed:
                shapes[f"{block}.ln_q.weight"] = (config.attention_head_dim,)
                shapes[f"{block}.ln_k.weight"] = (config.attention_head_dim,)
    return shapes


def wanted_of(layout: Layout) -> tuple[Wanted, ...]:
    """What it cannot do without beside the transformer."""
    return (
        # FLUX.1's has the same shapes, and other latents
        vae_of(layout, "its VAE, which the file as Stability AI has it holds itself", loose=False),
        clip_of(
            layout, "text_encoder", "text_encoders.clip_l.transformer.", "CLIP's text encoder (clip_l.safetensors)"
        ),
        clip_of(
            layout,
            "text_encoder_2",
            "text_encoders.clip_g.transformer.",
            "CLIP's larger text encoder (clip_g.safetensors)",
            projected=True,
        ),
    )


def t5_wanted(layout: Layout) -> Wanted:
    """T5, which it can do without."""
    return t5_of(layout, "text_encoder_3", "text_encoders.t5xxl.transformer.", "T5's text encoder")
