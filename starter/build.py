"""`python -m starter.build`: makes the embedded model from nothing, and goes on where it was when it is started again.

Fetches and rasterises the drawings, trains each part, exports the model and judges it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch

from .data.packages import PackageError
from .settings import CONTROL_SHARE, Folders, on_gpu, on_processor
from .training import team
from .training.parts import Workshop
from .training.unet import StageFailed

PARTS: Final = ("data", "text", "vae", "judge", "unet", "control", "export", "evaluate")

TOGETHER: Final = ("unet", "control")
"""Parts that several processes train together; the rest is made by the first of them."""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(prog="python -m starter.build", description=__doc__)
    made.add_argument(
        "--folder", type=Path, required=True, help="where everything of this run is kept; not in the source tree"
    )
    made.add_argument("--until", choices=PARTS, default=PARTS[-1], help="stop after this part")
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    made.add_argument("--threads", type=int, default=1, help="threads of torch on a processor; one is quickest here")
    made.add_argument("--minutes", type=float, default=40.0, help="on a GPU: for training UNet and ControlNet")
    made.add_argument(
        "--finish", type=float, metavar="MINUTES", default=0.0, help="train finished UNet and ControlNet on for so long"
    )
    made.add_argument("--carry-on", action="store_true", help="go on although a stage's check fails")
    return made


def announce(folder: Path) -> Callable[[str], None]:
    """Says a line on the terminal and in the run's log."""

    def say(text: str) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {text}"
        print(line, flush=True)
        with (folder / "build.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    return say


def build(workshop: Workshop, until: str, carry_on: bool, finish: float = 0.0) -> None:
    """Make every part up to and with `until`; what is there already is not made again."""
    from .evaluate import evaluate
    from .export import export
    from .training.control import train_control

    steps: dict[str, Callable[[], object]] = {
        "data": lambda: workshop.icons,
        "text": lambda: workshop.encoder,
        "vae": lambda: workshop.vae,
        "judge": lambda: workshop.judge,
        "unet": lambda: (
            workshop.finish_unet(finish * (1 - CONTROL_SHARE), carry_on) if finish else workshop.train_unet(carry_on)
        ),
        "control": lambda: train_control(workshop, finish * CONTROL_SHARE),
        "export": lambda: export(workshop.folders),
        "evaluate": lambda: evaluate(workshop),
    }
    for name in PARTS[: PARTS.index(until) + 1]:
        if name in TOGETHER:
            team.join()
            steps[name]()
        elif team.leads():
            # What it trains alone must not wait for gradients of the others.
            team.leave()
            steps[name]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if everything was made, 1 if a check failed or a package could not be fetched."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    device = torch.device(options.device)
    settings = on_processor() if device.type == "cpu" else on_gpu(options.minutes)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    say = announce(options.folder) if team.leads() else lambda text: None
    workshop = Workshop(Folders(options.folder), settings, device, say)
    try:
        build(workshop, options.until, options.carry_on, options.finish)
    except (StageFailed, PackageError) as failure:
        say(f"stopped: {failure}")
        return 1
    team.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())
