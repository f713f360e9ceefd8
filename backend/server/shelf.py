"""The models as the server needs them: listed, offered in styles, and planned with; and the LoRAs beside them. The disk is looked at
in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from backend.families.facts import ModelFacts
from backend.models import LoraFolder, ModelError
from backend.plan import Plan, PlanError, make_plan
from backend.prompts import WildcardFolder
from backend.styles import offer
from protocol import DeviceInfo, Job, Loras, ModelInfo, Styles

from .lora_list import list_loras

MAX_LISTED: Final = 256
"""Models in one list: with their problems in words it still fits into one message."""


class Found(Protocol):
    """A model that can be used."""

    @property
    def facts(self) -> ModelFacts:
        """What is known of it."""
        ...


class Library(Protocol):
    """What is asked of `backend.models.Library`."""

    def scan(self) -> None:
        """Look at the disk."""

    def infos(self) -> tuple[ModelInfo, ...]:
        """All models."""
        ...

    def find(self, model_id: str) -> Found:
        """Return a model by id, the default one for an empty id. Raises ModelError."""
        ...


class Shelf:
    """The library behind a lock: one look at the disk at a time, and never on the event loop.

    `device` tells what the models run on, None while that is not known. `styles` is the folder of presets, `wildcards` that of word lists, `loras` that of LoRAs; they need not exist.
    """

    def __init__(
        self, library: Library, device: Callable[[], DeviceInfo | None], styles: Path, wildcards: Path, loras: Path
    ) -> None:
        self._library = library
        self._device = device
        self._styles = styles
        self._wildcards = wildcards
        self._loras = LoraFolder(loras)
        self._lock = asyncio.Lock()

    async def infos(self) -> tuple[ModelInfo, ...]:
        """Look at the disk again and return the models, usable or not."""
        async with self._lock:
            await asyncio.to_thread(self._library.scan)
            return (await asyncio.to_thread(self._library.infos))[:MAX_LISTED]

    async def styles(self) -> Styles:
        """Look at the disk again and return what there is to choose from."""
        models = await self.infos()
        return await asyncio.to_thread(offer, self._styles, models)

    async def loras(self) -> Loras:
        """Look at the disk and return the LoRAs that are there."""
        return await asyncio.to_thread(list_loras, self._loras)

    async def plan(self, job: Job) -> Plan:
        """Work out a job with its model. Raises PlanError, also when there is no such model."""
        async with self._lock:
            try:
                found = await asyncio.to_thread(self._library.find, job.style.model)
            except ModelError as error:
                raise PlanError(error.failure) from error
        device = self._device()
        # before its first job the worker may not have told yet; running out of memory is then a clear failure all the same
        bound = found.facts.pixels_in(device.memory, device.kind) if device is not None and device.memory else None
        # word lists are read anew for each job, so that a painter may write in them
        wildcards = WildcardFolder(self._wildcards)
        return await asyncio.to_thread(make_plan, job, found.facts, bound, wildcards.choices)
