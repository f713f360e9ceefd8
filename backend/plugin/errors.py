"""What keeps the plugin from being installed."""

from __future__ import annotations

from protocol import Failure


class CannotInstall(Exception):
    """Nothing was installed, or nothing removed; `failure` says why and what to do."""

    def __init__(self, code: str, happened: str, remedy: str) -> None:
        super().__init__(f"{happened} {remedy}")
        self.failure = Failure(code, happened, remedy)


def not_written(path: object, error: OSError) -> CannotInstall:
    """Return the failure of a file or folder that cannot be written or removed."""
    return CannotInstall(
        "not_written",
        f"{path} cannot be changed: {error.strerror or error}.",
        "Close Krita, see to it that the folder is yours and that there is room, and try again.",
    )
