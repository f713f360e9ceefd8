"""Pre-trains the text encoder: from a caption it must tell noun, colour, second noun and place, and a thumbnail of the picture.

It stays as it is afterwards. A UNet that is trained together with an untrained encoder may learn to ignore it for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from tokenizers import Tokenizer
from torch import Tensor, nn

from ..data.colours import NAMES
from ..data.icons import Icons
from ..data.nouns import NOUNS
from ..data.places import PLACES
from ..data.render import Atlas, paint
from ..data.scenes import Composer, Scene
from .words import TEXT_LENGTH, keywords, table

THUMBNAIL: Final = 8
"""Pixels on a side of the thumbnail that is told from the text."""

SHORT: Final = 28
"""Tokens in most batches. The encoder looks backwards only, so what is cut off behind would change nothing before it."""

NOISE: Final = 0.15
"""Noise on what the heads read, so that the encoder keeps meanings apart."""


class Words:
    """A tokenizer without the library around it: other processes start with it at once."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - untyped library
        self.end = int(tokenizer.eos_token_id)
        self._tokenizer = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_padding()

    def rows(self, texts: Sequence[str], length: int = TEXT_LENGTH) -> npt.NDArray[np.int64]:
        """Token numbers (count, length): what is longer is cut off before its end, what is shorter filled up with ends."""
        self._tokenizer.enable_truncation(length)
        rows = np.full((len(texts), length), self.end, np.int64)
        for row, encoded in zip(rows, self._tokenizer.encode_batch(list(texts)), strict=True):
            row[: len(encoded.ids)] = encoded.ids
        return rows


def make_encoder(tokenizer: Any, packages: Path, width: int, layers: int) -> Any:  # noqa: ANN401 - untyped library
    """A CLIPTextModel with a frozen table of tokens and fresh layers."""
    from transformers import CLIPTextConfig, CLIPTextModel

    vocabulary: dict[str, int] = tokenizer.get_vocab()
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 32),
        max_position_embeddings=TEXT_LENGTH,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="eager",
    )
    encoder = CLIPTextModel(config)
    rows = encoder.get_input_embeddings().weight
    rows.data.copy_(torch.from_numpy(table(vocabulary, keywords(packages), width)))
    rows.requires_grad_(False)
    return encoder


class TextTask(nn.Module):
    """The encoder with one head for each question about a caption."""

    def __init__(self, encoder: nn.Module, width: int, concepts: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(
            {
                "first": nn.Linear(width, len(NOUNS) + 1),
                "second": nn.Linear(width, len(NOUNS) + 1),
                "colour": nn.Linear(width, len(NAMES) + 1),
                "colour2": nn.Linear(width, len(NAMES) + 1),
                "place": nn.Linear(width, len(PLACES)),
                "concept": nn.Linear(width, concepts),
                "thumbnail": nn.Linear(width, 3 * THUMBNAIL**2),
            }
        )

    def read(self, ids: Tensor, end: int) -> list[Tensor]:
        """What the heads read, each (count, width): the mean of the words, and the mean of everything."""
        hidden = self.encoder(ids).last_hidden_state
        words = torch.cat([torch.ones_like(ids[:, :1]), (ids[:, 1:-1] != end).long(), torch.zeros_like(ids[:, :1])], 1)
        share = words.unsqueeze(-1).to(hidden.dtype)
        return [(hidden * share).sum(1) / share.sum(1), hidden.mean(1)]


class Questions:
    """Captions with their right answers, made without end."""

    def __init__(
        self,
        composer: Composer,
        atlas: Atlas,
        icons: Icons,
        said: dict[str, list[str]],
        tokenizer: Any,  # noqa: ANN401 - untyped
    ) -> None:
        self._composer, self._atlas, self._words = composer, atlas, Words(tokenizer)
        shown = {drawing.label: drawing for drawing in reversed(icons.drawings)}
        self.concepts = sorted(set(shown) & set(said))
        self._said = [said[label] for label in self.concepts]
        self._thumbnails = torch.stack([icon_thumbnail(icons.pixels(shown[label])) for label in self.concepts])
        self._noun = {noun.word: index for index, noun in enumerate(NOUNS)}

    def loss(self, task: TextTask, step: int, batch: int) -> dict[str, Tensor]:
        """The loss of one batch, half of it captions of scenes, half names and keywords of any concept."""
        rng = np.random.default_rng([4, step])
        scenes = [self._composer.scene(rng) for _ in range(batch // 2)]
        picked = rng.integers(len(self.concepts), size=batch - len(scenes))
        named = [str(rng.choice(self._said[index])) for index in picked]
        length = TEXT_LENGTH if step % 8 == 0 else SHORT
        rows = self._words.rows([scene.caption for scene in scenes] + named, length)
        ids = torch.from_numpy(rows).to(self._atlas.device)
        small = F.avg_pool2d(paint(self._atlas, scenes, 32, rng), 32 // THUMBNAIL)
        thumbnails = torch.cat([small, self._thumbnails[picked].to(small.device)]).flatten(1) - 0.7
        answers = {name: labels.to(ids.device) for name, labels in self._answers(scenes).items()}
        concept = torch.from_numpy(picked).to(ids.device)
        total = torch.zeros((), device=ids.device)
        for read in task.read(ids, self._words.end):
            noisy = read + NOISE * torch.randn_like(read)
            told, rest = noisy[: len(scenes)], noisy[len(scenes) :]
            total = total + 4 * F.mse_loss(task.heads["thumbnail"](noisy), thumbnails)
            total = total + 0.5 * F.cross_entropy(task.heads["concept"](rest), concept)
            for name, labels in answers.items():
                total = total + (1.0 if name == "first" else 0.5) * F.cross_entropy(task.heads[name](told), labels)
        with torch.no_grad():
            guess = task.heads["first"](read[: len(scenes)]).argmax(1)
            right = (guess == answers["first"]).float().mean()
        return {"loss": total, "nouns right": right}

    def _answers(self, scenes: Sequence[Scene]) -> dict[str, Tensor]:
        """The right answers of the scenes; a colour counts only if the caption says it."""
        rows = []
        for scene in scenes:
            items = [*scene.items, None][:2]
            nouns = [len(NOUNS) if item is None else self._noun[item.texture.noun] for item in items]
            said = set(scene.caption.split(" on ")[0].split())
            words = [None if item is None else item.texture.colour for item in items]
            colours = [NAMES.index(word) if word and word in said else len(NAMES) for word in words]
            rows.append((*nouns, *colours, PLACES.index(scene.place)))
        return dict(zip(("first", "second", "colour", "colour2", "place"), torch.tensor(rows).unbind(1), strict=True))


def icon_thumbnail(rgba: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    """A drawing on white, (3, THUMBNAIL, THUMBNAIL), 0 to 1."""
    pixels = torch.from_numpy(rgba).permute(2, 0, 1).float() / 255
    on_white = pixels[:3] * pixels[3:] + (1 - pixels[3:])
    return F.adaptive_avg_pool2d(on_white, THUMBNAIL)
