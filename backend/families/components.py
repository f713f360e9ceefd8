"""Reads a model's components from a folder in diffusers' layout: safetensors alone, never from the net."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import ModelMixin
from transformers import PreTrainedModel

from .adapter import UnusableModel
from .checkpoint import model_of, text_encoder_of, weights_of

INDEX = "model_index.json"
"""Names the components, and the pipeline that they were made for."""


def read_config(folder: Path, part: str, name: str = "config.json") -> dict[str, Any]:
    """Return what a component's configuration file says, or with no part the model's own.

    Raises OSError when there is none, UnusableModel when it is damaged.
    """
    where = f"{part}/{name}" if part else name
    try:
        read = json.loads((folder / part / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnusableModel(f"The file {where} is damaged.") from error
    if not isinstance(read, dict):
        raise UnusableModel(f"The file {where} is damaged.")
    return read


def load_model(model_class: type[ModelMixin], folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401 - untyped library
    """Load one of diffusers' models from its own folder, or from its model's single file, all of it in `dtype`."""
    weights = weights_of(folder)
    if weights is not None:
        return model_of(weights, model_class, folder, dtype)
    return _whole(model_class, folder, dtype)


def load_text_encoder(model_class: type[PreTrainedModel], folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """Load one of transformers' models from its own folder, or from its model's single file, all of it in `dtype`."""
    weights = weights_of(folder)
    if weights is not None:
        return text_encoder_of(weights, model_class, folder, dtype)
    return _whole(model_class, folder, dtype)


def _whole(model_class: Any, folder: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401 - untyped library
    """Load a component of which nothing is missing: both libraries fill what is with random numbers, and paint on."""
    model, told = model_class.from_pretrained(
        folder,
        dtype=dtype,
        variant=_variant(folder),
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    missing = sorted(told["missing_keys"])
    if missing:
        raise UnusableModel(
            f"Its {folder.name} lacks weights: {missing[0]!r} is one of {len(missing)} that are missing."
        )
    return model


def _variant(folder: Path) -> str | None:
    """Which of several precisions on disk to read: the plain one, else half precision where only that is there."""
    names = [file.name for file in folder.glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None
