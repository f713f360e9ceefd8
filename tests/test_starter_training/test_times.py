"""Times of training: much noise preferred while it is learned what stands where, the middle where outlines are decided."""

import pytest
import torch

from starter.training.times import FIRST_SHIFT, KEPT, MIDDLE, SHIFT, WIDTH, outlines, shifted, spread

EVEN = (torch.arange(20_000) + 0.5) / 20_000


def test_one_number_comes_from_each_part():
    torch.manual_seed(0)
    drawn = spread(64, torch.device("cpu"))
    assert torch.equal((drawn * 64).floor(), torch.arange(64.0))
    assert not torch.equal(drawn, spread(64, torch.device("cpu")))


@pytest.mark.parametrize("shift", [0.5, 1.0, SHIFT, FIRST_SHIFT])
def test_a_shift_multiplies_the_odds_of_a_time(shift):
    odds = shift * EVEN.double() / (1 - EVEN.double())
    middles = (shifted(shift)(EVEN).double() + 0.5) / 1000
    # Half a timestep, and what single precision rounds.
    assert (middles - odds / (1 + odds)).abs().max() < 0.00051


def test_some_times_of_outlines_are_logit_normal_and_the_rest_prefer_much_noise():
    times, cut = outlines(EVEN), int(KEPT * len(EVEN))
    assert times.dtype == torch.long
    assert 0 <= int(times.min()) < 5
    assert int(times.max()) == 999
    assert (times[:cut] - shifted(SHIFT)(EVEN[:cut] / KEPT)).abs().max() <= 1
    # a normal distribution of logits, apart from what is cut off at both ends of all times
    logits = torch.logit((times[cut:].double() + 0.5) / 1000)
    assert logits.median().item() == pytest.approx(MIDDLE, abs=0.02)
    assert logits.std().item() == pytest.approx(WIDTH, abs=0.05)


def test_nothing_is_left_out_at_either_end():
    assert outlines(torch.tensor([0.0, KEPT, 1.0])).tolist() == [0, 0, 999]
    assert shifted(SHIFT)(torch.tensor([0.0, 1.0])).tolist() == [0, 999]
