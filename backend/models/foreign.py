"""What a single file holds that is not run, by the names of its tensors: other families, parts, and what changes models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from backend.families.facts import FAMILIES

from .checkpoint import UNET, VAE
from .headers import Tensor

_FOLDER: Final = "Fetch the same model as a folder in diffusers' layout, with a model_index.json in it."

TEXT: Final = ("cond_stage_model.", "conditioner.", "text_encoders.")
_VAES: Final = (VAE, "vae.")


@dataclass(frozen=True)
class Foreign:
    """What a file is told to be: the family's name, empty where it is none or not known, and why it is not used."""

    family: str
    problem: str


def _part(*endings: str) -> Callable[[str], bool]:
    return lambda name: any(ending in name for ending in endings)


def _start(*starts: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(starts)


# what changes a model first: a LoRA of FLUX.1 has names of FLUX.1 in it
_BESIDE: Final = (
    (
        _part(".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", ".hada_w1_a", ".lokr_w", "lora_unet_"),
        "It is a LoRA, or of its kind: it changes a model, and is none. Put it into the folder that 'scumble loras' names.",
    ),
    (
        _part("control_model.", "controlnet_cond_embedding.", "controlnet_blocks.", "input_hint_block."),
        "It is a ControlNet: it guides a model, and is none.",
    ),
    (_part("image_proj.", "ip_adapter."), "It is an IP-Adapter: it guides a model, and is none."),
    (_part("emb_params"), "It is an embedding, words for a prompt, and no model."),
    (_part("motion_modules."), "It makes films of a model's pictures, and is no model."),
)

# the family that has a tensor of such a name, in its makers' layout; Chroma's and FLUX.2's names contain FLUX.1's
_DENOISERS: Final = (
    ("chroma", _start("distilled_guidance_layer.")),
    ("flux2", _start("double_stream_modulation_img.")),
    ("flux", _start("double_blocks.0.img_attn.")),
    ("sd3", _start("joint_blocks.0.")),
    ("zimage", _start("x_pad_token", "cap_pad_token")),
    ("qwen", _part("transformer_blocks.0.img_mlp.", "transformer_blocks.0.img_mod.")),
)

_SERVES: Final = "Models of FLUX.1 and Stable Diffusion 3.x in single files find it where they need it."

_PARTS: Final = (
    (
        _start("decoder.conv_in.", "first_stage_model.", "decoder.middle.", "encoder.down_blocks."),
        f"It is a VAE alone, and no whole model. {_SERVES}",
    ),
    (
        _part("down_blocks.0.resnets.", "mid_block.resnets."),
        f"It is one component in diffusers' layout, and no whole model. {_FOLDER}",
    ),
    (
        _start("single_transformer_blocks.", "transformer_blocks."),
        f"It is one component in diffusers' layout, and no whole model. {_FOLDER}",
    ),
    (
        _part("text_model.embeddings.", "SelfAttention.q.weight", "embed_tokens.weight", "transformer.resblocks."),
        f"It is a text encoder alone, and no whole model. {_SERVES}",
    ),
    (_start("conv_first.", "body.0."), "It enlarges pictures, and is no model that paints."),
)


def foreign(tensors: Mapping[str, Tensor]) -> Foreign:
    """Say what a file holds that is no checkpoint of Stable Diffusion 1.x or XL."""
    for has, problem in _BESIDE:
        if any(map(has, tensors)):
            return Foreign("", problem)
    inner = [name.removeprefix(UNET) for name in tensors]
    for family, has in _DENOISERS:
        if any(map(has, inner)):
            return Foreign(family, _alone(FAMILIES[family].title, tensors))
    for has, problem in _PARTS:
        if any(map(has, inner)):
            return Foreign("", problem)
    return Foreign("", f"It is a single file of no kind that this version knows. {_FOLDER}")


def _alone(title: str, tensors: Iterable[str]) -> str:
    names = list(tensors)
    missing = [
        what
        for what, prefixes in (("text encoders", TEXT), ("VAE", _VAES))
        if not any(name.startswith(prefixes) for name in names)
    ]
    lacks = f" Its {' and '.join(missing)} are not in it." if missing else ""
    return f"It is a {title} model in a single file, which this version does not read.{lacks} {_FOLDER}"
