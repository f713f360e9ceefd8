"""LoRAs of all families (Hu et al. 2021, arXiv 2106.09685): read, held against a model, injected into it, and ejected again.

A layer `y = f(x)` becomes `y = f(x) + weight * B(A(x))`. diffusers knows the layouts that trainers write, PEFT wraps the layers.
Nothing is merged into a model's own weights: ejecting puts the very layers back that were there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers.loaders.lora_pipeline import StableDiffusionXLLoraLoaderMixin
from diffusers.utils.state_dict_utils import StateDictType, convert_state_dict_to_peft, convert_unet_state_dict_to_peft
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError, safe_open

from .lora_scales import scaled

_OF_LORAS: Final = re.compile(r"(?!bundle_emb\.).*(?:lora|\.alpha\Z)")
_TRAINED_NAME: Final = re.compile(r"\.(lora_[AB])\.default\.weight\Z")
_PAIR: Final = re.compile(r"(.+)\.lora_([AB])\.weight\Z")


class UnfitLora(Exception):
    """A LoRA that cannot be used with a model. The text is the end of a sentence for the painter: why."""


@dataclass(frozen=True)
class Pair:
    """What is added to one layer: `down` `[rank, in, ...]` and `up` `[out, rank, ...]`."""

    down: torch.Tensor
    up: torch.Tensor

    @property
    def rank(self) -> int:
        """How many numbers the layer's input is taken to."""
        return self.down.shape[0]


@dataclass(frozen=True)
class Lora:
    """A LoRA that fits a model: its pairs by component and layer. `left_out` of its layers are not the model's."""

    components: Mapping[str, Mapping[str, Pair]]
    left_out: int

    @property
    def layers(self) -> int:
        """How many layers it changes."""
        return sum(map(len, self.components.values()))

    def nbytes_in(self, parts: Any) -> int:  # noqa: ANN401 - untyped library
        """Its size in the model that is in a pipeline: it takes on that one's dtype, whatever it was written in."""
        return sum(
            (pair.down.numel() + pair.up.numel()) * getattr(parts, name).dtype.itemsize
            for name, layers in self.components.items()
            for pair in layers.values()
        )


def takes_loras(parts: Any) -> bool:  # noqa: ANN401 - untyped library
    """Whether diffusers knows the LoRAs of this pipeline's family."""
    return hasattr(parts, "lora_state_dict")


def read_lora(path: Path, parts: Any) -> Lora:  # noqa: ANN401 - untyped library
    """Read a safetensors file for the model that is in a pipeline. Raises UnfitLora, and OSError where there is none."""
    tensors = _read(path)
    try:
        named = _by_component(_converted(tensors, parts), parts)
    except Exception as error:
        # diffusers' converters take every name and shape for granted, and stumble over others in all ways
        raise UnfitLora("its layers have other names or sizes than those of this family") from error
    return _fitted(named, parts)


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of LoRAs in a file, each pair at its full strength."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {name: _wider(file.get_tensor(name)) for name in file.keys() if _OF_LORAS.match(name)}  # noqa: SIM118
            said = (file.metadata() or {}).get("lora_adapter_metadata")
    except SafetensorError as error:
        raise UnfitLora(f"its file is damaged ({_brief(error)})") from error
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise UnfitLora(f"it holds whole numbers, in {name[:80]!r}")
        if not tensor.isfinite().all():
            raise UnfitLora(f"it is broken: {name[:80]!r} holds what is no number")
    try:
        return scaled(tensors, json.loads(said) if said else {})
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise UnfitLora(f"how strong it is meant to be is not understood ({_brief(error)})") from error


