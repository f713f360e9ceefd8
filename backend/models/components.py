"""What every family's detector asks of a model's components: of which class they are, and whether weights fit configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .folder import FETCH_AGAIN
from .headers import Tensor
from .problems import NotUsable

Classes = Mapping[str, tuple[str, ...]]
"""Classes that each component may be of; any will do where none is named."""


def class_of(index: Mapping[str, Any], component: str) -> str:
    """Class of a component; empty when it is left out, or of a library other than diffusers and transformers.

    Code that comes with a model is never run, so a class of the model's own is none.
    """
    entry = index.get(component)
    if type(entry) is list and len(entry) == 2 and entry[0] in ("diffusers", "transformers"):
        return entry[1] if type(entry[1]) is str else ""
    return ""


def require(index: Mapping[str, Any], components: Classes) -> None:
    """Raise NotUsable when a component is left out, or of a class that is not run."""
    for component, classes in components.items():
        found = class_of(index, component)
        if not found:
            raise NotUsable(f"It has no {component}. {FETCH_AGAIN}")
        if classes and found not in classes:
            raise NotUsable(
                f"Its {component} is a {found[:60]}, which this version cannot run. Choose a model with {classes[0]}."
            )


def fits(weights: Mapping[str, Tensor], component: str, ending: str, shape: tuple[int, ...]) -> None:
    """Hold the first sides of a tensor against the configuration; its name may have a prefix, which differs between versions.

    Raises NotUsable.
    """
    found = next((weights[name] for name in weights if name == ending or name.endswith(f".{ending}")), None)
    if found is None or found.shape[: len(shape)] != shape:
        raise NotUsable(f"The weights of its {component} do not fit its configuration. {FETCH_AGAIN}")


def agree(one: int, other: int, first: str, second: str) -> None:
    """Raise NotUsable when two components were not made for each other; the texts say what each does, {} being its number."""
    if one != other:
        raise NotUsable(
            f"Its {first.format(one)}, its {second.format(other)}: they are not of the same model. {FETCH_AGAIN}"
        )


def refuse_quantized(config: Mapping[str, Any], component: str) -> None:
    """Raise NotUsable for weights that were packed by a library that is not here."""
    if config.get("quantization_config") is not None:
        raise NotUsable(
            f"Its {component} is quantized, which this version does not read. Fetch the model in bfloat16 or float16."
        )
