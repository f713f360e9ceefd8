"""Trains the scribble ControlNet (Zhang et al. 2023) on the finished UNet: white lines on black, inner ones too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from ..data.render import scribble
from ..data.scenes import Composer
from . import team
from .captured import Captured
from .loop import Loop, autocast
from .times import SHIFT, shifted
from .unet import DROPPED, Batches, lesson, velocity_loss

if TYPE_CHECKING:
    from .parts import Workshop

EMBEDDING: Final = (16, 32, 96)
"""Channels of the layers that take the lines in; one halving fewer than usual, since the latents are reduced by 4, not by 8."""

WORDLESS: Final = 0.3
"""Share of captions left out besides: lines must be followed when no word helps."""

THRESHOLDS: Final = (0.08, 0.25)
"""From the most to the fewest lines: painters draw more and less."""


def make_control(unet: Any) -> Any:  # noqa: ANN401 - untyped library
    """A ControlNet that begins as a copy of the UNet's first half."""
    from diffusers import ControlNetModel
    from diffusers.models.attention_processor import AttnProcessor

    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=EMBEDDING)
    control.set_attn_processor(AttnProcessor())
    return control


def load_control(folder: Path) -> Any:  # noqa: ANN401 - untyped library
    """A ControlNet that was saved, to be trained on."""
    from diffusers import ControlNetModel
    from diffusers.models.attention_processor import AttnProcessor

    control = ControlNetModel.from_pretrained(folder)
    control.set_attn_processor(AttnProcessor())
    return control


def sketched(pictures: Tensor, chance: float) -> Tensor:
    """The lines of pictures, few or many by `chance` (0 to 1), and for half of the chances as a broader brush draws them."""
    share, broad = chance * 2 % 1, chance < 0.5
    lines = scribble(pictures, THRESHOLDS[0] + share * (THRESHOLDS[1] - THRESHOLDS[0]))
    return torch.nn.functional.max_pool2d(lines, 3, 1, 1) if broad else lines


def train_control(workshop: Workshop, finishing: float = 0.0) -> None:
    """Train the ControlNet on the last stage's scenes, and save it.

    One that is there already is trained on for `finishing` minutes: a UNet that was trained on has left it behind.
    """
    from diffusers import UNet2DConditionModel

    folder, device, settings = workshop.folders.parts, workshop.device, workshop.settings
    there = (folder / "controlnet" / "config.json").exists()
    if there and not finishing:
        return
    torch.manual_seed(6)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").to(device, memory_format=torch.channels_last)
    control = (load_control(folder / "controlnet") if there else make_control(unet)).to(
        device, memory_format=torch.channels_last
    )
    name, pace = ("finish control", settings.finish_control(finishing)) if there else ("control", settings.control)
    unet.requires_grad_(False)
    frozen, atlas = workshop.frozen, workshop.atlas
    composer = Composer(atlas.textures, settings.stages[-1].variety)
    batches = Batches(frozen, atlas, [composer], pace.batch, DROPPED + WORDLESS, 6)
    loop = Loop(name, folder, pace, [{"params": list(control.parameters())}], workshop.say)

    def missed(noisy: Tensor, times: Tensor, wanted: Tensor, hidden: Tensor, lines: Tensor) -> Tensor:
        with autocast(device):
            down, middle = control(noisy, times, hidden, lines, return_dict=False)
            (predicted,) = unet(
                noisy,
                times,
                hidden,
                down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
                return_dict=False,
            )
        return velocity_loss(predicted, times, wanted)

    learn = Captured(missed, control.parameters())

    def loss(step: int) -> Tensor:
        team.seed(step)
        drawn, chance = batches.take(step, 0)
        lines = sketched(drawn.pictures, chance)
        return learn(*lesson(frozen, drawn.latents, shifted(SHIFT)), drawn.hidden, lines)

    loop.run(loss)
    batches.close()
    loop.swap()
    if team.leads():
        control.cpu().save_pretrained(folder / "controlnet")
    team.wait()
