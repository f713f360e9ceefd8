"""Work that would hold Krita's main thread, in a thread beside it, and its answers back in the main thread."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from ..qt import QtCore

T = TypeVar("T")

JOIN_SECONDS: Final = 2.0
"""At Krita's end, for what is still to be written; a disk that does not answer holds Krita no longer."""

_Work = Callable[[], Any]
_Answer = Callable[[], None]


class Aside(QtCore.QObject):
    """One thread that does one thing after the other, in the order in which they were asked for.

    Every method is for the thread that made this, and there the answers come, one a turn of its event loop. What an answer
    raises goes to `fault`, and so does what the work raises where nobody asked for that.
    """

    _woken = QtCore.pyqtSignal()

    def __init__(self, fault: Callable[[Exception], None], parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._fault = fault
        self._asked: queue.SimpleQueue[Callable[[], _Answer] | None] = queue.SimpleQueue()
        self._answers: deque[_Answer] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._woken.connect(self._deliver, QtCore.Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]

    def do(
        self,
        work: Callable[[], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Have `work` done in the thread; `then` gets what it returns, `failed` what it raises. Nothing after `close`."""
        if self._closed:
            return

        def carry_out() -> _Answer:
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - told in the main thread
                raised = error
                return lambda: (failed or self._fault)(raised)
            return lambda: then(found) if then is not None else None

        if self._thread is None:
            # a daemon: should it ever hang, Krita quits without it
            self._thread = threading.Thread(target=self._live, name="scumble-aside", daemon=True)
            self._thread.start()
        self._asked.put(carry_out)

    def close(self) -> None:
        """Finish what was asked for, up to `JOIN_SECONDS`. No answer comes after it. Any number of times."""
        self._closed = True
        self._answers.clear()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(None)
            thread.join(JOIN_SECONDS)

    @QtCore.pyqtSlot()
    def _deliver(self) -> None:
        if self._closed or not self._answers:
            return
        try:
            self._answers.popleft()()
        except Exception as error:  # noqa: BLE001 - a slot must not raise inside Krita
            self._fault(error)

    def _live(self) -> None:
        while (carry_out := self._asked.get()) is not None:
            self._answers.append(carry_out())
            # Qt may have deleted this object just now
            with contextlib.suppress(RuntimeError):
                self._woken.emit()
