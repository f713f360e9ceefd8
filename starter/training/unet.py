"""Trains the UNet stage by stage, from narrow to wide. Each stage has to pass its check before the next begins.

Velocity prediction (Salimans & Ho 2022) on a schedule with zero terminal SNR (Lin et al. 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from ..data.render import Atlas, paint_arranged
from ..data.scenes import Composer
from ..settings import SIDE, Course, Sizes, Stage
from . import team
from .batches import Artist, Batch, in_processes, in_thread, workers
from .captured import Captured
from .loop import Loop, autocast
from .text import Words
from .times import FIRST_SHIFT, SHIFT, Times, outlines, shifted, spread
from .vae import as_one_convolution

DROPPED: Final = 0.1
"""Share of captions left out, for guidance without a classifier (Ho & Salimans 2022)."""

OFFSET: Final = 0.05
"""Noise that a whole picture shares, so that light and dark pictures are learned too."""

FIRST_STEPS: Final = 250
"""Steps with the times of FIRST_SHIFT."""

CROSS_BOOST: Final = 3.0
"""Cross-attention learns faster by this factor, or the UNet learns to do without the text first."""

TEXT_STEPS: Final = 190
"""After so many steps the text must matter at pure noise. A UNet that ignored it then never came back."""

TEXT_EFFECT: Final = 0.08
"""Least difference (root mean square, latents have about 1) that another prompt must make at pure noise."""

LATENT_NOISE_END: Final = 150
"""Below this timestep the loss counts less: fine noise teaches no shapes."""

DRAWN_AT_ONCE: Final = 1024
"""Pictures that a GPU paints and encodes at once: about a hundred kernels, whether for many pictures or for few."""


class Drawn(NamedTuple):
    """Pictures of a batch, their latents, and the hidden states of their captions."""

    pictures: Tensor
    latents: Tensor
    hidden: Tensor

    def part(self, begin: int, end: int) -> Drawn:
        """The pictures from one number up to another."""
        return Drawn(*(values[begin:end] for values in self))


class Lesson(NamedTuple):
    """Noisy latents, their times, and the velocity that is to be predicted."""

    noisy: Tensor
    times: Tensor
    wanted: Tensor


class StageFailed(Exception):
    """A stage did not pass its check. The message says what was seen and what to do."""


@dataclass(slots=True)
class Frozen:
    """The parts that the UNet is trained with and that do not change: tokenizer, text encoder, autoencoder, schedule."""

    tokenizer: Any
    encoder: Any
    vae: Any
    scheduler: Any
    device: torch.device
    encode: nn.Conv2d = field(init=False)
    words: Words = field(init=False)
    signal: Tensor = field(init=False)
    """Share of the signal (cumulative alpha) at each time."""

    def __post_init__(self) -> None:
        self.encode = as_one_convolution(self.vae)
        self.words = Words(self.tokenizer)
        self.signal = self.scheduler.alphas_cumprod.to(self.device)

    def embed(self, ids: Tensor) -> Tensor:
        """Hidden states of captions (count, TEXT_LENGTH, width) from their tokens."""
        with torch.no_grad():
            hidden: Tensor = self.encoder(ids.to(self.device)).last_hidden_state
        return hidden

    def drawn(self, atlas: Atlas, batch: Batch) -> Drawn:
        """A batch painted and encoded."""
        pictures = paint_arranged(atlas, batch.arranged, SIDE)
        return Drawn(pictures, self.latents(pictures), self.embed(torch.from_numpy(batch.ids)))

    def latents(self, pictures: Tensor) -> Tensor:
        """Latents of pictures, 0 to 1."""
        with torch.no_grad():
            latents: Tensor = self.encode(pictures)
        return latents


def make_unet(sizes: Sizes) -> Any:  # noqa: ANN401 - untyped library
    """A fresh UNet2DConditionModel with attention at its two coarsest resolutions."""
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor

    fine, coarse = "DownBlock2D", "CrossAttnDownBlock2D"
    unet = UNet2DConditionModel(
        sample_size=SIDE // 4,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=sizes.unet,
        down_block_types=(fine, fine, coarse, coarse),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=sizes.text_width,
        attention_head_dim=tuple(heads(width) for width in sizes.unet),
        norm_num_groups=sizes.groups,
    )
    # On a processor the fused kernel takes twice the time of the plain one at these sizes.
    unet.set_attn_processor(AttnProcessor())
    for module in unet.modules():
        if isinstance(module, nn.GroupNorm):
            module.__class__ = FullGroupNorm
    return unet


class FullGroupNorm(nn.GroupNorm):
    """Group norm in float32, as autocast has it on GPUs; in bfloat16 its gradient takes three times as long on a processor."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        with torch.autocast(input.device.type, enabled=False):
            return nn.functional.group_norm(input.float(), self.num_groups, self.weight, self.bias, self.eps)


