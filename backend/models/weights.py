"""Which files hold the weights of one of a model's components, and what is in them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from .folder import FETCH_AGAIN, ModelFolder
from .headers import Tensor, is_pickle, read_header
from .problems import NotUsable

HALF: Final = ".fp16"
"""diffusers' mark in the names of weights in half precision."""

MAX_SHARDS: Final = 200
"""Files of one component. The largest models there are come in some dozens."""


def read_weights(folder: ModelFolder, component: str, stem: str) -> dict[str, Tensor]:
    """Return the tensors of a component by name, from the headers of the files that will be loaded.

    `stem` is what its weights are called, as in ``<component>/<stem>.safetensors``. The plain ones come first; those in
    half precision count where no others are, whole or in shards. Raises NotUsable.
    """
    directory = folder.path / component
    names = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    if not names:
        raise NotUsable(f"Its folder {component} is missing or empty. {FETCH_AGAIN}")
    safe = [name for name in names if name.endswith(".safetensors")]
    half = bool(safe) and all(HALF in name for name in safe)
    single, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    if half:
        single, index = f"{stem}{HALF}.safetensors", f"{stem}.safetensors.index{HALF}.json"
    tensors: dict[str, Tensor] = {}
    # where both are, diffusers takes the index and transformers the single file: both must be sound
    if folder.has(f"{component}/{index}"):
        tensors |= _read_shards(folder, component, f"{component}/{index}")
    elif not folder.has(f"{component}/{single}"):
        raise NotUsable(_nothing_safe(folder, component, single, names))
    if folder.has(f"{component}/{single}"):
        tensors |= read_header(folder.file(f"{component}/{single}"), f"{component}/{single}")
    return tensors


def _read_shards(folder: ModelFolder, component: str, index: str) -> dict[str, Tensor]:
    placed = folder.read_object(index).get("weight_map")
    if type(placed) is not dict or not all(type(name) is str for name in placed.values()):
        raise NotUsable(f"Its file {index} does not say which tensor is where. {FETCH_AGAIN}")
    shards = sorted(set(placed.values()))
    if len(shards) > MAX_SHARDS or any(PurePosixPath(name).name != name or "\\" in name for name in shards):
        raise NotUsable(f"Its file {index} names files that cannot be right. {FETCH_AGAIN}")
    tensors: dict[str, Tensor] = {}
    for name in shards:
        tensors |= read_header(folder.file(f"{component}/{name}"), f"{component}/{name}")
    missing = next((tensor for tensor in placed if tensor not in tensors), None)
    if missing is not None:
        raise NotUsable(f"The tensor {missing[:80]!r} of its {component} is in none of its files. {FETCH_AGAIN}")
    return tensors


def _nothing_safe(folder: ModelFolder, component: str, wanted: str, names: list[str]) -> str:
    """Say why no file of a component can be loaded."""
    for name in names:
        path = folder.path / component / name
        if path.is_file() and path.resolve().is_relative_to(folder.root):
            with path.open("rb") as stream:
                if is_pickle(stream.read(64)):
                    return (
                        f"The weights in its {component} are a pickle ({name}): loading it could run any program that"
                        " somebody hid in it. Fetch the model's safetensors version."
                    )
    return f"Its file {component}/{wanted} is missing. {FETCH_AGAIN}"
