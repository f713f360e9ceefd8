"""Weights that lie in single files, brought into diffusers' layout: one for all components in the layout of Stable Diffusion's own
code, or one each.

The folder of such a model holds configurations and tokenizers; beside its components' folders a note names the files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import FluxTransformer2DModel, ModelMixin
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors import safe_open
from transformers import CLIPTextModelWithProjection, PreTrainedModel

from .adapter import UnusableModel
from .facts.written import is_aside, scaled_by, usual_name
from .flux_weights import in_diffusers_names

SINGLE_FILE: Final = "single_file.json"
PROJECTION: Final = "text_projection.weight"


@dataclass(frozen=True)
class Weights:
    """A component's weights: the file, and with what their names begin there; None in one that holds every component."""

    file: Path
    prefix: str | None

    def read(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """The component's own tensors in `dtype`, by their own names; the file is read as safetensors, whatever it is called.

        Of a file with every component all tensors, each in its own type: most of them are for others.
        """
        prefix = self.prefix or ""
        with safe_open(self.file, framework="pt", device="cpu") as file:
            there = list(file.keys())
            scales = {weight: name for name in there if (weight := scaled_by(name)) is not None}
            own = {}
            for name in there:
                if name.startswith(prefix) and not is_aside(name):
                    tensor = file.get_tensor(name)
                    if name in scales:
                        tensor = scaled(tensor, file.get_tensor(scales[name])).to(dtype)
                    own[usual_name(name).removeprefix(prefix)] = tensor if self.prefix is None else tensor.to(dtype)
        return own


def scaled(weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """A layer's weights `[rows, ...]`, multiplied by the one number of the layer, or by one for each row."""
    return weight.float() * scale.float().reshape(-1, *(1 for _ in weight.shape[1:]))


def weights_of(component: Path) -> Weights | None:
    """Where the weights of a component with this folder are; None where the folder itself has them."""
    note = component.parent / SINGLE_FILE
    if not note.is_file():
        return None
    told = json.loads(note.read_text(encoding="utf-8"))
    if "file" in told:
        return Weights(Path(told["file"]), None)
    part = told["parts"][component.name]
    return Weights(Path(part["file"]), part["prefix"])


def model_of(weights: Weights, model_class: type[ModelMixin], component: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """One of diffusers' models, of the configuration in its folder. Raises UnusableModel where weights do not fit it."""
    if issubclass(model_class, FluxTransformer2DModel):
        return _renamed(weights, model_class, component, dtype)
    return model_class.from_single_file(
        weights.read(dtype), config=str(component.parent), subfolder=component.name, dtype=dtype, local_files_only=True
    )


def _renamed(weights: Weights, model_class: type[ModelMixin], component: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """A transformer whose tensors are taken as they are: a second copy of 12 billion weights would be too much."""
    with torch.device("meta"):
        model = model_class.from_config(model_class.load_config(component))
    tensors = weights.read(dtype)
    try:
        model.load_state_dict(in_diffusers_names(tensors), strict=True, assign=True)
    except (KeyError, RuntimeError) as error:
        raise UnusableModel("The weights of its transformer are not those of its family.") from error
    return model.eval().requires_grad_(False)


def text_encoder_of(weights: Weights, model_class: type[PreTrainedModel], component: Path, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """One of transformers' text encoders, of the configuration in its folder. Raises UnusableModel where some of it is missing.

    In a file with every component it is one of CLIP's, brought over as diffusers' pipelines do.
    """
    if weights.prefix is None:
        return create_diffusers_clip_model_from_ldm(
            model_class,
            checkpoint=weights.read(dtype),
            config=str(component.parent),
            subfolder=component.name,
            torch_dtype=dtype,
            local_files_only=True,
        )
    config = model_class.config_class.from_pretrained(component, local_files_only=True)
    tensors = weights.read(dtype)
    if issubclass(model_class, CLIPTextModelWithProjection):
        # as diffusers has it: the smaller of CLIP's encoders comes without, where its summary is not projected
        tensors.setdefault(PROJECTION, torch.eye(config.projection_dim, config.hidden_size, dtype=dtype))
    model, told = model_class.from_pretrained(
        None, config=config, state_dict=tensors, dtype=dtype, output_loading_info=True
    )
    if told["missing_keys"]:
        raise UnusableModel(f"Its {component.name} lacks weights: {min(told['missing_keys'])!r} is missing.")
    return model
