"""What server and worker say to each other, as values and as frames.

The server says RunPlan and CancelPlan; closing its end of the pipe says: end. The worker says Ready once, and then for each
plan its events, the last of which is the plan's one end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.plan import (
    Finished,
    PictureMade,
    Plan,
    PlanEvent,
    PreviewMade,
    Stepped,
    Stopped,
    WentWrong,
)
from protocol import DecodeError, DeviceInfo, Picture, Raster, from_plain, to_plain

from .frames import Frame, FrameError

EXIT_DEVICE_LOST: Final = 4
"""The worker's exit status when what plans run on does not answer any more: another process may have it anew."""


@dataclass(frozen=True)
class RunPlan:
    """Server: run this plan. `contents` are the attachments that it names, by content hash."""

    plan: Plan
    contents: Mapping[str, bytes]


@dataclass(frozen=True)
class CancelPlan:
    """Server: end the plan of this job at the next step; nothing happens when another one runs."""

    job: str


@dataclass(frozen=True)
class Ready:
    """Worker: torch is imported, plans may come."""

    device: DeviceInfo


Order = RunPlan | CancelPlan
"""What the server says."""

Said = Ready | PlanEvent
"""What the worker says."""

_PLAIN: Final[dict[str, type[Ready | Stepped | Finished | Stopped | WentWrong]]] = {
    "ready": Ready,
    "stepped": Stepped,
    "finished": Finished,
    "stopped": Stopped,
    "went_wrong": WentWrong,
}
_NAMES: Final = {cls: name for name, cls in _PLAIN.items()}


@dataclass(frozen=True)
class _Contents:
    """Header of RunPlan: the hashes of its attachments, in their order."""

    plan: Plan
    contents: tuple[str, ...]


@dataclass(frozen=True)
class _Preview:
    """PreviewMade without its bytes."""

    picture: int
    step: int
    image: Raster


@dataclass(frozen=True)
class _Picture:
    """PictureMade without its bytes, which come in the order of the picture's rasters."""

    index: int
    picture: Picture


def contents_of(plan: Plan) -> tuple[str, ...]:
    """Return the content hashes of the attachments that a plan names, each once."""
    rasters = (plan.image, plan.mask.raster if plan.mask is not None else None, *plan.references)
    return tuple(dict.fromkeys(raster.content for raster in rasters if raster is not None))


def encode_order(order: Order) -> Frame:
    """Return what the server says as a frame. Raises KeyError when a content that the plan names is missing."""
    if isinstance(order, CancelPlan):
        return Frame({"type": "cancel", "body": to_plain(order)})
    names = contents_of(order.plan)
    body = to_plain(_Contents(order.plan, names))
    return Frame({"type": "run", "body": body}, tuple(order.contents[name] for name in names))


def decode_order(frame: Frame) -> Order:
    """Return what the server says. Raises FrameError when it is none of these."""
    name, body = _type_and_body(frame)
    try:
        if name == "cancel":
            _require_attachments(frame, 0)
            return from_plain(CancelPlan, body, "$.body")
        if name == "run":
            run = from_plain(_Contents, body, "$.body")
            _require_attachments(frame, len(run.contents))
            return RunPlan(run.plan, dict(zip(run.contents, frame.attachments, strict=True)))
    except DecodeError as error:
        raise FrameError(str(error)) from error
    raise FrameError(f"unknown order {name!r}")


def encode_said(said: Said) -> Frame:
    """Return what the worker says as a frame."""
    if isinstance(said, PreviewMade):
        preview = _Preview(said.picture, said.step, said.image)
        return Frame({"type": "preview_made", "body": to_plain(preview)}, (said.content,))
    if isinstance(said, PictureMade):
        picture = _Picture(said.index, said.picture)
        return Frame({"type": "picture_made", "body": to_plain(picture)}, (said.content, *said.layers))
    return Frame({"type": _NAMES[type(said)], "body": to_plain(said)})


def decode_said(frame: Frame) -> Said:
    """Return what the worker says. Raises FrameError when it is none of these."""
    name, body = _type_and_body(frame)
    try:
        if name == "preview_made":
            preview = from_plain(_Preview, body, "$.body")
            (content,) = _contents(frame, preview.image)
            return PreviewMade(preview.picture, preview.step, preview.image, content)
        if name == "picture_made":
            made = from_plain(_Picture, body, "$.body")
            content, *layers = _contents(frame, *made.picture.rasters)
            return PictureMade(made.index, made.picture, content, tuple(layers))
        if name in _PLAIN:
            _require_attachments(frame, 0)
            return from_plain(_PLAIN[name], body, "$.body")
    except DecodeError as error:
        raise FrameError(str(error)) from error
    raise FrameError(f"unknown event {name!r}")


def _type_and_body(frame: Frame) -> tuple[str, Any]:
    name = frame.header.get("type")
    if not isinstance(name, str):
        raise FrameError("the header names no type")
    return name, frame.header.get("body")


def _require_attachments(frame: Frame, count: int) -> None:
    if len(frame.attachments) != count:
        raise FrameError(f"expected {count} attachments, got {len(frame.attachments)}")


def _contents(frame: Frame, *rasters: Raster) -> tuple[bytes, ...]:
    """The bytes of these rasters, in their order."""
    _require_attachments(frame, len(rasters))
    for raster, content in zip(rasters, frame.attachments, strict=True):
        if len(content) != raster.size:
            raise FrameError(f"the picture is declared with {raster.size} bytes and has {len(content)}")
    return frame.attachments
