"""A model in memory, and what is remembered of it between pictures."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property, partial
from importlib import import_module
from typing import Final

import torch

from backend.families.adapter import Adapter, Conditioning, Load
from backend.families.facts import DType, ModelFacts
from backend.models import Library, LoraFolder, ModelEntry, numbers_in
from backend.prompts import Prompt
from protocol import DeviceInfo, Extent

from .accelerator import fitting_dtype, give_back_memory
from .batch import room_for
from .failures import is_device_full, loading_failure
from .loras import Loras, TextKey
from .places import Rung
from .placing import Placing
from .preview import LatentColours, fit_colours

REMEMBERED_TEXTS: Final = 32
"""A painter goes back and forth between a few prompts; each takes half a megabyte for every 75 tokens, or less."""

DTYPES: Final[dict[DType, torch.dtype]] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}

log = logging.getLogger("scumble.engine")


class LoadedModel:
    """An adapter with its text embeddings and its preview colours, and what is known of its model."""

    def __init__(self, adapter: Adapter, facts: ModelFacts, loras: LoraFolder, placing: Placing) -> None:
        self.adapter, self.facts, self.placing = adapter, facts, placing
        self.loras = Loras(loras, adapter, facts)
        self._texts: OrderedDict[tuple[Prompt, Prompt | None, TextKey], Conditioning] = OrderedDict()

    def conditioning(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> Conditioning:
        """Encode a prompt under the LoRAs that are in use, or remember it; with a negative one for classifier-free guidance.

        What a model reads along with pictures is not remembered: they are seldom the same again.
        """
        if references:
            return self.adapter.encode_text(prompt, negative, references)
        texts = (prompt, negative, self.loras.text_key)
        if texts not in self._texts:
            self._texts[texts] = self.adapter.encode_text(prompt, negative)
            if len(self._texts) > REMEMBERED_TEXTS:
                self._texts.popitem(last=False)
        self._texts.move_to_end(texts)
        return self._texts[texts]

    @cached_property
    def colours(self) -> LatentColours:
        """How its latents look, fitted when first asked for."""
        return fit_colours(self.adapter)

    def prepare_previews(self) -> None:
        """Fit the colours now where that would take the VAE to the device later, between two steps of a denoiser that must go for it."""
        if self.placing.takes_turns:
            _ = self.colours


class ModelShelf:
    """Loads models, and keeps the last one in memory: two at once may be more than a device holds.

    `dtype` is for every model; None leaves it to each one's facts. `loras` are for all of them. `at_least` is the rung that a model
    begins on, see `places`; what ran out of the device's memory is on a lower one for as long as no other model comes between.
    """

    def __init__(
        self,
        library: Library,
        loras: LoraFolder,
        device: torch.device,
        info: DeviceInfo,
        dtype: DType | None,
        at_least: Rung = "whole",
    ) -> None:
        self._library = library
        self._loras = loras
        self._device = device
        self._info = info
        self._dtype = dtype
        self._first = at_least
        self._lowered: tuple[ModelEntry, Rung] | None = None
        self._entry: ModelEntry | None = None
        self._model: LoadedModel | None = None

    def get(self, model_id: str) -> LoadedModel:
        """Return a model, loaded. Raises ModelError or CannotPaint when that cannot be."""
        entry = self._library.find(model_id)
        if self._model is None or entry != self._entry:
            self.clear()
            self._model = self._load(entry)
            self._entry = entry
        return self._model

    def room_for(self, model: LoadedModel, size: Extent) -> int:
        """How many pictures of `size` pixels this model paints at once here, with the LoRAs that are in it now."""
        return room_for(model.facts, size, self._info, model.loras.nbytes, model.placing.left())

    def clear(self) -> None:
        """Let go of the model in memory."""
        if self._model is not None:
            self._model.placing.end()
        self._entry = self._model = None
        give_back_memory(self._device)

    def step_down(self) -> bool:
        """Let go of the model in memory, and have it take less of the device the next time; False where it takes the least already."""
        if self._model is None or self._entry is None:
            return False
        following = self._model.placing.lower
        if following is None:
            return False
        log.info("%s ran out of the device's memory; next: %s", self._entry.facts.title, following)
        self._lowered = (self._entry, following)
        self.clear()
        return True

    def _load(self, entry: ModelEntry) -> LoadedModel:
        entry.verify()
        if self._lowered is not None and self._lowered[0] != entry:
            self._lowered = None
        at_least = self._first if self._lowered is None else self._lowered[1]
        while True:
            placing = Placing(entry.facts, self._info, at_least)
            try:
                return LoadedModel(self._adapter(entry, placing), entry.facts, self._loras, placing)
            except Exception as error:
                following = placing.lower if is_device_full(error) else None
                if following is None:
                    failure = loading_failure(entry.facts.title, error)
                    if failure is None:
                        raise
                    raise failure from error
                at_least = following
            # past the handler, which still held the tensors of the frames that failed
            placing.end()
            give_back_memory(self._device)
            self._lowered = (entry, at_least)

    def _adapter(self, entry: ModelEntry, placing: Placing) -> Adapter:
        load: Load = import_module(f"backend.families.{entry.facts.adapter}").load
        numbers = partial(numbers_in, entry)
        dtype = self._dtype or fitting_dtype(self._device, entry.facts.dtype_on(self._info.kind), numbers)
        placing.foresee(lambda: numbers() * DTYPES[dtype].itemsize)
        with entry.opened() as folder:
            return load(folder, self._device, DTYPES[dtype], placing)
