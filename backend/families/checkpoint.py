"""Weights that lie in one file for all components, in the layout of Stable Diffusion's own code, brought into diffusers'.

The folder of such a model holds configurations and tokenizers; beside its components' folders a note names the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import ModelMixin
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors.torch import load_file
from transformers import PreTrainedModel

SINGLE_FILE: Final = "single_file.json"


def checkpoint_of(component: Path) -> Path | None:
    """The file that holds the weights of a component with this folder; None where the folder itself does."""
    note = component.parent / SINGLE_FILE
    if not note.is_file():
        return None
    return Path(json.loads(note.read_text(encoding="utf-8"))["file"])


def model_of(file: Path, model_class: type[ModelMixin], component: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """One of diffusers' models, of the configuration in its folder; the file is read as safetensors, whatever it is called."""
    return model_class.from_single_file(
        load_file(file), config=str(component.parent), subfolder=component.name, dtype=dtype, local_files_only=True
    )


def text_encoder_of(file: Path, model_class: type[PreTrainedModel], component: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """One of CLIP's text encoders, of the configuration in its folder, by the conversion that diffusers' pipelines use."""
    return create_diffusers_clip_model_from_ldm(
        model_class,
        checkpoint=load_file(file),
        config=str(component.parent),
        subfolder=component.name,
        torch_dtype=dtype,
        local_files_only=True,
    )
