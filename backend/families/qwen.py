"""Qwen-Image: from words; the three that edit pictures; and the one that takes a picture apart into layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from diffusers import (
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
    QwenImageLayeredPipeline,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SchedulerMixin,
)

from .components import INDEX, load_model, read_config
from .qwen_edit import QwenEdit, QwenEditPlus
from .qwen_image import QwenImage
from .qwen_layered import QwenLayered
from .qwen_vae import load_qwen_vae
from .qwen_vl import load_qwen_vl
from .turns import Place, whole

PROCESSOR: Final = "processor"
"""Cuts pictures for the text encoder. Only the models that are shown some have it."""

KINDS: Final[dict[type[QwenImage], Any]] = {
    QwenImage: QwenImagePipeline,
    QwenEdit: QwenImageEditPipeline,
    QwenEditPlus: QwenImageEditPlusPipeline,
    QwenLayered: QwenImageLayeredPipeline,
}
"""The pipeline of each, whose words about the prompt and whose ways with pictures it has."""


def load(folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> QwenImage:
    """Load a model from a folder in diffusers' layout, all of it in `dtype`; see `adapter.Load`."""
    coder = load_qwen_vae(folder, dtype)
    transformer = load_model(QwenImageTransformer2DModel, folder / "transformer", dtype)
    kind = kind_of(read_config(folder, "", INDEX), transformer.config)
    reader = load_qwen_vl(folder, dtype, PROCESSOR if kind.references else "")
    components = {
        "vae": coder.vae,
        "text_encoder": reader.encoder,
        "tokenizer": reader.tokenizer,
        "transformer": transformer,
        "scheduler": None,
    }
    if kind is not QwenImage:
        components[PROCESSOR] = None
    parts = KINDS[kind](**components)
    scheduler = read_config(folder, "scheduler", SchedulerMixin.config_name)
    return kind(place(parts, device), reader, coder, scheduler)


def kind_of(index: dict[str, Any], transformer: Any) -> type[QwenImage]:  # noqa: ANN401 - untyped library
    """Which of the four it is, by what its denoiser is set up for, and where that does not tell by its index."""
    if transformer.use_layer3d_rope:
        return QwenLayered
    if transformer.zero_cond_t or index.get("_class_name") == QwenImageEditPlusPipeline.__name__:
        return QwenEditPlus
    return QwenEdit if PROCESSOR in index else QwenImage
