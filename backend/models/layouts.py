"""Configurations and tokenizers of the architectures that come in single files, which hold weights alone.

Each lies in a folder of its own under ``layouts``, in diffusers' layout, with the settings of the models that the family's
makers published.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from .clip_vocabulary import write_vocabulary
from .folder import ModelFolder

T = TypeVar("T")

SINGLE_FILE: Final = "single_file.json"
"""Beside the components' folders: names the file that holds the weights of all of them, or of each the file that holds its own."""

_SHIPPED: Final = Path(__file__).parent / "layouts"

_WEIGHTS: Final = "*.safetensors"

CLIP_TOKENIZER: Final = "CLIPTokenizer"
"""The one whose vocabulary comes with Scumble."""


@dataclass(frozen=True)
class Part:
    """Where one component's weights lie: in a file, under names that begin with `prefix`."""

    file: Path
    prefix: str = ""


@dataclass(frozen=True)
class Layout:
    """One architecture: the family that it belongs to, and where its configurations lie."""

    family: str
    folder: Path

    def read(self, cls: type[T], name: str) -> T:
        """Return the part of a configuration that `cls` names."""
        return ModelFolder(self.folder, self.folder).read(cls, name)

    def read_tokenizer(self, name: str) -> str:
        """The class of a tokenizer."""
        return self.read(_TokenizerClass, f"{name}/tokenizer_config.json").tokenizer_class

    def unpack(
        self, target: Path, weights: Path | Mapping[str, Part], changes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Write into `target` what a model's folder would hold, less the `weights`: one file has all, or each component's part.

        `changes` are put over the configurations, by the name of their file.
        """
        shutil.copytree(self.folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(_WEIGHTS))
        for name, change in changes.items():
            path = target / name
            plain = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps({**plain, **change}, indent=2), encoding="utf-8")
        for tokenizer in target.glob("tokenizer*"):
            if self.read_tokenizer(tokenizer.name) == CLIP_TOKENIZER and not (
                (tokenizer / "tokenizer.json").exists() or (tokenizer / "vocab.json").exists()
            ):
                write_vocabulary(tokenizer)
        note: dict[str, Any] = {"file": str(weights)}
        if not isinstance(weights, Path):
            note = {"parts": {name: {"file": str(part.file), "prefix": part.prefix} for name, part in weights.items()}}
        (target / SINGLE_FILE).write_text(json.dumps(note), encoding="utf-8")


@dataclass(frozen=True)
class _TokenizerClass:
    tokenizer_class: str = ""


LAYOUTS: Final = (Layout("sd1", _SHIPPED / "sd1"), Layout("sdxl", _SHIPPED / "sdxl"))
"""Of Stable Diffusion 1.x and XL, whose checkpoints hold every component."""

FLUX: Final = Layout("flux", _SHIPPED / "flux")
"""Of FLUX.1, whose transformer, text encoders and VAE painters have in files of their own."""

SD3: Final = Layout("sd3", _SHIPPED / "sd3")
"""Of Stable Diffusion 3.x, whose transformer and VAE come in one file, with text encoders or without."""
