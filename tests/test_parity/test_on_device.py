"""In half precision a picture is finite, and no further from diffusers' own than half precision itself takes it."""

from __future__ import annotations

import pytest
from parity.case import CPU
from parity.cases import CASES
from parity.on_device import rows

ROUNDED = 0.15
"""Of values from 0 to 1: models of random weights and a few channels magnify what bfloat16's 8 bits lose, to 0.07 at most."""


@pytest.mark.parametrize("title", ["Stable Diffusion XL", "FLUX.1 dev", "Z-Image"])
def test_bfloat16(title, request, capsys):
    case = next(case for case in CASES if case.title == title)
    assert rows(case, request.getfixturevalue(f"tiny_{case.tiny}"), CPU, ["bfloat16"]) == 0
    _, told, dtype, *figures, finite, _ = (cell.strip() for cell in capsys.readouterr().out.split("|"))
    assert (told, dtype, finite) == (title, "bfloat16", "yes")
    assert all(0 < float(figure) < ROUNDED for figure in figures)


def test_a_seed_draws_the_same_noise_in_half_precision():
    import torch
    from parity.on_device import drawn_in_full

    draw = drawn_in_full(torch.randn)
    whole = torch.randn(64, generator=torch.Generator().manual_seed(1))
    half = draw(64, generator=torch.Generator().manual_seed(1), dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert torch.equal(half, whole.to(torch.bfloat16))
