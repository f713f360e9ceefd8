"""One connection, without the connection: frames in, messages out, and the other way round.

Both ends use it, in a thin shell of asyncio or Qt. It keeps the handshake, splits attachments into chunks and puts them
together again, and decides what leaves next: messages before previews before chunks.
"""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from .errors import ChunkError, ContentError, DecodeError, OutOfTurn, ProtocolError, UnknownMessage, VersionMismatch
from .limits import PROTOCOL_MAJOR, Limits
from .messages import EVENTS, REQUESTS, Goodbye, Hello, Message, Need, Preview, Refused, Version, Welcome
from .values import Failure, Raster
from .wire import content_name, decode_chunk, encode_chunk, encode_message, open_envelope, read_envelope

Provider = Callable[[str], "bytes | None"]
"""Gives the bytes of an attachment by its content hash, or None when there is no such (or not for the other side)."""


@dataclass(frozen=True)
class Content:
    """An attachment has arrived, whole and with the right hash."""

    name: str
    data: bytes


@dataclass(frozen=True)
class PreviewPicture:
    """A preview and its pixels have arrived."""

    preview: Preview
    data: bytes


@dataclass(frozen=True)
class Unreadable:
    """The other side asked for something that is not understood; it has been told so, the connection goes on."""

    refused: Refused


Received = Message | Content | PreviewPicture | Unreadable


