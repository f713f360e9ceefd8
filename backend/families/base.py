"""What the adapters of all families have in common: a picture coder, and defaults for what most models are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from protocol import Extent

from .adapter import Beside, Encoded
from .guidance import classifier_free


class Coder(Protocol):
    """Pictures `[n, 3, height, width]`, -1 to 1, to latents as the denoiser wants them and back; see `vae.PictureCoder`."""

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        ...

    @property
    def scale(self) -> int:
        """Pixels per latent on each side."""
        ...

    def encode(self, rgb: torch.Tensor) -> Encoded:
        """Encode pictures."""
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents; the answer is float32."""
        ...

    @property
    def in_full(self) -> bool:
        """Whether it calculates in float32."""
        ...

    def turn_full(self) -> None:
        """Calculate in float32 from now on."""
        ...


class CodedModel:
    """A model that paints latents which a coder makes into pictures; a family's adapter adds text, schedule and denoiser.

    As it stands the denoiser is shown nothing beside the latents, and guidance is plain.
    """

    takes_mask = False
    references = 0

    _parts: Any = None

    def __init__(self, coder: Coder, device: torch.device) -> None:
        self.device = device
        self.latent_scale = coder.scale
        self._coder = coder

    @property
    def parts(self) -> Any:  # noqa: ANN401 - untyped library
        """diffusers' pipeline that holds the components."""
        return self._parts

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents; raises ValueError when the sides are no multiples of the latent scale."""
        scale = self._coder.scale
        if extent.width % scale or extent.height % scale:
            raise ValueError(f"{extent} pixels are no multiple of {scale}")
        return (1, self._coder.channels, extent.height // scale, extent.width // scale)

    def encode_image(self, rgb: torch.Tensor) -> Encoded:
        """Encode a picture `[1, 3, height, width]`, -1 to 1."""
        return self._coder.encode(rgb)

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """Nothing."""
        return None

    def guide(self, away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float) -> torch.Tensor:
        """Plain classifier-free guidance, rescaled."""
        return classifier_free(away, towards, guidance, rescale)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents `[1, ...]` in the coder's dtype; the answer is float32."""
        return self._coder.decode(latents)

    def seen(self, latents: torch.Tensor) -> torch.Tensor:
        """All of it."""
        return latents

    @property
    def decodes_in_full(self) -> bool:
        """Whether `decode` calculates in float32."""
        return self._coder.in_full

    def decode_in_full(self) -> None:
        """Calculate in float32 in `decode` from now on."""
        self._coder.turn_full()
