"""Each part of the model in turn: made when it is not there yet, loaded when it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import icons
from ..data.nouns import NOUNS
from ..data.render import Atlas, paint
from ..data.scenes import Composer, Variety
from ..judge.classifier import Classifier, examine, train_classifier
from ..judge.sample import assemble, paint_prompts
from ..judge.sheets import save_sheet
from ..settings import DRAWN, HELD_OUT, JUDGES, SECOND, SIDE, Course, Folders, Settings, Stage
from .loop import Loop
from .text import Questions, TextTask, make_encoder
from .unet import Frozen, UNetTraining, make_scheduler, make_unet
from .vae import make_vae, train_vae
from .words import count_words, keywords, write_tokenizer


class Workshop:
    """Makes every part of a run in its folder, in order, on one device."""

    def __init__(self, folders: Folders, settings: Settings, device: torch.device, say: Callable[[str], None]) -> None:
        self.folders, self.settings, self.device, self.say = folders, settings, device, say
        self.words = tuple(noun.word for noun in NOUNS)

    @cached_property
    def icons(self) -> icons.Icons:
        """The drawings, fetched and rasterised; nothing is fetched where another machine has left them."""
        icons.build(self.folders.packages, self.folders.icons, self.say)
        return icons.Icons(self.folders.icons)

    @cached_property
    def atlas(self) -> Atlas:
        """What the parts learn from, in every colour."""
        return Atlas(self.icons, self.words, SECOND, True, self.device)

    @cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401 - untyped library
        """The tokenizer."""
        from transformers import CLIPTokenizer

        folder = self.folders.parts / "tokenizer"
        if not (folder / "tokenizer.json").exists():
            write_tokenizer(count_words(keywords(self.folders.packages)), folder)
        return CLIPTokenizer.from_pretrained(folder)

    @cached_property
    def encoder(self) -> Any:  # noqa: ANN401 - untyped library
        """The text encoder, pre-trained, and frozen from then on."""
        from transformers import CLIPTextModel

        folder = self.folders.parts / "text_encoder"
        if not (folder / "config.json").exists():
            self._train_text(folder)
        encoder = CLIPTextModel.from_pretrained(folder, attn_implementation="eager").to(self.device).eval()
        return encoder.requires_grad_(False)

    def _train_text(self, folder: Any) -> None:  # noqa: ANN401 - a path
        torch.manual_seed(4)
        sizes, pace = self.settings.sizes, self.settings.text
        encoder = make_encoder(self.tokenizer, self.folders.packages, sizes.text_width, sizes.text_layers)
        variety = Variety(self.words, (DRAWN,), (0.35, 0.88), 0.07, 0.45, 0.35, 0.35, 0.4, 0.5, 0.0, 0.35)
        composer = Composer(self.atlas.textures, variety)
        questions = Questions(composer, self.atlas, self.icons, keywords(self.folders.packages), self.tokenizer)
        task = TextTask(encoder, sizes.text_width, len(questions.concepts)).to(self.device)
        groups: list[dict[str, Any]] = [
            {"params": [p for p in encoder.parameters() if p.requires_grad]},
            {"params": list(task.heads.parameters()), "boost": 4.0},
        ]
        loop = Loop("text", self.folders.parts, pace, groups, self.say)
        loop.run(lambda step: questions.loss(task, step, pace.batch))
        loop.swap()
        encoder.cpu().save_pretrained(folder)

    @cached_property
    def vae(self) -> Any:  # noqa: ANN401 - untyped library
        """The autoencoder."""
        from diffusers import AutoencoderTiny

        folder = self.folders.parts / "vae"
        if not (folder / "config.json").exists():
            torch.manual_seed(5)
            sizes = self.settings.sizes
            vae = make_vae(sizes.decoder, sizes.decoder_blocks)
            train_vae(vae, self._crops(), self.settings.vae, self.folders.parts, self.device, self.say)
        return AutoencoderTiny.from_pretrained(folder).to(self.device).eval().requires_grad_(False)

    def _crops(self) -> Callable[[int, int], Tensor]:
        """Half of a scene at a time: the decoder looks at nothing farther off, and twice as many scenes are seen."""
        everything = Variety(self.words, SECOND, (0.35, 0.95), 0.1, 0.45, 0.3, 0.3, 0.4, 0.5, 0.1)
        composer, atlas = Composer(self.atlas.textures, everything), self.atlas

        def batches(step: int, count: int) -> Tensor:
            rng = np.random.default_rng([5, step])
            pictures = paint(atlas, [composer.scene(rng) for _ in range(count)], SIDE, rng)
            y, x = (int(at) * 4 for at in rng.integers(0, SIDE // 8 + 1, 2))
            return pictures[..., y : y + SIDE // 2, x : x + SIDE // 2]

        return batches

    @cached_property
    def judge(self) -> Classifier:
        """The classifier of shapes."""
        classifier = Classifier(self.words).to(self.device)
        path = self.folders.parts / "judge.weights.pt"
        atlas = Atlas(self.icons, self.words, (*JUDGES, *HELD_OUT), False, self.device)
        if not path.exists():
            torch.manual_seed(2)
            train_classifier(classifier, atlas, JUDGES, self.settings.judge, self.folders.parts, self.say)
            share = examine(classifier, atlas, HELD_OUT)
            self.say(f"the classifier names {share:.1%} of renders of sets that it has not seen")
            (self.folders.parts / "judge.txt").write_text(f"{share:.4f}\n", encoding="utf-8")
        classifier.load_state_dict(torch.load(path, map_location=self.device, weights_only=True))
        return classifier.eval()

    @cached_property
    def frozen(self) -> Frozen:
        """What the UNet is trained with."""
        return Frozen(self.tokenizer, self.encoder, self.vae, make_scheduler(), self.device)

    def train_unet(self, carry_on: bool) -> None:
        """Every stage of the UNet; raises StageFailed."""
        torch.manual_seed(1)
        self._train(self.settings.course, make_unet(self.settings.sizes), carry_on)

    def finish_unet(self, minutes: float, carry_on: bool) -> None:
        """Train the finished UNet on for so many minutes; raises StageFailed."""
        from diffusers import UNet2DConditionModel

        trained = UNet2DConditionModel.from_pretrained(self.folders.parts / "unet")
        unet = make_unet(replace(self.settings.sizes, unet=tuple(trained.config["block_out_channels"])))
        unet.load_state_dict(trained.state_dict())
        self._train(self.settings.finish(minutes), unet, carry_on)

    def _train(self, course: Course, unet: Any, carry_on: bool) -> None:  # noqa: ANN401 - untyped library
        training = UNetTraining(course, unet, self.frozen, self.atlas, self.folders.parts, self.say)
        training.run(self.score, carry_on)

    def score(self, unet: Any, stage: Stage) -> float:  # noqa: ANN401 - untyped library
        """The share of pictures, two of each noun of a stage, in which the classifier finds the noun; leaves a contact sheet."""
        frozen = self.frozen
        pipeline = assemble(frozen.tokenizer, frozen.encoder, frozen.vae, unet, frozen.scheduler)
        places = ("on a white background", "on a light blue background")
        asked = [(noun, place) for place in places for noun in stage.variety.nouns]
        prompts = [f"a {noun} {place}" for noun, place in asked]
        pictures = paint_prompts(pipeline, prompts, range(len(prompts)), steps=12)
        answers = self.judge.answers(pictures.to(self.device))
        right = [answer == noun for answer, (noun, _) in zip(answers, asked, strict=True)]
        captions = [
            f"{noun}: {'right' if ok else answer}" for (noun, _), answer, ok in zip(asked, answers, right, strict=True)
        ]
        save_sheet(list(pictures), captions, 8, self.folders.sheets / f"stage {stage.name}.png")
        return sum(right) / len(right)
