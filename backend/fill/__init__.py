"""Masks and colours around a model's painting, so that its edge cannot be seen. numpy float32, values from 0 to 1."""

from .colour import match_colour as match_colour
from .differential import kept as kept
from .differential import to_latent_mask as to_latent_mask
from .masks import composite_alpha as composite_alpha
from .masks import denoise_mask as denoise_mask
from .prefill import blur_fill as blur_fill
from .prefill import flatten as flatten
from .resize import resize as resize
from .resize import resize_layer as resize_layer
