"""Keeps a fault of the docker from Krita, which would open a dialog with a traceback."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def guarded(call: Callable[..., None]) -> Callable[..., None]:
    """Have whatever a slot raises logged."""

    @functools.wraps(call)
    def safe(*arguments: Any) -> None:  # noqa: ANN401 - whatever the slot takes
        try:
            call(*arguments)
        except Exception:
            log.exception("a fault in the docker, in %s", call.__qualname__)

    return safe
