"""Checkpoints of Stable Diffusion 1.x and XL in a single file, recognised by the names and shapes of their tensors alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backend.families.facts import Prediction, Readings
from backend.families.facts.written import usual_name

from . import layouts
from .checkpoint import (
    UNET,
    Shape,
    TextLayers,
    UnetBlocks,
    VaeBlocks,
    clip_shapes,
    open_clip_shapes,
    unet_shapes,
    vae_shapes,
)
from .companions import Companions
from .eight_bits import UNREAD, unread_scale
from .flux_file import read_flux_file
from .folder import FETCH_AGAIN
from .foreign import TEXT, foreign
from .headers import Tensor
from .layouts import Layout
from .problems import NotUsable
from .schedulers import UNKNOWN_NOISE
from .sd3_file import read_sd3_file
from .transformer_file import IncompleteFile, TransformerFile
from .unets import SPECIAL_INPUTS

FIRST: Final = f"{UNET}input_blocks.0.0.weight"
"""The UNet's first convolution: what it takes is the second side of its shape."""

V_PREDICTION: Final = "v_pred"
ZERO_SNR: Final = "ztsnr"
"""Empty tensors that trainers leave in checkpoints for want of a configuration: the UNet predicts velocity, or was trained up to
zero terminal SNR (Lin et al. 2024, arXiv 2305.08891)."""

EDM: Final = ("edm_mean", "edm_std", "edm_vpred.")
"""With which the names of numbers begin that stand in checkpoints trained with EDM's noise (Karras et al. 2022, arXiv 2206.00364)."""

SECOND_CLIP: Final = "conditioner.embedders.1.model."

_FOLDER: Final = "Fetch the same model as a folder in diffusers' layout."


_TRANSFORMERS: Final = {"flux": read_flux_file, "sd3": read_sd3_file}
"""Of the families whose transformers are read in files of their own."""


@dataclass(frozen=True)
class SingleFile:
    """A checkpoint: the file, the architecture, and in what it differs from the one that its makers published."""

    file: Path
    layout: Layout
    in_channels: int
    prediction: Prediction
    zero_snr: bool

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A folder in diffusers' layout, for as long as loading takes, whose weights are in the file."""
        schedule: dict[str, Any] = {"prediction_type": self.prediction}
        if self.zero_snr:
            schedule |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
        changes = {"unet/config.json": {"in_channels": self.in_channels}, "scheduler/scheduler_config.json": schedule}
        with tempfile.TemporaryDirectory(prefix="scumble-model-") as name:
            self.layout.unpack(Path(name), self.file, changes)
            yield Path(name)


class ForeignFile(NotUsable):
    """A single file that is something else; `family` is that of a model, empty where it is none or not known."""

    def __init__(self, problem: str, family: str = "") -> None:
        super().__init__(problem)
        self.family = family


