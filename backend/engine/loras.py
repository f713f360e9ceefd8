"""The LoRAs of a loaded model: found by the names in prompts, kept in the model while they are in use, ejected when not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.families.adapter import Adapter
from backend.families.facts import FAMILIES, ModelFacts
from backend.families.lora import Lora, UnfitLora, eject, inject, read_lora, takes_loras, turn_on
from backend.models import LoraEntry, LoraFolder, NoSuchLora
from backend.prompts import LoraUse, shown

from .failures import is_out_of_memory

KEPT_BYTES: Final = 1024**3
"""Of LoRAs in a model, silent ones among them: some dozens for Stable Diffusion, a few for FLUX. They lie on the model's device."""

MOST_NOTES: Final = 8
"""Sentences about one prompt's LoRAs: each of its names may be wrong."""

TextKey = tuple[tuple[LoraEntry, float], ...]
"""What changes how prompts are read: LoRAs of text encoders, and their weights, in their order."""


@dataclass(frozen=True)
class _Attached:
    """A LoRA in the model, under a name of its own there."""

    name: str
    layers: int
    left_out: int
    nbytes: int
    reads_texts: bool

    @staticmethod
    def of(lora: Lora, name: str, parts: Any) -> _Attached:  # noqa: ANN401 - untyped library
        reads_texts = any(component.startswith("text_encoder") for component in lora.components)
        return _Attached(name, lora.layers, lora.left_out, lora.nbytes_in(parts), reads_texts)


class Loras:
    """The LoRAs of one model.

    They stay in it, silent, for the next picture; `eject_all` takes out every one, after which the model is as it was
    loaded. None is ever merged into it.
    """

    def __init__(self, folder: LoraFolder, adapter: Adapter, facts: ModelFacts) -> None:
        self._folder = folder
        self._adapter = adapter
        self._facts = facts
        self._attached: OrderedDict[LoraEntry, _Attached] = OrderedDict()
        self._made = 0
        self._speaking: dict[LoraEntry, float] = {}

    @property
    def text_key(self) -> TextKey:
        """What the LoRAs that are in use now change about how prompts are read; empty where nothing."""
        return tuple((entry, weight) for entry, weight in self._speaking.items() if self._attached[entry].reads_texts)

    @property
    def nbytes(self) -> int:
        """Memory on the model's device that LoRAs take, those that are silent too."""
        return sum(attached.nbytes for attached in self._attached.values())

    @property
    def _parts(self) -> Any:  # noqa: ANN401 - untyped library
        return self._adapter.parts

    def use(self, uses: Sequence[LoraUse]) -> tuple[str, ...]:
        """Let the model paint with these LoRAs and no others; notes for the painter on those that had to be left out.

        One that is named twice counts with both weights together. A weight of 0 is the same as none.
        """
        if not takes_loras(self._parts):
            names = ", ".join(dict.fromkeys(use.name for use in uses))
            return (f"{self._facts.title} takes no LoRAs, so it painted without {shown(names)}.",) if uses else ()
        notes: list[str] = []
        weights: dict[LoraEntry, float] = {}
        for use in uses:
            entry = self._found(use.name, notes)
            if entry is not None:
                weights[entry] = weights.get(entry, 0.0) + use.weight
        try:
            speaking = {
                entry: weight for entry, weight in weights.items() if weight != 0 and self._attach(entry, notes)
            }
            self._make_room(speaking)
            turn_on({self._attached[entry].name: weight for entry, weight in speaking.items()}, self._parts)
        except BaseException:
            # half of one in a model would change what is painted next
            self.eject_all()
            raise
        self._speaking = speaking
        return _some(notes)

    def rest(self) -> None:
        """Let the model paint as if there were none."""
        if self._speaking:
            turn_on({}, self._parts)
            self._speaking = {}

    def eject_all(self) -> None:
        """Take all of them out of the model."""
        for attached in self._attached.values():
            eject(attached.name, self._parts)
        self._attached.clear()
        self._speaking = {}

    def _found(self, name: str, notes: list[str]) -> LoraEntry | None:
        """The LoRA of that name, if this model can use it as far as its header tells."""
        try:
            entry = self._folder.find(name)
        except NoSuchLora as missing:
            notes.append(str(missing))
            return None
        if entry.problem:
            notes.append(f"The LoRA {shown(entry.name)} was left out. {entry.problem}")
            return None
        if self._facts.family not in entry.families:
            family = FAMILIES[self._facts.family].title
            notes.append(
                f"The LoRA {shown(entry.name)} is for {entry.made_for}, and this is {family}, so it was left out."
            )
            return None
        return entry

    def _attach(self, entry: LoraEntry, notes: list[str]) -> bool:
        """Put a LoRA into the model unless it is there; whether that could be."""
        title = f"The LoRA {shown(entry.name)}"
        if entry not in self._attached:
            try:
                lora = read_lora(entry.path, self._parts)
            except UnfitLora as why:
                if why.__cause__ is not None and is_out_of_memory(why.__cause__):
                    raise why.__cause__ from why
                notes.append(f"{title} does not fit {self._facts.title}, so it was left out: {why}.")
                return False
            except OSError as error:
                notes.append(f"{title} cannot be read, so it was left out: {error.strerror or error}.")
                return False
            self._made += 1
            # known before it is whole: who takes it out takes out its parts, too
            self._attached[entry] = _Attached.of(lora, f"lora{self._made}", self._parts)
            inject(lora, self._attached[entry].name, self._parts)
        self._attached.move_to_end(entry)
        attached = self._attached[entry]
        if attached.left_out:
            layers = attached.left_out + attached.layers
            notes.append(
                f"{title} changes {layers} layers; {attached.left_out} of them are not in {self._facts.title}."
            )
        return True

    def _make_room(self, wanted: dict[LoraEntry, float]) -> None:
        """Eject those that were silent for longest where all together take too much memory."""
        silent = [entry for entry in self._attached if entry not in wanted]
        for entry in silent:
            if self.nbytes <= KEPT_BYTES:
                return
            eject(self._attached.pop(entry).name, self._parts)


def _some(notes: list[str]) -> tuple[str, ...]:
    unlike = list(dict.fromkeys(notes))
    if len(unlike) > MOST_NOTES:
        unlike[MOST_NOTES:] = [f"{len(unlike) - MOST_NOTES} more LoRAs were left out."]
    return tuple(unlike)
