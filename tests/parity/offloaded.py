"""Models whose parts take turns on a GPU, or are fetched there in pieces: are the pictures the same, and what does it cost?

::

    python tests/parity/offloaded.py                                # on the GPU that is there, in about a minute
    python tests/parity/offloaded.py --device cpu --seconds 60      # everything once on a processor: does it run at all?
    python tests/parity/offloaded.py --only FLUX

First the tiny model of each family, in fp32: *same* is whether every bit of the picture is that of the model which is on the
device as a whole, *again* the same of a second picture, and *LoRA* of one with a LoRA that was injected while the parts were
here and there, and of one after it was ejected. The peak is that of the device's memory, in KiB. Then a part of FLUX.1's transformer
and SDXL's UNet of true size: what a step takes on each rung, from plain memory of the computer's and from locked one, the peak in MiB
beside the weights in all, and whether the latents are the same. A picture that is not the same, and a case that
fails, is told in its line, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

SECONDS = 60.0

RUNGS = ("turns", "streamed")

TINY_HEAD = """| model | rung | same | again | LoRA | peak, KiB | as a whole, KiB |
|---|---|---|---|---|---|---|"""

TRUE_HEAD = """| model | rung | weights, MiB | peak, MiB | to set up, s | first step, s | a step, ms | same |
|---|---|---|---|---|---|---|---|"""

BLOCKS = (4, 8)
"""Of FLUX.1's two kinds: a fifth of them, 4.6 GB, which pass into the computer's memory within seconds."""

STEPS = 6
"""Of a picture of true size; the first two do not count."""

LITTLE_MORE = 1.2
"""Than tensors took at the peak, for a card that is just large enough: what is lost between them."""

SHARE = 0.6
"""Of the time, after which the models of true size have their turn before the tiny ones that are left."""


def main() -> None:
    """Measure every case, each a line at once."""
    started = time.monotonic()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    import torch

    from backend.engine.accelerator import best_device
    from parity.cases import CASES
    from parity.quiet import silence

    silence()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="as torch names it; the best one unless told")
    parser.add_argument("--only", default="", help="cases whose titles begin so; no model of true size then")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of wall clock, after which nothing is begun")
    options = parser.parse_args()
    device = torch.device(options.device) if options.device else best_device()
    if device.type == "cpu":
        torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    # a convolution may be worked out in several ways that differ in their last bits; which one is taken must not be chance
    torch.backends.cudnn.deterministic = True
    if not hasattr(torch.accelerator, "empty_host_cache"):
        # of a torch that is older than the one we are made for
        torch.accelerator.empty_host_cache = lambda: None
    print(f"{device}, torch {torch.__version__}")

    end = started + options.seconds
    chosen = [case for case in CASES if case.title.startswith(options.only)]
    first = list({case.adapter: case for case in reversed(chosen)}.values())[::-1]
    others = [case for case in {case.tiny: case for case in reversed(chosen)}.values() if case not in first]
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        print(TINY_HEAD, flush=True)
        wrong = sum(told(partial(tiny, case, Path(folder), device), case.title, until(end, SHARE)) for case in first)
        if not options.only:
            wrong += told(partial(by_engine, Path(folder), device), "engine", end)
            print(TRUE_HEAD, flush=True)
            wrong += sum(told(partial(true, name, device), name, end) for name in ("flux", "sdxl"))
            print(TINY_HEAD, flush=True)
        wrong += sum(told(partial(tiny, case, Path(folder), device), case.title, end) for case in others)
    print(f"{time.monotonic() - started:.0f} s, {wrong} wrong")
    sys.exit(wrong > 0)


def until(end: float, share: float) -> float:
    """That share of the time from now to the end."""
    now = time.monotonic()
    return now + (end - now) * share if math.isfinite(end) else end


def told(measure, title: str, end: float) -> int:
    """Take one measure unless the time is up; returns how many of its lines are wrong."""
    if time.monotonic() > end:
        print(f"| {title} | the time is up |", flush=True)
        return 0
    try:
        return measure()
    except Exception as error:  # noqa: BLE001 - the next one has its turn
        import traceback

        traceback.print_exc()
        print(f"| {title} | failed: {type(error).__name__}: {str(error)[:300]} |", flush=True)
        return 1


class Peak:
    """The most of a device's memory that tensors took since it was made, in bytes; 0 on a processor."""

    def __init__(self, device) -> None:
        import torch

        self._device = device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)

    @property
    def bytes(self) -> int:
        import torch

        return torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else 0