class _Incoming:
    """An attachment on its way in: in order, counted and hashed as it comes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.received = 0
        self._hash = hashlib.sha256()
        self._buffer = io.BytesIO()

    def take(self, payload: memoryview) -> None:
        self._hash.update(payload)
        self._buffer.write(payload)
        self.received += len(payload)

    def finish(self, name: str) -> bytes:
        if self._hash.hexdigest() != name:
            raise ContentError("an attachment's bytes do not have the hash that names it")
        return self._buffer.getvalue()


class Conversation:
    """The contract's state machine for one connection.

    `role` is this side's. `provide` gives attachments that the other side asks for. When `receive` raises, a Goodbye that
    says why is already queued: send what `next_frame` still gives, then close.
    """

    def __init__(self, role: Literal["client", "server"], provide: Provider, limits: Limits | None = None) -> None:
        self.role = role
        self.limits = limits or Limits()
        self._provide = provide
        self._known = REQUESTS if role == "server" else EVENTS
        self._greeted = False
        self._control: deque[str] = deque()
        self._previews: OrderedDict[str, tuple[Preview, bytes]] = OrderedDict()
        self._preview_chunk: bytes | None = None
        self._outgoing: OrderedDict[str, tuple[memoryview, int]] = OrderedDict()
        self._incoming: dict[str, _Incoming] = {}
        self._forgotten: set[str] = set()
        self._announced: Preview | None = None

    @property
    def greeted(self) -> bool:
        """Whether the other side has said Hello or Welcome."""
        return self._greeted

    def send(self, message: Message) -> None:
        """Queue a message; messages leave in this order, before everything else."""
        self._control.append(encode_message(message))

    def send_preview(self, preview: Preview, content: bytes) -> None:
        """Queue a preview. One of the same job that has not left yet is dropped: a slow reader gets fewer, never older ones."""
        self._previews.pop(preview.id, None)
        self._previews[preview.id] = (preview, content)

    def drop_preview(self, job_id: str) -> None:
        """Forget a preview that has not left yet, for a job that has ended."""
        self._previews.pop(job_id, None)

    def ask(self, rasters: Iterable[Raster]) -> None:
        """Ask for the contents of these rasters, but for those already on their way."""
        wanted = []
        for raster in rasters:
            if raster.content not in self._incoming:
                self._incoming[raster.content] = _Incoming(raster.size)
                wanted.append(raster.content)
        if wanted:
            self.send(Need(tuple(wanted)))

    def forget(self, names: Iterable[str]) -> None:
        """No longer expect these; chunks still on their way are dropped without a word."""
        for name in names:
            if self._incoming.pop(name, None) is not None:
                self._forgotten.add(name)

    def withdraw(self, names: Iterable[str]) -> None:
        """Stop sending these."""
        for name in names:
            self._outgoing.pop(name, None)

    def next_frame(self) -> str | bytes | None:
        """Return the frame to send next, or None when there is none."""
        if self._preview_chunk is not None:
            # straight after its message: the reader pairs the two
            chunk, self._preview_chunk = self._preview_chunk, None
            return chunk
        if self._control:
            return self._control.popleft()
        if self._previews:
            _, (preview, content) = self._previews.popitem(last=False)
            self._preview_chunk = encode_chunk(preview.image.content, 0, content, preview=True)
            return encode_message(preview)
        return self._next_chunk()

    def _next_chunk(self) -> bytes | None:
        if not self._outgoing:
            return None
        name, (data, offset) = self._outgoing.popitem(last=False)
        payload = data[offset : offset + self.limits.chunk_bytes]
        end = offset + len(payload)
        if end < len(data):
            self._outgoing[name] = (data, end)
        return encode_chunk(name, offset, payload)

    def receive(self, frame: str | bytes) -> list[Received]:
        """Return what a frame says: mostly one thing, or nothing yet.

        Raises ProtocolError when the connection has to end.
        """
        try:
            if isinstance(frame, str):
                return self._receive_text(frame)
            return self._receive_chunk(frame)
        except ProtocolError as error:
            self.send(Goodbye(failure_of(error)))
            raise

    def _receive_text(self, text: str) -> list[Received]:
        if len(text) > self.limits.message_bytes:
            raise DecodeError(f"a message of {len(text)} characters, at most {self.limits.message_bytes} are allowed")
        envelope = open_envelope(text)
        try:
            message = read_envelope(envelope, self._known)
        except DecodeError as error:
            if self.role == "client":
                if isinstance(error, UnknownMessage):
                    return []
                raise
            if not self._greeted:
                raise
            refused = Refused(envelope.type[:64], failure_of(error), _id_in(envelope.fields))
            self.send(refused)
            return [Unreadable(refused)]
        if not self._greeted:
            self._greet(message)
        elif isinstance(message, (Hello, Welcome)):
            raise OutOfTurn("a second greeting")
        if isinstance(message, Need):
            self._queue_contents(message.contents)
            return []
        if isinstance(message, Preview):
            self._announced = message
            return []
        return [message]

    def _greet(self, message: Message) -> None:
        if isinstance(message, Goodbye):
            return
        if self.role == "server" and isinstance(message, Hello):
            _check_version(theirs=message.version, them="painting program's plugin", us="backend")
        elif self.role == "client" and isinstance(message, Welcome):
            _check_version(theirs=message.version, them="backend", us="painting program's plugin")
            self.limits = message.limits
        else:
            raise OutOfTurn("the first message must be a greeting")
        self._greeted = True

    def _queue_contents(self, names: tuple[str, ...]) -> None:
        for name in names:
            data = self._provide(name)
            if data is None:
                if self.role == "server":
                    self.send(Refused("need", _UNKNOWN_CONTENT, name[:64]))
                continue
            self._outgoing[name] = (memoryview(data).cast("B"), 0)

    def _receive_chunk(self, frame: bytes) -> list[Received]:
        if not self._greeted:
            raise OutOfTurn("the first message must be a greeting")
        chunk = decode_chunk(frame)
        if chunk.preview:
            return self._receive_preview(chunk.content, bytes(chunk.payload))
        incoming = self._incoming.get(chunk.content)
        if incoming is None or chunk.offset != incoming.received:
            if chunk.content in self._forgotten:
                return []
            raise ChunkError("a chunk that was not asked for, or not in its order")
        if incoming.received + len(chunk.payload) > incoming.size:
            raise ContentError("an attachment is longer than its raster says")
        incoming.take(chunk.payload)
        if incoming.received < incoming.size:
            return []
        del self._incoming[chunk.content]
        self._forgotten.discard(chunk.content)
        return [Content(chunk.content, incoming.finish(chunk.content))]

    def _receive_preview(self, name: str, data: bytes) -> list[Received]:
        announced, self._announced = self._announced, None
        if announced is None or announced.image.content != name or announced.image.size != len(data):
            raise ChunkError("a preview's chunk without its message")
        if content_name(data) != name:
            raise ContentError("a preview's bytes do not have the hash that names them")
        return [PreviewPicture(announced, data)]


_UNKNOWN_CONTENT = Failure(
    "unknown_content",
    "An attachment that was asked for is not here any more.",
    "Ask for the job again; results are kept until they are acknowledged, bounded by size and age.",
)

_REMEDY = "Update both halves of Scumble to the same version; if they are, this is a fault worth reporting."


def failure_of(error: ProtocolError) -> Failure:
    """Return what to tell the other side of an error of the contract."""
    if isinstance(error, VersionMismatch):
        return Failure("version_mismatch", str(error), "Update that side, then connect again.")
    if isinstance(error, UnknownMessage):
        return Failure("unknown_request", f"This side does not know the request {error.name!r}.", _REMEDY)
    code = (
        "bad_message"
        if isinstance(error, DecodeError)
        else "out_of_turn"
        if isinstance(error, OutOfTurn)
        else "bad_content"
    )
    return Failure(code, f"The connection broke its rules: {error}.", _REMEDY)


def _check_version(theirs: Version, them: str, us: str) -> None:
    if theirs.major == PROTOCOL_MAJOR:
        return
    older = them if theirs.major < PROTOCOL_MAJOR else us
    raise VersionMismatch(
        f"The {them} speaks version {theirs.major} of the contract, the {us} version {PROTOCOL_MAJOR}: the {older} needs an update."
    )


def _id_in(fields: dict[str, object]) -> str:
    """Return the job id in a message that could not be read, so that its owner learns which job it was."""
    job = fields.get("job")
    found = job.get("id") if isinstance(job, dict) else fields.get("id")
    return found[:64] if isinstance(found, str) else ""
