"""Submit, cancel, lose the socket, restart the backend, in any order: every job gets exactly one end, to the bit.

The backend is a small model, written from the contract: the queue and the spool as plain dictionaries behind a
`Conversation`. What matters is what the painter's side does with it.
"""

import hashlib
from collections import Counter, deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from protocol import (
    Accepted,
    Acknowledge,
    Bounds,
    Cancel,
    Cancelled,
    Content,
    Conversation,
    Done,
    Extent,
    Failed,
    Failure,
    Hello,
    Job,
    Jobs,
    JobStatus,
    Limits,
    Painter,
    Picture,
    Query,
    Raster,
    Refused,
    Result,
    Submit,
    Unreadable,
    Welcome,
    content_name,
)

OUT_OF_MEMORY = Failure("out_of_memory", "The device has too little memory.", "Choose a smaller area.")
NO_SUCH_JOB = Failure("unknown_job", "There is no such job.", "Nothing to do.")
SMALL = Limits(chunk_bytes=3)


def raster_of(content):
    return Raster(content_name(content), len(content), len(content), 1, "gray")


def paint(job, image):
    """Return the pictures of a job, each with its layers: bytes that anybody can work out again from the job alone."""
    size, each = 7, range(job.count * (1 + job.layers))
    return [hashlib.sha512(f"{job.prompt}/{index}".encode() + image).digest()[:size] for index in each]


class Backend:
    """Queue and spool of a backend; `talk` is its end of the one connection, or None."""

    def __init__(self):
        self.jobs, self.ends, self.contents, self.order = {}, {}, {}, []
        self.talk = None

    def restart(self):
        """Lose everything: the queue, the spool, the connection."""
        self.__init__()

    def provide(self, name):
        return self.contents.get(name)

    def state(self, job_id):
        if job_id in self.ends:
            return {Done: "done", Failed: "failed", Cancelled: "cancelled"}[type(self.ends[job_id])]
        if job_id not in self.jobs:
            return "unknown"
        return "queued" if self.ready(self.jobs[job_id]) else "receiving"

    def ready(self, job):
        return all(raster.content in self.contents for raster in job.rasters)

    def hear(self, received):
        if isinstance(received, Hello):
            self.talk.send(Welcome("a model of a backend", limits=SMALL))
        elif isinstance(received, Submit):
            self.submit(received.job)
        elif isinstance(received, Cancel):
            self.cancel(received.id)
        elif isinstance(received, Query):
            self.talk.send(Jobs(tuple(JobStatus(job_id, self.state(job_id)) for job_id in received.ids)))
            for job_id in received.ids:
                if job_id in self.ends:
                    self.talk.send(self.ends[job_id])
        elif isinstance(received, Acknowledge):
            self.ends.pop(received.id, None)
            self.jobs.pop(received.id, None)
        elif isinstance(received, Content):
            self.contents[received.name] = received.data
        else:
            assert not isinstance(received, Unreadable), received

    def submit(self, job):
        if job.id in self.ends:
            self.talk.send(self.ends[job.id])
            return
        self.jobs[job.id] = job
        if self.ready(job):
            self.talk.send(Accepted(job.id, 0))
        else:
            self.talk.ask(raster for raster in job.rasters if raster.content not in self.contents)

    def cancel(self, job_id):
        if job_id in self.ends:
            self.talk.send(self.ends[job_id])
        elif job_id not in self.jobs:
            self.talk.send(Refused("cancel", NO_SUCH_JOB, job_id))
        else:
            job = self.jobs[job_id]
            self.end(Cancelled(job_id))
            wanted = {raster.content for other in self.unfinished() for raster in other.rasters}
            self.talk.forget(raster.content for raster in job.rasters if raster.content not in wanted)

    def unfinished(self):
        return [job for job_id, job in self.jobs.items() if job_id not in self.ends]

    def end(self, end):
        self.ends[end.id] = end
        if self.talk is not None:
            self.talk.send(end)

    def work(self, fails):
        """Paint the oldest job that has all its pixels."""
        job = next((job for job in self.unfinished() if self.ready(job)), None)
        if job is None:
            return
        if fails:
            self.end(Failed(job.id, OUT_OF_MEMORY))
            return
        pictures = paint(job, self.contents[job.image.content] if job.image else b"")
        self.contents |= {content_name(data): data for data in pictures}
        rasters = [raster_of(data) for data in pictures]
        made = [rasters[at : at + 1 + job.layers] for at in range(0, len(rasters), 1 + job.layers)]
        self.end(Done(job.id, tuple(Picture(one, Bounds.of(one.extent), 0, tuple(rest)) for one, *rest in made)))


