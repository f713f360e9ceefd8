"""Which pictures a model is shown to work from."""

from __future__ import annotations

from dataclasses import dataclass

from backend.families.facts import ModelFacts
from protocol import Job, Raster


@dataclass(frozen=True)
class Shown:
    """The painter's references that the model takes, and whether the part that is worked on comes before them."""

    references: tuple[Raster, ...] = ()
    edits: bool = False
    notes: tuple[str, ...] = ()


def show(job: Job, facts: ModelFacts) -> Shown:
    """Work out what a model is shown of a job's pictures; what it does not take is told in a note.

    A model for editing is shown the canvas first: the prompt says what is to change in it. One for layers is shown what it is to
    take apart. One that can do without is shown it where a selection says that it is about the canvas.
    """
    edits = job.image is not None and (
        facts.variant in ("edit", "layered") or (facts.references > 0 and job.mask is not None)
    )
    room = max(0, facts.references - edits)
    taken, left = job.references[:room], len(job.references) - room
    if left <= 0:
        return Shown(taken, edits)
    if facts.references == 0:
        note = f"{facts.title} does not work from reference pictures, so they were left out."
    else:
        beside = " beside the canvas" if edits else ""
        note = f"{facts.title} works from {room} reference pictures at most{beside}: the last {left} were left out."
    return Shown(taken, edits, (note,))
