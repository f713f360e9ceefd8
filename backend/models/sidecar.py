"""The file in which a model's maker, or its owner, says how it paints best: ``scumble.json`` in the model's folder.

Beside a single file, ``Name.safetensors``, it is called ``Name.scumble.json``. All of it is optional; what is absent is taken
from the family and from the model's other files, which do not tell of every model that it was distilled to a few steps, or
that it was trained with certain words::

    {
      "title": "My model",
      "native": 1024,
      "least_side": 640,
      "most_pixels": 1310720,
      "context": {"padding": 0.5, "minimum": 1024},
      "steps": 6,
      "guidance": 1.5,
      "sampler": "euler",
      "clip_skip": 2,
      "template": "score_9, score_8_up, {prompt}",
      "negative": "score_4, blurry",
      "wordless_strength": 0.75,
      "dtype": "bfloat16",
      "edits": true
    }

Sizes are pixels. `clip_skip` counts as painters do: 1 is the text encoder's last layer. `template` and `negative` go around the
painter's own words, and around those of a style. `edits` says of a single file of FLUX.1 that it is Kontext.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from backend.families.facts import Overrides
from protocol import Context, DecodeError, from_plain

from .folder import ModelFolder
from .problems import NotUsable

SIDECAR: Final = "scumble.json"
"""In a folder; behind the name of a single file."""


def read_overrides(folder: ModelFolder, name: str = SIDECAR) -> Overrides:
    """Return what the sidecar of that name says; nothing where there is none.

    Raises NotUsable when something in it is mistyped: a name that is not known, another type, out of range.
    """
    if not folder.has(name):
        return Overrides()
    plain = folder.read_object(name)
    context = plain.get("context")
    _refuse_unknown(name, plain, Overrides, "")
    if type(context) is dict:
        _refuse_unknown(name, context, Context, "context.")
    try:
        return from_plain(Overrides, plain)
    except DecodeError as error:
        raise NotUsable(f"Its file {name} is wrong: {error}. Correct or remove the file.") from error


def _refuse_unknown(name: str, plain: dict[str, object], cls: type[Overrides | Context], prefix: str) -> None:
    """An owner who mistypes a name wants to know: unlike in a message, nobody newer can have meant something by it."""
    known = {field.name for field in fields(cls)}
    unknown = next((field for field in plain if field not in known), None)
    if unknown is not None:
        raise NotUsable(
            f"Its file {name} is wrong: there is no {(prefix + unknown)[:80]!r}, only {', '.join(sorted(known))}."
            " Correct or remove the file."
        )