class Reconnects(RuleBasedStateMachine):
    """One painter, one backend, and a socket between them that loses what is on its way."""

    submitted = Bundle("submitted")
    ended = Bundle("ended")

    def __init__(self):
        super().__init__()
        self.painter = Painter("an installation", "a model's test")
        self.backend = Backend()
        self.to_backend, self.to_painter = deque(), deque()
        self.jobs = {}
        self.cancelled, self.failing = set(), set()
        self.ends = Counter()
        self.untaken = []
        self.connected = False

    @rule(
        target=submitted,
        image=st.sampled_from([None, b"canvas", b"another canvas"]),
        count=st.integers(1, 2),
        layers=st.integers(0, 2),
    )
    def submit(self, image, count, layers):
        job_id = f"{len(self.jobs):032x}"
        raster = raster_of(image) if image else None
        # two prompts only: different jobs then give the same pictures
        job = Job(
            job_id,
            raster.extent if raster else Extent(4, 4),
            str(len(self.jobs) % 2),
            image=raster,
            count=count,
            layers=layers if raster else 0,
        )
        self.jobs[job_id] = (job, image or b"")
        self.painter.submit(job, {raster.content: image} if raster else {})
        return job_id

    @rule(job_id=submitted)
    def cancel(self, job_id):
        if not self.ends[job_id]:
            self.cancelled.add(job_id)
        self.painter.cancel(job_id)

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self):
        self.connected = True
        self.painter.connected()
        self.backend.talk = Conversation("server", self.backend.provide, SMALL)

    @precondition(lambda self: self.connected)
    @rule()
    def drop_connection(self):
        self.connected = False
        self.painter.lost()
        self.backend.talk = None
        self.to_backend.clear()
        self.to_painter.clear()

    @rule()
    def restart_backend(self):
        if self.connected:
            self.drop_connection()
        self.backend.restart()

    @rule(fails=st.sampled_from([False, False, False, True]))
    def work(self, fails):
        self.backend.work(fails)

    @rule(job_id=submitted)
    def spool_is_full(self, job_id):
        """The pixels of a result are gone, though its end is still told."""
        if isinstance(end := self.backend.ends.get(job_id), Done):
            self.failing.add(job_id)
            for picture in end.pictures:
                self.backend.contents.pop(picture.rasters[-1].content, None)
            # jobs with the same pictures lose them, too
            self.failing |= {job_id for job_id, other in self.backend.ends.items() if isinstance(other, Done)}

    @precondition(lambda self: self.connected)
    @rule(frames=st.integers(1, 12))
    def painter_writes(self, frames):
        self.write(self.painter, self.to_backend, frames)

    @precondition(lambda self: self.connected)
    @rule(frames=st.integers(1, 12))
    def backend_writes(self, frames):
        self.write(self.backend.talk, self.to_painter, frames)

    @precondition(lambda self: self.connected)
    @rule(frames=st.integers(1, 12))
    def backend_reads(self, frames):
        for _ in range(min(frames, len(self.to_backend))):
            for received in self.backend.talk.receive(self.to_backend.popleft()):
                if isinstance(received, Submit):
                    known = self.backend.state(received.job.id)
                    assert known in ("unknown", "receiving"), f"submitted again while {known}"
                self.backend.hear(received)

    @precondition(lambda self: self.connected)
    @rule(frames=st.integers(1, 12))
    def painter_reads(self, frames):
        for _ in range(min(frames, len(self.to_painter))):
            for news in self.painter.receive(self.to_painter.popleft()):
                if isinstance(news, (Result, Failed, Cancelled)):
                    self.take(news)

    @precondition(lambda self: self.untaken)
    @rule()
    def acknowledge(self):
        self.painter.acknowledge(self.untaken.pop(0))

    def write(self, side, wire, frames):
        for _ in range(frames):
            frame = side.next_frame()
            if frame is None:
                return
            wire.append(frame)

    def take(self, end):
        job_id = end.done.id if isinstance(end, Result) else end.id
        self.ends[job_id] += 1
        self.untaken.append(job_id)
        if isinstance(end, Result):
            names = [raster.content for picture in end.done.pictures for raster in picture.rasters]
            assert [end.contents[name] for name in names] == paint(*self.jobs[job_id])
            assert set(end.contents) == set(names)
        elif isinstance(end, Cancelled):
            assert job_id in self.cancelled
        elif end.failure.code == "result_gone":
            assert self.failing
        else:
            assert end.failure == OUT_OF_MEMORY

    @invariant()
    def no_job_has_two_ends_and_none_is_lost(self):
        assert all(count == 1 for count in self.ends.values())
        assert set(self.painter.waiting) | set(self.ends) == set(self.jobs)
        assert not set(self.painter.waiting) & set(+self.ends)

    def teardown(self):
        """Whatever has happened: with a connection that holds and a backend that works, every job ends."""
        for _ in range(2):
            if self.connected:
                self.drop_connection()
            self.connect()
            self.settle()
        assert self.painter.waiting == ()
        assert set(self.ends) == set(self.jobs)
        while self.untaken:
            self.acknowledge()
        self.settle()
        # and the backend may forget everything
        assert self.backend.ends == {}

    def settle(self):
        while True:
            self.painter_writes(100)
            self.backend_writes(100)
            moved = bool(self.to_backend or self.to_painter)
            self.backend_reads(100)
            self.painter_reads(100)
            before = len(self.backend.ends)
            self.backend.work(fails=False)
            if not moved and len(self.backend.ends) == before:
                return


Reconnects.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestReconnects = Reconnects.TestCase
