"""Stable Diffusion 1.x and every model of its shape: one CLIP text encoder, a UNet on four latent channels, a VAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from backend.families.facts import Prediction, Readings

from .folder import FETCH_AGAIN, ModelFolder, as_value
from .headers import Tensor
from .problems import NotUsable
from .weights import read_weights

COMPONENTS: Final[dict[str, tuple[str, ...]]] = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL", "AutoencoderTiny"),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "scheduler": (),
}
"""Classes that each component may be of. Any scheduler will do: only its settings are used. A safety checker is not loaded."""

PREDICTIONS: Final = ("epsilon", "v_prediction", "sample")

SPECIAL_INPUTS: Final = {
    5: "a depth map",
    7: "a picture to enlarge",
    8: "a picture to edit by instruction",
    9: "a mask and a masked picture: it is an inpainting checkpoint",
}
"""What a UNet takes beside the latents, by its number of input channels."""


@dataclass(frozen=True)
class UnetConfig:
    """What bears on planning and on whether it can be run at all; defaults as in diffusers."""

    in_channels: int = 4
    out_channels: int = 4
    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    cross_attention_dim: int = 1280
    sample_size: int | None = None
    addition_embed_type: str | None = None
    class_embed_type: str | None = None
    encoder_hid_dim_type: str | None = None


@dataclass(frozen=True)
class VaeConfig:
    """Of either kind: AutoencoderTiny names its blocks differently. Defaults as in diffusers."""

    latent_channels: int = 4
    block_out_channels: tuple[int, ...] = (64,)
    decoder_block_out_channels: tuple[int, ...] = (64, 64, 64, 64)


@dataclass(frozen=True)
class TextConfig:
    """Defaults as in transformers."""

    vocab_size: int = 49408
    hidden_size: int = 512
    max_position_embeddings: int = 77


@dataclass(frozen=True)
class TokenizerConfig:
    """Tokens that the tokenizer cuts at; None where it leaves that to the text encoder."""

    model_max_length: int | None = None


@dataclass(frozen=True)
class SchedulerConfig:
    """What the UNet was trained to predict."""

    _class_name: str = ""
    prediction_type: str = "epsilon"


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components; a second text encoder makes it another one."""
    return (
        _class_of(index, "unet") in COMPONENTS["unet"]
        and _class_of(index, "text_encoder") in COMPONENTS["text_encoder"]
        and not _class_of(index, "text_encoder_2")
    )


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    for component, classes in COMPONENTS.items():
        found = _class_of(index, component)
        if not found:
            raise NotUsable(f"It has no {component}. {FETCH_AGAIN}")
        if classes and found not in classes:
            raise NotUsable(
                f"Its {component} is a {found[:60]}, which this version cannot run. Choose a model with {classes[0]}."
            )
    text, text_length = _read_text(folder)
    unet = _read_unet(folder, text)
    latent_channels, vae_scale = _read_vae(folder, tiny=_class_of(index, "vae") == "AutoencoderTiny")
    if latent_channels != unet.out_channels:
        raise NotUsable(
            f"Its VAE has {latent_channels} latent channels, its UNet {unet.out_channels}: they are not of the same model."
            f" {FETCH_AGAIN}"
        )
    return Readings(
        native=None if unet.sample_size is None else unet.sample_size * vae_scale,
        vae_scale=vae_scale,
        downsampling=2 ** (len(unet.block_out_channels) - 1),
        latent_channels=latent_channels,
        text_length=text_length,
        prediction=_read_prediction(folder),
    )


def _class_of(index: dict[str, Any], component: str) -> str:
    """Class of a component; empty when it is left out, or of a library other than diffusers and transformers.

    Code that comes with a model is never run, so a class of the model's own is none.
    """
    entry = index.get(component)
    if type(entry) is list and len(entry) == 2 and entry[0] in ("diffusers", "transformers"):
        return entry[1] if type(entry[1]) is str else ""
    return ""


