"""The tokenizer and its frozen table of tokens, made from captions and from the open keyword lists alone.

Words that are said of the same things get neighbouring rows (latent semantic analysis, Deerwester et al. 1990), and pieces of
words lie near the words that contain them (as in Bojanowski et al. 2017), so a word never trained on still means something near.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from ..data.colours import NAMES
from ..data.nouns import NOUNS
from ..data.packages import WORDS, fetch, read_json
from ..data.places import SCENERIES

TEXT_LENGTH: Final = 77
"""Tokens in a prompt, start and end among them: what everything that knows Stable Diffusion expects."""

VOCABULARY: Final = 6000
"""Tokens that are learned; the bytes come on top."""

FLAGS: Final = 9
"""Unicode's group of flags: names of countries would crowd out the names of things."""

START, END = "<|startoftext|>", "<|endoftext|>"

GRAMMAR: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "of",
        "on",
        "in",
        "at",
        "to",
        "left",
        "right",
        "above",
        "below",
        "over",
        "under",
        "next",
        "background",
        "light",
        "dark",
        "big",
        "small",
        "picture",
        "painting",
        "drawing",
        "photo",
        "sketch",
        "icon",
        "with",
        "two",
        "near",
        "behind",
        "front",
    ]
)
"""Words that say how, not what; each gets a row of its own, far from all others."""

OWN_SHARE: Final = 0.5
"""How much of a row is the word's own, so that words said of the same things can still be told apart."""


def keywords(packages: Path) -> dict[str, list[str]]:
    """Every label and keyword of each character of Unicode's emoji, by its label."""
    entries = read_json(fetch(WORDS["emojibase-data"], packages), "en/data.json")
    further: dict[str, Any] = read_json(fetch(WORDS["emojilib"], packages), "dist/emoji-en-US.json")
    said = {}
    for entry in entries:
        phrases = [
            entry["label"],
            *entry.get("tags", []),
            *(word.replace("_", " ") for word in further.get(entry["emoji"], [])),
        ]
        said[entry["label"]] = list(dict.fromkeys(phrase.lower() for phrase in phrases))
    for noun in NOUNS:
        said[noun.label] = list(dict.fromkeys([noun.word, *noun.others, *said.get(noun.label, [])]))
    return said


def split(text: str) -> list[str]:
    """The words of a phrase, lower case."""
    return re.findall(r"[a-z]+", text.lower())


def count_words(said: dict[str, list[str]]) -> Counter[str]:
    """How often the tokenizer's training meets each word; those of captions most, so that each is one token."""
    counts: Counter[str] = Counter()
    for phrases in said.values():
        counts.update(word for phrase in phrases for word in split(phrase) if len(word) > 1)
    own = [
        *sorted(GRAMMAR),
        *NAMES,
        *(word for noun in NOUNS for text in (noun.word, *noun.others) for word in split(text)),
    ]
    own += [word for scenery in SCENERIES.values() for text in scenery.words for word in split(text)]
    counts.update(dict.fromkeys(own, 200))
    return counts


def write_tokenizer(counts: Counter[str], folder: Path) -> None:
    """Train byte-pair encoding as CLIP has it (Radford et al. 2021) and save it where diffusers looks for it."""
    from transformers import CLIPTokenizer

    tokenizer = Tokenizer(models.BPE(unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pieces = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pieces, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[START, END],
        end_of_word_suffix="</w>",
        initial_alphabet=letters,
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        (" ".join([word] * min(count, 400)) for word, count in sorted(counts.items())), trainer
    )
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = dict(model["vocab"])
    for letter in letters:
        vocabulary.setdefault(letter + "</w>", len(vocabulary))
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    made = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TEXT_LENGTH, pad_token=END)
    made.save_pretrained(folder)


def neighbours(said: dict[str, list[str]], width: int) -> dict[str, npt.NDArray[np.float32]]:
    """A unit vector for every word, near for words that are said of the same things."""
    vocabulary = sorted({word for phrases in said.values() for phrase in phrases for word in split(phrase)})
    row = {word: index for index, word in enumerate(vocabulary)}
    matrix = np.zeros((len(vocabulary), len(said)), np.float32)
    for column, phrases in enumerate(said.values()):
        for phrase in phrases:
            words = split(phrase)
            for word in words:
                matrix[row[word], column] += 1 / len(words)
    rarity = np.log(matrix.shape[1] / (matrix > 0).sum(1, keepdims=True))
    left, strength, _ = np.linalg.svd(np.sqrt(matrix) * rarity, full_matrices=False)
    vectors = left[:, :width] * strength[:width]
    vectors = np.pad(vectors, ((0, 0), (0, width - vectors.shape[1])))
    return dict(zip(vocabulary, unit(vectors), strict=True))


def unit(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Rows of length 1."""
    length = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-8)
    scaled: npt.NDArray[np.float32] = (vectors / length).astype(np.float32)
    return scaled


def table(vocabulary: dict[str, int], said: dict[str, list[str]], width: int) -> npt.NDArray[np.float32]:
    """The row of every token, (tokens, width), each of length 1."""
    own = unit(np.random.default_rng(0).normal(size=(len(vocabulary), width)))
    near = neighbours(said, width)
    rows = own.copy()
    alone = {*GRAMMAR, *NAMES}
    for token, index in vocabulary.items():
        text = token.removesuffix("</w>")
        if token in (START, END) or text in alone:
            continue
        vector = near.get(text) if token.endswith("</w>") else None
        if vector is None and len(text) > 1:
            vector = mean_of(
                near[word] for word in near if (word.endswith(text) if token.endswith("</w>") else text in word)
            )
        if vector is not None:
            rows[index] = unit(vector + OWN_SHARE * own[index])
    return rows


def mean_of(vectors: Iterable[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32] | None:
    """The direction of the mean; None of nothing."""
    found = list(vectors)
    return unit(np.mean(found, 0)) if found else None
