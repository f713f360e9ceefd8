"""What the flow-matching families have in common whose transformer takes two by two latent pixels for a token."""

from __future__ import annotations

from typing import Any

from protocol import Extent

from .base import CodedModel, Coder
from .schedule import FlowSchedule, dynamic_shift, even_sigmas
from .tokens import packed_shape, tokens_of


class TokenModel(CodedModel):
    """A model of such a transformer; a family's adapter adds text and denoiser.

    `parts` is diffusers' pipeline, a bag of components with helpers that is never called; `scheduler` is its scheduler's
    configuration.
    """

    def __init__(self, parts: Any, coder: Coder, scheduler: dict[str, Any]) -> None:  # noqa: ANN401 - untyped library
        super().__init__(coder, parts._execution_device)
        self._parts = parts
        self._transformer: Any = parts.transformer
        self._scheduler = scheduler

    @property
    def latent_channels(self) -> int:
        """Channels of the latents that the loop works on."""
        return self._coder.channels

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents; raises ValueError when the sides do not make up whole tokens."""
        return packed_shape(extent, self.latent_channels, self._coder.scale)

    def schedule(self, sampler: str, steps: int, strength: float, extent: Extent) -> FlowSchedule:
        """The steps of one picture, shifted by its size where the model wants that."""
        mu = self._shift(tokens_of(extent, self._coder.scale))
        return FlowSchedule(self._scheduler, sampler, steps, strength, self.device, mu, even_sigmas(steps))

    def _shift(self, tokens: int) -> float:
        return dynamic_shift(self._scheduler, tokens)
