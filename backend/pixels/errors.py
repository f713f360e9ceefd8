"""What can go wrong with a picture file."""

from __future__ import annotations

from protocol import Failure, carriable


class PictureError(Exception):
    """A picture file that cannot be read or written. Says what happened, and what to do about it."""

    def __init__(self, happened: str, remedy: str) -> None:
        self.happened = carriable(happened)
        self.remedy = carriable(remedy)
        super().__init__(f"{self.happened} {self.remedy}")

    @property
    def failure(self) -> Failure:
        """The same for a painter who asked through a program."""
        return Failure("picture_file", self.happened, self.remedy)
