"""What our loop makes of each tiny model on a GPU, or in half precision: beside diffusers' own pipelines, and beside the processor.

::

    python tests/parity/on_device.py                                  # on the GPU that is there: fp32, and as the facts want it
    python tests/parity/on_device.py --device cpu --dtype bfloat16
    python tests/parity/on_device.py --only FLUX --seconds 60

The figures are the greatest difference of any channel of any pixel, 0 to 1. *diffusers* is between our picture and that of
diffusers' pipeline on the same device in the same dtype; *in fp32* between the pipeline's and its own in fp32 there, which is what
half precision alone costs; *processor* between our picture and our own on the processor in fp32: the same seed is to mean the
same everywhere. A picture that is not finite, and a case that fails, is told in its line, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

TESTS = Path(__file__).resolve().parents[1]

HEAD = """| model | dtype | diffusers | in fp32 | processor | finite |
|---|---|---|---|---|---|"""


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
    parser.add_argument(
        "--dtype", nargs="+", default=(), help="float32, float16, bfloat16; float32 and the facts' own unless told"
    )
    parser.add_argument("--only", default="", help="cases whose titles begin so")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of wall clock, after which no case is begun")
    options = parser.parse_args()
    device = torch.device(options.device) if options.device else best_device()
    if device.type == "cpu":
        torch.set_num_threads(1)
    # rounded to ten bits, convolutions would differ from the processor's by that alone
    torch.backends.cudnn.allow_tf32 = False
    print(HEAD, flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for case in CASES:
            if not case.title.startswith(options.only):
                continue
            if time.monotonic() - started > options.seconds:
                print(f"| {case.title} | the time is up |", flush=True)
                continue
            try:
                wrong += rows(case, Path(folder) / case.title, device, options.dtype)
            except Exception as error:  # noqa: BLE001 - the next case has its turn
                wrong += 1
                print(f"| {case.title} | failed: {type(error).__name__}: {str(error)[:300]} |", flush=True)
    print(f"{time.monotonic() - started:.0f} s, {wrong} wrong")
    sys.exit(wrong > 0)


def rows(case, folder: Path, device, names) -> int:
    """Print the lines of a case; returns how many pictures were not finite."""
    import torch

    from parity.case import CPU, load_both, smaller
    from parity.measures import distance, new_pictures, sampled
    from parity.table import builder, sized

    if not folder.exists():
        builder(case.tiny)(folder)
    wrong = 0
    with sized(case, smaller):
        exact = load_both(case, folder, device)
        ours_exact, theirs_exact = new_pictures(exact, sampled(exact))
        at_home = ours_exact if device == CPU else new_pictures(load_both(case, folder), sampled(exact))[0]
        for name in names or ("float32", usual_dtype(case, device)):
            dtype = getattr(torch, name)
            mine, their = ours_exact, theirs_exact
            if dtype != torch.float32:
                with mock.patch.object(torch, "randn", drawn_in_full(torch.randn)):
                    both = load_both(case, folder, device, dtype)
                    mine, their = new_pictures(both, sampled(both))
            finite = bool(torch.isfinite(mine).all())
            wrong += not finite
            figures = [distance(mine, their), distance(their, theirs_exact), distance(mine, at_home)]
            told = " | ".join(f"{figure:.0e}" for figure in figures)
            print(f"| {case.title} | {name} | {told} | {'yes' if finite else 'NO'} |", flush=True)
    return wrong


def usual_dtype(case, device) -> str:
    """The dtype in which the product runs a case's family on a device that is not a processor."""
    from backend.families.facts import FAMILIES

    kind = "cuda" if device.type == "cpu" else device.type
    return next(dtype for name, dtype in FAMILIES[case.adapter].dtypes if name == kind)


def drawn_in_full(randn):
    """`torch.randn` that draws in float32 whatever it is asked for: in half precision the numbers of a seed are others."""

    def draw(*shape, dtype=None, **told):
        import torch

        return randn(*shape, dtype=torch.float32, **told).to(dtype or torch.float32)

    return draw


if __name__ == "__main__":
    main()
