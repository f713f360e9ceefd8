"""The painter's words for what the studio tells in values. Nothing here knows a widget."""

from __future__ import annotations

import math
from typing import Final

from ..studio import BackendState, BackendView, JobStage, JobView, NoticeAction, NoticeKind, Settings

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
