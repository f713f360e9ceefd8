"""Where things lie, as far as the environment says."""

from __future__ import annotations

import warnings

import platformdirs
import pytest

from backend.places import Places


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("SCUMBLE_HOME", "SCUMBLE_MODELS", "SCUMBLE_LORAS"):
        monkeypatch.delenv(name, raising=False)


def test_one_variable_moves_everything(monkeypatch, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    found = Places.of_user()
    for path in (found.runtime, found.data, found.models, found.styles, found.spool, found.logs):
        assert path.parent == tmp_path
    assert len({found.discovery, found.lock, found.spool_lock, found.token, found.log, found.worker_log}) == 6


def test_models_may_lie_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SCUMBLE_MODELS", str(tmp_path / "models"))
    assert Places.of_user().models == tmp_path / "models"
    assert Places.of_user().data == tmp_path / "home" / "data"


def test_loras_lie_with_the_models_unless_they_are_told_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SCUMBLE_MODELS", str(tmp_path / "models"))
    assert Places.of_user().loras == tmp_path / "models" / "loras"
    monkeypatch.setenv("SCUMBLE_LORAS", str(tmp_path / "others"))
    assert Places.of_user().loras == tmp_path / "others"


def test_a_relative_home_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCUMBLE_HOME", "here")
    assert Places.of_user().data == tmp_path / "here" / "data"


@pytest.mark.skipif(platformdirs.PlatformDirs is not platformdirs.unix.Unix, reason="only Unix has XDG_RUNTIME_DIR")
class TestRuntimeFolder:
    @pytest.fixture
    def fallback(self, monkeypatch):
        """What platformdirs does where a login has no session."""

        def warn(self) -> str:
            warnings.warn("XDG_RUNTIME_DIR is not set", UserWarning, stacklevel=2)
            return "/tmp/runtime-1000/scumble"

        monkeypatch.setattr(platformdirs.unix.Unix, "user_runtime_dir", property(warn))
        monkeypatch.setattr("tempfile.tempdir", "/tmp")

    @pytest.fixture
    def session(self, monkeypatch, tmp_path):
        """A session's folder, as the system would give it; not among the temporary files, as far as anybody can tell."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
        folder = tmp_path / "session"
        monkeypatch.setattr(platformdirs.unix.Unix, "user_runtime_dir", str(folder / "scumble"))
        return folder

    def test_the_systems_own_is_taken(self, session):
        session.mkdir(mode=0o700)
        assert Places.of_user().runtime == session / "scumble"

    @pytest.mark.parametrize("mode", [None, 0o755])
    def test_one_that_is_not_there_or_open_to_others_is_not_taken(self, session, mode):
        if mode is not None:
            session.mkdir(mode=mode)
        found = Places.of_user()
        assert found.runtime == found.spool.parent / "run"

    def test_without_one_it_is_the_users_own_and_nothing_is_said(self, fallback):
        found = Places.of_user()
        assert found.runtime == found.spool.parent / "run"

    def test_one_that_somebody_else_has_taken_is_left_alone(self, monkeypatch):
        def refuse(self) -> str:
            raise PermissionError("not yours")

        monkeypatch.setattr(platformdirs.unix.Unix, "user_runtime_dir", property(refuse))
        found = Places.of_user()
        assert found.runtime == found.spool.parent / "run"
