"""Runs plans, one at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers.utils import logging as transformers_logging

from backend.families.adapter import Adapter, Beside, Conditioning, Encoded, LayeredAdapter
from backend.families.facts import DType
from backend.fill import to_latent_mask
from backend.models import Library, LoraFolder
from backend.plan import (
    DeviceLost,
    Finished,
    PictureMade,
    Plan,
    PlanEnd,
    PlanEvent,
    PreviewMade,
    Stepped,
    Stopped,
    WentWrong,
)
from backend.prompts import Words
from protocol import DeviceInfo, Picture, Raster

from .accelerator import best_device, describe, give_back_memory, is_lost
from .batch import batches, told_alike
from .canvas import Canvas, Floats, finish, finish_layers, prepare, read_references
from .decode import decode, decode_layer
from .denoise import Sampling, denoise, is_guided
from .failures import failure_of, is_device_full, is_out_of_memory
from .layers import at_once, for_plan
from .loaded import LoadedModel, ModelShelf
from .places import Rung
from .preview import draw, is_due
from .reading import before_each_reading

MAX_UNREAD_CHARS = 200
"""Of the end of a prompt in a note about it: enough to find the place."""

log = logging.getLogger("scumble.engine")

Emit = Callable[[PlanEvent], None]
Cancelled = Callable[[], bool]


class Engine:
    """Runs plans with the models of a library on one device: the best one unless another is named, as torch names it.

    `loras` is the folder of LoRAs; those beside the models unless another is named. `dtype` overrules what the models' facts
    say of that device. `threads` is for the processor's part; None leaves it to torch. `at_least` is the rung to begin at where
    a model may not fit into the device's memory, see `places`: only tests want another one than the first.
    """

    def __init__(
        self,
        library: Library,
        device: str | None = None,
        dtype: DType | None = None,
        threads: int | None = None,
        loras: LoraFolder | None = None,
        at_least: Rung = "whole",
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        # nobody watches a worker's terminal
        transformers_logging.disable_progress_bar()
        chosen = best_device() if device is None else torch.device(device)
        self._device = chosen
        self._device_info = describe(chosen)
        self._shelf = ModelShelf(
            library, loras or LoraFolder(library.loras), chosen, self._device_info, dtype, at_least
        )

    @property
    def device(self) -> DeviceInfo:
        """What it runs on."""
        return self._device_info

    def run(self, plan: Plan, contents: Mapping[str, bytes], emit: Emit, cancelled: Cancelled) -> None:
        """Run a plan on the attachments it names by content hash. Its last event is its one end.

        `cancelled` is asked between stages, after every step, and whenever a text encoder is about to read. Raises DeviceLost
        when no plan can be run any more.
        """
        emit(self._end_of(plan, contents, emit, cancelled))

    def _end_of(self, plan: Plan, contents: Mapping[str, bytes], emit: Emit, cancelled: Cancelled) -> PlanEnd:
        run = _Run(plan, emit, cancelled)
        try:
            with torch.inference_mode():
                return run.paint(self._shelf, contents)
        except _Cancelled:
            return Stopped()
        except Exception as error:
            # whatever it is, the painter hears of it and the next plan has its turn
            failure, full = failure_of(error), is_device_full(error)
            if failure.code == "internal":
                log.exception("a plan failed")
                if is_lost(self._device):
                    raise DeviceLost(str(error)) from error
        if failure.code == "out_of_memory":
            # past the handler, which still held the tensors of the frames that failed
            if full and not run.has_painted and self._shelf.step_down():
                return self._end_of(plan, contents, emit, cancelled)
            self._shelf.clear()
        return WentWrong(failure)


class _Cancelled(Exception):
    """The painter no longer wants it."""


class _Run:
    """One plan while it runs."""

    def __init__(self, plan: Plan, emit: Emit, cancelled: Cancelled) -> None:
        self._plan = plan
        self._emit = emit
        self._cancelled = cancelled
        self._notes: list[str] = []
        self.has_painted = False

    def paint(self, shelf: ModelShelf, contents: Mapping[str, bytes]) -> PlanEnd:
        """Paint every picture of the plan."""
        plan = self._plan
        self._say(Stepped("loading"))
        canvas = prepare(plan, contents)
        references = read_references(plan, contents)
        model = shelf.get(plan.model)
        self._note(*model.placing.news())
        model.placing.expect(plan.size, 1 + plan.layers)
        if not any(words.loras for words in plan.words):
            model.loras.eject_all()
        self._say(Stepped("encoding"))
        shown = [_to_tensor(rgb) for rgb in references]
        told = self._conditionings(model, shown)
        scene = _scene(for_plan(model.adapter, plan), plan, canvas, shown)
        if plan.previews:
            model.prepare_previews()
        for start, alike, words in told_alike(plan):
            self._use_loras(model, words)
            most = at_once(shelf.room_for(model, plan.size), plan)
            model.placing.expect(plan.size, min(most, len(alike)) * (1 + plan.layers))
            for first, seeds in batches(alike, most):
                self._paint_some(start + first, seeds, model, told[words], scene)
        return Finished(tuple(self._notes))

    def _conditionings(self, model: LoadedModel, shown: Sequence[torch.Tensor]) -> dict[Words, Conditioning]:
        """Encode all that the pictures are told, before the first one is painted."""
        plan = self._plan
        guided = is_guided(model.adapter, plan.guidance)
        told: dict[Words, Conditioning] = {}
        with before_each_reading(model.adapter, self._stop_if_cancelled):
            for words in dict.fromkeys(plan.words):
                self._use_loras(model, words)
                told[words] = model.conditioning(words.prompt, words.negative if guided else None, shown)
                self._note_unread(told[words])
        return told

    def _use_loras(self, model: LoadedModel, words: Words) -> None:
        """Let the model paint with the LoRAs of one picture's words."""
        if words.loras:
            self._note(*model.loras.use(words.loras))
        else:
            model.loras.rest()

    def _paint_some(
        self, first: int, seeds: tuple[int, ...], model: LoadedModel, told: Conditioning, scene: _Scene
    ) -> None:
        """Paint pictures at once, the first of them being number `first`; one after the other where memory runs out."""
        try:
            latents = self._denoised(first, seeds, model, told, scene)
        except Exception as error:
            if len(seeds) == 1 or not is_out_of_memory(error):
                raise
            latents = None
        if latents is None:
            # past the handler, which still held the tensors of the frames that failed
            give_back_memory(model.adapter.device)
            for number, seed in enumerate(seeds, first):
                self._paint_some(number, (seed,), model, told, scene)
            return
        for number, seed in enumerate(seeds, first):
            latent = latents[number - first : number - first + 1]
            (raster, content), *layers = self._decoded(number, latent, scene)
            picture = Picture(raster, self._plan.result, seed, tuple(layer for layer, _ in layers))
            self.has_painted = True
            self._emit(PictureMade(number, picture, content, tuple(pixels for _, pixels in layers)))

    def _decoded(self, number: int, latents: torch.Tensor, scene: _Scene) -> list[tuple[Raster, bytes]]:
        """Pixels of a picture, and then those of its layers, where it was to be taken apart."""
        if not self._plan.layers or not isinstance(scene.adapter, LayeredAdapter):
            self._say(Stepped("decoding", number))
            painted = _to_array(decode(scene.adapter, latents))
            self._note_black(painted)
            return [finish(self._plan, scene.canvas, painted)]
        made = []
        for latent in scene.adapter.split(latents):
            self._say(Stepped("decoding", number))
            made.append(_to_array(decode_layer(scene.adapter, latent)))
        return finish_layers(self._plan, scene.canvas, made)

    def _denoised(
        self, first: int, seeds: tuple[int, ...], model: LoadedModel, told: Conditioning, scene: _Scene
    ) -> torch.Tensor:
        """Latents of the pictures with these seeds, `[len(seeds), ...]`."""
        plan = self._plan
        sampling = Sampling(plan.sampler, plan.steps, plan.guidance, plan.strength, seeds, plan.rescale)
        latents = None
        steps = denoise(scene.adapter, told, sampling, plan.size, scene.original, scene.mask, scene.beside)
        for step in steps:
            latents = step.latents
            self._say(Stepped("painting", first, step.number, step.steps, len(seeds)))
            if plan.previews and is_due(step.number, step.steps):
                for number, clean in enumerate(step.clean, first):
                    self._emit(
                        PreviewMade(number, step.number, *draw(model.colours, scene.adapter.seen(clean[None]), plan))
                    )
        if latents is None:
            raise RuntimeError("a schedule without steps")
        return latents

    def _say(self, event: Stepped) -> None:
        """Tell how far it is, and stop here when the painter no longer wants it."""
        self._emit(event)
        self._stop_if_cancelled()

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise _Cancelled

    def _note_unread(self, conditioning: Conditioning) -> None:
        if conditioning.unread:
            start = conditioning.unread[:MAX_UNREAD_CHARS]
            self._note(f"The prompt is longer than the model reads; it was left out from here on: {start!r}.")

    def _note_black(self, painted: Floats) -> None:
        if not painted.any():
            self._note("The model painted nothing but black. Another seed or prompt may help.")

    def _note(self, *notes: str) -> None:
        """Tell the painter, once."""
        self._notes += [note for note in notes if note not in self._notes]


