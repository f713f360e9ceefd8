"""A transformer in a single file, and where the components are that it lacks: in the same file, or in others beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .checkpoint import UNET, Shape, VaeBlocks
from .companions import Companions, Wanted
from .eight_bits import UNREAD, unread_scale
from .folder import FETCH_AGAIN
from .headers import Tensor
from .layouts import Layout, Part
from .problems import NotUsable
from .vaes import Latents

MOST_BLOCKS: Final = 200
"""Of one kind. The largest transformer here has 38."""

TIME: Final = 256
"""Numbers that a time, or the guidance scale, is spread over, in every family here."""

Changes = tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
"""What is put over configurations, by the name of their file: as pairs, so that two can be compared."""


class IncompleteFile(NotUsable):
    """A transformer that cannot be used as it is."""


@dataclass(frozen=True)
class TransformerFile:
    """A transformer in a file, in what its configuration differs from its layout's, and where the other components are.

    `tokenizer` is the file of T5's, and the component that it is for; None where the model does without T5.
    """

    layout: Layout
    parts: tuple[tuple[str, Part], ...]
    tokenizer: tuple[str, Path] | None
    changes: Changes

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A folder in diffusers' layout, for as long as loading takes, whose weights are in the files."""
        changes = {name: dict(change) for name, change in self.changes}
        with tempfile.TemporaryDirectory(prefix="scumble-model-") as name:
            self.layout.unpack(Path(name), dict(self.parts), changes)
            if self.tokenizer is not None:
                component, file = self.tokenizer
                shutil.copyfile(file, Path(name, component, file.name))
            yield Path(name)


def own_part(file: Path, tensors: Mapping[str, Tensor], title: str) -> tuple[Part, dict[str, Tensor]]:
    """Where the transformer's own tensors are in a file, and they by their own names. Raises IncompleteFile."""
    if unread_scale(tensors) is not None:
        raise IncompleteFile(f"It is a {title} model whose {UNREAD}")
    prefix = UNET if any(name.startswith(UNET) for name in tensors) else ""
    inner = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    return Part(file, prefix), inner


def count_of(inner: Mapping[str, Tensor], kind: str) -> int:
    """How many blocks of a kind there are, by the highest number; what is missing below it is noticed by the shapes."""
    numbers = [name.removeprefix(kind).partition(".")[0] for name in inner if name.startswith(kind)]
    return min(MOST_BLOCKS, max((int(number) + 1 for number in numbers if number.isdecimal()), default=1))


def require_shapes(inner: Mapping[str, Tensor], shapes: Mapping[str, Shape], title: str) -> None:
    """Raise IncompleteFile when a tensor is missing, or of another shape."""
    wrong = next((name for name, shape in shapes.items() if name not in inner or inner[name].shape != shape), None)
    if wrong is not None:
        raise IncompleteFile(
            f"It is a {title} transformer, and not whole, or of another make: {wrong!r} is missing or of another shape."
            f" {FETCH_AGAIN}"
        )


def latents_of(layout: Layout) -> Latents:
    """Of a layout's VAE."""
    vae = layout.read(VaeBlocks, "vae/config.json")
    return Latents(vae.latent_channels, 2 ** (len(vae.block_out_channels) - 1))


def part_of(wanted: Wanted, file: Path, tensors: Mapping[str, Tensor], companions: Companions) -> Part | None:
    """Where a component is: in the file itself, else in one beside it; None where it is in none."""
    inside = next((prefix for prefix in wanted.inside if wanted.under(prefix, tensors)), None)
    if inside is not None:
        return Part(file, inside)
    return companions.find(wanted) if wanted.loose else None


def lacking(title: str, missing: list[str]) -> IncompleteFile:
    """The problem of a transformer whose companions are not there."""
    return IncompleteFile(
        f"It is a {title} transformer, and lacks {', '.join(missing)}. Put what is missing into the folder of models; it serves"
        " all such files."
    )
