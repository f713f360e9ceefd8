"""Whether a process is still there, and still the same one, as far as the platform tells cheaply and without psutil."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

START_TOLERANCE: Final = 60.0
"""Seconds by which a process may seem to have started earlier or later than it said: the clock may have been set since.
Far less than it takes until a process id is given out again."""


def may_live(process: int, started: float) -> bool:
    """Return False when the process `process` that began at `started`, in seconds since 1970, certainly is not there.

    Linux and Windows tell when a process began. macOS only tells that there is one of this number.
    """
    if process <= 0:
        return False
    if sys.platform == "win32":
        return _may_live_on_windows(process, started)
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        # there is one, but it is another user's
        return False
    return _may_live_on_linux(process, started) if sys.platform == "linux" else True


def _may_live_on_linux(process: int, started: float) -> bool:
    try:
        # the command's name stands in parentheses and may itself hold some
        fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        # fields 3 and 22 of proc_pid_stat(5): state, and start in clock ticks since boot
        state, ticks = fields[0], float(fields[19])
        boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, IndexError, AttributeError):
        return True
    return state not in "ZX" and abs(boot + ticks / os.sysconf("SC_CLK_TCK") - started) <= START_TOLERANCE


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    def _may_live_on_windows(process: int, started: float) -> bool:
        query_limited_information, still_active = 0x1000, 259
        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = wintypes.HANDLE
        kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
        kernel.GetExitCodeProcess.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))
        kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
        kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
        handle = kernel.OpenProcess(query_limited_information, False, process & 0xFFFFFFFF)
        if not handle:
            return False
        try:
            code, times = wintypes.DWORD(), [wintypes.FILETIME() for _ in range(4)]
            if kernel.GetExitCodeProcess(handle, ctypes.byref(code)) and code.value != still_active:
                return False
            if not kernel.GetProcessTimes(handle, *map(ctypes.byref, times)):
                return True
            # FILETIME counts 100 ns since 1601, which is this many seconds before 1970
            began = (times[0].dwHighDateTime << 32 | times[0].dwLowDateTime) / 1e7 - 11_644_473_600
            return abs(began - started) <= START_TOLERANCE
        finally:
            kernel.CloseHandle(handle)
