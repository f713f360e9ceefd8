"""The painter's words for what the studio tells in values. Nothing here knows a widget."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Final

from ..bundled import protocol
from ..studio import (
    BackendState,
    BackendView,
    JobStage,
    JobView,
    NoticeAction,
    NoticeKind,
    ReferenceView,
    Settings,
)

BACKEND: Final[dict[BackendState, str]] = {
    BackendState.NOT_RUNNING: "Not running",
    BackendState.STARTING: "Starting…",
    BackendState.CONNECTING: "Connecting…",
    BackendState.READY: "Ready",
    BackendState.BUSY: "Painting",
    BackendState.LOST: "Lost, trying again…",
    BackendState.REFUSED: "Not understood",
}

BACKEND_HINTS: Final[dict[BackendState, str]] = {
    BackendState.NOT_RUNNING: "The backend, which paints, is not running. Generate starts it as well.",
    BackendState.STARTING: "The backend is being started. You can go on working; what you ask for now waits for it.",
    BackendState.CONNECTING: "The backend is there, and is being greeted.",
    BackendState.READY: "The backend is there and has nothing to do.",
    BackendState.BUSY: "The backend paints.",
    BackendState.LOST: "The connection to the backend is gone. It is tried again by itself, and no job is lost.",
    BackendState.REFUSED: "The backend and this plugin do not understand each other.",
}

ACTIONS: Final[dict[NoticeAction, tuple[str, str]]] = {
    NoticeAction.OPEN_LOG: ("Open log", "Open the log, which tells more of what happened"),
    NoticeAction.START: ("Start", "Start the backend"),
    NoticeAction.STOP_ANYWAY: ("Stop anyway", "Stop the backend although it paints; what it paints is lost"),
    NoticeAction.RETRY: ("Try again", "Ask for the same picture once more"),
    NoticeAction.BRING_BACK: ("Bring back", "Offer the discarded pictures again"),
}

KINDS: Final[dict[NoticeKind, str]] = {
    NoticeKind.INFO: "To know",
    NoticeKind.WARNING: "Look out",
    NoticeKind.ERROR: "Something went wrong",
}

ADD_REFERENCE: Final = (
    "Show the model the active layer as well, to work from: a face, a place, a material.\n"
    "What is on it is read when you press Generate; it may be hidden"
)

WEIGHTS_IN_VAIN: Final = "Weights mean nothing to this model"
WEIGHTS_IN_VAIN_HINT: Final = "This model reads the prompt as one plain text. Words in brackets count as much as all others; say in words what matters most"

LINE_CHARS: Final = 72
MOST_LINES: Final = 10
# of a long prompt in a tooltip, which wraps nothing by itself

_STAGES: Final[dict[JobStage, str]] = {
    JobStage.PREPARING: "Preparing",
    JobStage.SENDING: "Sending the picture",
    JobStage.LOADING: "Loading the model",
    JobStage.ENCODING: "Reading your words",
    JobStage.DECODING: "Finishing the picture",
    JobStage.FETCHING: "Fetching the picture",
    JobStage.PLACING: "Done; waits for your stroke to end",
    JobStage.CANCELLING: "Cancelling",
}


_OVER: Final = frozenset({JobStage.FETCHING, JobStage.PLACING, JobStage.CANCELLING})
"""Stages of a job that the backend is done with, or is to be."""


def stage_words(job: JobView) -> str:
    """Return where a job is: its place in the queue, what is being done, or which step of which picture."""
    if job.stage is JobStage.QUEUED:
        if job.place is None:
            return "Waiting"
        return "Next in line" if job.place == 0 else f"{job.place} before yours"
    if job.stage is not JobStage.PAINTING:
        return _STAGES[job.stage]
    said = f"Painting {job.picture + 1} of {job.pictures}" if job.pictures > 1 else "Painting"
    return f"{said}, step {job.step} of {job.steps}" if job.steps else said


def time_words(seconds: float | None) -> str:
    """Return how long it still takes, as a guess: "about 12 s"; empty where unknown."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 60:
        return f"about {max(1, math.ceil(seconds))} s"
    if seconds < 3600:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def glance_words(jobs: Sequence[JobView]) -> str:
    """Return how far the job is that is at work: "35 %, about 12 s"; empty where none has got anywhere."""
    at_work = next((job for job in jobs if job.fraction > 0 and job.stage not in _OVER), None)
    if at_work is None:
        return ""
    left = time_words(at_work.seconds_left)
    return ", ".join(filter(None, (f"{round(100 * at_work.fraction)} %", left)))


