"""What the painter is told when a picture cannot be made."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

import torch
from safetensors import SafetensorError

from backend.families.adapter import NoSuchLayer, UnknownSampler, UnusableModel
from backend.models import ModelError, NotUsable
from protocol import ContentError, Failure, carriable

DEVICE_SIGNS: Final = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
"""In the text of a plain RuntimeError by a library of the device's that found no room there."""

OUT_OF_MEMORY_SIGNS: Final = ("DefaultCPUAllocator", "out of memory", *DEVICE_SIGNS)
"""In the text of a plain RuntimeError: torch has an exception of its own for this on some devices only, and libraries that find no
room for what they need themselves have none."""

FULL: Final = (errno.ENOMEM, 1455)
"""Numbers of the system's errors: the second is Windows' when its paging file is too small, which opening a large file ends in."""

FULL_SIGN: Final = "os error 1455"
"""The same, as safetensors tells it."""

MAX_FAULT_CHARS: Final = 300
"""Of an error's own text in a painter's message: a sentence or two. The log has all of it."""


class CannotPaint(Exception):
    """The picture cannot be made, for a reason that the painter can do something about."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure


def empty_mask() -> CannotPaint:
    """Nothing is selected."""
    return CannotPaint(
        Failure("empty_mask", "The mask is empty, so there is nothing to paint.", "Select something, and try again.")
    )


def bad_mask() -> CannotPaint:
    """The mask is not what the job said of it."""
    return CannotPaint(
        Failure(
            "bad_mask",
            "The mask reaches outside the selection that was given with it.",
            "This is a fault of the program that sent it. Update the plugin, or send the selection's true bounds.",
        )
    )


def broken_picture(what: str) -> CannotPaint:
    """The model calculated no picture."""
    return CannotPaint(
        Failure(
            "broken_picture",
            f"No picture came out: {what} are not all numbers.",
            "Try another seed, or a lower guidance. If it stays so, the model's files are damaged: choose another model.",
        )
    )


def unusable_model(title: str, problem: str) -> CannotPaint:
    """The model is there but of no use."""
    return CannotPaint(
        Failure("unusable_model", f"{title} cannot be used. {problem}", "Choose another model, or put its files right.")
    )


def too_large(title: str, nbytes: int) -> CannotPaint:
    """The model fits neither into the graphics card nor beside it."""
    return CannotPaint(
        Failure(
            "out_of_memory",
            f"{title} is larger than the graphics card's memory, and the {nbytes / 1e9:.0f} GB that it takes are not free in the"
            " computer's memory either.",
            "Close other programs that need much memory, and try again, or choose a smaller model.",
        )
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the device or beside it; also where a library has put an error of its own in the place of that."""
    return any(map(_is_full, _behind(error)))


def is_device_full(error: BaseException) -> bool:
    """Whether it was the device's memory that ran out, as far as the error tells."""
    return any(
        isinstance(one, torch.OutOfMemoryError)
        or (isinstance(one, RuntimeError) and any(sign in str(one) for sign in DEVICE_SIGNS))
        for one in _behind(error)
    )


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, or while."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        yield one
        seen.add(id(one))
        one = one.__cause__ or one.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        numbers = (error.errno, getattr(error, "winerror", None))
        return any(number in FULL for number in numbers) or FULL_SIGN in str(error)
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY_SIGNS)


def failure_of(error: Exception) -> Failure:
    """Return what to tell the painter of an error; the code "internal" is one that nobody foresaw."""
    if isinstance(error, (CannotPaint, ModelError)):
        return error.failure
    if is_out_of_memory(error):
        return Failure(
            "out_of_memory",
            "There was not enough memory for this picture.",
            "Select a smaller area, or close other programs that need much memory, and try again.",
        )
    if isinstance(error, ContentError):
        return Failure(
            "bad_pixels", f"The picture that came with the job is broken: {_words(error)}.", "Send it once more."
        )
    if isinstance(error, NoSuchLayer):
        return Failure(
            "no_such_layer", f"The model cannot read the prompt. {_words(error)}.", "Lower the style's clip skip."
        )
    if isinstance(error, UnknownSampler):
        return Failure(
            "unknown_sampler", f"The model has no sampler called {_words(error)!r}.", "Choose another one in the style."
        )
    return Failure(
        "internal",
        f"Painting failed: {type(error).__name__}: {_words(error)}",
        "Try again. If it happens every time, please report it with the log of the painting process.",
    )


def loading_failure(title: str, error: Exception) -> CannotPaint | None:
    """Return what to tell the painter when a model would not load, or None when that is not the model's fault."""
    if is_out_of_memory(error):
        return CannotPaint(
            Failure(
                "out_of_memory",
                f"There was not enough memory to load {title}.",
                "Close other programs that need much memory, and try again, or choose a smaller model.",
            )
        )
    if isinstance(error, (UnusableModel, NotUsable)):
        return unusable_model(title, str(error))
    if isinstance(error, (OSError, SafetensorError)):
        return unusable_model(title, f"Its files are incomplete or damaged: {_words(error)}.")
    return None


def _words(error: Exception) -> str:
    return carriable(str(error).strip().replace("\x00", "").partition("\n")[0].rstrip(".")[:MAX_FAULT_CHARS])
