"""The processor's name as its maker gives it, since Python's own `platform` only knows its kind."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor_name() -> str:
    """Return what a person calls this processor; its kind, as "x86_64", where the system does not tell more."""
    try:
        told = _told()
    except (OSError, subprocess.SubprocessError):
        told = ""
    plain = re.sub(r"\((R|TM|C)\)", "", told, flags=re.IGNORECASE)
    return " ".join(plain.split()) or platform.processor() or platform.machine() or "processor"


if sys.platform == "win32":
    import winreg

    def _told() -> str:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0])

elif sys.platform == "darwin":

    def _told() -> str:
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout  # noqa: S603

else:

    def _told() -> str:
        # ARM machines have no such line
        found = re.search(r"^model name\s*:\s*(.+)$", CPUINFO.read_text("utf-8", "replace"), re.MULTILINE)
        return found[1] if found else ""
