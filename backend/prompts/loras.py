"""LoRAs that a prompt asks for: ``<lora:name:0.8>``, or ``<lora:name>`` for a weight of 1."""

from __future__ import annotations

import re
from typing import Final

from protocol import MAX_NAME_CHARS

from .numbers import NUMBER
from .prompt import MAX_WEIGHT, LoraUse
from .shown import shown

MAX_LORAS: Final = 32
"""In one prompt. Each changes every layer of a model; with a handful at once pictures fall apart already."""

_TAG = re.compile(r"\\.|<(?P<kind>\w+):(?P<rest>[^<>]*)>", re.DOTALL)
_NUMBER = re.compile(rf"[+-]?{NUMBER}\Z")


def take_loras(text: str) -> tuple[str, tuple[LoraUse, ...], tuple[str, ...]]:
    """Return a text without the LoRAs it asks for, these in their order, and notes on what looks like one and is none.

    The writing is AUTOMATIC1111's for extra networks (https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features),
    with a single weight. What is none stays in the text.
    """
    loras: list[LoraUse] = []
    notes: list[str] = []

    def take(found: re.Match[str]) -> str:
        if found["kind"] is None:
            return found[0]
        lora = _lora(found["kind"], found["rest"])
        if isinstance(lora, LoraUse) and len(loras) < MAX_LORAS:
            loras.append(lora)
            return ""
        why = f"a prompt asks for {MAX_LORAS} LoRAs at most" if isinstance(lora, LoraUse) else lora
        notes.append(f"{shown(found[0])} was taken as words: {why}.")
        return found[0]

    return _TAG.sub(take, text), tuple(loras), tuple(dict.fromkeys(notes))


def without_loras(text: str) -> str:
    """Return a text without anything that looks like a LoRA."""
    return _TAG.sub(lambda found: "" if found["kind"] == "lora" else found[0], text)


def _lora(kind: str, rest: str) -> LoraUse | str:
    """Return what is asked for, or why it is not."""
    if kind != "lora":
        return f"only LoRAs are asked for like that, and not {kind[:MAX_NAME_CHARS]!r}"
    name, colon, number = rest.partition(":")
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        return f"a LoRA's name has 1 to {MAX_NAME_CHARS} characters"
    if not colon:
        return LoraUse(name)
    if not _NUMBER.match(number.strip()):
        return "behind the LoRA's name belongs one number, as in <lora:name:0.8>"
    weight = float(number)
    if abs(weight) > MAX_WEIGHT:
        return f"a LoRA's weight lies between {-MAX_WEIGHT:g} and {MAX_WEIGHT:g}"
    return LoraUse(name, weight)
