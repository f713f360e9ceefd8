"""What a transformer in a file of its own lacks: text encoders, VAEs and tokenizers, in files beside it, known by their content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from .checkpoint import VAE, Shape, TextLayers, VaeBlocks, clip_shapes, vae_shapes
from .eight_bits import unread_scale
from .folder import MAX_CONFIG_BYTES
from .headers import Tensor, read_header
from .layouts import Layout, Part
from .problems import NotUsable

T5_PIECES: Final = ("<pad>", "</s>", "<unk>")
"""With which its vocabulary begins."""

T5_TOKENIZER: Final = "the tokenizer of T5 (spiece.model or tokenizer.json, of FLUX.1's folder tokenizer_2)"
"""What painters know it by."""

TOKENIZER_FILES: Final = ("tokenizer.json", "spiece.model")
TOKENIZER_FOLDERS: Final = ("tokenizer", "tokenizer_2", "tokenizer_3")
"""Of whole models, in which one of T5's may lie."""

MOST_SPIECE_BYTES: Final = 16 * 1024**2
"""Of a spiece.model. T5's has 0.8 MB."""


@dataclass(frozen=True)
class T5Layers:
    """Of a T5 encoder's configuration. Defaults as in transformers."""

    vocab_size: int = 32128
    d_model: int = 512
    d_ff: int = 2048
    num_layers: int = 6


@dataclass(frozen=True)
class Wanted:
    """A component that a transformer alone lacks.

    `shapes` are names of its principal tensors and how their shapes begin, `inside` with what the names begin where it is in one
    file with the transformer; `called` is what painters know it by. One that is not `loose` is only looked for there: files
    of other families have the same shapes.
    """

    component: str
    shapes: Mapping[str, Shape] = field(hash=False)
    inside: tuple[str, ...]
    called: str
    loose: bool = True

    def under(self, prefix: str, tensors: Mapping[str, Tensor]) -> bool:
        """Whether all of it is there, under that prefix."""
        return all(
            prefix + name in tensors and tensors[prefix + name].shape[: len(shape)] == shape
            for name, shape in self.shapes.items()
        )


def clip_of(layout: Layout, component: str, inside: str, called: str, projected: bool = False) -> Wanted:
    """One of CLIP's text encoders, as transformers writes it; `projected` is one that must have its projection along."""
    layers = layout.read(TextLayers, f"{component}/config.json")
    shapes = clip_shapes("", layers)
    if projected:
        shapes["text_projection.weight"] = (layers.projection_dim, layers.hidden_size)
    return Wanted(component, shapes, (inside,), called)


def t5_of(layout: Layout, component: str, inside: str, called: str) -> Wanted:
    """T5's encoder, as transformers writes it."""
    layers = layout.read(T5Layers, f"{component}/config.json")
    shapes: dict[str, Shape] = {
        "shared.weight": (layers.vocab_size, layers.d_model),
        "encoder.final_layer_norm.weight": (layers.d_model,),
    }
    for layer in range(layers.num_layers):
        shapes[f"encoder.block.{layer}.layer.1.DenseReluDense.wi_0.weight"] = (layers.d_ff, layers.d_model)
    return Wanted(component, shapes, (inside,), called)


def vae_of(layout: Layout, called: str, loose: bool = True) -> Wanted:
    """AutoencoderKL without convolutions around its latents, as Black Forest Labs write it."""
    shapes = vae_shapes(layout.read(VaeBlocks, "vae/config.json"))
    inner = {name.removeprefix(VAE): shape for name, shape in shapes.items() if "quant_conv" not in name}
    return Wanted("vae", inner, ("vae.", VAE), called, loose)


class Companions:
    """The loose files of a library that may be parts of models; looked at when first asked for.

    `files` gives every file, and `models` every folder of a whole model; all of them lie in the library.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], models: Callable[[], Iterable[Path]]) -> None:
        self._list_files = files
        self._list_models = models

    def find(self, wanted: Wanted) -> Part | None:
        """The first file that holds a component, by name."""
        return next((Part(file) for file, tensors in self._headers.items() if wanted.under("", tensors)), None)

    @cached_property
    def t5_tokenizer(self) -> Path | None:
        """The file of T5's tokenizer: a loose one, or one in a whole model."""
        loose = [file for file in self._files if file.name in TOKENIZER_FILES]
        within = [
            file
            for model in self._list_models()
            for folder in TOKENIZER_FOLDERS
            for name in TOKENIZER_FILES
            if (file := model / folder / name).is_file()
        ]
        return next((file for file in (*loose, *within) if _is_t5_tokenizer(file)), None)

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        return tuple(self._list_files())

    @cached_property
    def _headers(self) -> dict[Path, dict[str, Tensor]]:
        found = {}
        for file in self._files:
            if file.suffix.lower() == ".safetensors":
                try:
                    tensors = read_header(file, file.name)
                except (NotUsable, OSError):
                    continue  # it is in the list of models, with what is wrong with it
                if unread_scale(tensors) is None:
                    found[file] = tensors
        return found


NO_COMPANIONS: Final = Companions(lambda: (), lambda: ())


def _is_t5_tokenizer(file: Path) -> bool:
    try:
        most = MAX_CONFIG_BYTES if file.suffix == ".json" else MOST_SPIECE_BYTES
        if file.stat().st_size > most:
            return False
        content = file.read_bytes()
    except OSError:
        return False
    if file.suffix != ".json":
        # pieces come first in it, each after its length
        return all(piece.encode() in content[:100] for piece in T5_PIECES)
    try:
        model: Any = json.loads(content.decode("utf-8")).get("model")
    except (ValueError, AttributeError, RecursionError):
        return False
    vocabulary = model.get("vocab") if type(model) is dict else None
    if type(vocabulary) is not list or model.get("type") not in (None, "Unigram"):
        return False
    return [entry[0] for entry in vocabulary[:3] if type(entry) is list and entry] == list(T5_PIECES)
