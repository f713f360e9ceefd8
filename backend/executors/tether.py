"""Ties a worker's life to its server's, as far as the system can."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""From linux/prctl.h; see prctl(2)."""

_FIRST_TO_GO: Final = 500
"""Added to the worker's badness, from -1000 to 1000 (proc(5), oom_score_adj): when memory runs out the system shall end the
worker, which is replaced, and not Krita with the painter's work in it."""


def tether() -> None:
    """Have the system end this process when its server is gone, and end it first when memory runs out. Linux only.

    It is the second safety. The first, everywhere, is that the worker reads the end of its input; that one needs the GIL,
    which a library may hold for long. The signal comes when the *thread* ends that started the worker, so a server must
    start it from one that lives as long as itself. That the server went before this call needs no test of `getppid`
    here (a subreaper would make it lie): the input is at its end then, and the reader sees it.
    """
    # Ctrl-C in the server's terminal reaches the worker too; it ends when the server does, and without a traceback
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), *[ctypes.c_ulong(0)] * 3)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(_FIRST_TO_GO), encoding="ascii")
