"""The painter's side of the contract, without sockets or threads: keeps every job until its end has arrived.

A shell (asyncio for the command line, Qt in Krita) connects, passes frames both ways and shows the news. Connections come
and go; jobs stay. After each new connection the backend is asked where the jobs are, and what it does not know is
submitted again under the same id: no double work, no lost result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from .conversation import Content, Conversation, PreviewPicture, Received, Unreadable
from .limits import MAX_QUERY_IDS
from .messages import (
    Acknowledge,
    Cancel,
    Cancelled,
    Done,
    Event,
    Failed,
    Goodbye,
    Hello,
    Jobs,
    Query,
    Refused,
    Request,
    Submit,
    Welcome,
)
from .values import Failure, Job, JobStatus, Raster


@dataclass(frozen=True)
class Result:
    """A job's pictures have arrived; `contents` are the bytes of their rasters, by content hash."""

    done: Done
    contents: Mapping[str, bytes]


News = Event | PreviewPicture | Result
"""What the shell hears. Of a job: any number of events, then one of Result, Failed, Cancelled."""


@dataclass
class _Kept:
    """A job whose end has not arrived yet."""

    job: Job | None
    attachments: Mapping[str, bytes]
    done: Done | None = None
    contents: dict[str, bytes] = field(default_factory=dict)
    cancelled: bool = False


