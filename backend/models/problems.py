"""Why a model cannot be used."""

from __future__ import annotations

from protocol import Failure


class NotUsable(Exception):
    """A model's files are not what can be run. The text says to the painter what is wrong and what to do."""


class ModelError(Exception):
    """A model that was asked for cannot be had; `failure` says why, and what to do."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure
