"""Every message of the contract. What happens when is told in docs/protocol.md, and who may send which in `vocabulary`.

A message is a frozen dataclass; on the wire it is a JSON object with its `type` and its fields. New fields get defaults,
types never change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from . import limits
from .limits import PROTOCOL_MAJOR, PROTOCOL_MINOR, Limits
from .values import (
    DeviceInfo,
    Failure,
    Job,
    JobStatus,
    LoraInfo,
    ModelInfo,
    Picture,
    Raster,
    Style,
    is_content_name,
    is_job_id,
)


@dataclass(frozen=True)
class Version:
    """Version of the contract. The same major version understands each other; a higher minor one knows more."""

    major: int = PROTOCOL_MAJOR
    minor: int = PROTOCOL_MINOR


def _check_id(job_id: str) -> None:
    if not is_job_id(job_id):
        raise ValueError("a job's id must be 32 lower-case hexadecimal digits")


def _check_content(name: str) -> None:
    if not is_content_name(name):
        raise ValueError("a content's name must be 64 lower-case hexadecimal digits")


def _check_path(what: str, path: str) -> None:
    if len(path) > limits.MAX_PATH_CHARS:
        raise ValueError(f"{what} must have at most {limits.MAX_PATH_CHARS} characters")


@dataclass(frozen=True)
class Hello:
    """Client, first: who speaks. Jobs belong to the installation, an opaque name that outlives the socket."""

    installation: str
    client: str = ""
    version: Version = field(default_factory=Version)

    def __post_init__(self) -> None:
        if not 1 <= len(self.installation) <= limits.MAX_NAME_CHARS:
            raise ValueError(f"installation must have 1 to {limits.MAX_NAME_CHARS} characters")
        if len(self.client) > limits.MAX_NAME_CHARS:
            raise ValueError(f"client must have at most {limits.MAX_NAME_CHARS} characters")


@dataclass(frozen=True)
class Welcome:
    """Server, in answer to Hello: what it is and what it accepts.

    `inbox` is a folder on this machine for this connection alone, where the client may lay attachments; empty where there is none.
    """

    server: str
    version: Version = field(default_factory=Version)
    limits: Limits = field(default_factory=Limits)
    device: DeviceInfo | None = None
    inbox: str = ""

    def __post_init__(self) -> None:
        _check_path("inbox", self.inbox)


@dataclass(frozen=True)
class Submit:
    """Client: paint this. An id that the server knows already is not painted twice; its state is told again."""

    job: Job


@dataclass(frozen=True)
class Need:
    """Either side: send me the attachments with these content hashes. What a side has, it does not ask for.

    With `lying`, a client can also read them where they lie on the server's disk.
    """

    contents: tuple[str, ...]
    lying: bool = False

    def __post_init__(self) -> None:
        if len(self.contents) > limits.MAX_NEED_CONTENTS:
            raise ValueError(f"at most {limits.MAX_NEED_CONTENTS} contents at once, got {len(self.contents)}")
        for name in self.contents:
            _check_content(name)


@dataclass(frozen=True)
class Laid:
    """Client: an attachment that I was asked for lies whole in the inbox, under its content hash. Since version 1.2."""

    content: str

    def __post_init__(self) -> None:
        _check_content(self.content)


@dataclass(frozen=True)
class Lies:
    """Server, in answer to a Need with `lying`: these bytes lie in this file, from this offset on. Since version 1.2."""

    content: str
    path: str
    offset: int = 0

    def __post_init__(self) -> None:
        _check_content(self.content)
        _check_path("path", self.path)
        if not self.path or not 0 <= self.offset <= limits.MAX_INTEGER:
            raise ValueError("a content lies in a file, at an offset of at least 0")


@dataclass(frozen=True)
class Cancel:
    """Client: stop this job of mine. The answer is its end: Cancelled, or Done or Failed when that came first."""

    id: str

    def __post_init__(self) -> None:
        _check_id(self.id)


@dataclass(frozen=True)
class Query:
    """Client: where are these jobs of mine? Ends that were not acknowledged are told again after the answer."""

    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.ids) > limits.MAX_QUERY_IDS:
            raise ValueError(f"at most {limits.MAX_QUERY_IDS} ids at once, got {len(self.ids)}")
        for job_id in self.ids:
            _check_id(job_id)


@dataclass(frozen=True)
class Jobs:
    """Server, in answer to Query, in its order."""

    states: tuple[JobStatus, ...]


@dataclass(frozen=True)
class Acknowledge:
    """Client: this job's end has arrived and is kept safe; the server may forget it."""

    id: str

    def __post_init__(self) -> None:
        _check_id(self.id)


