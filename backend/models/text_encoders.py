"""A model's text encoders and their tokenizers, read by kind: configuration, tokens, and the shapes of the embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .components import fits, refuse_quantized
from .folder import FETCH_AGAIN, ModelFolder, as_value
from .problems import NotUsable
from .weights import read_weights

NO_LIMIT: Final = 10**29
"""What transformers writes, about, for a tokenizer that cuts at no number of tokens."""


@dataclass(frozen=True)
class ClipConfig:
    """Defaults as in transformers."""

    vocab_size: int = 49408
    hidden_size: int = 512
    projection_dim: int = 512
    max_position_embeddings: int = 77


@dataclass(frozen=True)
class T5Config:
    """Defaults as in transformers."""

    vocab_size: int = 32128
    d_model: int = 512


@dataclass(frozen=True)
class LanguageConfig:
    """Of a language model: Qwen's and Mistral's have different defaults, so that zero stands for what is not said."""

    vocab_size: int = 0
    hidden_size: int = 0


@dataclass(frozen=True)
class TokenizerConfig:
    """Tokens that the tokenizer cuts at; None where it leaves that to the text encoder."""

    model_max_length: int | None = None


def read_clip(folder: ModelFolder, number: str = "") -> tuple[ClipConfig, int]:
    """Read one of CLIP's with its tokenizer: components ``text_encoder`` and ``tokenizer`` with `number` behind, as "_2".

    Returns its configuration, and the tokens that are read at once. Raises NotUsable.
    """
    encoder, tokenizer = f"text_encoder{number}", f"tokenizer{number}"
    config = folder.read(ClipConfig, f"{encoder}/config.json")
    weights = read_weights(folder, encoder, "model")
    fits(weights, encoder, "embeddings.token_embedding.weight", (config.vocab_size, config.hidden_size))
    fits(weights, encoder, "embeddings.position_embedding.weight", (config.max_position_embeddings, config.hidden_size))
    _require_tokenizer(folder, tokenizer, "vocab.json", "merges.txt")
    tokens = folder.read(TokenizerConfig, f"{tokenizer}/tokenizer_config.json").model_max_length
    if tokens is None or tokens >= NO_LIMIT:
        return config, config.max_position_embeddings
    if not 3 <= tokens <= config.max_position_embeddings:
        raise NotUsable(
            f"Its {tokenizer} gives {tokens} tokens, its text encoder takes {config.max_position_embeddings}: they are not of"
            f" the same model. {FETCH_AGAIN}"
        )
    return config, tokens


def read_t5(folder: ModelFolder, number: str = "") -> int:
    """Read T5's encoder with its tokenizer; returns its width. Raises NotUsable."""
    encoder, tokenizer = f"text_encoder{number}", f"tokenizer{number}"
    plain = folder.read_object(f"{encoder}/config.json")
    refuse_quantized(plain, encoder)
    config = as_value(T5Config, plain, f"{encoder}/config.json")
    weights = read_weights(folder, encoder, "model")
    # tied: which of the two names is written differs between versions
    name = "shared.weight" if "shared.weight" in weights else "encoder.embed_tokens.weight"
    fits(weights, encoder, name, (config.vocab_size, config.d_model))
    if not folder.has(f"{tokenizer}/spiece.model"):
        folder.file(f"{tokenizer}/tokenizer.json")
    folder.file(f"{tokenizer}/tokenizer_config.json")
    return config.d_model


def read_language_model(folder: ModelFolder, tokenizer: str = "tokenizer") -> int:
    """Read a language model, with eyes or without, that is used as text encoder; returns its width. Raises NotUsable."""
    name = "text_encoder/config.json"
    plain = folder.read_object(name)
    refuse_quantized(plain, "text_encoder")
    # those with eyes have their text's settings in a part of its own, or at the top, or some here and some there
    inner = plain.get("text_config")
    config = as_value(LanguageConfig, {**plain, **(inner if type(inner) is dict else {})}, name)
    weights = read_weights(folder, "text_encoder", "model")
    fits(weights, "text_encoder", "embed_tokens.weight", (config.vocab_size, config.hidden_size))
    _require_tokenizer(folder, tokenizer, "vocab.json", "merges.txt")
    return config.hidden_size


def require_processor(folder: ModelFolder, name: str) -> None:
    """Raise NotUsable when what prepares pictures for the text encoder is not whole."""
    together = f"{name}/processor_config.json"
    if not (folder.has(together) and type(folder.read_object(together).get("image_processor")) is dict):
        # as it was written before transformers put all of a processor into one file
        folder.read_object(f"{name}/preprocessor_config.json")
    _require_tokenizer(folder, name, "vocab.json", "merges.txt")


def _require_tokenizer(folder: ModelFolder, name: str, *older: str) -> None:
    """A tokenizer lies in one file, or in those that came before it."""
    if not folder.has(f"{name}/tokenizer.json"):
        for file in older:
            folder.file(f"{name}/{file}")
    folder.file(f"{name}/tokenizer_config.json")