def heads(width: int) -> int:
    """Attention heads for a width: as near to 32 channels each as divides it."""
    return next(count for count in range(max(1, width // 32), 0, -1) if width % count == 0)


def make_scheduler() -> Any:  # noqa: ANN401 - untyped library
    """The noise schedule, as it is exported too."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        # Trailing steps have no offset; another value than 1 only makes diffusers' pipelines warn.
        steps_offset=1,
    )


def cross_attention_groups(unet: nn.Module) -> list[dict[str, Any]]:
    """The UNet's parameters for the optimizer: cross-attention boosted."""
    cross = [parameter for name, parameter in unet.named_parameters() if "attn2" in name]
    other = [parameter for name, parameter in unet.named_parameters() if "attn2" not in name]
    return [{"params": other}, {"params": cross, "boost": CROSS_BOOST}]


def lesson(frozen: Frozen, clean: Tensor, choose: Times) -> Lesson:
    """Latents made noisy at the times that `choose` spreads over the batch."""
    device = clean.device
    times = choose(spread(len(clean), device))
    noise = torch.randn_like(clean) + OFFSET * torch.randn(len(clean), clean.shape[1], 1, 1, device=device)
    signal = frozen.signal[times].view(-1, 1, 1, 1)
    noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
    wanted = signal.sqrt() * noise - (1 - signal).sqrt() * clean
    return Lesson(noisy.contiguous(memory_format=torch.channels_last), times, wanted)


def velocity_loss(predicted: Tensor, times: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of a velocity that was predicted at these times."""
    weight = (times.float() / LATENT_NOISE_END).clamp(0.1, 1)
    loss: Tensor = ((predicted.float() - wanted).square().mean((1, 2, 3)) * weight).mean()
    return loss


@torch.no_grad()
def text_effect(unet: Any, frozen: Frozen, nouns: Sequence[str]) -> float:  # noqa: ANN401 - untyped library
    """How much another noun changes the prediction at pure noise (root mean square over latents)."""
    texts = [f"a {noun} on a white background" for noun in nouns]
    noise = torch.randn(1, 4, SIDE // 4, SIDE // 4, generator=torch.Generator().manual_seed(0)).to(frozen.device)
    times = torch.full((len(texts),), 999, device=frozen.device)
    hidden = frozen.embed(torch.from_numpy(frozen.words.rows(texts)))
    predicted = unet(noise.repeat(len(texts), 1, 1, 1), times, hidden).sample
    return float((predicted - predicted.mean(0)).square().mean().sqrt())


class Batches:
    """Batches drawn, painted and encoded ahead: one at a time on a processor; for a GPU many at once, drawn by other processes."""

    def __init__(
        self,
        frozen: Frozen,
        atlas: Atlas,
        composers: Sequence[Composer],
        batch: int,
        dropped: float,
        salt: int,
        at_once: int | None = None,
    ) -> None:
        """`batch` pictures each, by the composers of the stages; `dropped` and `salt` as an Artist takes them.

        `at_once` pictures are made together; DRAWN_AT_ONCE for a GPU unless told, and a batch for a processor.
        """
        gpu = frozen.device.type == "cuda"
        self._batch = batch
        self._batches = max(1, (at_once or (DRAWN_AT_ONCE if gpu else batch)) // batch)
        self._at: tuple[int, int] | None = None
        artist = Artist(composers, frozen.words, batch * self._batches, SIDE, dropped, salt)
        drawn = in_processes(artist, workers()) if gpu or at_once else None
        aside = torch.cuda.Stream(frozen.device) if gpu else None  # type: ignore[no-untyped-call]

        def make(step: int, stage: int) -> tuple[Drawn, float]:
            scenes: Batch = drawn.take(step, stage) if drawn else artist(step, stage)
            with torch.cuda.stream(aside):
                painted = frozen.drawn(atlas, scenes)
            if aside is not None:
                aside.synchronize()
            return painted, scenes.chance

        self._painted, self._drawn = in_thread(make), drawn

    def take(self, step: int, stage: int) -> tuple[Drawn, float]:
        """The batch of a step in a stage, and its number from 0 to 1, which those made together share."""
        if self._at != (step // self._batches, stage):
            self._at = (step // self._batches, stage)
            self._made, self._chance = self._painted.take(*self._at)
            for values in self._made:
                if values.is_cuda:
                    # Painted on another stream: its memory is not to be used again before this one has read it.
                    values.record_stream(torch.cuda.current_stream(values.device))
        begin = step % self._batches * self._batch
        return self._made.part(begin, begin + self._batch), self._chance

    def close(self) -> None:
        """End what draws ahead."""
        self._painted.close()
        if self._drawn:
            self._drawn.close()


class UNetTraining:
    """The stages of one UNet, on one loop so that a kill at any point loses two minutes at most."""

    def __init__(
        self,
        course: Course,
        unet: Any,  # noqa: ANN401 - untyped library
        frozen: Frozen,
        atlas: Atlas,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self.unet = unet.to(frozen.device, memory_format=torch.channels_last)
        self.frozen, self._say = frozen, say
        self._course, self._folder = course, folder
        composers = [Composer(atlas.textures, stage.variety) for stage in course.stages]
        self._batches = Batches(frozen, atlas, composers, course.pace.batch, DROPPED, 1)
        self._learn = Captured(self._missed, self.unet.parameters())
        self.loop = Loop(course.name, folder, course.pace, cross_attention_groups(unet), say)

    def run(self, score: Callable[[Any, Stage], float], carry_on: bool) -> None:
        """Train every stage; `score(unet, stage)` is the share of shapes recognised, 0 to 1.

        Raises StageFailed when a check fails, unless `carry_on`.
        """
        try:
            self._run(score, carry_on)
        finally:
            self._batches.close()

    def _run(self, score: Callable[[Any, Stage], float], carry_on: bool) -> None:
        stages, end = self._course.stages, 0
        every = sum(stage.samples for stage in stages)
        for index, stage in enumerate(stages):
            begin, end = end, end + stage.samples
            if index == 0 and self._course.fresh:
                self._check_text(stage, carry_on)
            if self._passed(stage) or not stage.samples:
                continue
            if self.loop.share < end / every:
                shares = f"from {begin / every:.0%} to {end / every:.0%} of the training"
                self._say(f"stage {index + 1} of {len(stages)}: {stage.name}, {shares}")
            self.loop.run(lambda step, index=index: self._loss(step, index), share=end / every)  # type: ignore[misc]
            self._check_shapes(stage, score, carry_on)

    def _passed(self, stage: Stage) -> bool:
        return self._mark(stage).exists()

    def _mark(self, stage: Stage) -> Path:
        return self._folder / f"passed {stage.name}.txt"

    def _loss(self, step: int, index: int) -> Tensor:
        team.seed(step)
        drawn, _ = self._batches.take(step, index)
        return self._learn(*lesson(self.frozen, drawn.latents, self._times(step)), drawn.hidden)

    def _missed(self, noisy: Tensor, times: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
        with autocast(noisy.device):
            predicted = self.unet(noisy, times, hidden, return_dict=False)[0]
        return velocity_loss(predicted, times, wanted)

    def _times(self, step: int) -> Times:
        if not self._course.fresh:
            return outlines
        return shifted(FIRST_SHIFT if step < FIRST_STEPS else SHIFT)

    def _check_text(self, stage: Stage, carry_on: bool) -> None:
        if self.loop.step > TEXT_STEPS:
            return
        self.loop.run(lambda step: self._loss(step, 0), TEXT_STEPS)
        effect = text_effect(self.unet, self.frozen, stage.variety.nouns[:8])
        self._say(f"after {TEXT_STEPS} steps another noun changes the prediction at pure noise by {effect:.3f}")
        if effect < TEXT_EFFECT and not carry_on:
            raise StageFailed(
                f"The text hardly matters: {effect:.3f} at pure noise, and {TEXT_EFFECT} is the least. No run recovered from that. "
                f"Remove {self._folder / 'unet.pt'} and begin this part again with another rate."
            )

    def _check_shapes(self, stage: Stage, score: Callable[[Any, Stage], float], carry_on: bool) -> None:
        if team.leads():
            self._checked(stage, score, carry_on)
        team.wait()

    def _checked(self, stage: Stage, score: Callable[[Any, Stage], float], carry_on: bool) -> None:
        self.loop.swap()
        try:
            share = score(self.unet, stage)
            self.unet.save_pretrained(self._folder / "unet")
        finally:
            self.loop.swap()
        self._say(f"{stage.name}: {share:.0%} of the shapes are recognised")
        if share < stage.least and not carry_on:
            raise StageFailed(
                f"The stage “{stage.name}” has {share:.0%} of its shapes recognised, and {stage.least:.0%} is the least. Look at its "
                "contact sheet; make the stage longer in starter/settings.py, or go on all the same with --carry-on."
            )
        self._mark(stage).write_text(f"{share:.3f}\n", encoding="utf-8")