def read_single_file(
    file: Path, tensors: Mapping[str, Tensor], companions: Companions
) -> tuple[SingleFile | TransformerFile, Readings]:
    """Say what the checkpoint with these tensors is. Raises ForeignFile when it is none, or not whole.

    `companions` are the files beside it, for what a transformer alone lacks.
    """
    if not any(name.startswith(f"{UNET}input_blocks.") for name in tensors):
        other = foreign(tensors)
        read = _TRANSFORMERS.get(other.family)
        if read is None:
            raise ForeignFile(other.problem, other.family)
        try:
            return read(file, tensors, companions)
        except IncompleteFile as problem:
            raise ForeignFile(str(problem), other.family) from problem
    if unread_scale(tensors) is not None:
        raise ForeignFile(f"It is a checkpoint whose {UNREAD}")
    tensors = {usual_name(name): tensor for name, tensor in tensors.items()}
    layout, blocks = _layout_of(tensors)
    if any(name.startswith(EDM) for name in tensors):
        raise ForeignFile(UNKNOWN_NOISE, layout.family)
    vae = layout.read(VaeBlocks, "vae/config.json")
    in_channels = _in_channels(tensors, vae.latent_channels, layout)
    _require(tensors, vae_shapes(vae), "VAE", layout)
    text = layout.read(TextLayers, "text_encoder/config.json")
    if layout.family == "sdxl":
        _require(tensors, clip_shapes("conditioner.embedders.0.transformer.", text), "first text encoder", layout)
        second = layout.read(TextLayers, "text_encoder_2/config.json")
        _require(tensors, open_clip_shapes(SECOND_CLIP, second), "second text encoder", layout)
    else:
        _require(tensors, clip_shapes("cond_stage_model.transformer.", text), "text encoder", layout)
    single = SingleFile(
        file=file,
        layout=layout,
        in_channels=in_channels,
        prediction="v_prediction" if V_PREDICTION in tensors else "epsilon",
        zero_snr=ZERO_SNR in tensors,
    )
    scale = 2 ** (len(vae.block_out_channels) - 1)
    readings = Readings(
        native=blocks.sample_size * scale,
        vae_scale=scale,
        downsampling=2 ** (len(blocks.block_out_channels) - 1),
        latent_channels=vae.latent_channels,
        text_length=text.max_position_embeddings,
        prediction=single.prediction,
        variant="base" if in_channels == vae.latent_channels else "inpaint",
        full_vae=layout.family == "sdxl" and vae.force_upcast,
    )
    return single, readings


def _layout_of(tensors: Mapping[str, Tensor]) -> tuple[Layout, UnetBlocks]:
    """The architecture whose UNet has just these blocks."""
    for layout in layouts.LAYOUTS:
        blocks = layout.read(UnetBlocks, "unet/config.json")
        expected = unet_shapes(blocks)
        if all(_has(tensors, name, shape) for name, shape in expected.items()):
            return layout, blocks
    raise ForeignFile(_no_layout(tensors))


def _no_layout(tensors: Mapping[str, Tensor]) -> str:
    if "cond_stage_model.model.ln_final.weight" in tensors:
        return f"It is a Stable Diffusion 2.x model in a single file, which does not tell how it was trained. {_FOLDER}"
    if "conditioner.embedders.0.model.ln_final.weight" in tensors:
        return (
            "It is SDXL's refiner, which only finishes what another model began. Use an ordinary SDXL model: it refines as"
            " well."
        )
    return (
        "It is built like Stable Diffusion, but its UNet has other blocks than those of Stable Diffusion 1.x and XL: it was"
        f" pruned, or the file is not whole. {_FOLDER}"
    )


def _in_channels(tensors: Mapping[str, Tensor], latent_channels: int, layout: Layout) -> int:
    first = tensors.get(FIRST)
    found = first.shape[1] if first is not None and len(first.shape) == 4 else 0
    if found in (latent_channels, 2 * latent_channels + 1):
        return found
    beside = SPECIAL_INPUTS.get(found, f"{found} channels where {latent_channels} are expected")
    raise ForeignFile(
        f"Its UNet takes {beside}, which this version does not give it. Use the ordinary model that it was made from: it fills"
        " selections as well.",
        layout.family,
    )


def _require(tensors: Mapping[str, Tensor], expected: Mapping[str, Shape], part: str, layout: Layout) -> None:
    wrong = [name for name, shape in expected.items() if not _has(tensors, name, shape)]
    if not wrong:
        return
    if not any(name in tensors for name in expected):
        raise ForeignFile(f"It has no {part}: it is not the whole model. {_whole(tensors)}", layout.family)
    raise ForeignFile(
        f"Its {part} is not whole, or of another make: {wrong[0][:80]!r} is missing or of another shape. {FETCH_AGAIN}",
        layout.family,
    )


def _whole(tensors: Mapping[str, Tensor]) -> str:
    if any(name.startswith(TEXT) for name in tensors):
        return f"Fetch the whole checkpoint, which A1111 and ComfyUI load as well. {_FOLDER}"
    return f"Fetch the whole checkpoint and not the UNet alone. {_FOLDER}"


def _has(tensors: Mapping[str, Tensor], name: str, shape: Shape) -> bool:
    return name in tensors and tensors[name].shape[: len(shape)] == shape
