"""The arrays that pass through here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
"""A picture of shape [h, w, channels] or a mask of shape [h, w]; values from 0 to 1."""
