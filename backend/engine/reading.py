"""What a model's text encoders do, seen from outside: a describing one reads once for each word that it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from backend.families.adapter import Adapter
from backend.families.facts import TEXT_ENCODER


@contextmanager
def before_each_reading(adapter: Adapter, call: Callable[[], None]) -> Iterator[None]:
    """Have `call` called whenever a text encoder begins to read. What it raises ends the reading, and leaves the model as it was."""

    def called(_module: nn.Module, _inputs: Any) -> None:  # noqa: ANN401 - whatever it is given
        call()

    components = {} if adapter.parts is None else adapter.parts.components
    with ExitStack() as hooks:
        for name, part in components.items():
            if name.startswith(TEXT_ENCODER) and isinstance(part, nn.Module):
                hooks.callback(part.register_forward_pre_hook(called).remove)
        yield
