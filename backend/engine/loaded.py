"""A model in memory, and what is remembered of it between pictures."""

from __future__ import annotations

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
from .failures import loading_failure
from .loras import Loras, TextKey
from .preview import LatentColours, fit_colours

REMEMBERED_TEXTS: Final = 32
"""A painter goes back and forth between a few prompts; each takes half a megabyte for every 75 tokens, or less."""

DTYPES: Final[dict[DType, torch.dtype]] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


class LoadedModel:
    """An adapter with its text embeddings and its preview colours, and what is known of its model."""

    def __init__(self, adapter: Adapter, facts: ModelFacts, loras: LoraFolder) -> None:
        self.adapter, self.facts = adapter, facts
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


class ModelShelf:
    """Loads models, and keeps the last one in memory: two at once may be more than a device holds.

    `dtype` is for every model; None leaves it to each one's facts. `loras` are for all of them.
    """

    def __init__(
        self, library: Library, loras: LoraFolder, device: torch.device, info: DeviceInfo, dtype: DType | None
    ) -> None:
        self._library = library
        self._loras = loras
        self._device = device
        self._info = info
        self._dtype = dtype
        self._entry: ModelEntry | None = None
        self._model: LoadedModel | None = None

    def get(self, model_id: str) -> LoadedModel:
        """Return a model, loaded. Raises ModelError or CannotPaint when that cannot be."""
        entry = self._library.find(model_id)
        if self._model is None or entry != self._entry:
            self.clear()
            self._model = LoadedModel(self._load(entry), entry.facts, self._loras)
            self._entry = entry
        return self._model

    def room_for(self, model: LoadedModel, size: Extent) -> int:
        """How many pictures of `size` pixels this model paints at once here, with the LoRAs that are in it now."""
        return room_for(model.facts, size, self._info, model.loras.nbytes)

    def clear(self) -> None:
        """Let go of the model in memory."""
        self._entry = self._model = None
        give_back_memory(self._device)

    def _load(self, entry: ModelEntry) -> Adapter:
        entry.verify()
        load: Load = import_module(f"backend.families.{entry.facts.adapter}").load
        wanted = entry.facts.dtype_on(self._info.kind)
        try:
            dtype = self._dtype or fitting_dtype(self._device, wanted, partial(numbers_in, entry))
            with entry.opened() as folder:
                return load(folder, self._device, DTYPES[dtype])
        except Exception as error:
            failure = loading_failure(entry.facts.title, error)
            if failure is None:
                raise
            raise failure from error
