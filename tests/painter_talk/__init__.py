"""What tests of the painter's side let a backend say to it, and hear of it."""

from __future__ import annotations

from protocol import (
    REQUESTS,
    Bounds,
    Done,
    Extent,
    Failure,
    Hello,
    Job,
    Picture,
    Raster,
    Welcome,
    content_name,
    decode_message,
    encode_chunk,
    encode_message,
)

ONE, TWO = "1" * 32, "2" * 32
PIXELS = b"painted!"
NO = Failure("queue_full", "The queue is full.", "Wait.")


def raster_of(content):
    return Raster(content_name(content), len(content), len(content), 1, "gray")


def job_of(job_id, content=None):
    image = raster_of(content) if content else None
    return Job(job_id, image.extent if image else Extent(4, 4), image=image)


def done_of(job_id, *contents):
    rasters = [raster_of(content) for content in contents]
    return Done(job_id, tuple(Picture(raster, Bounds.of(raster.extent), 0) for raster in rasters))


def apart_of(job_id, *contents):
    """A picture, and the layers that it was taken apart into."""
    image, *layers = [raster_of(content) for content in contents]
    return Done(job_id, (Picture(image, Bounds.of(image.extent), 0, tuple(layers)),))


def said(painter):
    """Return what the painter sends: messages, and chunks as their payloads."""
    frames = []
    while (frame := painter.next_frame()) is not None:
        frames.append(decode_message(frame, REQUESTS) if isinstance(frame, str) else bytes(frame[52:]))
    return frames


def hear(painter, *messages):
    return [news for message in messages for news in painter.receive(encode_message(message))]


def chunk_of(content, preview=False):
    return encode_chunk(content_name(content), 0, content, preview)


def greet(painter):
    painter.connected()
    hear(painter, Welcome("a server"))
    hello, *rest = said(painter)
    assert hello == Hello("an installation", "a client")
    return rest
