"""The secret of this installation: who knows it is this user."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from . import private
from .problem import CannotServe

TOKEN_BYTES: Final = 32
"""256 bits, from the system's source of randomness."""

_TOKEN = re.compile(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}\Z")


def token_at(path: Path) -> str:
    """Return the secret in that file; make a new one when there is none, or others could have read it.

    To be called by the one server of this user. Raises CannotServe.
    """
    text = (private.read(path) or "").strip()
    if _TOKEN.match(text):
        return text
    private.own_folder(path.parent)
    token = secrets.token_hex(TOKEN_BYTES)
    try:
        private.write(path, token + "\n")
    except OSError as error:
        raise CannotServe(
            "no_token",
            f"The file {path} cannot be written: {error.strerror or error}.",
            "Make room on the disk or set the folder's permissions, then start again.",
        ) from error
    return token
