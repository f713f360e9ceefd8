"""The LoRAs that are there, as they are told to a painter's program."""

from __future__ import annotations

import json
from typing import Final

from backend.models import LoraEntry, LoraFolder
from backend.prompts import Draws, read_prompt
from protocol import MAX_LORAS, MAX_MESSAGE_BYTES, MAX_PATH_CHARS, LoraInfo, Loras, carriable, to_plain

MAX_LIST_BYTES: Final = MAX_MESSAGE_BYTES - 16 * 1024
"""Of one list in JSON: with the folder's name it fits into one message. What is beyond is left out, and can be asked for by its name
all the same."""

UNWRITABLE: Final = (
    "A prompt cannot ask for it by such a name. Rename the file: letters, digits, blanks, - and _ are good."
)


def list_loras(folder: LoraFolder) -> Loras:
    """Look at the disk and return what there is, by name, with as many as one list holds."""
    found: list[LoraInfo] = []
    room = MAX_LIST_BYTES
    for entry in sorted(folder.entries(), key=lambda entry: (entry.name.casefold(), entry.name)):
        info = _info(entry)
        room -= len(json.dumps(to_plain(info), ensure_ascii=False, separators=(",", ":")).encode()) + 1
        if room < 0 or len(found) == MAX_LORAS:
            break
        found.append(info)
    return Loras(tuple(found), carriable(str(folder.folder))[:MAX_PATH_CHARS])


def _info(entry: LoraEntry) -> LoraInfo:
    if entry.problem:
        return LoraInfo(carriable(entry.name), problem=carriable(entry.problem))
    if not _can_be_asked_for(entry.name):
        return LoraInfo(carriable(entry.name), problem=UNWRITABLE)
    return LoraInfo(entry.name, entry.families)


def _can_be_asked_for(name: str) -> bool:
    """Whether a prompt that names a LoRA by this name asks for just that: some signs mean something else there."""
    if carriable(name) != name:
        return False
    # among choices, and whatever wildcards there are
    asked = read_prompt(f"{{<lora:{name}:1>}}", Draws(0, "prompt"), lambda _: ("another",))
    return [lora.name for lora in asked.loras] == [name] and not asked.prompt.text
