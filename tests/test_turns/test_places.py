"""Which rung of the ladder a model paints on: sums, held against what devices and models there are."""

from __future__ import annotations

import itertools

import pytest

from backend.engine.places import (
    LEAST_STEP_BYTES,
    OF_ITS_OWN,
    OTHERS_BYTES,
    OWN_BYTES,
    READING_BYTES,
    STEP_SHARE,
    Places,
    choose,
    denoiser_of,
    lower,
    needed_by,
    room_in,
)
from protocol import DeviceInfo

GIB = 1024**3

FLUX = {"vae": GIB // 6, "text_encoder": GIB // 4, "text_encoder_2": 9 * GIB, "transformer": 22 * GIB}
SDXL = {"vae": GIB // 3, "text_encoder": GIB // 4, "text_encoder_2": GIB * 13 // 10, "unet": GIB * 48 // 10}
MEGAPIXEL = 1024**2
FLUX_PICTURE, SDXL_PICTURE = 2500 * MEGAPIXEL, 5000 * MEGAPIXEL


def card(gib, kind="cuda"):
    return DeviceInfo("a card", kind, int(gib * GIB))


@pytest.mark.parametrize(
    ("parts", "picture", "gib", "rung", "streamed"),
    [
        (FLUX, FLUX_PICTURE, 48, "whole", set()),
        (FLUX, FLUX_PICTURE, 32, "turns", set()),
        (FLUX, FLUX_PICTURE, 24.5, "turns", set()),
        (FLUX, FLUX_PICTURE, 24, "streamed", {"transformer"}),
        (FLUX, FLUX_PICTURE, 12, "streamed", {"transformer"}),
        (FLUX, FLUX_PICTURE, 8, "streamed", {"transformer", "text_encoder_2"}),
        (SDXL, SDXL_PICTURE, 16, "whole", set()),
        (SDXL, SDXL_PICTURE, 12, "turns", set()),
        (SDXL, SDXL_PICTURE, 8, "turns", set()),
        (SDXL, SDXL_PICTURE, 6, "streamed", {"unet"}),
    ],
)
def test_models_that_painters_have_on_cards_that_they_have(parts, picture, gib, rung, streamed):
    places = choose(parts, picture, card(gib))
    assert (places.rung, places.streamed) == (rung, streamed)
    assert places.room == room_in(card(gib))


@pytest.mark.parametrize("kind", ["cpu", "mps", "unknown"])
@pytest.mark.parametrize("gib", [1, 8, 64])
def test_where_memory_is_the_computers_nothing_moves(kind, gib):
    assert choose(FLUX, FLUX_PICTURE, card(gib, kind)) == Places("whole")


@pytest.mark.parametrize("kind", OF_ITS_OWN)
def test_every_kind_of_card_is_treated_alike(kind):
    assert choose(FLUX, FLUX_PICTURE, card(12, kind)) == choose(FLUX, FLUX_PICTURE, card(12))


def test_the_last_byte_counts():
    all_of_it = sum(SDXL.values()) + SDXL_PICTURE + OTHERS_BYTES + OWN_BYTES
    enough, short = DeviceInfo("", "cuda", all_of_it), DeviceInfo("", "cuda", all_of_it - 1)
    assert choose(SDXL, SDXL_PICTURE, enough).rung == "whole"
    assert choose(SDXL, SDXL_PICTURE, short).rung == "turns"
    alone = FLUX["transformer"] + needed_by("transformer", FLUX_PICTURE) + OTHERS_BYTES + OWN_BYTES
    enough, short = DeviceInfo("", "cuda", alone), DeviceInfo("", "cuda", alone - 1)
    assert choose(FLUX, FLUX_PICTURE, enough).rung == "turns"
    assert choose(FLUX, FLUX_PICTURE, short).streamed == {"transformer"}


def test_others_on_the_card_count_where_they_take_more_than_is_left_to_them():
    assert choose(SDXL, SDXL_PICTURE, card(16), free=15 * GIB) == choose(SDXL, SDXL_PICTURE, card(16))
    busy = choose(SDXL, SDXL_PICTURE, card(16), free=7 * GIB)
    assert (busy.rung, busy.room) == ("turns", 7 * GIB - OWN_BYTES)
    assert choose(SDXL, SDXL_PICTURE, card(16), free=0).streamed == {"unet", "text_encoder", "text_encoder_2"}


def test_a_larger_card_is_never_worse():
    order = ("streamed", "turns", "whole")
    for parts, picture in ((FLUX, FLUX_PICTURE), (SDXL, SDXL_PICTURE)):
        found = [choose(parts, picture, card(gib / 4)) for gib in range(4, 200)]
        for smaller, larger in itertools.pairwise(found):
            assert order.index(smaller.rung) <= order.index(larger.rung)
            assert smaller.streamed >= larger.streamed
        assert {places.rung for places in found} == set(order)


def test_a_vae_is_never_cut():
    for gib in range(1, 40):
        assert "vae" not in choose({"vae": 9 * GIB, "unet": GIB}, SDXL_PICTURE, card(gib)).streamed
    assert "vae" not in choose(FLUX, FLUX_PICTURE, card(8), at_least="streamed").streamed


@pytest.mark.parametrize("device", [card(8), card(80), card(16, "cpu")], ids=str)
def test_below_the_first_rung_no_two_parts_are_there_at_once(device):
    turns = choose(FLUX, FLUX_PICTURE, device, at_least="turns")
    streamed = choose(FLUX, FLUX_PICTURE, device, at_least="streamed")
    assert turns.room == streamed.room == 0
    assert streamed.streamed == {"text_encoder", "text_encoder_2", "transformer"}
    assert turns.streamed == ({"text_encoder_2", "transformer"} if device == card(8) else frozenset())


def test_the_ladder_goes_down_and_ends():
    # what at_least each is chosen with, and where that leads
    def steps(gib, kind="cuda"):
        at_least = "whole"
        while at_least is not None:
            yield at_least
            at_least = lower(choose(FLUX, FLUX_PICTURE, card(gib), at_least=at_least), at_least, kind)

    assert list(steps(80)) == ["whole", "turns", "streamed"]
    assert list(steps(32)) == ["whole", "turns", "streamed"]
    assert list(steps(12)) == ["whole", "streamed"]
    assert list(steps(80, "cpu")) == list(steps(80, "mps")) == ["whole"]


def test_what_parts_need_beside_their_weights():
    assert needed_by("vae", 7, 5) == 7
    assert needed_by("text_encoder_3", 10**12) == READING_BYTES
    assert needed_by("unet", 1) == LEAST_STEP_BYTES
    assert needed_by("transformer", 40 * GIB) == 40 * GIB * STEP_SHARE
    assert needed_by("transformer", 40 * GIB, 3) == 3 * 40 * GIB * STEP_SHARE


def test_the_measured_steps_are_within_the_share():
    assert needed_by("transformer", FLUX_PICTURE) > 473 * 1024**2
    assert needed_by("unet", SDXL_PICTURE) > 329 * 1024**2


@pytest.mark.parametrize("parts", [FLUX, SDXL])
def test_the_denoiser_is_what_is_nothing_else(parts):
    assert denoiser_of(parts) in ("transformer", "unet")
    assert denoiser_of(reversed(parts)) == denoiser_of(parts)