def _wider(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers in a type that torch calculates with: floats of 8 bits are only for keeping."""
    return tensor.to(torch.bfloat16) if tensor.is_floating_point() and tensor.itemsize == 1 else tensor


def _converted(tensors: dict[str, torch.Tensor], parts: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401 - untyped library
    """The tensors under diffusers' names."""
    told: dict[str, Any] = {"return_alphas": True}
    if isinstance(parts, StableDiffusionXLLoraLoaderMixin):
        told["unet_config"] = parts.unet.config
    found = parts.lora_state_dict(tensors, **told)
    # the alphas are all in the tensors already
    plain: dict[str, torch.Tensor] = found[0] if isinstance(found, tuple) else found
    return {_TRAINED_NAME.sub(r".\1.weight", name): tensor for name, tensor in plain.items()}


def _by_component(tensors: dict[str, torch.Tensor], parts: Any) -> dict[str, dict[str, torch.Tensor]]:  # noqa: ANN401
    """The tensors of each component under PEFT's names."""
    components: dict[str, dict[str, torch.Tensor]] = {name: {} for name in _changeable(parts)}
    denoiser = next(iter(components))
    bare = not any(name.startswith(tuple(f"{component}." for component in components)) for name in tensors)
    for name, tensor in tensors.items():
        component, _, rest = (denoiser, "", name) if bare else name.partition(".")
        if component in components and not name.endswith(".alpha"):
            components[component][rest] = tensor
    return {name: _in_peft(layers, name == denoiser) for name, layers in components.items()}


def _in_peft(tensors: dict[str, torch.Tensor], denoiser: bool) -> dict[str, torch.Tensor]:
    if not denoiser:
        # of the two maps for text encoders this one has all names of the other
        tensors = convert_state_dict_to_peft(tensors, original_type=StateDictType.DIFFUSERS_OLD)
    converted: dict[str, torch.Tensor] = convert_unet_state_dict_to_peft(tensors)
    return converted


def _changeable(parts: Any) -> dict[str, torch.nn.Module]:  # noqa: ANN401 - untyped library
    """The components that LoRAs change, the denoiser first."""
    found = {name: getattr(parts, name, None) for name in parts._lora_loadable_modules}
    return {name: component for name, component in found.items() if component is not None}


def _fitted(named: Mapping[str, Mapping[str, torch.Tensor]], parts: Any) -> Lora:  # noqa: ANN401 - untyped library
    components: dict[str, dict[str, Pair]] = {}
    strange = 0
    for name, component in _changeable(parts).items():
        pairs, unknown = _pairs_of(named[name], component)
        strange += unknown
        if pairs:
            components[name] = pairs
    if not components:
        raise UnfitLora("none of its layers are in this model")
    return Lora(components, strange)


def _pairs_of(tensors: Mapping[str, torch.Tensor], component: torch.nn.Module) -> tuple[dict[str, Pair], int]:
    """The pairs of one component's layers, and how many layers it has not got."""
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        found = _PAIR.match(name)
        if found is None:
            raise UnfitLora(f"it adds more to layers than a LoRA does, with {name[:80]!r}")
        halves.setdefault(found[1], {})[found[2]] = tensor
    # an attached LoRA has put its wrapper in the layer's place
    modules = dict(component.named_modules())
    pairs: dict[str, Pair] = {}
    for name, half in halves.items():
        here = _name_here(name, modules)
        if here is None:
            continue
        if len(half) != 2:
            raise UnfitLora(f"the matrices of its layer {name[:80]!r} are no pair")
        pairs[here] = _pair_for(here, half["A"], half["B"], modules[here])
    return pairs, len(halves) - len(pairs)


def _name_here(name: str, modules: Mapping[str, torch.nn.Module]) -> str | None:
    """A layer's name in this version of a text encoder, whose layers were within a `text_model` or are."""
    for known in (name, name.removeprefix("text_model."), f"text_model.{name}"):
        if known in modules:
            return known
    return None


def _pair_for(name: str, down: torch.Tensor, up: torch.Tensor, module: torch.nn.Module) -> Pair:
    """A pair in the shape of its layer. Trainers write a convolution of one pixel as a matrix, and the other way round."""
    layer = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module
    weight = getattr(layer, "weight", None)
    if not isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) or weight is None:
        raise UnfitLora(f"the model's {name[:80]!r} is no layer that can be changed")
    rank = down.shape[0]
    if rank < 1:
        raise UnfitLora(f"the matrices of its layer {name[:80]!r} are empty")
    inner = (rank, *weight.shape[1:])
    outer = (weight.shape[0], rank, *(1 for _ in weight.shape[2:]))
    if down.numel() != math.prod(inner) or up.shape[0] != outer[0] or up.numel() != math.prod(outer):
        raise UnfitLora(
            f"it is for a model of other sizes: {name[:80]!r} takes {weight.shape[1]} numbers to {weight.shape[0]} here, and"
            f" {down.shape[1:].numel()} to {up.shape[0]} there"
        )
    return Pair(down.reshape(inner), up.reshape(outer))


