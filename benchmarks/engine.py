"""What our denoise loop costs beside diffusers' own pipeline: time per step and peak memory, on random weights.

::

    python -m benchmarks.engine                # a small Stable Diffusion, and one of 1.5's true size
    python -m benchmarks.engine --only small

Both run the same parts, in turn, and what counts is the processor's time: other programs take nothing from it. Time per step is that
of many steps less that of few, without decoding, so that text and the picture's VAE do not count. Peak memory is that of a process of its own for each. The large one runs in bfloat16, or in float32 where the processor has
no instructions for that, as the engine chooses for its models.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from backend.engine.accelerator import knows_bfloat16
from backend.engine.denoise import Sampling, denoise
from backend.families.sd1 import SD1
from backend.families.vae import PictureCoder
from backend.prompts import Prompt
from benchmarks.turns import Pair, in_turn, machine
from protocol import Extent

PROMPT, NEGATIVE = "a red apple", "blue"

Paint = Callable[[int, bool], None]
"""Paints with so many steps, up to the latents, or the whole picture."""

KIBIBYTE: Final = 1024
"""Linux counts a process's peak in these."""


@dataclass(frozen=True)
class Size:
    """A model, the picture that it paints, and how many steps are timed: the difference of two runs."""

    dtype: torch.dtype
    blocks: tuple[int, ...]
    text: int
    layers: int
    heads: int
    vae: tuple[int, ...]
    extent: Extent
    few: int
    many: int
    rounds: int


SIZES: Final = {
    "small": Size(torch.float32, (32, 64, 128, 144), 160, 1, 8, (16, 16, 16, 16), Extent(256, 256), 2, 12, 9),
    # Stable Diffusion 1.5's own numbers; a quarter of its native area and few rounds, or an afternoon would not be enough
    "full": Size(torch.bfloat16, (320, 640, 1280, 1280), 768, 2, 8, (128, 256, 512, 512), Extent(256, 256), 1, 3, 3),
}


def dtype_of(size: Size) -> torch.dtype:
    """What a size is run in on this processor."""
    return size.dtype if knows_bfloat16() else torch.float32


def parts_of(size: Size) -> StableDiffusionPipeline:
    """The parts of a Stable Diffusion 1.x of random weights, in diffusers' own pipeline."""
    torch.manual_seed(0)
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[], model_max_length=77
    )
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.text,
        intermediate_size=4 * size.text,
        num_attention_heads=size.heads,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=size.blocks,
        layers_per_block=size.layers,
        cross_attention_dim=size.text,
        attention_head_dim=size.heads,
        norm_num_groups=16,
    )
    count = len(size.vae)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * count,
        up_block_types=("UpDecoderBlock2D",) * count,
        block_out_channels=size.vae,
        norm_num_groups=16,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    pipeline = StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(dtype_of(size))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def ours(adapter: SD1, size: Size, steps: int, whole: bool) -> None:
    """Paint by our loop, from the prompt to the latents, or to the `whole` picture."""
    with torch.inference_mode():
        conditioning = adapter.encode_text(Prompt.of(PROMPT), Prompt.of(NEGATIVE))
        *_, last = denoise(adapter, conditioning, Sampling("ddim", steps, 7.5, 1.0, (1,)), size.extent)
        if whole:
            adapter.decode(last.latents)


def theirs(pipeline: Any, size: Size, steps: int, whole: bool) -> None:  # noqa: ANN401 - untyped library
    """The same by diffusers' pipeline."""
    pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        width=size.extent.width,
        height=size.extent.height,
        num_inference_steps=steps,
        guidance_scale=7.5,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="pt" if whole else "latent",
    )


def painters(size: Size) -> tuple[Paint, Paint]:
    """Our way and theirs to paint with so many steps, the whole picture or not, on the same parts."""
    pipeline: Any = parts_of(size)
    adapter = SD1(pipeline, PictureCoder(pipeline.vae), dict(pipeline.scheduler.config))
    return partial(ours, adapter, size), partial(theirs, pipeline, size)


def peak(name: str, whose: str) -> float:
    """Peak memory in MiB of a process that paints once, in our way or in theirs."""
    command = [sys.executable, "-m", "benchmarks.engine", "--only", name, "--peak", whose]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


async def time_steps(chosen: str) -> None:
    """Print the figures of one size."""
    size = SIZES[chosen]
    we, they = painters(size)

    async def timed(steps: int, whole: bool = False) -> Pair:
        async def paint(way: Paint) -> None:
            way(steps, whole)

        return await in_turn(partial(paint, we), partial(paint, they), size.rounds, time.process_time)

    name = f"{chosen}, {str(dtype_of(size)).removeprefix('torch.')}"
    few, many = await timed(size.few), await timed(size.many)
    mine, reference = (
        (long - short) / (size.many - size.few) * 1000
        for long, short in ((many.ours, few.ours), (many.reference, few.reference))
    )
    print(f"| {name}: time per step, ms | {mine:.1f} | {reference:.1f} | {mine / reference:.2f} |")
    print((await timed(size.few, whole=True)).row(f"{name}: a picture in {size.few} step{'s' * (size.few > 1)}, ms"))
    memory, floor = peak(chosen, "ours"), peak(chosen, "theirs")
    print(f"| {name}: peak memory, MiB | {memory:.0f} | {floor:.0f} | {memory / floor:.2f} |", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=SIZES, help="this size alone")
    parser.add_argument("--peak", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peak:
        size = SIZES[options.only]
        painters(size)[options.peak == "theirs"](size.few, True)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTE)
        return
    print(machine())
    print("| | ours | diffusers' pipeline | ratio |\n|---|---|---|---|")
    for name in [options.only] if options.only else SIZES:
        asyncio.run(time_steps(name))


if __name__ == "__main__":
    main()