# ---------------------------------------------------------------- tiny ones


def tiny(case, folder: Path, device) -> int:
    """Print the lines of a tiny model."""
    import torch

    from parity.case import smaller
    from parity.table import builder, sized

    made = folder / case.tiny
    if not made.exists():
        builder(case.tiny)(made)
    wrong = 0
    with sized(case, smaller):
        peak = Peak(device)
        whole = loaded(case, made, device)
        lora = lora_for(whole, folder / "ink.safetensors")
        expected, whole_peak = painted(whole), peak.bytes
        inked = None if lora is None else with_lora(whole, lora)
        del whole
        for rung in RUNGS:
            turns: list = []
            peak = Peak(device)
            apart = loaded(case, made, device, partial(placed, rung, turns))
            same = torch.equal(painted(apart), expected)
            top = peak.bytes
            again = torch.equal(painted(apart), expected)
            with_it = True if lora is None else torch.equal(with_lora(apart, lora), inked)
            after = torch.equal(painted(apart), expected)
            turns[0].end()
            del apart
            right = same and again and with_it and after
            wrong += not right
            said = "-" if lora is None else yes(with_it and after)
            figures = f"{top / 1024:.0f} | {whole_peak / 1024:.0f}"
            print(f"| {case.title} | {rung} | {yes(same)} | {yes(again)} | {said} | {figures} |", flush=True)
    return wrong


def yes(right: bool) -> str:
    """A word for a table."""
    return "yes" if right else "NO"


def placed(rung: str, made: list, parts, device, locked: int = 0):
    """A place for `load` where no two parts are there at once."""
    from backend.families.turns import Turns, modules_of

    streamed = frozenset(modules_of(parts)) - {"vae"} if rung == "streamed" else frozenset()
    made.append(Turns(parts, device, 0, streamed, locked))
    return parts


def loaded(case, folder: Path, device, place=None):
    """Our side of a case."""
    import torch

    from backend.families.turns import whole
    from parity.case import Both

    module = importlib.import_module(f"backend.families.{case.adapter}")
    return Both(case, module.load(folder, device, torch.float32, place or whole), None)


def painted(both):
    """A picture that asks every part."""
    from parity.measures import PROMPT, ours, sampled

    picture = both.picture()
    references = [picture] if both.case.edits or both.case.layered else []
    # what is to be taken apart is described by the text encoder itself
    return ours(both, sampled(both), picture, both.mask(), references, "" if both.case.layered else PROMPT).cpu()


def lora_for(both, file: Path):
    """A LoRA's file for the model, or None where its family takes none."""
    from tiny_models.loras import attention, random_pairs, save_peft

    from backend.families.lora import takes_loras

    if not takes_loras(both.adapter.parts):
        return None
    save_peft(file, random_pairs(both.adapter.parts, attention))
    return file


def with_lora(both, file: Path):
    """A picture with a LoRA, which is ejected then."""
    from backend.families.lora import eject, inject, read_lora, turn_on

    parts = both.adapter.parts
    inject(read_lora(file, parts), "ink", parts)
    turn_on({"ink": 1.0}, parts)
    picture = painted(both)
    eject("ink", parts)
    return picture


# ---------------------------------------------------------------- true ones


