"""The errors of the contract, all in one tree.

::

    ProtocolError               anything the other side did that the contract does not allow
    ├── DecodeError             a frame that is no message: `path` says where it failed
    │   └── UnknownMessage      well formed, but of a type this side does not know
    ├── ChunkError              a binary frame that is no chunk, or one nobody asked for
    ├── ContentError            pixels whose length or hash is not what was declared
    ├── VersionMismatch         the two sides speak different major versions; the text says which to update
    ├── OutOfTurn               a message that is not allowed at this point of the conversation
    └── Overrun                 more asked than read: too much waits for the other side

Values (`Bounds`, `Raster`, `Job` and the others) check their own invariants and raise plain `ValueError`;
decoding turns that into a `DecodeError` that knows the path.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """The other side broke the contract."""


class DecodeError(ProtocolError):
    """A frame that is no message of the contract.

    `path` is where in the message it failed, as in ``$.job.style.steps``; ``$`` is the message itself.
    """

    def __init__(self, problem: str, path: str = "$") -> None:
        super().__init__(f"{problem} at {path}")
        self.problem = problem
        self.path = path


class UnknownMessage(DecodeError):
    """A well-formed message whose type this side does not know. `name` is that type."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown message type {name!r}", "$.type")
        self.name = name


class ChunkError(ProtocolError):
    """A binary frame that is no chunk, or a chunk that nobody asked for."""


class ContentError(ProtocolError):
    """An attachment whose bytes are not what was declared: wrong length, wrong hash, or not unpackable."""


class VersionMismatch(ProtocolError):
    """The two sides speak different major versions of the contract."""


class OutOfTurn(ProtocolError):
    """A message that is not allowed at this point of the conversation."""


class Overrun(ProtocolError):
    """The other side asks without reading the answers."""
