"""The plugin's log: in its place, small, and never in Krita's way."""

import logging

import pytest

from krita_plugin import log as module
from krita_plugin.log import log_to


@pytest.fixture(autouse=True)
def undone():
    ours = logging.getLogger("krita_plugin")
    before = (list(ours.handlers), ours.level, ours.propagate)
    yield
    for handler in [found for found in ours.handlers if found not in before[0]]:
        ours.removeHandler(handler)
        handler.close()
    ours.level, ours.propagate = before[1:]


def test_it_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOG_BYTES", 2000)
    log_to(tmp_path / "logs" / "plugin.log")
    for number in range(200):
        logging.getLogger("krita_plugin.studio.queue").info("line %d \udcff", number)
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["plugin.log", "plugin.log.1"]
    assert all(path.stat().st_size <= 2000 for path in (tmp_path / "logs").iterdir())
    assert "line 199 \\udcff" in (tmp_path / "logs" / "plugin.log").read_text("utf-8")


def test_a_log_that_cannot_be_written_keeps_nothing_from_working(tmp_path):
    (tmp_path / "file").touch()
    assert log_to(tmp_path / "file" / "plugin.log") is None