class Painter:
    """Jobs of one installation, over any number of connections, one at a time."""

    def __init__(self, installation: str, client: str) -> None:
        self._installation = installation
        self._client = client
        self._kept: dict[str, _Kept] = {}
        self._taken: deque[str] = deque(maxlen=MAX_QUERY_IDS)
        self._conversation: Conversation | None = None

    @property
    def waiting(self) -> tuple[str, ...]:
        """Ids of the jobs whose end has not arrived yet."""
        return tuple(self._kept)

    @property
    def ready(self) -> bool:
        """Whether there is a connection and the backend has greeted."""
        return self._conversation is not None and self._conversation.greeted

    def connected(self) -> None:
        """Begin anew on a connection that has just been opened."""
        self._conversation = Conversation("client", self._attachment)
        self._conversation.send(Hello(self._installation, self._client))

    def lost(self) -> None:
        """The connection is gone; jobs are kept for the next one."""
        self._conversation = None

    def submit(self, job: Job, attachments: Mapping[str, bytes]) -> None:
        """Have a job painted. `attachments` holds the bytes of its rasters by content hash; they are kept until its end.

        Raises ValueError when one is missing or the id is in use.
        """
        missing = [raster.content for raster in job.rasters if raster.content not in attachments]
        if missing:
            raise ValueError(f"{len(missing)} of the job's attachments are missing")
        if job.id in self._kept:
            raise ValueError(f"the job {job.id} is waiting already")
        if len(self._kept) >= MAX_QUERY_IDS:
            raise ValueError(f"{len(self._kept)} jobs are waiting already")
        self._kept[job.id] = _Kept(job, attachments)
        if self.ready:
            self._send(Submit(job))

    def resume(self, job_id: str) -> None:
        """Wait for the end of a job of an earlier run of this installation, whose pixels are no longer at hand."""
        self._kept.setdefault(job_id, _Kept(None, {}))
        if self.ready:
            self._send(Query((job_id,)))

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end. Its end is news like any other; a job that has ended already is left alone."""
        kept = self._kept.get(job_id)
        if kept is None or kept.done is not None:
            return
        kept.cancelled = True
        if self._conversation is not None and kept.job is not None:
            self._conversation.withdraw(self._only_of(kept.job))
        if self.ready:
            self._send(Cancel(job_id))

    def acknowledge(self, job_id: str) -> None:
        """Tell the backend that a job's end is kept safe on this side, so that it may forget it."""
        self._taken.append(job_id)
        if self.ready:
            self._send(Acknowledge(job_id))

    def request(self, message: Request) -> None:
        """Send something that is about no job: ListModels, GetStatus, Shutdown.

        Raises ConnectionError while there is no connection.
        """
        if self._conversation is None:
            raise ConnectionError("there is no connection to the backend")
        self._send(message)

    def next_frame(self) -> str | bytes | None:
        """Return the frame to send next, or None."""
        return self._conversation.next_frame() if self._conversation is not None else None

    def receive(self, frame: str | bytes) -> list[News]:
        """Return what a frame says. Raises ProtocolError when the connection must be closed."""
        if self._conversation is None:
            return []
        return [news for received in self._conversation.receive(frame) for news in self._digest(received)]

    def _digest(self, received: Received) -> list[News]:
        if isinstance(received, Content):
            return self._arrived(received)
        if isinstance(received, (PreviewPicture, Goodbye)):
            return [received]
        if isinstance(received, Welcome):
            self._ask_where_they_are()
            return [received]
        if isinstance(received, Jobs):
            return [received, *(news for status in received.states for news in self._where(status))]
        if isinstance(received, Done):
            return self._begin_result(received)
        if isinstance(received, (Failed, Cancelled)):
            return [received] if self._kept.pop(received.id, None) is not None else []
        if isinstance(received, Refused):
            return self._refused(received)
        return [] if isinstance(received, Unreadable) else [received]  # type: ignore[list-item]

    def _ask_where_they_are(self) -> None:
        if self._kept:
            self._send(Query(tuple(self._kept)))

    def _where(self, status: JobStatus) -> list[News]:
        kept = self._kept.get(status.id)
        if kept is None:
            return []
        if status.state in ("unknown", "receiving"):
            if kept.cancelled:
                del self._kept[status.id]
                return [Cancelled(status.id)]
            if kept.job is None:
                del self._kept[status.id]
                return [Failed(status.id, _GONE)]
            self._send(Submit(kept.job))
        elif kept.cancelled and status.state in ("queued", "running"):
            self._send(Cancel(status.id))
        return []

    def _begin_result(self, done: Done) -> list[News]:
        kept = self._kept.get(done.id)
        if kept is None:
            # Told again, perhaps since the acknowledgement was lost. A job of another process of this installation
            # is not ours to acknowledge.
            if done.id in self._taken:
                self.acknowledge(done.id)
            return []
        kept.done = done
        if self._conversation is not None:
            self._conversation.ask(_missing(kept))
        return self._result_if_whole(kept)

    def _arrived(self, content: Content) -> list[News]:
        news: list[News] = []
        for kept in list(self._kept.values()):
            if kept.done is not None and any(picture.image.content == content.name for picture in kept.done.pictures):
                kept.contents[content.name] = content.data
                news += self._result_if_whole(kept)
        return news

    def _result_if_whole(self, kept: _Kept) -> list[News]:
        if kept.done is None or _missing(kept):
            return []
        del self._kept[kept.done.id]
        return [Result(kept.done, kept.contents)]

    def _refused(self, refused: Refused) -> list[News]:
        if refused.request == "need":
            lost = [
                job_id
                for job_id, kept in self._kept.items()
                if refused.id in (raster.content for raster in _missing(kept))
            ]
            for job_id in lost:
                del self._kept[job_id]
            return [Failed(job_id, _GONE) for job_id in lost]
        if refused.request == "submit" and self._kept.pop(refused.id, None) is not None:
            return [Failed(refused.id, refused.failure)]
        return [refused]

    def _attachment(self, name: str) -> bytes | None:
        return next((kept.attachments[name] for kept in self._kept.values() if name in kept.attachments), None)

    def _only_of(self, job: Job) -> list[str]:
        others = {
            raster.content
            for kept in self._kept.values()
            if kept.job and kept.job is not job
            for raster in kept.job.rasters
        }
        return [raster.content for raster in job.rasters if raster.content not in others]

    def _send(self, message: Request) -> None:
        if self._conversation is not None:
            self._conversation.send(message)


def _missing(kept: _Kept) -> list[Raster]:
    pictures = kept.done.pictures if kept.done is not None else ()
    return [picture.image for picture in pictures if picture.image.content not in kept.contents]


_GONE = Failure(
    "result_gone",
    "The backend no longer has this job or its result.",
    "Generate it again; results are kept only for some days and up to a size.",
)
