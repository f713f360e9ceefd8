"""The vocabulary of CLIP's tokenizer, made of the pairs that it merges: a file of half a megabyte for all text encoders.

OpenAI's pairs, as the package open-clip-torch carries them (MIT licence); the order of tokens is that of OpenAI's
``simple_tokenizer.py``: bytes, bytes at the end of a word, what each pair makes, and the two marks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

MERGES: Final = Path(__file__).parent / "layouts" / "clip" / "merges.txt"

WORD_END: Final = "</w>"
MARKS: Final = ("<|startoftext|>", "<|endoftext|>")


def byte_letters() -> list[str]:
    """The letters that stand for the 256 bytes, in the vocabulary's order: printable ones for themselves first."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printable)
    return [chr(code) for code in printable] + [chr(256 + number) for number in range(others)]


def write_vocabulary(folder: Path) -> None:
    """Write ``vocab.json`` and ``merges.txt`` into a tokenizer's folder."""
    text = MERGES.read_text(encoding="utf-8")
    pairs = text.splitlines()[1:]
    letters = byte_letters()
    made = ["".join(pair.split(" ")) for pair in pairs]
    tokens = [*letters, *(letter + WORD_END for letter in letters), *made, *MARKS]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text(text, encoding="utf-8")
