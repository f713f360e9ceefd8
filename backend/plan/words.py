"""What a job says in words: the painter's, the style's and the model's put together, and drawn for each picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from backend.families.facts import ModelFacts
from backend.prompts import Draws, Prompt, Wildcards, Words, read_prompt, without_comments, without_loras
from protocol import MAX_DRAWN_CHARS, MAX_PROMPT_CHARS, Job

from .notes import Note

PLACE: Final = "{prompt}"
"""In a template, where the painter's words go."""

MAX_WHOLE_CHARS: Final = 3 * MAX_PROMPT_CHARS
"""Of a prompt within its templates. Each of the three may be of the longest kind; a template that repeats the painter's words a
thousand times would take the memory of all."""

MAX_NOTES: Final = 10
"""Sentences about a job's words: more are not read, and each wildcard that is missing is worth one."""


@dataclass(frozen=True)
class Said:
    """What the text encoder reads for each picture, and how strongly it counts.

    `words` has one entry for each picture, or a single one for all; `drawn` has the prompts that the pictures drew, one each,
    empty where nothing was left to chance. Where there is no prompt, nothing but the surroundings say what belongs there.
    """

    words: tuple[Words, ...]
    has_prompt: bool
    guidance: float
    notes: tuple[Note, ...]
    drawn: tuple[str, ...]


def words_of(job: Job, facts: ModelFacts, wildcards: Wildcards) -> Said:
    """Put a job's words together, and draw what is left to chance, for each picture by its seed."""
    texts = _Texts.of(job, facts)
    notes = _left_out(job, facts)
    skip = (job.style.clip_skip or facts.clip_skip) if facts.weights else 1
    told, drawn = [], []
    for picture in range(job.count):
        words, prompt, of_it = _drawn(texts, job.seed_of(picture), wildcards)
        words, left_out = _as_read(words, facts, skip)
        told.append(words)
        drawn.append(prompt)
        notes += (*map(Note, of_it), *left_out)
    if len(set(told)) == 1:
        del told[1:]
    unlike = list(dict.fromkeys(notes))
    if len(unlike) > MAX_NOTES:
        unlike[MAX_NOTES:] = [Note(f"{len(unlike) - MAX_NOTES} more things in the prompt were taken as they stand.")]
    return Said(tuple(told), texts.has_prompt, texts.guidance, tuple(unlike), tuple(drawn))


@dataclass(frozen=True)
class _Texts:
    """The texts of a job before anything is drawn. Whether it has a prompt does not hang on what is drawn. `around` is what the
    templates put before and behind the painter's own words in the prompt."""

    prompt: str
    negative: str
    has_prompt: bool
    guidance: float
    around: tuple[str, str]

    @staticmethod
    def of(job: Job, facts: ModelFacts) -> _Texts:
        # before they are put together: a comment at the end of one would take the beginning of the next
        prompt = without_comments(job.prompt).strip()
        # the model's own words go around the style's, and these around the painter's
        template = _within(without_comments(facts.template), without_comments(job.style.template))
        parts = (without_comments(text).strip() for text in (job.negative, job.style.negative, facts.negative))
        negative = ", ".join(part for part in parts if part) if facts.negative_prompt else ""
        guidance = facts.guidance if job.style.guidance is None else job.style.guidance
        has_prompt = _words_in(prompt)
        whole = _within(template, prompt)
        before, _, behind = template.partition(PLACE)
        described = has_prompt or facts.variant == "layered"
        if described or (facts.negative_prompt and _words_in(job.negative)):
            # with nothing to go towards, but something to keep away from, it still takes guidance; a model for layers
            # describes the picture itself where nobody has
            return _Texts(whole, negative, has_prompt, guidance, (before, behind))
        # Without words the surroundings alone say what belongs there. Classifier-free guidance is the difference that the
        # prompt makes; between two empty ones there is none, and 1 saves the second prediction of every step. A denoiser
        # that is told of the guidance scale was never told 1. A style's own words are left out with the prompt that they
        # were to go with: "oil painting of" alone would paint any subject.
        guidance = guidance if facts.guidance_kind == "embedded" else 1.0
        return _Texts(whole, "", has_prompt, guidance, (before, behind))


def _within(template: str, text: str) -> str:
    """Put a text wherever a template has a place for it; only at the first one where all of it would be too long."""
    if len(template) + template.count(PLACE) * len(text) <= MAX_WHOLE_CHARS:
        return template.replace(PLACE, text)
    before, _, behind = template.partition(PLACE)
    return before + text + behind.replace(PLACE, "")


def _words_in(text: str) -> bool:
    """Whether a text says anything but comments and LoRAs."""
    return bool(without_loras(without_comments(text)).strip())


def _drawn(texts: _Texts, seed: int, wildcards: Wildcards) -> tuple[Words, str, tuple[str, ...]]:
    """Draw the words of one picture; return them, the prompt that it drew, and what could not be meant as it is written."""
    prompt = read_prompt(texts.prompt, Draws(seed, "prompt"), wildcards)
    negative = read_prompt(texts.negative, Draws(seed, "negative"), wildcards)
    notes = prompt.notes + negative.notes
    if negative.loras:
        notes += ("LoRAs are asked for in the prompt alone: those in the negative prompt were left out.",)
    words = Words(prompt.prompt if texts.has_prompt else Prompt(), negative.prompt, prompt.loras)
    return words, _without_templates(prompt.drawn, texts.around) if texts.has_prompt else "", notes


def _without_templates(drawn: str, around: tuple[str, str]) -> str:
    """Return the painter's own part of a prompt that was drawn; all of it where the templates leave something to chance, too."""
    before, behind = around
    if len(drawn) >= len(before) + len(behind) and drawn.startswith(before) and drawn.endswith(behind):
        drawn = drawn[len(before) : len(drawn) - len(behind)]
    # a wildcard's file may hold what no message carries
    drawn = drawn.replace("\x00", "").strip()
    return drawn if len(drawn) <= MAX_DRAWN_CHARS else drawn[: MAX_DRAWN_CHARS - 1] + "…"


def _as_read(words: Words, facts: ModelFacts, clip_skip: int) -> tuple[Words, list[Note]]:
    """Return words as the model's text encoder can read them, and tell what it cannot."""
    notes: list[Note] = []
    both = (words.prompt, words.negative)
    if not facts.weights:
        if any(prompt.is_weighted for prompt in both):
            notes.append(Note(f"{facts.title} takes no weights in prompts, so they were left out.", "weights"))
        if any(prompt.is_broken for prompt in both):
            notes.append(Note(f"{facts.title} reads a prompt in one piece, so BREAK was left out.", "breaks"))
        both = (words.prompt.plain(), words.negative.plain())
    prompt, negative = (replace(one, clip_skip=clip_skip) for one in both)
    return replace(words, prompt=prompt, negative=negative), notes


def _left_out(job: Job, facts: ModelFacts) -> list[Note]:
    """Tell what the model has no use for, of what the painter or the style asks."""
    notes: list[Note] = []
    if not facts.negative_prompt and _words_in(job.negative):
        notes.append(Note(f"{facts.title} takes no negative prompt, so it was left out.", "negative"))
    # the encoders that are read from another layer are the same that take weights: CLIP's
    if not facts.weights and (job.style.clip_skip or 1) > 1:
        notes.append(Note(f"{facts.title} knows no clip skip, so the style's was left out.", "clip_skip"))
    if not facts.negative_prompt and job.style.rescale:
        left_out = f"{facts.title} has no guidance that could be rescaled, so the style's rescale was left out."
        notes.append(Note(left_out, "rescale"))
    return notes
