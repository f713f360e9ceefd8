"""A model in memory, and what is remembered of it between pictures."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from importlib import import_module
from typing import Final

import torch

from backend.families.adapter import Adapter, Conditioning, Load
from backend.families.facts import DType
from backend.models import Library, ModelEntry

from .accelerator import give_back_memory
from .failures import loading_failure
from .preview import LatentColours, fit_colours

REMEMBERED_TEXTS: Final = 32
"""A painter goes back and forth between a few prompts; each takes less than half a megabyte."""

DTYPES: Final[dict[DType, torch.dtype]] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


class LoadedModel:
    """An adapter with its text embeddings and its preview colours."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._texts: OrderedDict[tuple[str, str | None], Conditioning] = OrderedDict()

    def conditioning(self, prompt: str, negative: str | None) -> Conditioning:
        """Encode a prompt, or remember it; with a negative one for classifier-free guidance."""
        texts = (prompt, negative)
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

    `dtype` is for every model; None leaves it to each one's facts.
    """

    def __init__(self, library: Library, device: torch.device, kind: str, dtype: DType | None) -> None:
        self._library = library
        self._device = device
        self._kind = kind
        self._dtype = dtype
        self._entry: ModelEntry | None = None
        self._model: LoadedModel | None = None

    def get(self, model_id: str) -> LoadedModel:
        """Return a model, loaded. Raises ModelError or CannotPaint when that cannot be."""
        entry = self._library.find(model_id)
        if self._model is None or entry != self._entry:
            self.clear()
            self._model = LoadedModel(self._load(entry))
            self._entry = entry
        return self._model

    def clear(self) -> None:
        """Let go of the model in memory."""
        self._entry = self._model = None
        give_back_memory(self._device)

    def _load(self, entry: ModelEntry) -> Adapter:
        entry.verify()
        load: Load = import_module(f"backend.families.{entry.facts.adapter}").load
        dtype = self._dtype or entry.facts.dtype_on(self._kind)
        try:
            return load(entry.folder, self._device, DTYPES[dtype])
        except Exception as error:
            failure = loading_failure(entry.facts.title, error)
            if failure is None:
                raise
            raise failure from error
