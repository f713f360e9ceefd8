"""From a job and the facts about its model to a plan."""

from __future__ import annotations

from dataclasses import replace

from backend.families.facts import ModelFacts
from backend.prompts import Wildcards, no_wildcards
from protocol import MAX_STEPS, Bounds, Context, Extent, Failure, Job, context_bounds

from .masks import mask_plan, reach_of, room_for
from .notes import Note
from .plan import MaskPlan, Plan
from .references import show
from .sizes import area_bound, painting_size, side_bound
from .words import Said, words_of


class PlanError(Exception):
    """The job cannot be planned; `failure` tells the painter why, and what to do."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure


def make_plan(job: Job, facts: ModelFacts, most_pixels: int | None = None, wildcards: Wildcards = no_wildcards) -> Plan:
    """Work out a job for a model. Touches no pixel, and no file but those of the wildcards that it is handed.

    `most_pixels` is what the device's memory allows to be painted at once; None where that is unknown.
    Raises PlanError.
    """
    _check_layers(job, facts)
    mask = mask_plan(job)
    crop = _crop(job, mask, facts.context)
    size = _size(crop.extent, facts, most_pixels)
    said = words_of(job, facts, wildcards)
    new = job.strength == 1
    shown = show(job, facts)
    steps, strength = _at_least_one_step(job.style.steps or facts.steps, _strength(job, said, crop, facts))
    notes = said.notes + shown.notes + _scale_notes(crop.extent, size, facts, most_pixels)
    return Plan(
        job=job.id,
        model=facts.id,
        family=facts.family,
        words=said.words,
        seeds=tuple(job.seed_of(picture) for picture in range(job.count)),
        extent=job.extent,
        crop=crop,
        size=size,
        # paint shows within the painter's mask only: no pixel of the layer is wanted past its bounds
        result=Bounds.of(job.extent) if mask is None else mask.selection,
        sampler=_sampler(job, facts),
        steps=steps,
        guidance=said.guidance,
        strength=strength,
        # all of it new: nothing of the old picture is to shine through, so it is the same as one from nothing
        image=None if new and mask is None and not shown.edits else job.image,
        mask=mask,
        prefill="blur" if new and mask is not None and not shown.edits else "none",
        depth=job.depth,
        order=job.order,
        encoding=job.encoding,
        previews=job.previews,
        notes=tuple(note.text for note in notes),
        matters=tuple(note.matter for note in notes),
        references=shown.references,
        edits=shown.edits,
        rescale=job.style.rescale or 0.0,
        layers=job.layers,
        drawn=said.drawn,
    )


def _crop(job: Job, mask: MaskPlan | None, context: Context) -> Bounds:
    """The selection with as much around it as the model wants to see, or as the mask reaches, whichever is more.

    The greater and not the sum: a painter's snapshot that was cut by the model's context is then used whole.
    """
    if mask is None:
        return Bounds.of(job.extent)
    least = max(context.minimum, room_for(mask.selection, reach_of(mask)))
    return context_bounds(job.extent, mask.selection, replace(context, minimum=least))


def _size(crop: Extent, facts: ModelFacts, most_pixels: int | None) -> Extent:
    size = painting_size(crop, facts, most_pixels)
    if size is None and painting_size(crop, facts) is not None:
        raise PlanError(
            Failure(
                "out_of_memory",
                f"There is too little free memory to paint a picture of {crop} pixels with {facts.title}, even scaled down.",
                "Close other programs that use the graphics card, or choose a smaller model.",
            )
        )
    if size is None:
        raise PlanError(
            Failure(
                "too_thin",
                f"A picture of {crop} pixels is too long and thin for {facts.title}.",
                "Select a shorter part of it, or use a canvas that is less long and thin.",
            )
        )
    return size


def _strength(job: Job, said: Said, crop: Bounds, facts: ModelFacts) -> float:
    """Return the painter's strength; where nothing but the surroundings can say what belongs there, what leaves them a say."""
    surrounded = job.selection is not None and not job.selection.contains(crop)
    if job.strength == 1 and surrounded and not said.has_prompt:
        return facts.wordless_strength
    return job.strength


def _sampler(job: Job, facts: ModelFacts) -> str:
    wanted = job.style.sampler or facts.sampler
    if wanted not in facts.samplers:
        raise PlanError(
            Failure(
                "unknown_sampler",
                f"{facts.title} has no sampler called {wanted!r}.",
                f"Choose one of these in the style: {', '.join(facts.samplers)}.",
            )
        )
    return wanted


def _check_layers(job: Job, facts: ModelFacts) -> None:
    """Raise PlanError where a picture is to be taken apart and the model cannot, or the model can do nothing else."""
    if job.layers and not facts.layers:
        raise PlanError(
            Failure(
                "no_layers",
                f"{facts.title} takes no picture apart into layers.",
                "Choose a model that does, such as Qwen-Image-Layered, or ask for no layers.",
            )
        )
    if facts.layers and not job.layers:
        raise PlanError(
            Failure(
                "layers_wanted",
                f"{facts.title} takes a picture apart into layers, and does nothing else.",
                f"Say into how many layers, 1 to {facts.layers}, or choose another model.",
            )
        )
    if job.layers > facts.layers:
        raise PlanError(
            Failure(
                "too_many_layers",
                f"{facts.title} takes a picture apart into at most {facts.layers} layers, not {job.layers}.",
                f"Ask for 1 to {facts.layers}.",
            )
        )


def _at_least_one_step(steps: int, strength: float) -> tuple[int, float]:
    """Return steps and strength of which `int(steps * strength)`, diffusers' count for image-to-image, is at least 1.

    More steps rather than more strength: the one that runs then starts at just the noise that was asked for, and the
    others cost nothing.
    """
    if int(steps * strength) >= 1:
        return steps, strength
    strength = max(strength, 1 / MAX_STEPS)
    steps = min(int(1 / strength), MAX_STEPS)
    while int(steps * strength) < 1:
        steps += 1
    return steps, strength


def _scale_notes(crop: Extent, size: Extent, facts: ModelFacts, most_pixels: int | None) -> tuple[Note, ...]:
    too_long = crop.longest > side_bound(facts)
    if crop.area <= area_bound(facts, most_pixels) and not too_long:
        return ()
    if too_long:
        reason = f"longer than the {side_bound(facts)} that {facts.title} has room for on a side"
    elif most_pixels is not None and most_pixels < facts.most_pixels:
        reason = "more than there is memory for at once"
    else:
        reason = f"more than {facts.title} paints at once"
    sentence = f"{crop} pixels are {reason}: they were painted at {size} and scaled up, so fine detail may look soft."
    return (Note(f"{sentence} Select a smaller part for more detail.", "size"),)
