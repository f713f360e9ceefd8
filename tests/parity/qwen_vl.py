"""Qwen2.5-VL in diffusers' pipelines, put right: told where pictures and padding stand, as it was when it was trained.

Until transformers 5 it found that out by itself. Now it wants to be told, and diffusers' pipelines of Qwen-Image and LongCat
do not: a picture's tokens then stand in a row like words.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import torch


def tell_places(pipeline: Any) -> None:
    """Let the pipeline's text encoder be told the place of every token."""
    encoder = pipeline.text_encoder
    plain = encoder.forward

    @wraps(plain)
    def forward(*words: Any, **others: Any) -> Any:
        # what writes by itself, word by word, knows the places
        if "position_ids" not in others and others.get("past_key_values") is None:
            grids = others.get("image_grid_thw")
            shapes = [] if grids is None else [(int(rows) // 2, int(columns) // 2) for _, rows, columns in grids]
            tokens = zip(others["input_ids"].tolist(), others["attention_mask"].tolist(), strict=True)
            places = [_places(ids, mask, encoder.config.image_token_id, shapes) for ids, mask in tokens]
            others["position_ids"] = torch.tensor(places, device=others["input_ids"].device).permute(2, 0, 1)
        return plain(*words, **others)

    encoder.forward = forward


def _places(ids: list[int], mask: list[int], image: int, shapes: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Time, row and column of each token, by section 2.1 of Bai et al. 2025, arXiv 2502.13923.

    Words count on in all three. A picture's tokens have one time and the row and column that they have in it, from the place
    after the last word; the next word comes after the greatest of them. Padding is at 1, as it was in transformers 4.
    """
    places: list[tuple[int, int, int]] = []
    coming = iter(shapes)
    here = number = columns = rows = 0
    inside = False
    for token, attended in zip(ids, mask, strict=True):
        if not attended:
            places.append((1, 1, 1))
            continue
        if token == image and not inside:
            rows, columns = next(coming)
            number, inside = 0, True
        if token == image:
            places.append((here, here + number // columns, here + number % columns))
            number += 1
            if number == rows * columns:
                here += max(rows, columns)
                inside = False
            continue
        places.append((here, here, here))
        here += 1
    return places
