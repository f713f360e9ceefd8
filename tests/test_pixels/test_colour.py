from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from backend.pixels import colour


def decoded(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encoded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


P3_FROM_SRGB = np.array([[0.8224621, 0.1775380, 0], [0.0331941, 0.9668058, 0], [0.0170827, 0.0723974, 0.9105199]])
"""Linear Display P3 from linear sRGB, both D65 (CSS Color 4, section 10)."""


def test_profiles_tell_their_kind(p3_profile, srgb_profile, linear_grey_profile):
    assert colour.profile_space(p3_profile) == "rgb"
    assert colour.profile_space(linear_grey_profile) == "gray"
    assert colour.profile_space(b"") is None
    assert colour.profile_space(srgb_profile[:128]) is None
    assert colour.profile_space(srgb_profile[:16] + b"CMYK" + srgb_profile[20:]) is None


def test_makers_srgb_counts_as_srgb_and_others_do_not(p3_profile, srgb_profile, linear_grey_profile):
    assert colour.is_srgb(srgb_profile)
    assert not colour.is_srgb(p3_profile)
    assert not colour.is_srgb(linear_grey_profile)


def test_a_broken_profile_changes_no_colour(p3_profile):
    assert colour.is_srgb(b"nothing")
    for length in range(129, len(p3_profile), 40):
        assert isinstance(colour.is_srgb(p3_profile[:length]), bool)


def test_to_srgb_agrees_with_pillow(p3_profile, srgb_profile, noise):
    rgb = noise[..., :3]
    theirs = ImageCms.profileToProfile(
        Image.fromarray(rgb),
        ImageCms.ImageCmsProfile(io.BytesIO(p3_profile)),
        ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(colour.to_srgb(rgb, p3_profile).astype(int) - np.asarray(theirs)).max() <= 1


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 2), (np.uint16, 400)])
def test_from_srgb_is_the_matrix_of_the_standard(p3_profile, dtype, tolerance):
    most = np.iinfo(dtype).max
    rgb = np.random.default_rng(5).integers(0, most + 1, (64, 64, 3), dtype=dtype)
    expected = encoded(decoded(rgb / most) @ P3_FROM_SRGB.T) * most
    ours = colour.from_srgb(rgb, p3_profile, 3)
    assert ours.dtype == dtype
    assert np.abs(ours - expected).max() <= tolerance


def test_a_grey_profile_is_followed_both_ways(linear_grey_profile):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    rgb = colour.to_srgb(grey, linear_grey_profile)
    expected = encoded(grey / 255) * 255
    assert rgb.shape == (16, 16, 3)
    assert np.abs(rgb - expected).max() <= 2
    back = colour.from_srgb(np.repeat(grey, 3, axis=2), linear_grey_profile, 1)
    assert back.shape == (16, 16, 1)
    assert np.abs(back - decoded(grey / 255) * 255).max() <= 2


def test_grey_pixels_with_an_rgb_profile_stay_grey(p3_profile):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.abs(colour.to_srgb(grey, p3_profile).astype(int) - grey).max() <= 1
    assert np.abs(colour.from_srgb(np.repeat(grey, 3, axis=2), p3_profile, 1).astype(int) - grey).max() <= 1


def test_rgb_pixels_cannot_have_a_grey_profile(linear_grey_profile):
    with pytest.raises(ValueError, match="grey profile"):
        colour.to_srgb(np.zeros((2, 2, 3), np.uint8), linear_grey_profile)
    with pytest.raises(ValueError, match="grey profile"):
        colour.from_srgb(np.zeros((2, 2, 3), np.uint8), linear_grey_profile, 3)
