"""The painter's side of the contract, without sockets or threads: keeps every job until its end has arrived.

A shell (asyncio for the command line, Qt in Krita) connects, passes frames both ways and shows the news. Connections come
and go; jobs stay. After each new connection the backend is asked where the jobs are, and what it does not know is
submitted again under the same id: no double work, no lost result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .conversation import Content, Conversation, PreviewPicture, Received, Unreadable
from .handover import Errand
from .limits import MAX_QUERY_IDS
from .messages import (
    Accepted,
    Acknowledge,
    Cancel,
    Cancelled,
    Done,
    Failed,
    Hello,
    Jobs,
    Progress,
    Query,
    Queued,
    Refused,
    Submit,
    Welcome,
)
from .values import Failure, Job, JobStatus, Raster
from .vocabulary import Event, Request


@dataclass(frozen=True)
class Result:
    """A job's pictures have arrived; `contents` are the bytes of their rasters, by content hash."""

    done: Done
    contents: Mapping[str, bytes]


News = Event | PreviewPicture | Result
"""What the shell hears. Of a job: any number of events, then one of Result, Failed, Cancelled."""


@dataclass
class _Kept:
    """A job whose end has not arrived yet. Once cancelled it has no attachments."""

    job: Job | None
    attachments: Mapping[str, bytes]
    done: Done | None = None
    contents: dict[str, bytes] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def missing(self) -> list[Raster]:
        """Pictures of the result that have not arrived yet."""
        pictures = self.done.pictures if self.done is not None else ()
        return [each for picture in pictures for each in picture.rasters if each.content not in self.contents]


