"""The autoencoder: a linear encoder that reduces by 4, and a small decoder trained to undo it.

Three latent channels are means over 4 x 4 pixels of luminance and two colour differences; the fourth is a learned linear view of
the detail within. Nothing of that has to be learned by the UNet, and edges stay crisp at a reduction of 4.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from .loop import Loop, Pace, autocast

SCALE: Final = 4
"""Pixels of the picture on a side of one latent."""

BLOCKS: Final = 3 * SCALE**2
"""Values of a picture under one latent."""

TO_CHROMA: Final = ((1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, -1.0), (0.5, -1.0, 0.5))
"""Luminance, red against blue, and both against green, from RGB."""

NOISE: Final = 0.2
"""Most noise on the latents that the decoder is trained on: what a UNet hands it is never quite clean."""

ENCODER_STEPS: Final = 300
"""Steps after which the encoder stays as it is: the decoder can then be trained on at any time, under a finished UNet too."""


class Compressor(nn.Module):
    """The linear encoder while it is trained. Statistics of its raw channels are followed, to bring them to variance 1."""

    mean: Tensor
    variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        detail = torch.zeros(3, SCALE, SCALE)
        half = (torch.arange(SCALE) >= SCALE // 2).float() - 0.5
        detail += half.view(1, 1, -1) + half.view(1, -1, 1)
        start = torch.randn(1, BLOCKS, 3, 3, generator=torch.Generator().manual_seed(0)) * 0.02
        start[0, :, 1, 1] += detail.flatten() * 0.2
        self.detail = nn.Parameter(start)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("variance", torch.ones(4))
        self.register_buffer("chroma", torch.tensor(TO_CHROMA))

    def raw(self, pictures: Tensor) -> Tensor:
        """Pictures (count, 3, height, width), 0 to 1, as unscaled latents (count, 4, height / 4, width / 4)."""
        blocks = F.pixel_unshuffle(pictures, SCALE)
        means = blocks.view(len(pictures), 3, SCALE**2, *blocks.shape[2:]).mean(2)
        colour = torch.einsum("ij,bjhw->bihw", self.get_buffer("chroma"), means)
        return torch.cat([colour, F.conv2d(blocks, self.detail, padding=1)], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Latents of about mean 0 and variance 1."""
        raw = self.raw(pictures)
        if self.training:
            # Through the batch's own statistics, or the learned channel would grow to drown the noise.
            mean, variance = raw.mean((0, 2, 3)), raw.var((0, 2, 3))
            share = 0.05 if float(self.mean.abs().sum()) else 1.0
            self.mean.lerp_(mean.detach(), share)
            self.variance.lerp_(variance.detach(), share)
        else:
            mean, variance = self.mean, self.variance
        return (raw - mean.view(1, 4, 1, 1)) * variance.clamp(min=1e-6).rsqrt().view(1, 4, 1, 1)


def make_vae(width: int, blocks: tuple[int, int, int]) -> Any:  # noqa: ANN401 - untyped library
    """A fresh AutoencoderTiny with room for the linear encoder, and a decoder `width` channels wide."""
    from diffusers import AutoencoderTiny

    vae = AutoencoderTiny(
        encoder_block_out_channels=(BLOCKS,) * 3,
        num_encoder_blocks=(0, 0, 0),
        decoder_block_out_channels=(width,) * 3,
        num_decoder_blocks=blocks,
        scaling_factor=1.0,
    )
    for module in vae.decoder.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in vae.decoder.modules():
        if type(module).__name__ == "AutoencoderTinyBlock":
            module.conv[-1].weight.data.mul_(0.15)
    last: Any = [module for module in vae.decoder.layers if isinstance(module, nn.Conv2d)][-1]
    last.weight.data.mul_(0.3)
    last.bias.data.fill_(0.6)
    return vae


def fold(compressor: Compressor, vae: Any) -> None:  # noqa: ANN401 - untyped library
    """Write the linear encoder into the convolutions of AutoencoderTiny's, which then does the same."""
    convolutions: list[Any] = [module for module in vae.encoder.layers if isinstance(module, nn.Conv2d)]
    first, second, third, last = convolutions
    scale = compressor.variance.clamp(min=1e-6).rsqrt()
    with torch.no_grad():
        for layer in (first, second, third, last):
            layer.weight.zero_()
            if layer.bias is not None:
                layer.bias.zero_()
        for colour in range(3):
            first.weight[colour, colour, 1, 1] = 1
        for layer, channels in ((second, 3), (third, 12)):
            for channel in range(channels):
                for y in range(2):
                    for x in range(2):
                        layer.weight[channel * 4 + y * 2 + x, channel, 1 + y, 1 + x] = 1
        for at in range(BLOCKS):
            colour, fine_y, fine_x, coarse_y, coarse_x = at // 16, at // 8 % 2, at // 4 % 2, at // 2 % 2, at % 2
            pixel = colour * 16 + (2 * coarse_y + fine_y) * 4 + 2 * coarse_x + fine_x
            for channel in range(3):
                last.weight[channel, at, 1, 1] = TO_CHROMA[channel][colour] / 16 * scale[channel]
            last.weight[3, at] = compressor.detail[0, pixel] * scale[3]
        last.bias.copy_(-compressor.mean * scale)


