"""What the queue says when a job is refused or ends without a picture."""

from __future__ import annotations

from typing import Final

from protocol import Failure


class Refusal(Exception):
    """A request that is not carried out; `failure` tells why and what to do."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure


UNKNOWN_JOB: Final = Failure(
    "unknown_job",
    "The backend does not know this job.",
    "It has ended and was acknowledged, or it is too long ago. Generate it again.",
)

ID_IN_USE: Final = Failure(
    "id_in_use",
    "Another job of yours has the same id.",
    "Give each job an id of its own, as of a random UUID.",
)

NOT_ENDED: Final = Failure(
    "not_ended",
    "The job has not ended yet, so its end cannot have arrived.",
    "Acknowledge it when its end has arrived, or cancel it.",
)

SERVER_STOPPING: Final = Failure(
    "server_stopping",
    "The backend was stopped before this picture was finished.",
    "Start the backend and generate it again.",
)

EXECUTOR_FAULT: Final = Failure(
    "executor_fault",
    "The picture was not finished: the part of the backend that paints broke off.",
    "Try again. If it happens again, the backend's log tells more.",
)


def queue_full(waiting: int) -> Failure:
    """Return the refusal of a job beyond the bound of one installation."""
    return Failure(
        "queue_full", f"{waiting} of your jobs are waiting already.", "Wait until one is finished, or cancel some."
    )


def server_full(waiting: int) -> Failure:
    """Return the refusal of a job beyond the bound of all installations together."""
    return Failure(
        "server_full",
        f"The backend has {waiting} jobs of all programs, as many as it takes.",
        "Wait until some are finished.",
    )


def beyond_limit(what: str, got: int, most: int) -> Failure:
    """Return the refusal of a job above an announced limit."""
    return Failure("beyond_limit", f"The job asks for {got} {what}, at most {most} are allowed.", "Ask for less.")


def result_too_large(size: int, most: int) -> Failure:
    """Return the refusal of a job whose pictures would be more than is kept; sizes in bytes."""
    return Failure(
        "result_too_large",
        f"The pictures of this job together would be {size >> 20} MiB, at most {most >> 20} are allowed.",
        "Ask for fewer pictures or layers at once, or for a smaller part of the canvas.",
    )


def attachments_full(most: int) -> Failure:
    """Return the refusal of a job whose pixels have no room beside those of the waiting ones; `most` in bytes."""
    return Failure(
        "attachments_full",
        f"The pictures that wait to be painted over are more than {most >> 20} MiB together.",
        "Wait until some jobs are finished, or cancel some.",
    )


def content_size(expected: int, got: int) -> Failure:
    """Return the refusal of a job that declares another size for an attachment than it has; sizes in bytes."""
    return Failure(
        "bad_content",
        f"A picture of the job is declared as {expected} bytes, but its content has {got}.",
        "This is a fault of the program that sent the job, and worth reporting.",
    )
