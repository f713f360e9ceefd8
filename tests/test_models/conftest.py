"""Models on disk, to be broken one way at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.models import Library, ModelEntry
from protocol import ModelInfo


@pytest.fixture
def shelf(tmp_path) -> Path:
    """The painter's folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def model(tiny_sd15, shelf) -> Path:
    """A sound model in it."""
    return Path(shutil.copytree(tiny_sd15, shelf / "My Model 1.5"))


@pytest.fixture
def library(shelf) -> Library:
    return Library(shelf)


@pytest.fixture
def only(library) -> Callable[[], ModelInfo]:
    """What is told of the one model in the folder, after looking again."""

    def look() -> ModelInfo:
        library.scan()
        infos = library.infos()
        assert infos[0].id == "starter"
        assert len(infos) == 2
        return infos[1]

    return look


@pytest.fixture
def entry(library, only) -> Callable[[], ModelEntry]:
    def look() -> ModelEntry:
        info = only()
        assert info.problem == ""
        return library.find(info.id)

    return look


@pytest.fixture
def change():
    """Change fields of a JSON file; None removes one."""

    def apply(path: Path, **changes: Any) -> None:
        plain = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for name, value in changes.items():
            plain[name] = value
            if value is None:
                del plain[name]
        path.write_text(json.dumps(plain), encoding="utf-8")

    return apply
