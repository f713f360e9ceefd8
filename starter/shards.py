"""`python -m starter.shards`: what a run needs on another machine as one file, and a checkpoint as small files, there and back.

`prepare` writes the drawings of the nouns and the parts that are finished, for a machine that reaches no network: unpacked there,
the run goes on with the UNet. `pack` and `unpack` carry a checkpoint. Weights, their average and Adam's second moments travel in half precision. The first moments do not: they are built up again within
a few dozen steps.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from .data.icons import Icons
from .data.nouns import NOUNS
from .settings import Folders

SHARD_BYTES: Final = 15 * 1024 * 1024
"""Size of one file: under the limits that most ways of carrying files have."""

MANIFEST: Final = "manifest.json"

CARRIED: Final = ("tokenizer", "text_encoder", "vae", "judge.weights.pt", "judge.txt")
"""The finished parts that the training of the UNet needs."""


class ShardError(Exception):
    """The files are not the whole checkpoint that was packed."""


def lighten(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of Loop with all that travels in half precision."""
    moments: dict[int, Any] = state["optimizer"]["state"]
    return {
        "step": state["step"],
        "spent": state["spent"],
        "parameters": [tensor.half() for tensor in state["parameters"]],
        "averaged": [tensor.half() for tensor in state["averaged"]],
        "groups": state["optimizer"]["param_groups"],
        "squares": {key: value["exp_avg_sq"].bfloat16() for key, value in moments.items()},
        "steps": {key: value["step"] for key, value in moments.items()},
    }


def restore(light: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint that Loop goes on from."""
    moments = {}
    for key, square in light["squares"].items():
        square = square.float()
        moments[key] = {"step": light["steps"][key], "exp_avg": torch.zeros_like(square), "exp_avg_sq": square}
    return {
        "step": light["step"],
        "spent": light["spent"],
        "parameters": [tensor.float() for tensor in light["parameters"]],
        "averaged": [tensor.float() for tensor in light["averaged"]],
        "optimizer": {"state": moments, "param_groups": light["groups"]},
    }


def pack(checkpoint: Path, folder: Path, shard_bytes: int = SHARD_BYTES) -> list[Path]:
    """Write a checkpoint as files of at most `shard_bytes` and a manifest; returns the files."""
    buffer = io.BytesIO()
    torch.save(lighten(torch.load(checkpoint, map_location="cpu", weights_only=True)), buffer)
    content = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for index, start in enumerate(range(0, len(content), shard_bytes)):
        path = folder / f"{checkpoint.stem}-{index:03d}.shard"
        path.write_bytes(content[start : start + shard_bytes])
        written.append(path)
    manifest = {
        "checkpoint": checkpoint.name,
        "shards": [path.name for path in written],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return [*written, folder / MANIFEST]


def unpack(folder: Path, parts: Path) -> Path:
    """Write the checkpoint that `folder` holds into `parts`; raises ShardError if a file is missing or damaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        content = b"".join((folder / Path(name).name).read_bytes() for name in manifest["shards"])
    except FileNotFoundError as missing:
        raise ShardError(f"{missing.filename} is missing. Carry it over again.") from missing
    if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
        raise ShardError(f"The shards in {folder} are damaged, or of two checkpoints. Carry them over again.")
    light = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    parts.mkdir(parents=True, exist_ok=True)
    target = parts / Path(manifest["checkpoint"]).name
    part = target.with_suffix(".part")
    torch.save(restore(light), part)
    os.replace(part, target)
    return target


def prepare(folders: Folders, target: Path) -> Path:
    """Write `target`, a .tar.gz with the drawings of the nouns and every finished part; raises ShardError if one is missing."""
    labels = {noun.label for noun in NOUNS}
    missing = [name for name in CARRIED if not (folders.parts / name).exists()]
    if missing:
        raise ShardError(f"Not made yet: {', '.join(missing)}. Run `python -m starter.build` with --until judge first.")
    with tempfile.TemporaryDirectory() as made, tarfile.open(target, "w:gz") as archive:
        Icons(folders.icons).thin(labels, Path(made))
        archive.add(made, folders.icons.name)
        for name in CARRIED:
            archive.add(folders.parts / name, f"{folders.parts.name}/{name}")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if everything was written."""
    parser = argparse.ArgumentParser(prog="python -m starter.shards", description=__doc__)
    parser.add_argument("what", choices=("prepare", "pack", "unpack"))
    parser.add_argument(
        "--folder", type=Path, required=True, help="the folder that `python -m starter.build` was given"
    )
    parser.add_argument(
        "--shards",
        type=Path,
        required=True,
        help="where the shards are, or are to be written; with prepare, the .tar.gz to write",
    )
    parser.add_argument(
        "--part", choices=("text", "vae", "unet", "control"), default="unet", help="which checkpoint to pack"
    )
    options = parser.parse_args(arguments)
    parts = options.folder / "parts"
    try:
        if options.what == "prepare":
            written = prepare(Folders(options.folder), options.shards)
            print(f"{written}: {written.stat().st_size / 2**20:.1f} MiB. Unpack it on the other machine, as --folder.")
        elif options.what == "pack":
            files = pack(parts / f"{options.part}.pt", options.shards)
            print(
                f"{len(files)} files in {options.shards}, {sum(path.stat().st_size for path in files) / 2**20:.1f} MiB"
            )
        else:
            print(f"Wrote {unpack(options.shards, parts)}")
    except (ShardError, FileNotFoundError) as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
