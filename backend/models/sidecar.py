"""The file in a model's folder in which its maker, or its owner, says how it paints best: ``scumble.json``.

All of it is optional; what is absent is taken from the family and the model's other files::

    {
      "title": "My model",
      "native": 512,
      "least_side": 256,
      "most_pixels": 589824,
      "context": {"padding": 0.5, "minimum": 512},
      "steps": 25,
      "guidance": 7.5,
      "sampler": "ddim",
      "wordless_strength": 0.75,
      "dtype": "float32"
    }
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from backend.families.facts import Overrides
from protocol import Context, DecodeError, from_plain

from .folder import ModelFolder
from .problems import NotUsable

SIDECAR: Final = "scumble.json"


def read_overrides(folder: ModelFolder) -> Overrides:
    """Return what the folder's sidecar says; nothing where there is none.

    Raises NotUsable when something in it is mistyped: a name that is not known, another type, out of range.
    """
    if not folder.has(SIDECAR):
        return Overrides()
    plain = folder.read_object(SIDECAR)
    context = plain.get("context")
    _refuse_unknown(plain, Overrides, "")
    if type(context) is dict:
        _refuse_unknown(context, Context, "context.")
    try:
        return from_plain(Overrides, plain)
    except DecodeError as error:
        raise NotUsable(f"Its file {SIDECAR} is wrong: {error}. Correct or remove the file.") from error


def _refuse_unknown(plain: dict[str, object], cls: type[Overrides] | type[Context], prefix: str) -> None:
    """An owner who mistypes a name wants to know: unlike in a message, nobody newer can have meant something by it."""
    known = {field.name for field in fields(cls)}
    unknown = next((name for name in plain if name not in known), None)
    if unknown is not None:
        raise NotUsable(
            f"Its file {SIDECAR} is wrong: there is no {(prefix + unknown)[:80]!r}, only {', '.join(sorted(known))}."
            " Correct or remove the file."
        )
