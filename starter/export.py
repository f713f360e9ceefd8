"""Writes the trained parts as one model in diffusers' layout: half precision, safetensors only, with the hashes to ship."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Final

import torch

from .settings import MAX_BYTES, Folders
from .training.unet import make_scheduler

INDEX: Final = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}
"""Which class reads which part."""

PRODUCT: Final[dict[str, Any]] = {
    "title": "Starter",
    "least_side": 128,
    "most_pixels": 20480,
    "context": {"padding": 0.06, "minimum": 16},
    "steps": 20,
    "guidance": 3.0,
    "wordless_strength": 0.2,
    "sampler": "ddim",
    "dtype": "float32",
}
"""The settings that suit the model, as Scumble reads them from scumble.json."""

WEIGHTS: Final = ("unet", "vae", "text_encoder", "controlnet")
"""Parts with weights; the ControlNet may be missing."""


class TooLarge(Exception):
    """The exported model is larger than what may ship."""


def export(folders: Folders) -> Path:
    """Write the model to the run's folder and return it; raises TooLarge."""
    made = folders.model.with_name("model.part")
    shutil.rmtree(made, ignore_errors=True)
    for part in WEIGHTS:
        if (folders.parts / part / "config.json").exists():
            halved(part, folders.parts / part, made / part)
    shutil.copytree(folders.parts / "tokenizer", made / "tokenizer")
    make_scheduler().save_pretrained(made / "scheduler")
    (made / "model_index.json").write_text(json.dumps(INDEX, indent=2) + "\n", encoding="utf-8")
    (made / "scumble.json").write_text(json.dumps(PRODUCT, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        raise TooLarge(
            f"The model has {size / 2**20:.1f} MiB, and {MAX_BYTES / 2**20:.0f} are the most. Make the UNet narrower."
        )
    shutil.rmtree(folders.model, ignore_errors=True)
    made.rename(folders.model)
    return folders.model


def halved(part: str, source: Path, target: Path) -> None:
    """Save one part in half precision, without the path that it came from."""
    model: Any
    if part == "text_encoder":
        from transformers import CLIPTextModel

        model = CLIPTextModel.from_pretrained(source, dtype=torch.float32)
    else:
        import diffusers

        name = {"unet": "UNet2DConditionModel", "vae": "AutoencoderTiny", "controlnet": "ControlNetModel"}[part]
        model = getattr(diffusers, name).from_pretrained(source)
    model.half().save_pretrained(target, safe_serialization=True)
    config = json.loads((target / "config.json").read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    (target / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a model by its path within, as starter/hashes.py keeps them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
