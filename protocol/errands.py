"""Attachments that are handed over on the disk: what is to be done there for one conversation, and what has come of it.

See `handover` for the errands themselves, and docs/protocol.md, "On one machine", for what is said beside them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, NamedTuple

from .errors import ContentError
from .handover import Errand, Fetch, Lay, Take
from .messages import Laid, Lies, Need, Refused
from .transfer import Incoming, Outgoing, Provider
from .values import Failure

Lying = tuple[str, int]
"""A file, and where in it an attachment begins."""

Note = Lies | Laid | Need | Refused
"""What is said beside an errand."""


class Carried(NamedTuple):
    """What has come of an errand: what to say now, and the attachment where one has arrived by it."""

    notes: tuple[Note, ...] = ()
    data: Any = None


class Errands:
    """The errands of a conversation, whose attachments they are: those it expects, and those that it sends in chunks else.

    A client has some where it hands pixels over `by_file` and the server has an inbox; a server where it has one. `lying`
    tells a server where an attachment lies on its disk.
    """

    def __init__(
        self,
        role: Literal["client", "server"],
        incoming: Incoming,
        outgoing: Outgoing,
        provide: Provider,
        by_file: bool,
        lying: Callable[[str], Lying | None],
    ) -> None:
        self._role = role
        self._incoming = incoming
        self._outgoing = outgoing
        self._provide = provide
        self._by_file = by_file
        self._lying = lying
        self._due: deque[Errand] = deque()
        self._begun: list[Errand] = []
        self.inbox = ""

    def __len__(self) -> int:
        """Number of errands that nobody has begun."""
        return len(self._due)

    @property
    def lying(self) -> bool:
        """Whether this client can read what lies on the server's disk."""
        return self._by_file and self.inbox != ""

    def next(self) -> Errand | None:
        """Return what is to be done next, or None."""
        if not self._due:
            return None
        self._begun.append(self._due.popleft())
        return self._begun[-1]

    def withdraw(self, names: set[str]) -> None:
        """Forget those for these attachments."""
        self._due = deque(errand for errand in self._due if errand.content not in names)

    def clear(self) -> None:
        """Forget all that nobody has begun."""
        self._due.clear()

    def give(self, need: Need) -> Iterable[Lies]:
        """Have the attachments given that the other side needs, by the disk or else in chunks; yield what to say."""
        for name in need.contents:
            if self._role == "client":
                data = self._provide(name) if self.lying else None
                if data:
                    self._due.append(Lay(self.inbox, name, data))
                    continue
            elif need.lying and (place := self._lying(name)) is not None:
                yield Lies(name, *place)
                continue
            self._outgoing.want((name,))

    def look(self, message: Laid | Lies) -> Iterable[Refused]:
        """Have looked at what the other side says is to be found on the disk; yield what to say.

        Raises ChunkError for what was not asked for.
        """
        size = self._incoming.size_of(message.content)
        if isinstance(message, Laid) and not self.inbox:
            yield Refused("laid", _NOT_LYING, message.content)
        elif isinstance(message, Laid):
            # what nobody wants any more must not fill the disk
            self._due.append(Take(self.inbox, message.content, size))
        elif size:
            self._due.append(Fetch(message.path, message.content, message.offset, size))

    def send_in_chunks(self, name: str) -> None:
        """The other side does not find what was laid: a full disk, or a folder that one of the two programs cannot see."""
        self._by_file = False
        self._outgoing.want((name,))

    def carried_out(self, errand: Errand, outcome: Any) -> Carried:  # noqa: ANN401 - as each errand says
        """Take what an errand's `carry_out` has returned. One of another conversation is passed over.

        Raises ContentError when the connection has to end.
        """
        if errand not in self._begun:
            return Carried()
        self._begun.remove(errand)
        if isinstance(outcome, ContentError):
            if self._incoming.expects(errand.content):
                raise outcome
            return Carried()
        if isinstance(errand, Lay):
            if outcome:
                return Carried((Laid(errand.content),))
            self.send_in_chunks(errand.content)
            return Carried()
        if outcome is not None:
            return Carried(data=outcome) if self._incoming.settle(errand.content) else Carried()
        if not self._incoming.expects(errand.content):
            return Carried()
        # it is not to be had in this way: then in chunks
        again = Refused("laid", _NOT_LYING, errand.content) if isinstance(errand, Take) else Need((errand.content,))
        return Carried((again,))


_NOT_LYING: Final = Failure(
    "unknown_content",
    "An attachment is not in the folder where it was said to lie.",
    "Send it in chunks.",
)
