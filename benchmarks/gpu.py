"""What painting costs on a GPU: SDXL and FLUX.1 of true size at 1024 x 1024, in the ways that torch has to run them.

::

    python -m benchmarks.gpu                                   # everything, in at most 150 seconds of wall clock
    python -m benchmarks.gpu --seconds 120 --out figures.jsonl
    python -m benchmarks.gpu --only sdxl                       # the measures whose names begin so
    python -m benchmarks.gpu --small                           # tiny shapes, on a processor, in seconds: does it run at all?

It needs what `backend` needs and no net: the weights are random, made on the GPU. Each measure is a line of JSON the moment it
is taken, in the order of what is wanted most; a table follows when all are. `step_ms` is the median from one step's end to
the next one's in our denoise loop, `call_ms` that of the denoiser alone, asked the same. `above_mib` is memory beyond
what was there before (the weights), at the worst moment. Compiling comes last, and has what time is left.

That every family gives the same pictures there as diffusers is measured by `tests/parity/on_device.py`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final

import psutil
import torch

from backend.engine.accelerator import best_device, describe

from .gpu_models import SHORT, SMALL, TRUE, Size, Subject, flux, sdxl
from .gpu_ways import (
    ATTENTION,
    attending,
    by_call,
    by_graph,
    by_loop,
    channels_last,
    coding,
    compiled,
    in_dtype,
    in_eighths,
    moving,
    streamed,
    tried_kernels,
)
from .measured import Figures, Measures

SECONDS: Final = 150.0

LONGEST_IMPORT_S: Final = 120.0
"""Of the libraries, on a disk that is cold."""

COMPILING_S: Final = 45.0
"""For one model's blocks. It may take minutes where the compiler's cache is cold, and nothing else is to wait for it."""

STEPS: Final = 10
"""That count, of a run."""

SOME_STEPS: Final = 6
"""The same where a choice is compared."""


def measure(measures: Measures, size: Size) -> None:
    """Take every measure, those first without which the others say little."""
    device = measures.device
    picture = cache(partial(_begun, sdxl, size, device))
    tokens = cache(partial(_begun, flux, size, device))
    measures.take("device", lambda: _device(device))

    measures.take("sdxl guided", lambda: by_loop(picture(), STEPS))
    measures.take("sdxl guided, denoiser alone", lambda: by_call(picture(), STEPS))
    measures.take("flux", lambda: by_loop(tokens(), STEPS))
    measures.take("flux, denoiser alone", lambda: by_call(tokens(), STEPS))
    measures.take("sdxl unguided", lambda: by_loop(picture(), STEPS, guided=False))
    measures.take("sdxl unguided, denoiser alone", lambda: by_call(picture(), STEPS, guided=False))

    for name in ATTENTION:
        measures.take(f"flux, attention {name}", partial(_of, tokens, attending, name, SOME_STEPS))
    for name in ATTENTION:
        measures.take(f"sdxl guided, attention {name}", partial(_of, picture, attending, name, SOME_STEPS))
    measures.take("sdxl guided, channels last", lambda: _channels_last(picture()))
    measures.take("sdxl guided, kernels tried", lambda: _tried(picture()))
    measures.take("sdxl guided, bfloat16", lambda: _in_bfloat16(picture()))

    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        measures.take(f"vae, {name}", partial(_of, picture, coding, dtype, 3))
    measures.take("flux, moved through pinned memory", partial(_move, tokens, device, True))
    measures.take("flux, moved through plain memory", partial(_move, tokens, device, False))
    for pictures in (2, 4):
        measures.take(f"sdxl guided, {pictures} at once", partial(_at_once, picture, pictures))
    measures.take("flux, 2 at once", partial(_at_once, tokens, 2))

    short = partial(flux, size, device, blocks=SHORT)
    measures.take("short flux", lambda: by_loop(short(), SOME_STEPS))
    measures.take("short flux, weights fetched block by block", lambda: streamed(short(), SOME_STEPS))
    measures.take("short flux, weights kept in 8 bits", lambda: in_eighths(short(), SOME_STEPS))
    measures.take("sdxl guided, one CUDA graph", lambda: by_graph(picture(), SOME_STEPS))
    measures.take("flux, one CUDA graph", lambda: by_graph(tokens(), SOME_STEPS))

    # a compiler's own compiler takes seconds even for what is tiny
    backend = "inductor" if size.true else "eager"
    measures.take("flux, blocks compiled", lambda: compiled(tokens(), SOME_STEPS, backend), COMPILING_S)
    measures.take("sdxl guided, blocks compiled", lambda: compiled(picture(), SOME_STEPS, backend), COMPILING_S)


def _begun(make: Callable[[Size, torch.device], Subject], size: Size, device: torch.device) -> Subject:
    """Make a model, and let it take a few steps: the first ones load the device's libraries."""
    subject = make(size, device)
    by_loop(subject, 1)
    return subject


def _of(made: Callable[[], Subject], way: Callable[..., Figures], *told: object) -> Figures:
    return way(made(), *told)


def _device(device: torch.device) -> Figures:
    info = describe(device)
    return {"name": info.name, "memory_mib": info.memory // 1024**2, "torch": torch.__version__}


def _channels_last(subject: Subject) -> Figures:
    with channels_last(subject.denoiser):
        return by_loop(subject, SOME_STEPS)


def _tried(subject: Subject) -> Figures:
    with tried_kernels():
        return by_loop(subject, SOME_STEPS)


def _in_bfloat16(subject: Subject) -> Figures:
    with in_dtype(subject.denoiser, torch.bfloat16):
        return by_loop(subject, SOME_STEPS)


def _move(made: Callable[[], Subject], device: torch.device, pinned: bool) -> Figures:
    return moving(made().denoiser, device, pinned, 2)


def _at_once(made: Callable[[], Subject], pictures: int) -> Figures:
    return by_loop(made(), SOME_STEPS, pictures=pictures)


def table(lines: Sequence[Figures]) -> str:
    """The measures of steps and calls as a table in Markdown."""
    rows = ["| measure | ms | above its weights, MiB |", "|---|---|---|"]
    for line in lines:
        figure = next((line[name] for name in ("step_ms", "call_ms", "decode_ms") if name in line), None)
        if figure is not None:
            rows.append(f"| {line['measure']} | {figure:.1f} | {line.get('above_mib') or '-'} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None, started: float | None = None) -> None:
    """Run the benchmark; its time counts from `started`, as `time.time` does, or from now."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of wall clock, after which nothing is begun")
    parser.add_argument("--out", type=Path, help="a file to which each line is added as well")
    parser.add_argument("--only", default="", help="measures whose names begin so")
    parser.add_argument("--small", action="store_true", help="tiny shapes, on the processor")
    options = parser.parse_args(arguments)
    device = torch.device("cpu") if options.small else best_device()
    measures = Measures(device, options.seconds, started or time.time(), options.out, options.only)
    measure(measures, SMALL if options.small else TRUE)
    print(table(measures.lines), flush=True)


def began() -> float:
    """When this process began; now, where the system's clocks disagree, as on a virtual machine that was woken."""
    now, told = time.time(), psutil.Process().create_time()
    return told if 0 <= now - told <= LONGEST_IMPORT_S else now


if __name__ == "__main__":
    main(started=began())
    sys.stdout.flush()
    # a compiler that was broken off has processes of its own, which an orderly end would wait for
    os._exit(0)
