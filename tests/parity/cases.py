"""Every case, in the order in which docs/families.md lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .case import Case
from .chroma import CHROMA
from .flux import FLUX
from .flux2 import FLUX2
from .longcat import LONGCAT
from .ovis import OVIS
from .qwen import QWEN
from .sd1 import SD1
from .sd3 import SD3
from .sdxl import SDXL
from .zimage import ZIMAGE

CASES = (*SD1, *SDXL, *SD3, *FLUX, *FLUX2, *ZIMAGE, *QWEN, *OVIS, *LONGCAT, *CHROMA)


def those(holds: Callable[[Case], bool]) -> dict[str, Any]:
    """Arguments of pytest's parametrize, for a test of those cases alone of which `holds` is true."""
    return {"argnames": "both", "argvalues": [case for case in CASES if holds(case)], "ids": str} | {
        "indirect": True,
        "scope": "module",
    }
