"""The LoRAs that the backend has, and which of them a model can use."""

from __future__ import annotations

from ..bundled import protocol


class Loras:
    """What the backend has told of them; what an earlier connection told holds until a new one has told it anew."""

    def __init__(self) -> None:
        self.folder = ""
        self._loras: tuple[protocol.LoraInfo, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any, for whatever model, sound or not."""
        return bool(self._loras)

    def hear(self, news: protocol.Loras | protocol.Refused) -> None:
        """Take the backend's answer."""
        if isinstance(news, protocol.Loras):
            self._loras, self.folder = news.loras, news.folder
        elif news.failure.code == "unknown_request":
            # one of before version 1.3
            self._loras, self.folder = (), ""

    def for_model(self, model: protocol.ModelInfo | None) -> tuple[str, ...]:
        """Return the names of those that are made for a model's family, as prompts ask for them."""
        if model is None:
            return ()
        return tuple(lora.name for lora in self._loras if model.family in lora.families and not lora.problem)
