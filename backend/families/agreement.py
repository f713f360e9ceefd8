"""Whether the parts of a model were made for each other: what one writes must be as wide as what the other reads."""

from __future__ import annotations

from .adapter import UnusableModel


def agree_on_text(reads: int, writes: int) -> None:
    """Raise UnusableModel where the denoiser reads text of another width than the text encoder writes."""
    if reads != writes:
        raise UnusableModel(
            f"Its text encoder writes {writes} numbers a word, its denoiser reads {reads}: they are not of the same model."
        )


def agree_on_latents(reads: int, writes: int) -> None:
    """Raise UnusableModel where the denoiser takes latents of other channels than the VAE makes."""
    if reads != writes:
        raise UnusableModel(
            f"Its VAE makes latents of {writes} channels, its denoiser takes {reads}: they are not of the same model."
        )
