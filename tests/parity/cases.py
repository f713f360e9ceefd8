"""Every case, in the order in which docs/families.md lists them."""

from __future__ import annotations

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
