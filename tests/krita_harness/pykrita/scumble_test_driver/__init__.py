"""For tests only: runs the checks of $SCUMBLE_TEST_SCRIPT inside Krita, writes $SCUMBLE_TEST_RESULT, ends with a code.

A check is a function `check_...(t)`, or a generator: `yield` hands control back to Qt's event loop once, `yield seconds`
waits, and `yield condition` waits until the callable returns true, for `CONDITION_SECONDS` at most or, by `yield condition, seconds`,
for so long. The folder $SCUMBLE_TEST_PATH is put first on the path. Checks run in the order of the file; one that fails does not
keep the others from running. `t.note()` writes a line into the result.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
import traceback

import pykrita
from krita import Krita

if getattr(pykrita, "qt_major_version", lambda: 5)() == 6:
    from PyQt6.QtCore import QTimer
    from PyQt6.QtWidgets import QApplication, QLabel
else:
    from PyQt5.QtCore import QTimer
    from PyQt5.QtWidgets import QApplication, QLabel

PASSED, FAILED, TIMED_OUT, UNEXPECTED_MODAL = 0, 1, 3, 4

CONDITION_SECONDS = 40
"""How long a condition may take. The slowest, a first redraw in software, took one second on a machine at rest; where seven
others wanted its two cores, ten did not always suffice."""


class Driver:
    """Runs the checks one by one from a timer, watched by a second one."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.told = {"detail": "Krita ended before the checks did", "checks": {}, "notes": []}
        self.limit = float(os.environ["SCUMBLE_TEST_LIMIT"])
        self.begun = time.monotonic()
        self.expect_modal = False
        self._checks = None
        self._name = ""
        self._steps = None
        self._wait = None
        self._patience = self._given_up = 0.0
        self._inside = False
        self._modal_seen = 0
        self._ready_since = None
        # Krita's own hook shows a dialog and prints nothing
        sys.excepthook = lambda *exc: self.finish(FAILED, "".join(traceback.format_exception(*exc)))
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        # Qt fires no timer again inside its own slot, and a modal dialog runs its loop inside of _tick()
        self._watch = QTimer()
        self._watch.setInterval(250)
        self._watch.timeout.connect(self._look)
        self._watch.start()

    def note(self, *words: object) -> None:
        """Write a line into the result."""
        self.told["notes"].append(" ".join(str(word) for word in words))
        self._write()

    def shot(self, path: str) -> None:
        """Save a picture of Krita's window."""
        Krita.instance().activeWindow().qwindow().grab().save(path)

    def finish(self, code: int, detail: str = "") -> None:
        """Write the result and leave; os._exit is the only way that carries a code and never crashes or asks to save."""
        self.told["detail"] = detail
        self._write()
        os._exit(code)

    def _write(self) -> None:
        path = os.environ["SCUMBLE_TEST_RESULT"]
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.told, file)
        os.replace(path + ".part", path)

    def _look(self) -> None:
        modal = QApplication.activeModalWidget()
        if time.monotonic() - self.begun > self.limit:
            self.finish(
                TIMED_OUT, f"no end after {self.limit:g} s, in {self._name or 'the start'}; modal dialog: {modal}"
            )
        self._modal_seen = 0 if modal is None or self.expect_modal else self._modal_seen + 1
        if self._modal_seen >= 3:
            words = [label.text() for label in modal.findChildren(QLabel) if label.text()]
            self.finish(
                UNEXPECTED_MODAL,
                f"{modal.metaObject().className()} {modal.windowTitle()!r} {words[:3]} in {self._name}",
            )

    def _tick(self) -> None:
        if self._inside:
            return
        self._inside = True
        try:
            self._advance()
        finally:
            self._inside = False

    def _advance(self) -> None:
        if self._checks is None:
            self._load_when_ready()
        elif self._steps is None:
            self._begin_next()
        elif self._may_go_on():
            self._step()

    def _load_when_ready(self) -> None:
        if Krita.instance().activeWindow() is None:
            return
        self._ready_since = self._ready_since or time.monotonic()
        if time.monotonic() - self._ready_since < 0.3:
            return
        Krita.instance().setBatchmode(True)
        # what stands beside the script is its to import, as Python itself has it
        for folder in (os.path.dirname(self.script), os.environ.get("SCUMBLE_TEST_PATH")):
            if folder:
                sys.path.insert(0, folder)
        space = {"__name__": "scumble_test_script", "__file__": self.script}
        try:
            with open(self.script, encoding="utf-8") as file:
                exec(compile(file.read(), self.script, "exec"), space)
        except Exception:  # noqa: BLE001 - whatever a check raises is its result
            self.finish(FAILED, traceback.format_exc())
        self._checks = iter([(name, check) for name, check in space.items() if name.startswith("check_")])

    def _begin_next(self) -> None:
        self._name, check = next(self._checks, ("", None))
        if check is None:
            self.finish(FAILED if any(self.told["checks"].values()) else PASSED)
        # so that a crash of Krita itself is told as this check's
        self.told["checks"][self._name] = "Krita ended in the middle of this"
        self._write()
        try:
            steps = check(self)
        except Exception:  # noqa: BLE001 - whatever a check raises is its result
            self._end(traceback.format_exc())
            return
        if hasattr(steps, "__next__"):
            self._steps, self._wait = steps, None
        else:
            self._end("")

    def _may_go_on(self) -> bool:
        if not callable(self._wait):
            return self._wait is None or time.monotonic() >= self._wait
        try:
            if self._wait():
                return True
        except Exception:  # noqa: BLE001 - whatever a check raises is its result
            self._end(traceback.format_exc())
            return False
        if time.monotonic() > self._given_up:
            inner = self._steps
            while getattr(inner, "gi_yieldfrom", None) is not None:
                inner = inner.gi_yieldfrom
            line = inner.gi_frame.f_lineno
            self._steps.close()
            self._end(f"the condition at line {line} did not come true in {self._patience:g} s")
        return False

    def _step(self) -> None:
        try:
            wait = next(self._steps)
        except StopIteration:
            self._end("")
        except Exception:  # noqa: BLE001 - whatever a check raises is its result
            self._end(traceback.format_exc())
        else:
            wait, patience = wait if isinstance(wait, tuple) else (wait, CONDITION_SECONDS)
            self._wait = wait if callable(wait) or wait is None else time.monotonic() + wait
            self._patience, self._given_up = patience, time.monotonic() + patience

    def _end(self, problem: str) -> None:
        self.told["checks"][self._name] = problem
        self._steps = None


# where a crash of Krita's own came from, at least on Python's side
faulthandler.enable()
script = os.environ.get("SCUMBLE_TEST_SCRIPT")
driver = Driver(script) if script else None
