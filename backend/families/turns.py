"""The parts of a model take turns on a device that does not hold all of them: each is there while it is asked, as its weights are.

accelerate's way to change a module's `forward`, which diffusers' VAEs know for `encode` and `decode` as well, and by which its
pipelines know where they calculate. Its own hooks copy a part's weights back to the computer's memory each time, where they lie
already, and know of no LoRA that has come since; diffusers' for blocks besides hold all weights twice while they are set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import torch
from accelerate.hooks import ModelHook, add_hook_to_module, remove_hook_from_module
from accelerate.utils import send_to_device

from .facts import TEXT_ENCODER
from .lane import Lane
from .stay import Stay, tensors_of
from .streamed import Streamed


class Place(Protocol):
    """Puts the components of diffusers' pipeline where they are to be: what a family's `load` ends with."""

    def __call__(self, parts: Any, device: torch.device) -> Any:  # noqa: ANN401 - untyped library
        """Return the pipeline, which works on `device` from now on."""
        ...


def whole(parts: Any, device: torch.device) -> Any:  # noqa: ANN401 - untyped library
    """All of it on the device, to stay."""
    return parts.to(device)


def device_of(module: Any) -> torch.device:  # noqa: ANN401 - untyped library
    """Where a component calculates, wherever its weights are now."""
    hook = getattr(module, "_hf_hook", None)
    device: torch.device = module.device if hook is None else hook.execution_device
    return device


def modules_of(parts: Any) -> dict[str, torch.nn.Module]:  # noqa: ANN401 - untyped library
    """The components of a pipeline that have weights, by name."""
    return {name: part for name, part in parts.components.items() if isinstance(part, torch.nn.Module)}


class Turns:
    """The parts of one model on one device, of which `room` bytes are for their weights and for what they work on.

    `streamed` are the names of those that are fetched piece by piece; for the denoiser at most `locked` bytes of the computer's
    memory are locked. Whoever is asked comes; those that were not asked for longest leave until there is room. What each part needs
    beside its weights is told by `expect`. With a room of 0 no two are there at once.
    """

    def __init__(
        self,
        parts: Any,  # noqa: ANN401 - untyped library
        device: torch.device,
        room: int = 0,
        streamed: frozenset[str] = frozenset(),
        locked: int = 0,
    ) -> None:
        self.device = device
        self._room = room
        self._lane = Lane(device)
        self._modules = modules_of(parts)
        self._needs: Mapping[str, int] = {}
        self._parts: dict[str, Stay | Streamed] = {}
        self._asked: list[str] = []
        self._settled = ""
        for name, module in self._modules.items():
            if name in streamed:
                # a denoiser is asked in every step, a text encoder once for a prompt
                most = 0 if name.startswith(TEXT_ENCODER) else locked
                self._parts[name] = Streamed(module, device, self._lane, most)
            else:
                self._parts[name] = Stay(partial(tensors_of, module), device, self._lane)
            for entrance in _entrances(module):
                add_hook_to_module(entrance, _Asked(self, name))

    @property
    def there(self) -> tuple[str, ...]:
        """The parts that take memory on the device now, the one that was asked last at the end."""
        return tuple(name for name in self._asked if self._parts[name].is_there)

    def weight(self, name: str) -> int:
        """How many bytes of the device a part's weights take at most while it is there."""
        return self._parts[name].nbytes

    def expect(self, needs: Mapping[str, int]) -> None:
        """From now on parts need so many bytes beside their weights while they work."""
        self._needs = needs
        self._settled = ""

    def ask(self, name: str) -> None:
        """Have a part there, and room for its work."""
        part = self._parts[name]
        if name == self._settled:
            return
        self._settled = ""
        wanted = part.nbytes + self._needs.get(name, 0)
        for other in self.there:
            others = sum(self._parts[one].nbytes for one in self.there if one != name)
            if other != name and wanted + others > self._room:
                self._parts[other].leave()
        part.arrive()
        self._asked = [one for one in self._asked if one != name] + [name]
        if isinstance(part, Stay):
            # of one in pieces not all is there, and what comes with a LoRA may have to come by itself
            self._settled = name

    def end(self) -> None:
        """Send all of them home, and let go of the model: it is then as it was before they took turns."""
        for module in self._modules.values():
            for entrance in _entrances(module):
                remove_hook_from_module(entrance)
        for part in self._parts.values():
            part.leave()
            if isinstance(part, Streamed):
                part.end()
        self._lane.finish()
        self._parts, self._modules, self._asked = {}, {}, []


def _entrances(module: torch.nn.Module) -> list[torch.nn.Module]:
    """Where a component is asked: at itself, and a language model also at its body, beneath what would turn states into words."""
    body = getattr(module, "base_model", module)
    return [module] if body is module or not isinstance(body, torch.nn.Module) else [module, body]


class _Asked(ModelHook):  # type: ignore[misc]
    """Calls a part when it is asked, and brings along what it is asked about."""

    def __init__(self, turns: Turns, name: str) -> None:
        self.execution_device = turns.device
        self._turns = turns
        self._name = name

    def pre_forward(self, module: torch.nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:  # noqa: ANN401
        self._turns.ask(self._name)
        return send_to_device(args, self.execution_device), send_to_device(kwargs, self.execution_device)
