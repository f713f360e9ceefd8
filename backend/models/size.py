"""How large a model is: the numbers in its weights, whatever type they are stored in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from .headers import Tensor, read_header
from .library import ModelEntry
from .single_file import SingleFile


def numbers_in(entry: ModelEntry) -> int:
    """Count the numbers in all weights of a model, by the headers of its files. Raises NotUsable.

    What a folder holds in two precisions counts once.
    """
    return sum(prod(tensor.shape) for tensors in _components(entry) for tensor in tensors.values())


def _components(entry: ModelEntry) -> Iterator[Mapping[str, Tensor]]:
    """The tensors of each component, or of all that are in one file."""
    single = entry.single
    if single is None:
        for component in sorted(path for path in entry.folder.iterdir() if path.is_dir()):
            files = sorted(component.glob("*.safetensors"))
            yield {name: tensor for file in files for name, tensor in read_header(file, file.name).items()}
    elif isinstance(single, SingleFile):
        yield read_header(single.file, single.file.name)
    else:
        for _, part in single.parts:
            tensors = read_header(part.file, part.file.name)
            yield {name: tensor for name, tensor in tensors.items() if name.startswith(part.prefix)}