@dataclass(frozen=True)
class _Scene:
    """What all pictures of a plan set out from, and the model as it makes them."""

    adapter: Adapter
    canvas: Canvas | None
    original: Encoded | None
    mask: npt.NDArray[np.float32] | None
    beside: Beside | None


def _scene(
    adapter: Adapter,
    plan: Plan,
    canvas: Canvas | None,
    references: Sequence[torch.Tensor],
) -> _Scene:
    picture = None if canvas is None else _to_tensor(canvas.rgb)
    original = None if picture is None else adapter.encode_image(picture)
    masks = None if canvas is None else canvas.masks
    if masks is None:
        return _Scene(adapter, canvas, original, None, adapter.beside(picture, None, references, plan.size))
    beside = adapter.beside(picture, torch.from_numpy(masks.denoise)[None, None], references, plan.size)
    # a denoiser that is shown the mask knows what to leave alone, and meets it best when nothing is put back beneath it
    mask = None if adapter.takes_mask else to_latent_mask(masks.denoise, adapter.latent_scale)
    return _Scene(adapter, canvas, original, mask, beside)


def _to_tensor(rgb: Floats) -> torch.Tensor:
    """[h, w, 3] from 0 to 1 as the VAE wants it: [1, 3, h, w] from -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None] * 2 - 1


def _to_array(rgb: torch.Tensor) -> Floats:
    """[1, channels, h, w] as [h, w, channels], on the processor."""
    painted: Floats = rgb[0].permute(1, 2, 0).cpu().numpy()
    return painted
