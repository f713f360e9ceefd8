"""Every bound of the contract, with its reason.

A backend announces its own values in `Welcome.limits`; these are the defaults, and the ceilings that decoding enforces.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

PROTOCOL_MAJOR = 1
"""Raised when an old client and a new server can no longer understand each other."""

PROTOCOL_MINOR = 4
"""Raised when fields or messages are added that the other side may ignore."""

MAX_MESSAGE_BYTES = 1 * MIB
"""A text frame. A job with prompts for a hundred regions is a few ten KiB; this leaves room and still bounds the parser."""

CHUNK_BYTES = 1 * MIB
"""Payload of one binary frame. Small enough that a cancel passes between two, and that masking it in pure Python
does not hold the GIL for longer than a few milliseconds; sending 64 MiB this way was 3.4 times as fast as in one frame."""

MAX_PIXELS = 8192 * 8192
"""Pixels of one raster. Four bytes each make 256 MiB, eight make 512: what a laptop can hold a few times over."""

MAX_SIDE = 32768
"""Longest side of a raster, in pixels: long panoramas pass, and no product of two sides can overflow 64 bits."""

MAX_CONTENT_BYTES = 512 * MIB
"""One attachment: `MAX_PIXELS` at 16 bit RGBA. Wider pixels reach it at a smaller area."""

MAX_PROMPT_CHARS = 20_000
"""A prompt. CLIP reads 77 tokens at a time; the longest that painters share are a few thousand characters."""

MAX_NAME_CHARS = 200
"""Names that travel: models, styles, samplers, documents, installations."""

MAX_COUNT = 16
"""Pictures of one job: more is another job, so that others get their turn between them."""

MAX_REFERENCES = 10
"""Pictures beside the canvas that a job gives the model to work from: as many as any family takes."""

MAX_LAYERS = 10
"""Layers that a picture is taken apart into. Each is as many tokens more for the model, and time grows with the square of those:
ten of 640 x 640 pixels are 19,200."""

MAX_STEPS = 1000
"""Denoising steps. No schedule has more than its 1000 training timesteps."""

MAX_GUIDANCE = 100.0
"""Guidance scale. Above about 30 pictures only burn; the bound keeps arithmetic finite."""

MAX_CLIP_SKIP = 12
"""Layers of the smallest CLIP text encoder in use, the one of Stable Diffusion 1.x."""

MAX_SEED = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""

MAX_MASK_REACH = 1024
"""Pixels by which grow or feather may reach. Wider than any native size below it, and it bounds the blur's kernel."""

MAX_QUERY_IDS = 1000
"""Job ids in one query: more than a server keeps."""

MAX_NEED_CONTENTS = 256
"""Content hashes in one Need: more than the pictures of a job with their layers, or its image and a mask for each of a hundred
regions."""

MAX_STYLES = 512
"""Styles in one list, and presets with a problem: twice what is told of models, and more than a menu can show."""

MAX_LORAS = 4096
"""LoRAs in one list: more than any painter finds again by name."""

MAX_DRAWN_CHARS = 2000
"""Words that a picture drew: what a tooltip shows, and sixteen pictures with as many still fit into one message."""

MAX_PATH_CHARS = 4096
"""A path that travels: the longest that Linux opens."""

MAX_INTEGER = 2**53 - 1
"""The largest integer that travels, either side of 0: every JSON reader keeps it exact, and as a float it is the same number."""


@dataclass(frozen=True)
class Limits:
    """What a server accepts, announced when a client connects. All sizes are in bytes unless their name says otherwise."""

    message_bytes: int = MAX_MESSAGE_BYTES
    chunk_bytes: int = CHUNK_BYTES
    pixels: int = MAX_PIXELS
    side: int = MAX_SIDE
    content_bytes: int = MAX_CONTENT_BYTES
    count: int = MAX_COUNT
    steps: int = MAX_STEPS
    queued_jobs: int = 32
