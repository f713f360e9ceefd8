"""One connection, without the connection: frames in, messages out, and the other way round.

Both ends use it, in a thin shell of asyncio or Qt. It keeps the handshake, splits attachments into chunks and puts them
together again, and decides what leaves next: messages before previews before chunks.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from .errands import Errands, Lying
from .errors import (
    ChunkError,
    ContentError,
    DecodeError,
    OutOfTurn,
    Overrun,
    ProtocolError,
    UnknownMessage,
    VersionMismatch,
)
from .handover import Errand
from .limits import CHUNK_BYTES, MAX_COUNT, MAX_NEED_CONTENTS, MAX_QUERY_IDS, PROTOCOL_MAJOR, Limits
from .messages import (
    Cancelled,
    Done,
    Failed,
    Goodbye,
    Hello,
    Laid,
    Lies,
    Need,
    Preview,
    Progress,
    Queued,
    Refused,
    Welcome,
)
from .text import carriable
from .transfer import Absent, Incoming, Outgoing, Provider
from .values import Failure, Raster
from .vocabulary import EVENTS, REQUESTS, Message
from .wire import Envelope, content_name, decode_chunk, encode_chunk, encode_message, open_envelope, read_envelope

MAX_UNREAD: Final = 4096
"""Messages that wait for a client to read them. The largest honest burst, a query for a thousand jobs that have all ended,
is a quarter of it; a client that only asks and never reads is sent away. Only their names wait of the contents it asks for."""

MAX_UNREAD_CONTENTS: Final = MAX_QUERY_IDS * MAX_COUNT
"""Contents that wait for a client to read them: every picture of as many jobs as one query can name."""


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


@dataclass
class _Waiting:
    """A message that has not left yet. `key` where a newer one of the same job may take its place."""

    text: str
    key: tuple[type, str] | None


class Conversation:
    """The contract's state machine for one connection.

    `role` is this side's. `provide` gives attachments that the other side asks for, each when its turn to leave has come.
    When `receive` raises, a Goodbye that says why is already queued: send what `next_frame` still gives, then close.
    What comes after a Goodbye of either side is not looked at.

    A client that is to hand pixels over `by_file` where the server offers that, and every server with an `inbox` in its Welcome,
    has errands: its shell carries out what `next_errand` gives. `lying` tells a server where an attachment lies on its disk.
    """

    def __init__(
        self,
        role: Literal["client", "server"],
        provide: Provider,
        limits: Limits | None = None,
        by_file: bool = False,
        lying: Callable[[str], Lying | None] = lambda _: None,
    ) -> None:
        self.role = role
        self.limits = limits or Limits()
        self._known = REQUESTS if role == "server" else EVENTS
        self._greeted = False
        self._over = False
        self._control: deque[_Waiting] = deque()
        self._newest: dict[tuple[type, str], _Waiting] = {}
        self._previews: OrderedDict[str, tuple[Preview, bytes]] = OrderedDict()
        self._preview_chunk: bytes | None = None
        self._announced: Preview | None = None
        self._incoming = Incoming()
        self._outgoing = Outgoing(provide)
        self._errands = Errands(role, self._incoming, self._outgoing, provide, by_file, lying)

    @property
    def greeted(self) -> bool:
        """Whether the other side has said Hello or Welcome."""
        return self._greeted

    def send(self, message: Message) -> None:
        """Queue a message; messages leave in this order, before everything else.

        A Progress or Queued that has not left yet gives its place to a newer one of the same job; a preview of a job
        that has ended is dropped. After a Goodbye no attachment leaves, and nothing is heard. Raises ValueError when the message cannot travel, as `encode_message` does.
        """
        text = encode_message(message)
        if isinstance(message, (Progress, Queued)):
            self._send_newest((type(message), message.id), text)
            return
        if isinstance(message, (Done, Failed, Cancelled)):
            self.drop_preview(message.id)
            # should the id be submitted again, its news come after this end
            self._newest.pop((Progress, message.id), None)
            self._newest.pop((Queued, message.id), None)
        if isinstance(message, Goodbye):
            self._end()
        if isinstance(message, Welcome):
            self._errands.inbox = message.inbox
        self._control.append(_Waiting(text, None))

    def _send_newest(self, key: tuple[type, str], text: str) -> None:
        waiting = self._newest.get(key)
        if waiting is not None:
            waiting.text = text
            return
        waiting = self._newest[key] = _Waiting(text, key)
        self._control.append(waiting)

    def send_preview(self, preview: Preview, content: bytes) -> None:
        """Queue a preview. One of the same job that has not left yet is dropped: a slow reader gets fewer, never older ones.

        Raises ValueError when `content` is not what `preview` declares, or too large for one chunk.
        """
        if len(content) > CHUNK_BYTES:
            raise ValueError(f"a preview of {len(content)} bytes, at most {CHUNK_BYTES} are allowed")
        if len(content) != preview.image.size or content_name(content) != preview.image.content:
            raise ValueError("a preview's bytes are not what its raster declares")
        self._previews.pop(preview.id, None)
        self._previews[preview.id] = (preview, content)

    def drop_preview(self, job_id: str) -> None:
        """Forget a preview that has not left yet, for a job that has ended."""
        self._previews.pop(job_id, None)

    def ask(self, rasters: Iterable[Raster]) -> None:
        """Ask for the contents of these rasters, but for those already on their way."""
        names = self._incoming.expect(rasters)
        for start in range(0, len(names), MAX_NEED_CONTENTS):
            self.send(Need(tuple(names[start : start + MAX_NEED_CONTENTS]), self._errands.lying))

    def forget(self, names: Iterable[str]) -> None:
        """No longer expect these; chunks still on their way are dropped without a word."""
        self._incoming.forget(names)

    def withdraw(self, names: Iterable[str]) -> None:
        """Stop sending these."""
        gone = set(names)
        self._errands.withdraw(gone)
        self._outgoing.withdraw(gone)

    def next_errand(self) -> Errand | None:
        """Return what is to be done on the disk next, or None. Carry it out in a thread, then call `carried_out`."""
        return self._errands.next()

    def carried_out(self, errand: Errand, outcome: Any) -> list[Received]:  # noqa: ANN401 - as each errand says
        """Take what an errand's `carry_out` has returned; return what has arrived by it.

        Raises ContentError when the connection has to end. One of another conversation is passed over.
        """
        if self._over:
            return []
        try:
            carried = self._errands.carried_out(errand, outcome)
        except ContentError as error:
            self.send(Goodbye(failure_of(error)))
            raise
        for note in carried.notes:
            self.send(note)
        return [] if carried.data is None else [Content(errand.content, carried.data)]

    def next_frame(self) -> str | bytes | None:
        """Return the frame to send next, or None when there is none."""
        if self._preview_chunk is not None:
            # straight after its message: the reader pairs the two
            chunk, self._preview_chunk = self._preview_chunk, None
            return chunk
        if self._control:
            waiting = self._control.popleft()
            if waiting.key is not None and self._newest.get(waiting.key) is waiting:
                del self._newest[waiting.key]
            return waiting.text
        if self._previews:
            _, (preview, content) = self._previews.popitem(last=False)
            self._preview_chunk = encode_chunk(preview.image.content, 0, content, preview=True)
            return encode_message(preview)
        return self._next_chunk()

    def _next_chunk(self) -> str | bytes | None:
        while True:
            frame = self._outgoing.next_chunk(max(1, min(self.limits.chunk_bytes, CHUNK_BYTES)))
            if not isinstance(frame, Absent):
                return frame
            if self.role == "server":
                return encode_message(Refused("need", _UNKNOWN_CONTENT, frame.name))

    def receive(self, frame: str | bytes) -> list[Received]:
        """Return what a frame says: mostly one thing, or nothing yet.

        Raises ProtocolError when the connection has to end.
        """
        if self._over:
            return []
        try:
            received = self._receive_text(frame) if isinstance(frame, str) else self._receive_chunk(frame)
            if self.role == "server":
                self._check_unread()
        except ProtocolError as error:
            self.send(Goodbye(failure_of(error)))
            raise
        if any(isinstance(item, Goodbye) for item in received):
            self._end()
        return received

    def _check_unread(self) -> None:
        contents = len(self._outgoing) + len(self._errands)
        if len(self._control) > MAX_UNREAD or contents > MAX_UNREAD_CONTENTS:
            raise Overrun(f"{len(self._control)} messages and {contents} contents wait to be read")

    def _end(self) -> None:
        """Listen no more, and do not make the Goodbye wait for anything large."""
        self._over = True
        self._previews.clear()
        self._outgoing.clear()
        self._errands.clear()

    def _receive_text(self, text: str) -> list[Received]:
        # a client takes what any server of this major version may send, whatever this one accepts itself
        if self.role == "server" and len(text) > self.limits.message_bytes:
            raise DecodeError(f"a message of {len(text)} characters, at most {self.limits.message_bytes} are allowed")
        envelope = open_envelope(text)
        if not self._greeted:
            self._check_version(envelope)
        try:
            message = read_envelope(envelope, self._known)
        except DecodeError as error:
            if self.role == "client":
                if isinstance(error, UnknownMessage):
                    return []
                raise
            if not self._greeted:
                raise
            refused = Refused(_echo(envelope.type), failure_of(error), _id_in(envelope.fields))
            self.send(refused)
            return [Unreadable(refused)]
        if not self._greeted:
            self._greet(message)
        elif isinstance(message, (Hello, Welcome)):
            raise OutOfTurn("a second greeting")
        if isinstance(message, (Need, Laid, Lies)):
            for note in self._errands.give(message) if isinstance(message, Need) else self._errands.look(message):
                self.send(note)
            return []
        if isinstance(message, Preview):
            self._announced = message
            return []
        if isinstance(message, Refused) and message.request == "laid":
            self._errands.send_in_chunks(message.id)
            return []
        if isinstance(message, Refused) and message.request == "need":
            self._incoming.forget((message.id,))
        return [message]

    def _check_version(self, envelope: Envelope) -> None:
        """Compare major versions before anything else is read: in another one, all the rest may be different."""
        if envelope.type != ("hello" if self.role == "server" else "welcome"):
            return
        version = envelope.fields.get("version")
        theirs = version.get("major") if type(version) is dict else None
        if type(theirs) is not int or theirs == PROTOCOL_MAJOR:
            return
        client, server = "painting program's plugin", "backend"
        them, us = (client, server) if self.role == "server" else (server, client)
        raise VersionMismatch(
            f"The {them} speaks version {theirs} of the contract, the {us} version {PROTOCOL_MAJOR}: "
            f"the {them if theirs < PROTOCOL_MAJOR else us} needs an update."
        )

    def _greet(self, message: Message) -> None:
        if isinstance(message, Goodbye):
            return
        if not isinstance(message, Hello if self.role == "server" else Welcome):
            raise OutOfTurn("the first message must be a greeting")
        if isinstance(message, Welcome):
            self.limits, self._errands.inbox = message.limits, message.inbox
        self._greeted = True

    def _receive_chunk(self, frame: bytes) -> list[Received]:
        if not self._greeted:
            raise OutOfTurn("the first message must be a greeting")
        chunk = decode_chunk(frame)
        if chunk.preview:
            return self._receive_preview(chunk.content, bytes(chunk.payload))
        data = self._incoming.take(chunk)
        return [] if data is None else [Content(chunk.content, data)]

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
    if isinstance(error, DecodeError):
        return Failure("bad_message", f"A message was not understood: {error}.", _REMEDY)
    codes: dict[type, str] = {OutOfTurn: "out_of_turn", Overrun: "overrun"}
    return Failure(codes.get(type(error), "bad_content"), f"The connection broke its rules: {error}.", _REMEDY)


def _echo(text: str) -> str:
    """Return a foreign string so that it can be sent back: short, and without half a surrogate pair."""
    return carriable(text[:64])


def _id_in(fields: dict[str, object]) -> str:
    """Return the job id in a message that could not be read, so that its owner learns which job it was."""
    job = fields.get("job")
    found = job.get("id") if isinstance(job, dict) else fields.get("id")
    return _echo(found) if isinstance(found, str) else ""