def _read_text(folder: ModelFolder) -> tuple[TextConfig, int]:
    config = folder.read(TextConfig, "text_encoder/config.json")
    weights = read_weights(folder, "text_encoder", "model")
    _fits(weights, "text_encoder", "embeddings.token_embedding.weight", (config.vocab_size, config.hidden_size))
    _fits(
        weights,
        "text_encoder",
        "embeddings.position_embedding.weight",
        (config.max_position_embeddings, config.hidden_size),
    )
    if not folder.has("tokenizer/tokenizer.json"):
        for name in ("tokenizer/vocab.json", "tokenizer/merges.txt"):
            folder.file(name)
    tokens = folder.read(TokenizerConfig, "tokenizer/tokenizer_config.json").model_max_length
    if tokens is not None and not 3 <= tokens <= config.max_position_embeddings:
        raise NotUsable(
            f"Its tokenizer gives {tokens} tokens, its text encoder takes {config.max_position_embeddings}: they are not of"
            f" the same model. {FETCH_AGAIN}"
        )
    return config, config.max_position_embeddings if tokens is None else tokens


def _read_unet(folder: ModelFolder, text: TextConfig) -> UnetConfig:
    name = "unet/config.json"
    plain = folder.read_object(name)
    if type(plain.get("sample_size")) is list:
        # diffusers allows [height, width]; the native side is that of the square with at least as much
        plain["sample_size"] = max(plain["sample_size"], default=None)
    config = as_value(UnetConfig, plain, name)
    if config.in_channels != config.out_channels:
        beside = SPECIAL_INPUTS.get(
            config.in_channels, f"{config.in_channels} channels instead of {config.out_channels}"
        )
        raise NotUsable(
            f"Its UNet takes {beside}, which this version does not give it. Use the ordinary model that it was made from:"
            " it fills selections as well."
        )
    for what in (config.addition_embed_type, config.class_embed_type, config.encoder_hid_dim_type):
        if what is not None:
            raise NotUsable(f"Its UNet wants {what[:60]!r} beside the prompt, which this version does not give it.")
    if config.cross_attention_dim != text.hidden_size:
        raise NotUsable(
            f"Its UNet reads text {config.cross_attention_dim} wide, its text encoder writes {text.hidden_size}: they are not"
            f" of the same model. {FETCH_AGAIN}"
        )
    if not 1 <= len(config.block_out_channels) <= 8 or (config.sample_size is not None and config.sample_size < 1):
        raise NotUsable(f"Its file {name} says something impossible. {FETCH_AGAIN}")
    weights = read_weights(folder, "unet", "diffusion_pytorch_model")
    _fits(weights, "unet", "conv_in.weight", (config.block_out_channels[0], config.in_channels))
    return config


def _read_vae(folder: ModelFolder, tiny: bool) -> tuple[int, int]:
    """Return its latent channels, and pixels per latent on each side."""
    config = folder.read(VaeConfig, "vae/config.json")
    blocks = config.decoder_block_out_channels if tiny else config.block_out_channels
    if not 1 <= len(blocks) <= 8:
        raise NotUsable(f"Its file vae/config.json says something impossible. {FETCH_AGAIN}")
    weights = read_weights(folder, "vae", "diffusion_pytorch_model")
    if tiny:
        _fits(weights, "vae", "decoder.layers.0.weight", (blocks[0], config.latent_channels))
    else:
        _fits(weights, "vae", "decoder.conv_in.weight", (blocks[-1], config.latent_channels))
    return config.latent_channels, 2 ** (len(blocks) - 1)


def _read_prediction(folder: ModelFolder) -> Prediction:
    config = folder.read(SchedulerConfig, "scheduler/scheduler_config.json")
    if config._class_name.startswith("FlowMatch") or config.prediction_type not in PREDICTIONS:
        raise NotUsable("It was trained in a way that this version does not know, so that it would paint noise only.")
    return cast("Prediction", config.prediction_type)


def _fits(weights: Mapping[str, Tensor], component: str, ending: str, shape: tuple[int, ...]) -> None:
    """Hold a tensor's shape against the configuration; its name may have a prefix, which differs between versions."""
    found = next((weights[name] for name in weights if name == ending or name.endswith(f".{ending}")), None)
    if found is None or found.shape[: len(shape)] != shape:
        raise NotUsable(f"The weights of its {component} do not fit its configuration. {FETCH_AGAIN}")
