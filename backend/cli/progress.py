"""What is shown while a job waits and runs: on a terminal a bar with place in the queue and time left, else lines to keep."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from protocol import Accepted, News, Queued, carriable
from protocol import Progress as Progressed

_STAGES = {
    "loading": "Loading the model",
    "encoding": "Reading the picture",
    "painting": "Painting",
    "decoding": "Finishing",
}

ECHO_COLUMNS = 4
"""Left free beside the bar: the terminal writes ^C there, and would go to the next line in a full one."""


class JobDisplay:
    """Shows one job on the console it is given; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = _Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            # a bar that cannot move is only noise in a file
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._swing("Connecting")

    def __enter__(self) -> JobDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Show a sentence above the bar, where it stays."""
        # in a file a sentence stays in one piece
        self._console.print(carriable(text), highlight=False, markup=False, soft_wrap=not self._console.is_terminal)

    def connecting(self) -> None:
        """Show that there is no connection yet, or again."""
        self._begin_anew("Connecting")

    def show(self, news: News) -> None:
        """Show what was heard of the job."""
        if isinstance(news, (Accepted, Queued)):
            self._waiting(news.place)
        elif isinstance(news, Progressed):
            self._progress.update(
                self._task,
                description=_what(news),
                # until something is done the bar swings: loading a model takes a while
                total=1.0 if news.fraction > 0 else None,
                completed=news.fraction,
                left=time_left(news.seconds_left),
            )

    def _waiting(self, place: int) -> None:
        text = "Next in line" if place == 0 else f"Waiting, {place} before this one"
        self._begin_anew(text)
        if place > 0 and not self._console.is_terminal:
            self.say(text)

    def _begin_anew(self, text: str) -> None:
        """Show a bar that swings; rich has no way back to it from one that measures."""
        self._progress.remove_task(self._task)
        self._task = self._swing(text)

    def _swing(self, text: str) -> TaskID:
        return self._progress.add_task(text, total=None, left="")


class _Bar(Progress):
    """rich's progress, a little less wide than the terminal."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield what is drawn."""
        for drawn in super().get_renderables():
            yield _Narrower(drawn)


class _Narrower:
    def __init__(self, drawn: RenderableType) -> None:
        self._drawn = drawn

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Constrain(self._drawn, max(1, options.max_width - ECHO_COLUMNS))


def _what(progress: Progressed) -> str:
    text = _STAGES[progress.stage]
    if progress.pictures > 1:
        text += f" {progress.picture + 1} of {progress.pictures}"
    return f"{text}, step {progress.step}/{progress.steps}" if progress.stage == "painting" and progress.steps else text


def time_left(seconds: float | None) -> str:
    """Return the time left in words, empty while it is unknown."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(1, round(seconds))} s left"
    return f"{round(seconds / 60)} min left"
