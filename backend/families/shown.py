"""Pictures as diffusers' pipelines for editing are shown them, in eight bits, and resize them."""

from __future__ import annotations

from typing import Any, Final

import torch
from PIL import Image

MOST_DRAWN_OUT: Final = 64
"""Times that one side of a picture may be as long as the other before it is squeezed: a side of any megapixel is 128 then."""


def ratio_of(picture: torch.Tensor) -> float:
    """Width to height of a picture `[1, 3, height, width]`, within what models can be shown."""
    ratio: float = picture.shape[-1] / picture.shape[-2]
    return min(max(ratio, 1 / MOST_DRAWN_OUT), MOST_DRAWN_OUT)


def as_image(processor: Any, picture: torch.Tensor) -> Image.Image:  # noqa: ANN401 - untyped library
    """A picture `[1, 3, height, width]`, -1 to 1, as an image; `processor` is a pipeline's VaeImageProcessor."""
    image: Image.Image = processor.postprocess(picture.detach().float().cpu(), output_type="pil")[0]
    return image


def resized(processor: Any, picture: torch.Tensor, width: int, height: int) -> Image.Image:  # noqa: ANN401
    """The same in another size, as the pipeline of `processor` resizes it."""
    image: Image.Image = processor.resize(as_image(processor, picture), height, width)
    return image
