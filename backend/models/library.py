"""The models that are there: the embedded one, and those in the painter's folder."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

import starter
from backend.families.facts import ModelFacts
from protocol import MAX_NAME_CHARS, Context, Failure, ModelInfo, carriable

from .companions import Companions
from .detect import INDEX, detect, detect_file, family_hint
from .folder import ModelFolder
from .hashes import verify
from .loras import LORAS
from .problems import ModelError, NotUsable
from .single_file import ForeignFile, SingleFile
from .transformer_file import TransformerFile

STARTER_ID: Final = "starter"
"""Id of the embedded model."""

MAX_DEPTH: Final = 3
"""Folders below the library's own in which models are looked for: room for publisher/model and one level of the painter's."""

MAX_LOOKED_AT: Final = 10_000
"""Files and folders that one scan looks at, so that a whole disk named by mistake does not hold up the server."""

COMPONENT_NAMES: Final = frozenset({"unet", "transformer", "vae", "text_encoder", "tokenizer", "scheduler"})
"""Folders that only a model has: one with such and without ``model_index.json`` is a broken model, not a shelf of models."""

WEIGHT_SUFFIXES: Final = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf"})
"""Loose files that a painter would expect in the list. What they are is judged by their content."""


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be used: what is told of it, what is known of it, and where it lies.

    `folder` is its own, or the one that its `single` file lies in. `hashes` are the SHA-256 of its files by name, where they
    are known.
    """

    info: ModelInfo
    facts: ModelFacts
    folder: Path
    hashes: MappingProxyType[str, str] | None = None
    single: SingleFile | TransformerFile | None = None

    def opened(self) -> AbstractContextManager[Path]:
        """The folder in diffusers' layout to load it from, which may be gone when the context ends."""
        return nullcontext(self.folder) if self.single is None else self.single.unpacked()

    def verify(self) -> None:
        """Hold the files against their hashes, where they are known; reads all of them. Raises ModelError."""
        if self.hashes is not None:
            verify(self.folder, self.hashes)


@dataclass(frozen=True)
class _Found:
    """What one scan has found."""

    entries: dict[str, ModelEntry]
    infos: tuple[ModelInfo, ...]


class Library:
    """Models by id. An id is opaque and stays the same as long as the model lies where it lies.

    The embedded model comes first and is the default until a style names another one: what a first picture looks like then
    does not depend on what else lies in the folder. The folder of `loras` may lie in it, and is none of models. It is scanned on first use and whenever `scan` is called.
    """

    def __init__(self, folder: Path, embedded: Path | None = None, loras: Path | None = None) -> None:
        self.loras = folder / LORAS if loras is None else loras
        self._folder = folder
        self._embedded = starter.folder() if embedded is None else embedded
        self._found: _Found | None = None

    def scan(self) -> None:
        """Look again at what is there. Reads configurations and headers only; what cannot be used is listed with its problem."""
        entries: dict[str, ModelEntry] = {}
        infos: list[ModelInfo] = []
        for found in (self._look_at_embedded(), *self._look_through_folder()):
            if isinstance(found, ModelEntry):
                entries[found.info.id] = found
                infos.append(found.info)
            else:
                infos.append(found)
        # both at once: another thread may be reading
        self._found = _Found(entries, tuple(infos))

    def infos(self) -> tuple[ModelInfo, ...]:
        """Every model, the unusable ones too; the first usable one is the default."""
        return self._scanned().infos

    def default(self) -> str:
        """Id of the model for a style that names none. Raises ModelError when there is none at all."""
        for info in self.infos():
            if not info.problem:
                return info.id
        raise ModelError(
            Failure(
                "no_model", "There is no model that can be used.", "Install Scumble again: it brings a small one along."
            )
        )

    def find(self, model_id: str) -> ModelEntry:
        """Return a model by id, or the default for an empty one. Looks again at the folder for an id that is not known.

        Raises ModelError for one that is not there or cannot be used.
        """
        wanted = model_id or self.default()
        if wanted not in self._scanned().entries:
            self.scan()
        found = self._scanned()
        if wanted in found.entries:
            return found.entries[wanted]
        for info in found.infos:
            if info.id == wanted:
                raise ModelError(
                    Failure(
                        "unusable_model",
                        f"The model {info.name} cannot be used. {info.problem}",
                        "Choose another model in the style, or mend this one.",
                    )
                )
        raise ModelError(
            Failure(
                "unknown_model",
                f"There is no model with the id {wanted[:MAX_NAME_CHARS]!r}.",
                "Choose one from the list of models; it may have been moved or removed.",
            )
        )

    def _scanned(self) -> _Found:
        if self._found is None:
            self.scan()
        assert self._found is not None
        return self._found

    def _look_at_embedded(self) -> ModelEntry | ModelInfo:
        found = _look_at(ModelFolder(self._embedded.resolve(), self._embedded.resolve()), STARTER_ID, STARTER_ID)
        if isinstance(found, ModelEntry):
            return ModelEntry(found.info, found.facts, found.folder, MappingProxyType(dict(starter.HASHES)))
        return found

    def _look_through_folder(self) -> Iterator[ModelEntry | ModelInfo]:
        try:
            root = self._folder.resolve(strict=True)
        except (OSError, RuntimeError):
            return
        candidates = list(islice(_candidates(root, Path(os.path.realpath(self.loras))), MAX_LOOKED_AT))
        companions = Companions(
            lambda: _within(root, candidates, os.path.isfile),
            lambda: _within(root, candidates, lambda path: os.path.isdir(path) and _is_model(path)),
        )
        for path, relative in candidates:
            found = _judge(path, relative, root, companions)
            if found is not None:
                yield found


