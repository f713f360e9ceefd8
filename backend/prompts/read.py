"""A prompt from the text that a painter wrote: comments out, choices drawn, LoRAs out, words weighed."""

from __future__ import annotations

from typing import NamedTuple

from .attention import weigh
from .choices import Wildcards, draw_choices
from .comments import without_comments
from .draw import Draws
from .loras import take_loras
from .prompt import LoraUse, Prompt


class Reading(NamedTuple):
    """What a text says. `notes` are sentences for the painter: what in it could not be meant as it is written. `drawn` is the
    text with everything drawn that was left to chance, the rest as it was written; empty where nothing was."""

    prompt: Prompt
    loras: tuple[LoraUse, ...]
    notes: tuple[str, ...]
    drawn: str = ""


def read_prompt(text: str, draws: Draws, wildcards: Wildcards) -> Reading:
    """Read a text. Nothing in it is an error: what is none of the language is taken as it stands, with a note.

    The same text, draws and files give the same reading on every machine.
    """
    written = without_comments(text)
    drawn, unlucky = draw_choices(written, draws, wildcards)
    words, loras, strange = take_loras(drawn)
    prompt, unpaired = weigh(words.strip())
    return Reading(prompt, loras, unlucky + strange + unpaired, "" if drawn == written else drawn)
