"""From a press of Generate to a job that can be sent: the canvas is read when it is at rest, and its contents named."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from .. import canvas
from ..bundled import protocol
from ..canvas import Document, Pixels, Snapshot, Steps
from ..qt import QtCore
from .aside import Aside
from .backend import Backend
from .documents import name_of
from .jobs import Tracked
from .keep import MOST_LAYERS, Keep, Kept, Position
from .reading import Read, read_steps
from .reentry import not_inside_itself
from .references import room_of
from .settings import Settings

MOST_WAITING: Final = 32
"""Jobs that wait here to be sent: as many as a backend takes at once."""

MOST_WAITING_BYTES: Final = 1024 * 1024 * 1024
"""Pixels of jobs that have no end yet and were not cancelled, sent or not: four canvases of 8192 x 8192 at 8 bit, and Krita has to live beside them."""

MOST_RANDOM_SEED: Final = 2**31 - 1
"""Seeds are drawn from 0 to this: what Qt's field for numbers holds, so that each can be typed in again."""

UNKNOWN_CONTEXT: Final = protocol.Context(padding=0.5, minimum=1024)
"""Surroundings to read while no model is known: at least what any wants to see. The backend leaves out what is too much."""

TOO_MANY: Final = protocol.Failure(
    "too_many_waiting", "Enough pictures are on their way already.", "Wait until some are finished, or cancel some."
)
TOO_LONG: Final = protocol.Failure(
    "prompt_too_long",
    f"The prompt has more than {protocol.MAX_PROMPT_CHARS} characters.",
    "Shorten it, then generate again.",
)
BROKE_OFF: Final = protocol.Failure(
    "not_read", "The canvas could not be read.", "Save your picture, then generate again."
)
CLOSED_TOO_SOON: Final = protocol.Failure(
    "document_closed", "The document was closed before it could be read.", "Open it again, then generate again."
)


@dataclass(frozen=True)
class _Named:
    """Contents whose names have been worked out; `references` as they were read, what could not be read left as it is."""

    image: protocol.Raster
    mask: protocol.Raster | None
    references: tuple[protocol.Raster | protocol.Failure, ...]

    @staticmethod
    def of(read: Read) -> _Named:
        """Name what was read. Reads every byte once, so in the thread aside."""
        shot = read.snapshot
        references = (found.raster() if isinstance(found, Pixels) else found for found in read.references)
        return _Named(shot.image.raster(), shot.mask.raster() if shot.mask is not None else None, tuple(references))


@dataclass(eq=False)
class _Wish:
    """What is still being got ready for a job."""

    tracked: Tracked
    document: Document
    settings: Settings
    seed: int
    reading: Steps[Read | protocol.Failure] | None = None
    read: Read | None = None
    named: _Named | None = None


Send = Callable[[Tracked, protocol.Job, Mapping[str, QtCore.QByteArray]], None]
Refuse = Callable[[Tracked, protocol.Failure], None]
Held = Callable[[], int]