def _candidates(root: Path, loras: Path) -> Iterator[tuple[Path, str]]:
    """Everything that may be a model, with its name relative to the root: from the top down, models and LoRAs not entered."""
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop(0)
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue
        for path in paths:
            if path.name.startswith(".") or path == loras:
                continue
            yield path, path.relative_to(root).as_posix()
            # not of `Path`, which raises in a folder that may be read but not entered
            if depth + 1 < MAX_DEPTH and os.path.isdir(path) and not os.path.islink(path) and not _is_model(path):
                waiting.append((path, depth + 1))


def _within(root: Path, candidates: Iterable[tuple[Path, str]], wanted: Callable[[Path], bool]) -> Iterator[Path]:
    """The real places of those candidates that are wanted and lie in the library."""
    for path, _ in candidates:
        real = Path(os.path.realpath(path))
        if real.is_relative_to(root) and wanted(real):
            yield real


def _is_model(path: Path) -> bool:
    """Whether a folder is meant as a model, sound or not."""
    try:
        return (path / INDEX).exists() or any(child.name in COMPONENT_NAMES for child in path.iterdir())
    except OSError:
        return True


def _judge(path: Path, relative: str, root: Path, companions: Companions) -> ModelEntry | ModelInfo | None:
    """Look at one candidate; None for a shelf of models, and for files that are none."""
    model_id, title = _id_of(relative), _shown(path.name)
    try:
        real = path.resolve(strict=True)
    except PermissionError:
        return _unusable(model_id, title, "It cannot be read. Look at its folder's permissions.")
    except (OSError, RuntimeError):
        return _unusable(model_id, title, "It is a link that leads nowhere. Remove it, or fetch the model again.")
    if not real.is_relative_to(root):
        return _unusable(
            model_id,
            title,
            "It is a link that leads outside the folder of models. Put the model itself there, or name its folder in"
            " SCUMBLE_MODELS.",
        )
    if real.is_dir():
        return _look_at(ModelFolder(real, root), model_id, title) if _is_model(real) else None
    if real.is_file() and path.suffix.lower() in WEIGHT_SUFFIXES:
        return _look_at_file(ModelFolder(path.parent.resolve(), root), real, model_id, title, companions)
    return None


def _look_at(folder: ModelFolder, model_id: str, title: str) -> ModelEntry | ModelInfo:
    try:
        facts = detect(folder, model_id, title)
    except NotUsable as problem:
        return _unusable(model_id, title, str(problem), family_hint(folder))
    except OSError:
        return _unusable(model_id, title, "Its files cannot be read. Look at their permissions.")
    return ModelEntry(_info(facts), facts, folder.path)


def _look_at_file(
    folder: ModelFolder, file: Path, model_id: str, title: str, companions: Companions
) -> ModelEntry | ModelInfo:
    """Look at a single file; `folder` is where it, or the link to it, lies."""
    try:
        single, facts = detect_file(folder, file, model_id, title, companions)
    except ForeignFile as problem:
        return _unusable(model_id, title, str(problem), problem.family)
    except NotUsable as problem:
        return _unusable(model_id, title, str(problem))
    except OSError:
        return _unusable(model_id, title, "It cannot be read. Look at its permissions.")
    return ModelEntry(_info(facts), facts, folder.path, single=single)


def _info(facts: ModelFacts) -> ModelInfo:
    return ModelInfo(
        id=facts.id,
        name=facts.title,
        family=facts.family,
        native=facts.native,
        multiple=facts.multiple,
        context=facts.context,
        steps=facts.steps,
        guidance=facts.guidance,
        samplers=facts.samplers,
        variant=facts.variant,
        references=facts.references,
        layers=facts.layers,
        weights=facts.weights,
    )


def _unusable(model_id: str, title: str, problem: str, family: str = "") -> ModelInfo:
    """List a model with why it cannot be used; its figures mean nothing."""
    return ModelInfo(
        id=model_id,
        name=title,
        family=family,
        native=0,
        multiple=1,
        context=Context(0, 1),
        steps=0,
        guidance=0.0,
        problem=_shown(problem, most=2000),
    )


def _id_of(relative: str) -> str:
    """A short readable word and a hash of the place: the place itself stays unknown to clients."""
    word = re.sub(r"[^a-z0-9]+", "-", relative.rpartition("/")[2].lower()).strip("-")[:40]
    digest = hashlib.sha256(relative.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{word}-{digest}" if word else digest


def _shown(text: str, most: int = MAX_NAME_CHARS) -> str:
    """A name from the disk as it may travel: no control characters, nothing that UTF-8 cannot carry."""
    return "".join(letter if letter.isprintable() else "?" for letter in carriable(text))[:most]
