"""The plugin's log: a file that stays small, since painters do not look after it."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

LOG_BYTES: Final = 512 * 1024
"""Of one file: some thousand lines, days of painting, and still opened by any editor at once."""

LOG_FILES: Final = 2
"""The present one and the one before."""

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to(path: Path) -> logging.Handler | None:
    """Write what the plugin logs into a file. Return what does so, or None where the folder cannot be made. Never an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path,
            maxBytes=LOG_BYTES,
            backupCount=LOG_FILES - 1,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError:
        return None
    handler.setFormatter(logging.Formatter(FORMAT))
    ours = logging.getLogger(__package__)
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    # Krita's own Python shows what reaches the root in its console, where nobody looks
    ours.propagate = False
    return handler
