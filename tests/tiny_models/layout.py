"""Models as diffusers lays them out on disk: a folder for each component, and what they are in ``model_index.json``.

Written without the pipelines' own `save_pretrained`, because some of their processors cannot be made where torchvision is not
installed; their files can.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

SEED = 0
"""Of the weights."""


@dataclass(frozen=True)
class Processor:
    """A processor of transformers by its parts: their files in one folder are all that it saves beside its name.

    `class_name` is what the index calls it. Qwen2VLProcessor and PixtralProcessor want torchvision when they are made; a
    tokenizer and a `...ImageProcessorPil` read from the same folder are what can be had without it.
    """

    class_name: str
    parts: tuple[Any, ...]
    settings: tuple[tuple[str, Any], ...] = ()

    def save_pretrained(self, folder: Path) -> None:
        """Write the parts' files, and its own settings."""
        for part in self.parts:
            part.save_pretrained(folder)
        settings = {"processor_class": self.class_name, **dict(self.settings)}
        (folder / "processor_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")


def start_over() -> None:
    """Let the weights that are made next be the same every time."""
    torch.manual_seed(SEED)


def save_model(folder: Path, pipeline: str, components: dict[str, Any], **settings: Any) -> None:
    """Write a model. A component of None is named in the index as left out; `settings` are the pipeline's own."""
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": diffusers.__version__, **settings}
    folder.mkdir(parents=True)
    for name, component in components.items():
        index[name] = _class_of(component)
        if component is not None:
            component.save_pretrained(folder / name)
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def _class_of(component: Any) -> list[str | None]:
    if component is None:
        return [None, None]
    if isinstance(component, Processor):
        return ["transformers", component.class_name]
    return [type(component).__module__.partition(".")[0], type(component).__name__]