@dataclass(frozen=True)
class ListModels:
    """Client: which models are there?"""


@dataclass(frozen=True)
class Models:
    """Server, in answer to ListModels. The first usable one is the default."""

    models: tuple[ModelInfo, ...]


@dataclass(frozen=True)
class ListStyles:
    """Client: which styles are there? Since version 1.1."""


@dataclass(frozen=True)
class Styles:
    """Server, in answer to ListStyles: the default one first; no two have the same name, and none is without.

    They are the painter's presets, and each usable model that no preset names, as it is. `folder` is where presets lie on the
    server's machine, empty where there is no such folder. `problems` are presets that are not among the styles, and why.
    """

    styles: tuple[Style, ...]
    folder: str = ""
    problems: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        for what, count in (("styles", len(self.styles)), ("problems", len(self.problems))):
            if count > limits.MAX_STYLES:
                raise ValueError(f"at most {limits.MAX_STYLES} {what} in one list, got {count}")
        _check_path("folder", self.folder)
        names = {style.name for style in self.styles}
        if "" in names or len(names) != len(self.styles):
            raise ValueError("every style in a list needs a name of its own")


@dataclass(frozen=True)
class ListLoras:
    """Client: which LoRAs are there? Since version 1.3."""


@dataclass(frozen=True)
class Loras:
    """Server, in answer to ListLoras: by name, those that cannot be used as well. `folder` is where they lie on its machine."""

    loras: tuple[LoraInfo, ...]
    folder: str = ""

    def __post_init__(self) -> None:
        if len(self.loras) > limits.MAX_LORAS:
            raise ValueError(f"at most {limits.MAX_LORAS} LoRAs in one list, got {len(self.loras)}")
        _check_path("folder", self.folder)


@dataclass(frozen=True)
class GetStatus:
    """Client: how are you?"""


WorkerState = Literal["stopped", "starting", "ready", "busy"]


@dataclass(frozen=True)
class Status:
    """Server, in answer to GetStatus. Times in seconds, sizes in bytes."""

    server: str
    process: int
    uptime: float
    worker: WorkerState
    device: DeviceInfo | None
    queued: int
    running: int
    clients: int
    spooled: int
    log: str


@dataclass(frozen=True)
class Shutdown:
    """Client: stop the server. With `force` even while jobs wait or run; theirs is then a clear failure."""

    force: bool = False


@dataclass(frozen=True)
class Accepted:
    """Server: the job is complete and waits at `place` (0 = next or running)."""

    id: str
    place: int


@dataclass(frozen=True)
class Queued:
    """Server: the job's place has changed."""

    id: str
    place: int


Stage = Literal["loading", "encoding", "painting", "decoding"]


@dataclass(frozen=True)
class Progress:
    """Server: how far a running job is. `fraction` of the whole job from 0 to 1; `seconds_left` None while unknown."""

    id: str
    fraction: float
    stage: Stage
    picture: int = 0
    pictures: int = 1
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Preview:
    """Server: what a picture looks like so far. Its chunk follows at once, unasked; a slow reader gets fewer."""

    id: str
    picture: int
    step: int
    image: Raster


Matter = Literal["", "weights", "breaks", "negative", "clip_skip", "rescale", "references", "size"]
"""What a note is about, as far as this version knows; a newer server may say others."""


@dataclass(frozen=True)
class Done:
    """Server: the job's one end, with its pictures. The client asks for their contents with Need, then acknowledges.

    `matters` are what the notes are about, in their order: a note with a matter is as true of the next picture by the same
    `model`. One with "", or past their end, tells of something that has just happened.
    """

    id: str
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    matters: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True)
class Failed:
    """Server: the job's one end, without a picture."""

    id: str
    failure: Failure


@dataclass(frozen=True)
class Cancelled:
    """Server: the job's one end, asked for by its owner."""

    id: str


@dataclass(frozen=True)
class Refused:
    """Server: a request that is not carried out, by its type's name. The connection stays open.

    `id` is the job that it was about, or for a Need the content.
    """

    request: str
    failure: Failure
    id: str = ""


@dataclass(frozen=True)
class Goodbye:
    """Either side: the connection ends now, and why."""

    failure: Failure