@torch.no_grad()
def as_one_convolution(vae: Any) -> nn.Conv2d:  # noqa: ANN401 - untyped library
    """The linear encoder, pictures 0 to 1 to latents, as one convolution: AutoencoderTiny's way there takes many times as long.

    A latent depends on its own block of pixels and the eight around it; what each of them adds is asked of the encoder.
    """
    side, reach = SCALE * 5, SCALE * 3
    impulses = torch.zeros(3 * reach * reach, 3, side, side)
    at = torch.arange(len(impulses))
    impulses[at, at // reach**2, SCALE + at // reach % reach, SCALE + at % reach] = 1
    device = vae.device
    answers = torch.cat([vae.encode(part.to(device) * 2 - 1).latents[:, :, 2, 2] for part in torch.split(impulses, 64)])
    nothing = vae.encode(impulses[:1].to(device) * 0 - 1).latents[0, :, 2, 2]
    one = nn.Conv2d(3, len(nothing), reach, SCALE, SCALE).to(device)
    one.weight.copy_((answers - nothing).T.reshape(one.weight.shape))
    one.bias.copy_(nothing)  # type: ignore[union-attr]
    return one.requires_grad_(False)


def edges(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbours downwards and across."""
    return pictures[:, :, 1:] - pictures[:, :, :-1], pictures[..., 1:] - pictures[..., :-1]


def train_vae(
    vae: Any,  # noqa: ANN401 - untyped library
    batches: Callable[[int, int], Tensor],
    pace: Pace,
    folder: Path,
    device: torch.device,
    say: Callable[[str], None],
) -> None:
    """Train encoder and decoder on `batches(step, count)`, pictures 0 to 1, and save the result in diffusers' layout."""
    compressor = Compressor().to(device)
    decoder = vae.decoder.to(device, memory_format=torch.channels_last)
    statistics = nn.Parameter(torch.cat([compressor.mean, compressor.variance]), requires_grad=False)
    groups: list[dict[str, Any]] = [
        {"params": list(decoder.parameters())},
        {"params": [compressor.detail], "weight_decay": 0.0},
        {"params": [statistics], "weight_decay": 0.0},
    ]
    loop = Loop("vae", folder, pace, groups, say)
    with torch.no_grad():
        compressor.mean.copy_(statistics[:4])
        compressor.variance.copy_(statistics[4:])

    def loss(step: int) -> dict[str, Tensor]:
        compressor.train(step < ENCODER_STEPS)
        compressor.detail.requires_grad_(step < ENCODER_STEPS)
        pictures = batches(step, pace.batch)
        latents = compressor(pictures)
        with torch.no_grad():
            statistics.copy_(torch.cat([compressor.mean, compressor.variance]))
            # What the UNet will learn to paint must not drift with an average any more.
            loop.averaged[-2].copy_(compressor.detail)
            loop.averaged[-1].copy_(statistics)
        noisy = latents + NOISE * torch.rand(len(latents), 1, 1, 1, device=device) * torch.randn_like(latents)
        with autocast(device):
            painted = decoder(noisy.contiguous(memory_format=torch.channels_last)).float()
        wanted = pictures * 2 - 1
        absolute = (painted - wanted).abs().mean()
        edge = sum(((a - b).abs().mean() for a, b in zip(edges(painted), edges(wanted), strict=True)), torch.zeros(()))
        squared = F.mse_loss(painted, wanted)
        return {"loss": absolute + 0.7 * edge + squared, "psnr": -10 * torch.log10(squared.detach() / 4)}

    loop.run(loss)
    loop.swap()
    with torch.no_grad():
        compressor.mean.copy_(statistics[:4])
        compressor.variance.copy_(statistics[4:])
    fold(compressor.cpu().eval(), vae.to("cpu"))
    vae.save_pretrained(folder / "vae")
