"""What a folder in diffusers' layout or a single file holds, judged by what is in its files and never by what they are called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final, Protocol

from backend.families.facts import FAMILIES, FamilyFacts, ModelFacts, Overrides, Readings, facts_of_model

from . import chroma, flux, flux2, longcat, ovis, qwen, sd1, sd3, sdxl, zimage
from .companions import NO_COMPANIONS, Companions
from .folder import ModelFolder
from .headers import read_header
from .problems import NotUsable
from .runnable import require_adapter, runnable_titles
from .sidecar import SIDECAR, read_overrides
from .single_file import SingleFile, read_single_file
from .transformer_file import TransformerFile

INDEX: Final = "model_index.json"
"""The file that makes a folder a model."""

LIKE_KONTEXT: Final = ("flux", "base", None)
"""Family, variant and guidance of what looks like FLUX.1 dev and may be Kontext."""


class Detector(Protocol):
    """What a family's module here offers."""

    def recognises(self, index: dict[str, Any]) -> bool:
        """Whether the components that ``model_index.json`` names are those of this family."""
        ...

    def read(self, folder: ModelFolder, index: dict[str, Any]) -> Readings:
        """Read what the components' files say. Raises NotUsable when something is missing, damaged or not supported."""
        ...


@dataclass(frozen=True)
class _Row:
    family: FamilyFacts
    detector: Detector


_ROWS: Final = (
    _Row(FAMILIES["sd1"], sd1),
    _Row(FAMILIES["sdxl"], sdxl),
    _Row(FAMILIES["sd3"], sd3),
    _Row(FAMILIES["flux"], flux),
    _Row(FAMILIES["flux2"], flux2),
    _Row(FAMILIES["zimage"], zimage),
    _Row(FAMILIES["qwen"], qwen),
    _Row(FAMILIES["ovis"], ovis),
    _Row(FAMILIES["longcat"], longcat),
    _Row(FAMILIES["chroma"], chroma),
)


def detect(folder: ModelFolder, model_id: str, title: str) -> ModelFacts:
    """Return what is known of the model in a folder; reads configurations and headers, no weights.

    `model_id` and `title` are taken over, but a sidecar's title goes before. Raises NotUsable.
    """
    index = folder.read_object(INDEX)
    row = next((row for row in _ROWS if row.detector.recognises(index)), None)
    if row is None:
        raise NotUsable(_unknown(index))
    return _facts(
        row.family, model_id, title, row.detector.read(folder, index), read_overrides(folder, SIDECAR), SIDECAR
    )


def detect_file(
    folder: ModelFolder, file: Path, model_id: str, title: str, companions: Companions = NO_COMPANIONS
) -> tuple[SingleFile | TransformerFile, ModelFacts]:
    """Return what is known of the model in a single file; reads its header, no weights.

    `folder` is where it lies, with its sidecar. `title`, the file's name, is what texts call it, and less its ending the
    model's, but a sidecar's title goes before. `companions` are the files beside it. Raises NotUsable.
    """
    single, readings = read_single_file(file, read_header(file, title), companions)
    family, stem = FAMILIES[single.layout.family], PurePath(title).stem
    sidecar = f"{stem}.{SIDECAR}"
    overrides = read_overrides(folder, sidecar)
    like = (family.name, readings.variant, readings.guidance_kind)
    if isinstance(single, TransformerFile) and like == LIKE_KONTEXT and overrides.edits:
        single = replace(single, changes=(*single.changes, (INDEX, (("_class_name", flux.KONTEXT[0]),))))
        readings = flux.as_kontext(readings)
    return single, _facts(family, model_id, stem, readings, overrides, sidecar)


def _facts(
    family: FamilyFacts, model_id: str, title: str, readings: Readings, overrides: Overrides, sidecar: str
) -> ModelFacts:
    require_adapter(family, readings.variant)
    if overrides.edits and readings.variant != "edit":
        raise NotUsable(
            f"Its file {sidecar} says `edits`, which is for FLUX.1 Kontext in a single file. Remove that line."
        )
    try:
        return facts_of_model(family, model_id, title, readings, overrides)
    except ValueError as error:
        raise NotUsable(f"What its file {sidecar} says does not fit: {error}. Correct or remove the file.") from error


def family_hint(folder: ModelFolder) -> str:
    """The family's name of a model that may not be usable; empty where it is not known."""
    try:
        index = folder.read_object(INDEX)
    except NotUsable:
        return ""
    return next((row.family.name for row in _ROWS if row.detector.recognises(index)), "")


def _unknown(index: dict[str, Any]) -> str:
    name = index.get("_class_name")
    kind = f"a {name[:60]}" if type(name) is str and name else "of no kind that says its name"
    return f"It is {kind}, which this version cannot run. It runs models of these families: {runnable_titles()}."