def inject(lora: Lora, name: str, parts: Any) -> None:  # noqa: ANN401 - untyped library
    """Put a LoRA into the model, under a name of its own; it says nothing until it is `turn_on`'s turn."""
    components = _changeable(parts)
    for component, layers in lora.components.items():
        model = components[component]
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        inject_adapter_in_model(_config(layers), model, name, low_cpu_mem_usage=True)
        for parameter in trainable:
            parameter.requires_grad_(True)  # PEFT takes it from them
        del model.peft_config  # nobody asks for it, and the next LoRA would be warned of it
        for layer, pair in layers.items():
            _fill(model.get_submodule(layer), name, pair)
    turn_on({}, parts)


def _config(layers: Mapping[str, Pair]) -> LoraConfig:
    """What PEFT is told: these layers and no others, of these ranks, at a strength of 1."""
    ranks: dict[int, list[str]] = {}
    for layer, pair in layers.items():
        ranks.setdefault(pair.rank, []).append(layer)
    # one pattern a rank: PEFT goes through all patterns at every layer
    patterns = {"^" + _any_of(names): rank for rank, names in ranks.items()}
    first = next(iter(ranks))
    return LoraConfig(
        r=first, lora_alpha=first, rank_pattern=patterns, alpha_pattern=patterns, target_modules=_any_of(layers)
    )


def _any_of(names: Iterable[str]) -> str:
    return "(?:" + "|".join(map(re.escape, names)) + ")"


def _fill(layer: Any, name: str, pair: Pair) -> None:  # noqa: ANN401 - untyped library
    weight = layer.get_base_layer().weight
    for matrix, values in ((layer.lora_A[name], pair.down), (layer.lora_B[name], pair.up)):
        matrix.weight = torch.nn.Parameter(values.to(weight.device, weight.dtype), requires_grad=False)


def turn_on(weights: Mapping[str, float], parts: Any) -> None:  # noqa: ANN401 - untyped library
    """Let the LoRAs of these names speak, in this order and with these weights, and no others."""
    for _, _, layer in _wrapped(parts):
        layer.set_adapter(list(weights), inference_mode=True)
        for name, weight in weights.items():
            layer.set_scale(name, weight)


def eject(name: str, parts: Any) -> None:  # noqa: ANN401 - untyped library
    """Take a LoRA out of the model. When none is left, all is as it was before the first one."""
    for parent, child, layer in list(_wrapped(parts)):
        if name in layer.lora_A:
            layer.set_adapter([], inference_mode=True)
            layer.delete_adapter(name)
        if not layer.lora_A:
            setattr(parent, child, layer.get_base_layer())


def _wrapped(parts: Any) -> Iterator[tuple[torch.nn.Module, str, Any]]:  # noqa: ANN401 - untyped library
    """Every layer that PEFT has wrapped, with the module that holds it, and its name there."""
    for component in _changeable(parts).values():
        for parent in list(component.modules()):
            if isinstance(parent, BaseTunerLayer):
                continue
            for child, layer in list(parent.named_children()):
                if isinstance(layer, BaseTunerLayer):
                    yield parent, child, layer


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
