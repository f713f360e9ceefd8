"""What a checkpoint in the layout of Stable Diffusion's own code, which A1111 reads, must hold: names and shapes.

Worked out from diffusers' configuration of the same model, for every block: a file that has them all is whole, and one that was
pruned to fewer blocks (SSD-1B, Vega) is not taken for the model that it was made from. The names are those of
https://github.com/Stability-AI/generative-models, ``sgm/modules/diffusionmodules``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Shape = tuple[int, ...]

UNET: Final = "model.diffusion_model."
VAE: Final = "first_stage_model."


@dataclass(frozen=True)
class UnetBlocks:
    """Of a UNet's configuration, what its blocks follow from. Defaults as in diffusers."""

    out_channels: int = 4
    sample_size: int = 64
    block_out_channels: Shape = (320, 640, 1280, 1280)
    down_block_types: tuple[str, ...] = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    up_block_types: tuple[str, ...] = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    layers_per_block: int = 2
    transformer_layers_per_block: Shape | None = None
    cross_attention_dim: int = 1280
    projection_class_embeddings_input_dim: int | None = None

    @property
    def depths(self) -> Shape:
        """Transformer layers of each level."""
        return self.transformer_layers_per_block or (1,) * len(self.block_out_channels)


@dataclass(frozen=True)
class VaeBlocks:
    """Of a VAE's configuration. Defaults as in diffusers."""

    in_channels: int = 3
    latent_channels: int = 4
    block_out_channels: Shape = (64,)
    force_upcast: bool = True


@dataclass(frozen=True)
class TextLayers:
    """Of a CLIP text encoder's configuration. Defaults as in transformers."""

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    num_hidden_layers: int = 12
    projection_dim: int = 512
    max_position_embeddings: int = 77


def unet_shapes(blocks: UnetBlocks) -> dict[str, Shape]:
    """Names of a UNet's principal tensors, and how their shapes begin; its first convolution is left to the caller."""
    first = blocks.block_out_channels[0]
    shapes: dict[str, Shape] = {
        "time_embed.0.weight": (4 * first, first),
        "time_embed.2.weight": (4 * first, 4 * first),
        "out.2.weight": (blocks.out_channels, first),
    }
    if blocks.projection_class_embeddings_input_dim is not None:
        shapes["label_emb.0.0.weight"] = (4 * first, blocks.projection_class_embeddings_input_dim)
    shapes.update(_down(blocks))
    shapes.update(_middle(blocks))
    shapes.update(_up(blocks))
    return {UNET + name: shape for name, shape in shapes.items()}


def _down(blocks: UnetBlocks) -> Iterator[tuple[str, Shape]]:
    number, before = 1, blocks.block_out_channels[0]
    for level, (width, kind) in enumerate(zip(blocks.block_out_channels, blocks.down_block_types, strict=True)):
        for _ in range(blocks.layers_per_block):
            yield f"input_blocks.{number}.0.in_layers.2.weight", (width, before)
            if kind.startswith("CrossAttn"):
                yield from _attention(f"input_blocks.{number}.1", width, blocks.depths[level], blocks)
            number, before = number + 1, width
        if level + 1 < len(blocks.block_out_channels):
            yield f"input_blocks.{number}.0.op.weight", (width, width)
            number += 1


def _middle(blocks: UnetBlocks) -> Iterator[tuple[str, Shape]]:
    width = blocks.block_out_channels[-1]
    yield "middle_block.0.in_layers.2.weight", (width, width)
    yield from _attention("middle_block.1", width, blocks.depths[-1], blocks)
    yield "middle_block.2.in_layers.2.weight", (width, width)


def _up(blocks: UnetBlocks) -> Iterator[tuple[str, Shape]]:
    """Each block takes what came up, and beside it what a block on the way down, from the last to the first, has left."""
    left = [blocks.block_out_channels[0]]
    for level, width in enumerate(blocks.block_out_channels):
        left += [width] * blocks.layers_per_block
        if level + 1 < len(blocks.block_out_channels):
            left.append(width)
    number, before = 0, blocks.block_out_channels[-1]
    for level, kind in zip(reversed(range(len(blocks.block_out_channels))), blocks.up_block_types, strict=True):
        width = blocks.block_out_channels[level]
        for _ in range(blocks.layers_per_block + 1):
            yield f"output_blocks.{number}.0.in_layers.2.weight", (width, before + left.pop())
            if kind.startswith("CrossAttn"):
                yield from _attention(f"output_blocks.{number}.1", width, blocks.depths[level], blocks)
            number, before = number + 1, width
        if level:
            position = 2 if kind.startswith("CrossAttn") else 1
            yield f"output_blocks.{number - 1}.{position}.conv.weight", (width, width)


def _attention(block: str, width: int, depth: int, blocks: UnetBlocks) -> Iterator[tuple[str, Shape]]:
    for layer in range(depth):
        yield f"{block}.transformer_blocks.{layer}.attn2.to_k.weight", (width, blocks.cross_attention_dim)


def vae_shapes(blocks: VaeBlocks) -> dict[str, Shape]:
    """Names of a VAE's principal tensors, and how their shapes begin."""
    widths, last = blocks.block_out_channels, len(blocks.block_out_channels) - 1
    shapes: dict[str, Shape] = {
        "encoder.conv_in.weight": (widths[0], blocks.in_channels),
        "encoder.conv_out.weight": (2 * blocks.latent_channels, widths[-1]),
        "decoder.conv_in.weight": (widths[-1], blocks.latent_channels),
        "decoder.conv_out.weight": (blocks.in_channels, widths[0]),
        "quant_conv.weight": (2 * blocks.latent_channels, 2 * blocks.latent_channels),
        "post_quant_conv.weight": (blocks.latent_channels, blocks.latent_channels),
    }
    for level, width in enumerate(widths):
        shapes[f"encoder.down.{level}.block.0.conv2.weight"] = (width, width)
        shapes[f"decoder.up.{level}.block.0.conv2.weight"] = (width, width)
        if level < last:
            shapes[f"encoder.down.{level}.downsample.conv.weight"] = (width, width)
    return {VAE + name: shape for name, shape in shapes.items()}


def clip_shapes(prefix: str, layers: TextLayers) -> dict[str, Shape]:
    """Names of a text encoder's tensors where it is written as transformers' own, and how their shapes begin."""
    width = layers.hidden_size
    shapes: dict[str, Shape] = {
        "embeddings.token_embedding.weight": (layers.vocab_size, width),
        "embeddings.position_embedding.weight": (layers.max_position_embeddings, width),
        "final_layer_norm.weight": (width,),
    }
    for layer in range(layers.num_hidden_layers):
        shapes[f"encoder.layers.{layer}.mlp.fc1.weight"] = (layers.intermediate_size, width)
    return {f"{prefix}text_model.{name}": shape for name, shape in shapes.items()}


def open_clip_shapes(prefix: str, layers: TextLayers) -> dict[str, Shape]:
    """Names of a text encoder's tensors where it is written as OpenCLIP's, and how their shapes begin."""
    width = layers.hidden_size
    shapes: dict[str, Shape] = {
        "token_embedding.weight": (layers.vocab_size, width),
        "positional_embedding": (layers.max_position_embeddings, width),
        "ln_final.weight": (width,),
        "text_projection": (width, layers.projection_dim),
    }
    for layer in range(layers.num_hidden_layers):
        shapes[f"transformer.resblocks.{layer}.mlp.c_fc.weight"] = (layers.intermediate_size, width)
    return {prefix + name: shape for name, shape in shapes.items()}