def job_words(job: JobView) -> str:
    """Return a job's title, with the name of its document where that is not the one in front."""
    return f"{job.title} ({job.document})" if job.document else job.title


def backend_hint(view: BackendView) -> str:
    """Return what to say of the backend when asked more closely."""
    lines = [BACKEND_HINTS[view.state]]
    if view.others:
        lines.append(f"Jobs of others before yours: {view.others}.")
    if view.device:
        lines.append(f"It paints on: {view.device}.")
    return "\n".join(lines)


def references_title(alone: bool) -> str:
    """Return what stands above the references; `alone` is whether the model is shown a single picture."""
    return "Reference, instead of the canvas" if alone else "References"


def references_hint(alone: bool, room: int) -> str:
    """Return what the model does with the references, of which it takes `room`."""
    if alone:
        return (
            "This model is shown one picture: without a reference the canvas, which it changes as the prompt says;\n"
            "with a reference that layer, and it paints something new from it"
        )
    layers = "one layer" if room == 1 else f"up to {room} layers"
    return f"This model is shown {layers} besides the canvas, in this order. The prompt can speak of them"


def no_room(room: int) -> str:
    """Return why no reference can be added."""
    layers = "one layer" if room == 1 else f"{room} layers"
    return f"This model works from {layers} at most. Remove one to add another"


def reference_name(reference: ReferenceView) -> str:
    """Return a reference's name, and what is the matter with it."""
    if not reference.there:
        return f"{reference.name} (not there)"
    return reference.name if reference.taken else f"{reference.name} (not shown)"


def reference_hint(reference: ReferenceView) -> str:
    """Return what becomes of a reference."""
    if not reference.there:
        return "This layer is no longer in the document. Bring it back with undo, or remove it here; till then nothing is painted"
    if not reference.taken:
        return "There are more references than this model takes, so it is not shown this one"
    return "What is on this layer when you press Generate is shown to the model"


def loras_hint(model: protocol.ModelInfo | None, there: bool, folder: str) -> str:
    """Return what the button for LoRAs does, or why it does nothing."""
    if model is None:
        return "Adds a LoRA to the prompt. Which there are is known as soon as the backend is ready"
    if not there:
        where = f" Put safetensors files into {folder}" if folder else ""
        return f"There are no LoRAs that fit {model.name}.{where}"
    return (
        "Add a LoRA to the prompt: it brings what it has learnt, such as a subject or a way of drawing.\n"
        "The number behind its name is its weight. Typing <lora: in the prompt lists them, too"
    )


def drawn_words(drawn: str) -> str:
    """Return the prompt that a picture drew as a tooltip shows it: in lines that fit on the screen, and not too many."""
    lines = textwrap.wrap(" ".join(drawn.split()), LINE_CHARS, max_lines=MOST_LINES, placeholder=" …")
    return "\n".join(lines)


def percent(strength: float) -> int:
    """Return a strength as whole percent, 1 to 100; 100 only where it is full."""
    return 100 if strength >= 1 else min(99, max(1, round(strength * 100)))


def more_words(settings: Settings) -> str:
    """Return what of the folded settings is not as usual, so that nothing works unseen; empty where all is as usual."""
    said = []
    if settings.count > 1:
        said.append(f"{settings.count} variations")
    if not settings.random_seed:
        said.append(f"seed {settings.seed}")
    if settings.negative.strip():
        said.append(f"without {' '.join(settings.negative.split())}")
    return ", ".join(said)