class Painter:
    """Jobs of one installation, over any number of connections, one at a time.

    `by_file` is whether the shell carries out errands, so that pixels are handed over by files where the backend offers that.
    """

    def __init__(self, installation: str, client: str, by_file: bool = False) -> None:
        self._installation = installation
        self._client = client
        self._by_file = by_file
        self._kept: dict[str, _Kept] = {}
        self._taken: deque[str] = deque(maxlen=MAX_QUERY_IDS)
        self._unconfirmed: deque[str] = deque(maxlen=MAX_QUERY_IDS)
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
        self._conversation = Conversation("client", self._attachment, by_file=self._by_file)
        self._conversation.send(Hello(self._installation, self._client))

    def lost(self) -> None:
        """The connection is gone; jobs are kept for the next one."""
        self._conversation = None

    def submit(self, job: Job, attachments: Mapping[str, bytes]) -> None:
        """Have a job painted. `attachments` holds the bytes of its rasters by content hash; they are kept until its end, or until
        it is cancelled.

        Raises ValueError when one is missing, the id is in use, or `MAX_QUERY_IDS` jobs wait already.
        """
        missing = [raster.content for raster in job.rasters if raster.content not in attachments]
        if missing:
            raise ValueError(f"{len(missing)} of the job's attachments are missing")
        if job.id in self._kept:
            raise ValueError(f"the job {job.id} is waiting already")
        self._keep(job.id, _Kept(job, attachments))
        if self.ready:
            self._send(Submit(job))

    def resume(self, job_id: str) -> None:
        """Wait for the end of a job of an earlier run of this installation, whose pixels are no longer at hand.

        Raises ValueError when this is no job id, or too many jobs wait already.
        """
        query = Query((job_id,))
        if job_id not in self._kept:
            self._keep(job_id, _Kept(None, {}))
        if self.ready:
            self._send(query)

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end. Its end is news like any other; a job that has ended already is left alone."""
        kept = self._kept.get(job_id)
        if kept is None or kept.done is not None:
            return
        kept.cancelled = True
        # nobody is given them any more: what the backend has forgotten by then counts as ended
        kept.attachments = {}
        if self._conversation is not None and kept.job is not None:
            self._conversation.withdraw(self._only_of(kept.job))
        if self.ready:
            self._send(Cancel(job_id))

    def acknowledge(self, job_id: str) -> None:
        """Tell the backend that a job's end is kept safe on this side, so that it may forget it."""
        message = Acknowledge(job_id)
        if job_id not in self._taken:
            self._taken.append(job_id)
        if job_id not in self._unconfirmed:
            # the connection may be lost before it leaves: said once more on the next one
            self._unconfirmed.append(job_id)
        if self.ready:
            self._send(message)

    def request(self, message: Request) -> None:
        """Send something that is about no job: ListModels, ListStyles, ListLoras, GetStatus, Shutdown.

        Raises ConnectionError while there is no connection.
        """
        if self._conversation is None:
            raise ConnectionError("there is no connection to the backend")
        self._send(message)

    def next_frame(self) -> str | bytes | None:
        """Return the frame to send next, or None."""
        return self._conversation.next_frame() if self._conversation is not None else None

    def next_errand(self) -> Errand | None:
        """Return what is to be done on the disk next, or None; see `Conversation.next_errand`."""
        return self._conversation.next_errand() if self._conversation is not None else None

    def carried_out(self, errand: Errand, outcome: Any) -> list[News]:  # noqa: ANN401 - as each errand says
        """Take what an errand has returned; return what is heard by it. One of an earlier connection is passed over."""
        if self._conversation is None:
            return []
        return [news for received in self._conversation.carried_out(errand, outcome) for news in self._digest(received)]

    def receive(self, frame: str | bytes) -> list[News]:
        """Return what a frame says. Raises ProtocolError when the connection must be closed."""
        if self._conversation is None:
            return []
        return [news for received in self._conversation.receive(frame) for news in self._digest(received)]

    def _digest(self, received: Received) -> list[News]:
        if isinstance(received, Content):
            return self._arrived(received)
        if isinstance(received, PreviewPicture):
            return [received] if received.preview.id in self._kept else []
        if isinstance(received, Welcome):
            self._take_up_again()
            return [received]
        if isinstance(received, Jobs):
            return [received, *(news for status in received.states for news in self._where(status))]
        if isinstance(received, Done):
            return self._begin_result(received)
        if isinstance(received, (Failed, Cancelled)):
            return self._ended(received)
        if isinstance(received, (Accepted, Queued, Progress)):
            return [received] if received.id in self._kept else []
        if isinstance(received, Refused):
            return self._refused(received)
        return [] if isinstance(received, Unreadable) else [received]  # type: ignore[list-item]

    def _take_up_again(self) -> None:
        for job_id in self._unconfirmed:
            self._send(Acknowledge(job_id))
        self._unconfirmed.clear()
        if self._kept:
            self._send(Query(tuple(self._kept)))

    def _where(self, status: JobStatus) -> list[News]:
        kept = self._kept.get(status.id)
        if kept is None:
            return []
        if status.state == "unknown" and kept.cancelled:
            return self._ended(Cancelled(status.id))
        if kept.cancelled and status.state in ("receiving", "queued", "running"):
            self._send(Cancel(status.id))
        elif status.state in ("unknown", "receiving"):
            return self._submit_again(status, kept)
        return []

    def _submit_again(self, status: JobStatus, kept: _Kept) -> list[News]:
        if kept.job is not None:
            # an end that was told by a backend that has forgotten it is none
            kept.done = None
            kept.contents.clear()
            self._send(Submit(kept.job))
            return []
        if status.state == "receiving":
            # it waits for pixels that nobody has any more
            self._send(Cancel(status.id))
        return self._ended(Failed(status.id, _GONE))

    def _ended(self, end: Failed | Cancelled) -> list[News]:
        if self._kept.pop(end.id, None) is not None:
            return [end]
        self._acknowledge_again(end.id)
        return []

    def _acknowledge_again(self, job_id: str) -> None:
        """Answer an end that was told again, perhaps since its acknowledgement was lost.

        A job of another process of this installation is not ours to acknowledge.
        """
        if job_id in self._taken:
            self.acknowledge(job_id)

    def _begin_result(self, done: Done) -> list[News]:
        kept = self._kept.get(done.id)
        if kept is None:
            self._acknowledge_again(done.id)
            return []
        kept.done = done
        if self._conversation is not None:
            self._conversation.ask(kept.missing)
        return self._result_if_whole(kept)

    def _arrived(self, content: Content) -> list[News]:
        news: list[News] = []
        for kept in list(self._kept.values()):
            if any(raster.content == content.name for raster in kept.missing):
                kept.contents[content.name] = content.data
                news += self._result_if_whole(kept)
        return news

    def _result_if_whole(self, kept: _Kept) -> list[News]:
        if kept.done is None or kept.missing:
            return []
        del self._kept[kept.done.id]
        return [Result(kept.done, kept.contents)]

    def _refused(self, refused: Refused) -> list[News]:
        if refused.request == "need":
            lost = [
                job_id
                for job_id, kept in self._kept.items()
                if refused.id in (raster.content for raster in kept.missing)
            ]
            return [news for job_id in lost for news in self._ended(Failed(job_id, _GONE))]
        if refused.request == "submit" and refused.id in self._kept:
            return self._ended(Failed(refused.id, refused.failure))
        if refused.request == "cancel":
            # the backend has no such job: one that this side waits for has then ended as wished
            return self._ended(Cancelled(refused.id)) if refused.id in self._kept else []
        return [] if refused.request == "acknowledge" else [refused]

    def _keep(self, job_id: str, kept: _Kept) -> None:
        if len(self._kept) >= MAX_QUERY_IDS:
            raise ValueError(f"{len(self._kept)} jobs are waiting already")
        self._kept[job_id] = kept
        if job_id in self._unconfirmed:
            # waited for once more: what is said of its next end is not said yet
            self._unconfirmed.remove(job_id)

    def _attachment(self, name: str) -> bytes | None:
        return next((kept.attachments[name] for kept in self._wanted() if name in kept.attachments), None)

    def _wanted(self) -> Iterator[_Kept]:
        return (kept for kept in self._kept.values() if not kept.cancelled)

    def _only_of(self, job: Job) -> list[str]:
        others = {raster.content for kept in self._wanted() if kept.job for raster in kept.job.rasters}
        return [raster.content for raster in job.rasters if raster.content not in others]

    def _send(self, message: Request) -> None:
        if self._conversation is not None:
            self._conversation.send(message)


_GONE = Failure(
    "result_gone",
    "The backend no longer has this job or its result.",
    "Generate it again; results are kept only for some days and up to a size.",
)