class Asking:
    """Jobs that are not sent yet. `send` gets each when it is whole and the backend ready, `refuse` where that cannot be.

    `held` tells how many bytes of pixels are held for all jobs, these and those that were sent.
    """

    def __init__(self, aside: Aside, backend: Backend, keep: Keep, send: Send, refuse: Refuse, held: Held) -> None:
        self._aside = aside
        self._backend = backend
        self._keep = keep
        self._send = send
        self._refuse = refuse
        self._held = held
        self._wishes: dict[str, _Wish] = {}

    @property
    def waiting(self) -> bool:
        """Whether there is any."""
        return bool(self._wishes)

    @property
    def unread(self) -> bool:
        """Whether a document still has to come to rest, or something that is whole waits to be sent."""
        wishes = self._wishes.values()
        return any(wish.read is None or (wish.named is not None and self._backend.known) for wish in wishes)

    @property
    def reading(self) -> bool:
        """Whether a document is being read, step by step."""
        return any(wish.reading is not None for wish in self._wishes.values())

    def refusal(self, settings: Settings) -> protocol.Failure | None:
        """Return why nothing can be asked for with these settings now, or None."""
        if max(len(settings.prompt), len(settings.negative)) > protocol.MAX_PROMPT_CHARS:
            return TOO_LONG
        return TOO_MANY if len(self._wishes) >= MOST_WAITING or self._held() >= MOST_WAITING_BYTES else None

    def ask(self, tracked: Tracked, document: Document, settings: Settings) -> None:
        """Begin with a job; `step` does the rest."""
        seed = secrets.randbelow(MOST_RANDOM_SEED + 1) if settings.random_seed else settings.seed
        self._wishes[tracked.id] = _Wish(tracked, document, settings, seed)

    def drop(self, job_id: str) -> bool:
        """Forget a job; return whether it was among these."""
        return self._wishes.pop(job_id, None) is not None

    def drop_all(self) -> list[Tracked]:
        """Forget every job; return them."""
        dropped = [wish.tracked for wish in self._wishes.values()]
        self._wishes.clear()
        return dropped

    @not_inside_itself
    def step(self) -> None:
        """Go on with whatever can go on. Calls Krita only for documents that are at rest."""
        for wish in list(self._wishes.values()):
            try:
                if wish.read is None:
                    self._read(wish)
                elif wish.named is not None and self._backend.known:
                    self._hand_over(wish, wish.read, wish.named)
            except Exception:
                # tried again every moment, it would fail every moment
                self._give_up(wish, BROKE_OFF)
                raise

    def _read(self, wish: _Wish) -> None:
        read = self._go_on_reading(wish)
        if isinstance(read, protocol.Failure):
            self._give_up(wish, read)
        elif read is not None:
            wish.read, wish.reading, wish.tracked.size = read, None, read.size
            kept = _kept(wish, read.snapshot)
            wish.tracked.kept = kept
            self._aside.do(
                lambda: self._name(read, kept),
                lambda named: self._is_named(wish, named),
                lambda e: self._fault(wish, e),
            )

    def _go_on_reading(self, wish: _Wish) -> Read | protocol.Failure | None:
        """Return what the job needs of the document, None while that is not at rest or it is being read."""
        extent = canvas.extent_of(wish.document)
        if extent is None:
            return CLOSED_TOO_SOON
        if self._backend.known:
            style = self._backend.style(wish.settings.style)
            if isinstance(style, protocol.Failure):
                return style
        if not canvas.is_at_rest(wish.document):
            return None
        if wish.reading is not None:
            return canvas.advance(wish.reading)
        if self._held() >= MOST_WAITING_BYTES:
            # asked for before those that came first were read, as in one long stroke
            return TOO_MANY
        selected = canvas.selected_bounds(wish.document)
        if isinstance(selected, protocol.Failure):
            return selected
        bounds = protocol.Bounds.of(extent)
        if selected is not None:
            context = self._backend.context(wish.settings.style) or UNKNOWN_CONTEXT
            bounds = protocol.context_bounds(extent, selected, context)
        references = wish.settings.references
        if self._backend.known:
            references = references[: room_of(self._backend.model(wish.settings.style))]
        wish.reading = read_steps(wish.document, bounds, selected, self._backend.limits.pixels, references)
        return canvas.advance(wish.reading)

    def _name(self, read: Read, kept: Kept) -> _Named:
        """Name the contents and keep the job on disk; in the thread aside."""
        named = _Named.of(read)
        self._keep.write(kept)
        return named

    def _is_named(self, wish: _Wish, named: _Named) -> None:
        wish.named = named
        if wish.tracked.id in self._wishes:
            self.step()

    def _fault(self, wish: _Wish, error: Exception) -> None:
        self._give_up(wish, BROKE_OFF)
        raise error

    def _hand_over(self, wish: _Wish, read: Read, named: _Named) -> None:
        style = self._backend.style(wish.settings.style)
        if isinstance(style, protocol.Failure):
            self._give_up(wish, style)
            return
        # only now it is known for certain which model it is: one that takes none does not care what became of a layer
        references = []
        for found in named.references[: room_of(self._backend.model(wish.settings.style))]:
            if isinstance(found, protocol.Failure):
                self._give_up(wish, found)
                return
            references.append(found)
        most_layers = self._backend.most_layers(wish.settings.style)
        job = _job(wish, read.snapshot, named, tuple(references), style, most_layers)
        del self._wishes[wish.tracked.id]
        self._send(wish.tracked, job, _contents(read, job))

    def _give_up(self, wish: _Wish, failure: protocol.Failure) -> None:
        if self._wishes.pop(wish.tracked.id, None) is not None:
            self._refuse(wish.tracked, failure)


def _job(
    wish: _Wish,
    shot: Snapshot,
    named: _Named,
    references: tuple[protocol.Raster, ...],
    style: protocol.Style,
    most_layers: int,
) -> protocol.Job:
    settings, kept = wish.settings, wish.tracked.kept
    assert kept is not None
    return protocol.Job(
        id=kept.id,
        extent=shot.image.extent,
        prompt=kept.prompt,
        negative=_travelling(settings.negative),
        image=named.image,
        mask=named.mask,
        selection=shot.painted,
        strength=settings.strength,
        seed=kept.seed,
        count=kept.count,
        style=style,
        depth="u16" if shot.depth == "u16" else "u8",
        order="bgra",
        document=(kept.identity or _travelling(kept.document))[: protocol.MAX_NAME_CHARS],
        layers=min(settings.layers, most_layers),
        references=references,
    )


def _contents(read: Read, job: protocol.Job) -> dict[str, QtCore.QByteArray]:
    shot = read.snapshot
    pixels = (shot.image, shot.mask, *read.references)
    found = [one for one in pixels if isinstance(one, Pixels)]
    return {raster.content: one.data for raster, one in zip(job.rasters, found)}  # noqa: B905 - what is not shown comes last


def _kept(wish: _Wish, shot: Snapshot) -> Kept:
    document, anchor = wish.document, shot.anchor
    return Kept(
        id=wish.tracked.id,
        document=_travelling(name_of(document)),
        identity=canvas.identity(document),
        layers=tuple(canvas.layer_id(node) for node in islice(canvas.layers(document), MOST_LAYERS)),
        canvas=anchor.canvas,
        layer=anchor.layer,
        positions=tuple(Position(layer, x, y) for layer, (x, y) in anchor.positions.items()),
        bounds=shot.bounds,
        extent=shot.image.extent,
        prompt=_travelling(wish.settings.prompt),
        seed=wish.seed,
        count=wish.settings.count,
    )


def _travelling(text: str) -> str:
    """Return a text without what no message may hold: null characters and halves of surrogate pairs."""
    return "".join(char for char in text if char != "\x00" and not "\ud800" <= char <= "\udfff")
