"""Which pictures a model is shown to work from."""

from __future__ import annotations

from dataclasses import dataclass

from backend.families.facts import ModelFacts
from protocol import Job, Raster

from .notes import Note


@dataclass(frozen=True)
class Shown:
    """The painter's references that the model takes, and whether the part that is worked on comes before them."""

    references: tuple[Raster, ...] = ()
    edits: bool = False
    notes: tuple[Note, ...] = ()


def show(job: Job, facts: ModelFacts) -> Shown:
    """Work out what a model is shown of a job's pictures; what it does not take is told in a note.

    A model for editing is shown the canvas first: the prompt says what is to change in it. One that paints new pictures as
    well is shown it only where the job is about the canvas: by a selection, or by a strength that keeps something of it. Where
    there is room for one picture alone, a reference that the painter chose goes before the canvas; but one for layers is
    always shown what it is to take apart.
    """
    edits = _is_shown_the_canvas(job, facts)
    room = max(0, facts.references - edits)
    taken, left = job.references[:room], len(job.references) - room
    if left <= 0:
        return Shown(taken, edits)
    if room == 0:
        note = f"{facts.title} does not work from reference pictures, so they were left out."
    else:
        beside = " beside the canvas" if edits else ""
        pictures, were = ("picture" if room == 1 else "pictures"), ("was" if left == 1 else "were")
        note = f"{facts.title} works from {room} reference {pictures} at most{beside}: the last {left} {were} left out."
    return Shown(taken, edits, (Note(note, "references"),))


def _is_shown_the_canvas(job: Job, facts: ModelFacts) -> bool:
    if job.image is None:
        return False
    if facts.variant == "layered":
        return True
    if facts.references == 1 and job.references:
        return False
    about_it = job.mask is not None or job.strength < 1
    return facts.variant == "edit" or (facts.references > 0 and about_it)
