"""The UNets of Stable Diffusion 1.x and XL: what they take beside the latents, and whether text encoders and VAE fit them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from backend.families.facts import Readings, Variant

from .components import agree, fits
from .folder import FETCH_AGAIN, ModelFolder, as_value
from .problems import NotUsable
from .schedulers import read_noise
from .vaes import STEM, Latents
from .weights import read_weights

NAME: Final = "unet/config.json"

SPECIAL_INPUTS: Final = {
    5: "a depth map",
    7: "a picture to enlarge",
    8: "a picture to edit by instruction",
}
"""What a UNet of four latent channels takes beside the latents, by its number of input channels, where that is not run."""

FEW_STEPS: Final = 4
"""Of distilled UNets: one to four for SD Turbo and SDXL Turbo, two to eight for latent consistency models, by their cards."""

NO_GUIDANCE: Final = 1.0

CONSISTENCY_GUIDANCE: Final = 8.0
"""That latent consistency models are told, by their cards."""


@dataclass(frozen=True)
class UnetConfig:
    """What bears on planning and on whether it can be run at all; defaults as in diffusers."""

    in_channels: int = 4
    out_channels: int = 4
    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    cross_attention_dim: int = 1280
    sample_size: int | None = None
    addition_embed_type: str | None = None
    addition_time_embed_dim: int | None = None
    projection_class_embeddings_input_dim: int | None = None
    class_embed_type: str | None = None
    encoder_hid_dim_type: str | None = None
    time_cond_proj_dim: int | None = None

    @property
    def variant(self) -> Variant:
        """The ordinary one, or one for inpainting, which takes a mask and the latents of the masked picture."""
        return "base" if self.in_channels == self.out_channels else "inpaint"


def read_unet(folder: ModelFolder, text_width: int, beside: str | None) -> UnetConfig:
    """Read a UNet that hears text of `text_width`, and `beside` the prompt what diffusers calls so. Raises NotUsable."""
    plain = folder.read_object(NAME)
    sides = plain.get("sample_size")
    if type(sides) is list and all(type(side) is int for side in sides):
        # diffusers allows [height, width]; the native side is that of the square with at least as much
        plain["sample_size"] = max(sides, default=None)
    config = as_value(UnetConfig, plain, NAME)
    _require_inputs(config)
    embedded = None if config.addition_embed_type == beside else config.addition_embed_type
    for what in (embedded, config.class_embed_type, config.encoder_hid_dim_type):
        if what is not None:
            raise NotUsable(f"Its UNet wants {what[:60]!r} beside the prompt, which this version does not give it.")
    if beside is not None and config.addition_embed_type is None:
        raise NotUsable(f"Its UNet does not take {beside!r}, which its family has. {FETCH_AGAIN}")
    agree(config.cross_attention_dim, text_width, "UNet reads text {} wide", "text encoder writes {}")
    if not 1 <= len(config.block_out_channels) <= 8 or (config.sample_size is not None and config.sample_size < 1):
        raise NotUsable(f"Its file {NAME} says something impossible. {FETCH_AGAIN}")
    weights = read_weights(folder, "unet", STEM)
    fits(weights, "unet", "conv_in.weight", (config.block_out_channels[0], config.in_channels))
    return config


def _require_inputs(config: UnetConfig) -> None:
    if config.in_channels in (config.out_channels, 2 * config.out_channels + 1):
        return
    beside = SPECIAL_INPUTS.get(
        config.in_channels, f"{config.in_channels} channels where {config.out_channels} are expected"
    )
    raise NotUsable(
        f"Its UNet takes {beside}, which this version does not give it. Use the ordinary model that it was made from: it fills"
        " selections as well."
    )


def readings_of(folder: ModelFolder, unet: UnetConfig, latents: Latents, text_length: int) -> Readings:
    """Put together what UNet, VAE and schedule say. Raises NotUsable when they do not fit each other."""
    agree(latents.channels, unet.out_channels, "VAE has {} latent channels", "UNet {}")
    scheduler, prediction = read_noise(folder)
    readings = Readings(
        native=None if unet.sample_size is None else unet.sample_size * latents.scale,
        vae_scale=latents.scale,
        downsampling=2 ** (len(unet.block_out_channels) - 1),
        latent_channels=latents.channels,
        text_length=text_length,
        prediction=prediction,
        variant=unet.variant,
        sampler="lcm" if scheduler.consistency else None,
    )
    return distilled(
        readings, told=unet.time_cond_proj_dim is not None, few=scheduler.consistency or scheduler.adversarial
    )


def distilled(readings: Readings, told: bool, few: bool) -> Readings:
    """Give a UNet that is `told` its guidance, or that was trained for `few` steps, defaults of its own."""
    if told:
        guided = replace(readings, guidance_kind="embedded", guidance=CONSISTENCY_GUIDANCE)
        return replace(guided, steps=FEW_STEPS, sampler="lcm")
    if few:
        # classifier-free guidance stays possible: an ordinary model may have been saved with such a schedule
        return replace(readings, steps=FEW_STEPS, guidance=NO_GUIDANCE)
    return readings