def true(name: str, device) -> int:
    """Print the lines of a denoiser of true size, or on a processor of a tiny one of its make."""
    import torch

    from benchmarks.gpu_models import SMALL, TRUE, flux, sdxl
    from benchmarks.measured import MEBIBYTE

    size = SMALL if device.type == "cpu" else TRUE
    blocks = BLOCKS if size.true else (2, 4)
    subject = flux(size, device, blocks=blocks) if name == "flux" else sdxl(size, device)
    conditioning = subject.told(subject.adapter.classifier_free)
    weights = sum(weight.nbytes for weight in subject.denoiser.parameters()) / MEBIBYTE

    def line(rung: str, set_up, expected=None) -> tuple[int, object]:
        begun = time.perf_counter()
        set_up()
        taken = time.perf_counter() - begun
        peak = Peak(device)
        times, latents = stepped(subject, conditioning)
        same = expected is None or torch.equal(latents, expected)
        finite = bool(torch.isfinite(latents).all())
        steady = sorted(times[2:])[len(times[2:]) // 2] * 1000
        figures = f"{weights:.0f} | {peak.bytes / MEBIBYTE:.0f} | {taken:.2f} | {times[0]:.2f} | {steady:.1f}"
        print(f"| {name} | {rung} | {figures} | {yes(same and finite)} |", flush=True)
        return int(not (same and finite)), latents

    wrong, expected = line("whole", lambda: None)
    subject.adapter.parts.to("cpu")
    turns: list = []
    for rung, kind, locked in (
        ("turns", "turns", 0),
        ("streamed", "streamed, plain memory", 0),
        ("streamed", "streamed, locked memory", 2**40),
    ):
        peak = Peak(device)
        wrong += line(kind, partial(placed, rung, turns, subject.adapter.parts, device, locked), expected)[0]
        if rung == "streamed" and device.type == "cuda":
            with small_card(device, int(peak.bytes * LITTLE_MORE)) as mebibytes:
                small = f"{kind}, {mebibytes} MiB in all"
                try:
                    wrong += line(small, lambda: None, expected)[0]
                except torch.OutOfMemoryError:
                    print(f"| {name} | {small} | out of memory |", flush=True)
        turns.pop().end()
    return wrong


@contextmanager
def small_card(device, most: int):
    """A card that gives so many bytes and no more, whole segments counted."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(most / torch.cuda.get_device_properties(device).total_memory, device)
    try:
        yield most // 1024**2
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


# ---------------------------------------------------------------- the engine


def by_engine(folder: Path, device) -> int:
    """Print a line for each rung of the engine's own, previews and all."""
    from engine_runs import disc, picture, planned, run, send

    from backend.engine import Engine
    from backend.models import Library
    from backend.plan import Finished, PictureMade, PreviewMade
    from parity.table import builder
    from protocol import Style

    builder("sd15")(folder / "shelf" / "tiny")
    library = Library(folder / "shelf")
    (model,) = (info.id for info in library.infos() if info.name == "tiny")
    # one: several at once are multiplied in another order on a GPU than one after the other
    sent = send(picture(), disc(), prompt="a star", seed=5, strength=0.8, style=Style(model=model, steps=3))
    expected, wrong = None, 0
    for rung in ("whole", *RUNGS):
        engine = Engine(library, device=str(device), at_least=rung)
        heard = [run(engine, planned(library, sent, model), sent.contents) for _ in range(2)]
        contents = [[event.content for event in one.of((PictureMade, PreviewMade))] for one in heard]
        expected = expected or contents[0]
        right = all(isinstance(one.end, Finished) for one in heard) and contents == [expected] * 2
        wrong += not right
        engine._shelf.clear()
        print(f"| engine | {rung} | {yes(right)} | {heard[0].end} |", flush=True)
    return wrong


def stepped(subject, conditioning):
    """Seconds of each step, and the latents after the last one."""
    from backend.engine.denoise import Sampling, denoise
    from benchmarks.measured import finish

    times, latents = [], None
    before = time.perf_counter()
    sampling = Sampling(subject.sampler, STEPS, subject.guidance, 1.0, (7,))
    for step in denoise(subject.adapter, conditioning, sampling, subject.extent):
        finish(subject.adapter.device)
        now = time.perf_counter()
        times.append(now - before)
        before, latents = now, step.latents
    return times, latents.cpu()


if __name__ == "__main__":
    main()
