"""What becomes of finished pictures: a layer at once, or an offer until the painter has applied or discarded it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .. import canvas
from ..bundled import protocol
from ..canvas import Added, Document, layer_name
from ..link.link import Link
from ..qt import QtGui
from .aside import Aside
from .documents import Documents, name_of
from .keep import Keep, Kept
from .notice import Notice, NoticeAction, NoticeKind
from .offers import Finished, Shelf
from .pictures import Look, look_at, nothing_to_see
from .placing import Placement, Placing, told
from .views import JobStage, JobView, Offer

_KINDS: Final = {
    canvas.DOCUMENT_CLOSED.code: NoticeKind.INFO,
    "place_off_canvas": NoticeKind.WARNING,
}
"""How grave it is that a picture could not become a layer; a fault where nothing stands here."""


class Results:
    """The pictures that are here. `changed` is called when others are offered or on their way into a document."""

    def __init__(
        self,
        link: Link,
        documents: Documents,
        keep: Keep,
        aside: Aside,
        changed: Callable[[], None],
        tell: Callable[[Notice], None],
    ) -> None:
        self._link = link
        self._documents = documents
        self._keep = keep
        self._aside = aside
        self._changed = changed
        self._tell = tell
        self._shelf = Shelf()
        self._looked = ""
        self._put_aside: list[tuple[Finished, int]] = []
        self._placing = Placing(aside, self._placed, self._stayed)

    @property
    def due(self) -> bool:
        """Whether a picture waits for its document to be at rest."""
        return self._placing.due

    @property
    def fetching(self) -> bool:
        """Whether pixels are awaited that were dropped."""
        return any(finished.fetching for finished in self._shelf)

    @property
    def writing(self) -> bool:
        """Whether a layer is being written, step by step."""
        return self._placing.writing

    def views(self) -> list[JobView]:
        """Return what is still on its way into a document, one for each job."""
        found: dict[str, JobView] = {}
        for placement in self._placing.waiting:
            found.setdefault(placement.finished.id, self._view(placement.finished, placement.index, JobStage.PLACING))
        for finished in self._shelf:
            if finished.fetching and finished.wanted:
                found.setdefault(finished.id, self._view(finished, min(finished.wanted), JobStage.FETCHING))
        return list(found.values())

    def offers(self) -> tuple[Offer, ...]:
        """Return the pictures that wait for the painter in the active document, the oldest job first."""
        here = (finished for finished in self._shelf if self._documents.is_active(finished.document))
        return tuple(offer for finished in here for offer in finished.offers())

    def elsewhere(self) -> tuple[str, ...]:
        """Return the names of the other documents for which pictures wait."""
        away = [f for f in self._shelf if f.offers() and not self._documents.is_active(f.document)]
        return tuple(dict.fromkeys(finished.kept.document for finished in away))

    def arrive(self, kept: Kept, asked: Document | None, result: protocol.Result, at_once: bool) -> None:
        """Take a job's pictures. A single one becomes a layer `at_once`, where the very document that `asked` is open."""
        home = self._documents.home_of(kept, asked)
        # one that only looks like it may be a copy: into that nothing is put unasked
        there = home is not None and home == asked
        single = at_once and len(result.done.pictures) == 1 and there
        finished = Finished(kept, result.done, result.contents, home, not single, certain=asked)
        finished.discarded.update(kept.dealt)
        self._shelf.put(finished)
        if not finished.left:
            self._end(finished)
        elif single:
            self._place(finished, 0)
        else:
            self._look_at(finished)
            if fresh := self._documents.untold(home, finished.done):
                self._tell(Notice(NoticeKind.INFO, " ".join(fresh), ""))
            if at_once and not there:
                self._tell(_closed(kept, home))
        self._changed()

    def hear(self, news: protocol.Result | protocol.Failed | protocol.Cancelled) -> bool:
        """Take the pixels that were fetched again, or hear that they are gone; return whether it was one of these."""
        finished = self._shelf.get(news.done.id if isinstance(news, protocol.Result) else news.id)
        if finished is None:
            return False
        finished.fetching = False
        wanted, finished.wanted = sorted(finished.wanted), set()
        if isinstance(news, protocol.Result):
            finished.contents = news.contents
            for index in wanted:
                self._place(finished, index)
            self._look_at(finished)
        else:
            self._end(finished)
            if isinstance(news, protocol.Failed):
                self._tell(Notice.of(news.failure))
        self._changed()
        return True

    def apply(self, job_id: str, index: int) -> None:
        """Have a picture become a layer as soon as its document is at rest."""
        finished = self._shelf.get(job_id)
        if finished is None or index not in finished.left or self._placing.has(job_id, index):
            return
        finished.certain = finished.document
        if not finished.here(index):
            finished.wanted.add(index)
            self._fetch(finished)
        else:
            self._place(finished, index)
        self._changed()

    def discard(self, job_id: str, index: int) -> None:
        """Let a picture go."""
        finished = self._shelf.get(job_id)
        if finished is not None and index in finished.left:
            self._placing.drop(job_id, index)
            finished.wanted.discard(index)
            self._deal(finished, index, discarded=True)

    def discard_all(self) -> int:
        """Let every picture go that waits in the active document, so that `bring_back` can undo it. Return how many they were."""
        offers = self.offers()
        if offers:
            self.settle()
        for offer in offers:
            finished = self._shelf.get(offer.job)
            if finished is not None:
                self._placing.drop(offer.job, offer.index)
                finished.wanted.discard(offer.index)
                finished.discarded.add(offer.index)
                self._put_aside.append((finished, offer.index))
        self._changed()
        return len(offers)

    def bring_back(self) -> None:
        """Offer again what was discarded last by `discard_all`."""
        for finished, index in self._put_aside:
            finished.discarded.discard(index)
        self._put_aside.clear()
        self._changed()

    def settle(self) -> None:
        """What was discarded stays so: neither the backend nor the disk need keep it any longer."""
        dealt, self._put_aside = self._put_aside, []
        for finished, index in dealt:
            if self._shelf.get(finished.id) is finished:
                self._deal(finished, index, discarded=True)

    def cancel(self, job_id: str) -> bool:
        """Keep a job's pictures from becoming layers; one that nobody has looked at is let go. Return whether there were any."""
        finished = self._shelf.get(job_id)
        if finished is None or not (self._placing.drop(job_id) or finished.wanted):
            return False
        finished.wanted.clear()
        if not finished.offered:
            self._end(finished)
        self._changed()
        return True

    def look(self, job_id: str, index: int) -> QtGui.QImage | None:
        """Return a picture large, None while it is fetched again or where it is not here. Until another is looked at it stays."""
        finished = self._shelf.get(job_id)
        if finished is None or index not in finished.left:
            return None
        self._looked = job_id
        if index in finished.looks:
            return finished.looks[index].large
        if not finished.contents:
            self._fetch(finished)
        return None

    def find_homes(self) -> None:
        """See where each job's document is, when others are open than before. What was to become a layer in one is offered in another."""
        for finished in self._shelf:
            before = finished.document
            finished.document = self._documents.home_of(finished.kept, finished.certain, before)
            if finished.document != before and (self._placing.drop(finished.id) or finished.wanted):
                finished.wanted.clear()
                self._offer(finished, _closed(finished.kept, finished.document))

    def step(self) -> None:
        """Add a layer where a document is at rest."""
        self._placing.step()

    def _place(self, finished: Finished, index: int) -> None:
        self._placing.add(finished, index, finished.placeable(index))

    def _fetch(self, finished: Finished) -> None:
        if not finished.fetching:
            self._link.resume(finished.id)
            finished.fetching = True
            self._changed()

    def _look_at(self, finished: Finished) -> None:
        wanted = {index: finished.pictures[index].image for index in finished.left}
        contents = finished.contents

        def look() -> dict[int, Look]:
            return {index: look_at(contents[image.content], image) for index, image in wanted.items()}

        def looked(looks: dict[int, Look]) -> None:
            finished.shown(looks)
            self._changed()
            # only now: whoever shows the pictures has chosen which of them to look at
            self._shelf.shrink({*self._placing.busy, self._looked})

        def failed(error: Exception) -> None:
            # as where memory is short: what cannot be seen can be applied all the same, and may be there again at the next start
            looked(dict.fromkeys(wanted, nothing_to_see()))
            raise error

        self._aside.do(look, looked, failed)

    def _placed(self, placement: Placement, added: Added) -> None:
        finished = placement.finished
        sentences = told(added.notes)
        if not finished.offered:
            sentences += self._documents.untold(finished.document, finished.done)
        self._deal(finished, placement.index, discarded=False)
        if sentences:
            self._tell(Notice(NoticeKind.INFO, " ".join(sentences), ""))

    def _stayed(self, placement: Placement, failure: protocol.Failure) -> None:
        kind = _KINDS.get(failure.code, NoticeKind.ERROR)
        actions = (NoticeAction.OPEN_LOG,) if kind is NoticeKind.ERROR else ()
        closed = failure == canvas.DOCUMENT_CLOSED
        kept = placement.finished.kept
        self._offer(placement.finished, _closed(kept, None) if closed else Notice.of(failure, kind, *actions))

    def _offer(self, finished: Finished, notice: Notice) -> None:
        """Offer what was to become a layer, and tell why."""
        if not finished.offered:
            finished.offered = True
            self._look_at(finished)
        self._tell(notice)
        self._changed()

    def _deal(self, finished: Finished, index: int, discarded: bool) -> None:
        finished.deal(index, discarded)
        if finished.dealt_with:
            self._end(finished)
        else:
            kept = finished.kept
            self._aside.do(lambda: self._keep.write(kept))
        self._changed()

    def _end(self, finished: Finished) -> None:
        """Everything is dealt with: neither the backend nor the disk need keep it any longer."""
        self._shelf.remove(finished.id)
        self._placing.drop(finished.id)
        self._link.acknowledge(finished.id)
        self._aside.do(lambda: self._keep.forget(finished.id))

    def _view(self, finished: Finished, index: int, stage: JobStage) -> JobView:
        name = "" if self._documents.is_active(finished.document) else finished.kept.document
        title, count = layer_name(finished.kept.prompt), len(finished.pictures)
        return JobView(finished.id, title, name, stage, fraction=1.0, picture=index, pictures=count)


def _closed(kept: Kept, home: Document | None) -> Notice:
    happened = f"A picture for {kept.document!r} is finished, and that document was closed meanwhile."
    remedy = "Open it again: the picture is kept and offered there."
    if home is not None:
        remedy = f"It is offered in {name_of(home)!r}: apply it, if it belongs there."
    return Notice(NoticeKind.INFO, happened, remedy)
