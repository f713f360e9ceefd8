"""What is known of the backend: how the link to it stands, its models and styles, and when to start it again."""

from __future__ import annotations

import logging
from typing import Final

from ..bundled import protocol
from ..link.link import Link
from ..link.standing import LinkState
from .loras import Loras
from .views import BackendState, BackendView

log = logging.getLogger(__name__)

MOST_RESTARTS: Final = 3
"""Starts of a backend that ended by itself, until something has been finished in between: a picture that brings it down each
time must not do so for ever."""

_STATES: Final = {
    LinkState.ABSENT: BackendState.NOT_RUNNING,
    LinkState.STARTING: BackendState.STARTING,
    LinkState.CONNECTING: BackendState.CONNECTING,
    LinkState.READY: BackendState.READY,
    LinkState.LOST: BackendState.LOST,
    LinkState.REFUSED: BackendState.REFUSED,
    LinkState.CLOSED: BackendState.NOT_RUNNING,
}

NO_MODEL: Final = protocol.Failure(
    "no_model", "The backend has no model that it can paint with.", "Look at 'scumble doctor' in a terminal."
)


class Backend:
    """The backend as this Krita knows it. What was told by an earlier connection holds until a new one has told it anew."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.models: tuple[protocol.ModelInfo, ...] = ()
        self.styles: tuple[protocol.Style, ...] = ()
        self.folder = ""
        self.problems: tuple[protocol.Failure, ...] = ()
        self.loras = Loras()
        self.limits = protocol.Limits()
        self.device: protocol.DeviceInfo | None = None
        self._told: set[str] = set()
        self._unlisted: protocol.Failure | None = None
        self._restarts = 0
        self._starting = False
        self._stopped = False
        self._given_up = False

    @property
    def ready(self) -> bool:
        """Whether requests reach it."""
        return self._link.state is LinkState.READY

    @property
    def known(self) -> bool:
        """Whether it is ready and has told its models and styles since."""
        return self.ready and self._told >= {"models", "styles"}

    @property
    def startable(self) -> bool:
        """Whether none runs, and one may be started."""
        return self._link.state is LinkState.ABSENT

    def view(self, painting: bool, others: int) -> BackendView:
        """Return how it stands; `painting` is whether a job of ours is being painted, `others` how many come before."""
        state = _STATES[self._link.state]
        if state is BackendState.READY and (painting or others):
            state = BackendState.BUSY
        device = self.device.name if self.device is not None and self.ready else ""
        return BackendView(state, self._link.trouble, self.startable, self.ready, device, others)

    def greet(self) -> None:
        """Ask a backend that has just become ready what it has."""
        self._told.clear()
        self._given_up, self._unlisted = False, None
        for question in (protocol.ListModels(), protocol.ListStyles(), protocol.ListLoras(), protocol.GetStatus()):
            self._link.request(question)

    def ask_loras(self) -> None:
        """Ask which LoRAs there are now, where it is ready."""
        if self.ready:
            self._link.request(protocol.ListLoras())

    def ask_models_again(self) -> None:
        """Ask for the models once more, where it could not list them: what made that fail may be over."""
        if self._unlisted is not None and self.ready:
            self._unlisted = None
            self._told.discard("models")
            self._link.request(protocol.ListModels())

    def stands(self) -> None:
        """The link has told how it stands: what was asked of it before has been heard."""
        self._starting = False

    def hear(self, news: protocol.News) -> bool:
        """Take what it tells of itself; return whether it was that."""
        if isinstance(news, protocol.Welcome):
            self.limits, self.device = news.limits, news.device
        elif isinstance(news, protocol.Status):
            self.device = news.device or self.device
        elif isinstance(news, protocol.Models):
            self.models = news.models
            self._told.add("models")
        elif isinstance(news, protocol.Refused) and news.request == "list_models":
            # what was known before may still be there; where nothing was, whoever waits is told why
            self._unlisted = news.failure
            self._told.add("models")
        elif isinstance(news, protocol.Styles):
            self.styles, self.folder, self.problems = news.styles, news.folder, news.problems
            self._told.add("styles")
        elif isinstance(news, protocol.Refused) and news.request == "list_styles":
            if news.failure.code == "unknown_request":
                # one of before version 1.1
                self.styles, self.folder, self.problems = (), "", ()
            self._told.add("styles")
        elif isinstance(news, protocol.Loras) or (isinstance(news, protocol.Refused) and news.request == "list_loras"):
            self.loras.hear(news)
        else:
            return False
        return True

    def choices(self) -> tuple[protocol.Style, ...]:
        """Return the styles to choose from: those it told, else one for each usable model."""
        if self.styles:
            return self.styles
        return tuple(protocol.Style(name=model.name, model=model.id) for model in self.models if not model.problem)

    def style(self, name: str) -> protocol.Style | protocol.Failure:
        """Return the style of that name, "" for the first. A Failure where it or its model is gone; only when `known`."""
        choices = self.choices()
        if self._unlisted is not None and not self.models:
            return self._unlisted
        if not choices:
            return NO_MODEL
        style = next((style for style in choices if style.name == name), None) if name else choices[0]
        if style is None:
            return protocol.Failure(
                "style_gone", f"There is no style {name!r} any more.", "Choose another style, then generate again."
            )
        model = self._model(style)
        if model is not None and not model.problem:
            return style
        why = f": {model.problem}" if model is not None else f": {style.model!r} is not there"
        return protocol.Failure(
            "model_gone",
            f"The model of the style {style.name!r} cannot be used{why.rstrip('.')}.",
            "Choose another style, or put the model back into its folder and restart the backend.",
        )

    def model(self, name: str) -> protocol.ModelInfo | None:
        """Return the model of the style of that name, "" for the first; None while nothing is known of it, or it cannot be used."""
        style = next((style for style in self.choices() if style.name == name or not name), None)
        model = self._model(style) if style is not None else None
        return model if model is not None and not model.problem else None

    def context(self, name: str) -> protocol.Context | None:
        """Return the surroundings that the style's model wants to see, None while nothing is known of it."""
        model = self.model(name)
        return model.context if model is not None else None

    def most_layers(self, name: str) -> int:
        """Return into how many layers the style's model takes a picture apart at most; 0 where it does not, or none is known."""
        style = next((style for style in self.choices() if style.name == name or not name), None)
        model = self._model(style) if style is not None else None
        return model.layers if model is not None and not model.problem else 0

    def start(self) -> None:
        """Start it, as the painter wishes."""
        self._stopped, self._given_up, self._restarts = False, False, 0
        self._start()

    def start_again(self) -> bool:
        """Start one that jobs wait for, unless the painter stopped it; return False once it is to be given up."""
        if self._stopped or self._starting or self._given_up:
            return True
        if self._restarts >= MOST_RESTARTS:
            self._given_up = True
            return False
        self._restarts += 1
        self._start()
        return True

    def stop(self, force: bool) -> None:
        """Ask it to stop; with `force` also while it paints. Does nothing where it is not ready."""
        if self.ready:
            self._stopped = True
            self._link.request(protocol.Shutdown(force))

    def stays(self) -> None:
        """It has refused to stop."""
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether the painter has stopped it, and not wanted it since."""
        return self._stopped

    def is_well(self) -> None:
        """It has finished something: the next time that it ends is a first time again."""
        self._restarts = 0

    def _start(self) -> None:
        self._starting = True
        self._link.start_backend()

    def _model(self, style: protocol.Style) -> protocol.ModelInfo | None:
        if style.model:
            return next((model for model in self.models if model.id == style.model), None)
        return next((model for model in self.models if not model.problem), None)
