"""What `benchmarks.gpu` measures of a model: our loop, the denoiser alone, and both under other choices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from diffusers.hooks import apply_group_offloading
from torch.nn.attention import SDPBackend, sdpa_kernel

from backend.engine.denoise import Sampling, denoise, is_guided

from .gpu_models import Subject
from .measured import MEBIBYTE, Figures, Memory, NotHere, finish, spread, timed

ATTENTION: Final = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
}
"""Ways to work out attention that torch has, by the names that its papers and pages give them."""

WARM_STEPS: Final = 2
"""Of a run that do not count: the first ones choose kernels and fill the allocator."""

PART_BYTES: Final = 2 * 1024**3
"""How much of a model is moved to measure the road: enough for the road's full speed, little enough for a few rounds."""


def by_loop(subject: Subject, steps: int, guided: bool = True, pictures: int = 1) -> Figures:
    """Our denoise loop: time from one step's end to the next one's, schedule and guidance included."""
    device = subject.adapter.device
    guidance = subject.guidance if guided else 1.0
    told = subject.told(is_guided(subject.adapter, guidance))
    sampling = Sampling(subject.sampler, steps + WARM_STEPS, guidance, 1.0, tuple(range(pictures)))
    times, last, first_s = [], None, None
    with torch.inference_mode():
        memory = Memory(device)
        begun = before = time.perf_counter()
        for step in denoise(subject.adapter, told, sampling, subject.extent):
            finish(device)
            now = time.perf_counter()
            first_s = now - begun if first_s is None else first_s
            times.append(now - before)
            before, last = now, step.latents
        finite = last is not None and bool(torch.isfinite(last).all())
    assert first_s is not None
    return {
        **spread("step", times[WARM_STEPS:]),
        "first_step_s": round(first_s, 2),
        "pictures": pictures,
        "rows": pictures * told.rows,
        "dtype": str(subject.denoiser.dtype).removeprefix("torch."),
        "finite": finite,
        **memory.figures(),
    }


def asked_of(subject: Subject, guided: bool = True) -> Callable[[], Any]:
    """What our loop asks of the denoiser in its first step, to be asked again and again: the reference."""
    asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    hook = subject.denoiser.register_forward_pre_hook(
        lambda _, args, named: asked.append((args, named)), with_kwargs=True
    )
    try:
        by_loop(subject, 1, guided)
    finally:
        hook.remove()
    args, named = asked[0]
    return lambda: subject.denoiser(*args, **named)


def by_call(subject: Subject, rounds: int, guided: bool = True) -> Figures:
    """The denoiser alone, asked what our loop asks."""
    ask = asked_of(subject, guided)
    with torch.inference_mode():
        memory = Memory(subject.adapter.device)
        return {**spread("call", timed(ask, subject.adapter.device, rounds)), **memory.figures()}


def by_graph(subject: Subject, rounds: int) -> Figures:
    """The same as one CUDA graph: what is left of a step when starting its kernels costs nothing."""
    device = subject.adapter.device
    if device.type != "cuda":
        raise NotHere("needs CUDA")
    ask = asked_of(subject)
    with torch.inference_mode():
        aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            ask()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            ask()
        return spread("call", timed(graph.replay, device, rounds))


def attending(subject: Subject, name: str, steps: int) -> Figures:
    """Our loop with one way to work out attention and no other."""
    with sdpa_kernel([ATTENTION[name]]):
        return by_loop(subject, steps)


@contextmanager
def channels_last(module: torch.nn.Module) -> Iterator[None]:
    """Weights of convolutions with the channels last, as tensor cores read them."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        yield
    finally:
        module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


@contextmanager
def tried_kernels() -> Iterator[None]:
    """cuDNN tries its kernels for convolutions when it meets a shape first, and keeps the quickest."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def in_dtype(module: torch.nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """A model in another dtype."""
    before = next(module.parameters()).dtype
    module.to(dtype)
    try:
        yield
    finally:
        module.to(before)


def coding(subject: Subject, dtype: torch.dtype, rounds: int) -> Figures:
    """The VAE: a picture's latents decoded, and the picture encoded, each at its worst moment."""
    coder: Any = subject.adapter._coder  # type: ignore[attr-defined]
    device = subject.adapter.device
    latents = torch.randn(subject.adapter.latent_shape(subject.extent), device=device)
    rgb = torch.rand(1, 3, subject.extent.height, subject.extent.width, device=device) * 2 - 1
    with torch.inference_mode(), in_dtype(coder.vae, dtype):
        memory = Memory(device)
        decoding, above = timed(lambda: coder.decode(latents), device, rounds), memory.figures()
        memory = Memory(device)
        encoding, beside = timed(lambda: coder.encode(rgb), device, rounds), memory.figures()
    return {
        **spread("decode", decoding),
        **above,
        "encode_ms": spread("encode", encoding)["encode_ms"],
        "encode_above_mib": beside["above_mib"],
    }


def moving(module: torch.nn.Module, device: torch.device, pinned: bool, rounds: int) -> Figures:
    """Part of a model's weights from the device to the processor's memory and back, and by that how long the whole takes."""
    if pinned and device.type != "cuda":
        raise NotHere("needs CUDA")
    weights, part = list(module.parameters()), 0
    some = []
    for weight in weights:
        if part < PART_BYTES:
            some.append(weight.detach())
            part += weight.nbytes
    whole = sum(weight.nbytes for weight in weights)
    begun = time.perf_counter()
    hosts = [torch.empty(weight.shape, dtype=weight.dtype, pin_memory=pinned) for weight in some]
    for host in hosts:
        host.fill_(0)  # so that the system has given the memory, whether pinned or not
    taking = time.perf_counter() - begun

    def away() -> None:
        for host, weight in zip(hosts, some, strict=True):
            host.copy_(weight, non_blocking=pinned)

    def back() -> None:
        for host, weight in zip(hosts, some, strict=True):
            weight.copy_(host, non_blocking=pinned)

    went, came = timed(away, device, rounds, 1), timed(back, device, rounds, 1)
    share = whole / part
    out_ms, in_ms = spread("out", went)["out_ms"], spread("in", came)["in_ms"]
    return {
        "part_mib": round(part / MEBIBYTE),
        "whole_mib": round(whole / MEBIBYTE),
        "out_gib_s": round(part / out_ms * 1000 / 1024**3, 2) if out_ms else None,
        "in_gib_s": round(part / in_ms * 1000 / 1024**3, 2) if in_ms else None,
        "memory_taken_s": round(taking, 2),
        "whole_out_s_by_share": round(out_ms * share / 1000, 2),
        "whole_in_s_by_share": round(in_ms * share / 1000, 2),
    }


def streamed(subject: Subject, steps: int) -> Figures:
    """Our loop with the weights in the processor's memory, each block fetched while the one before it works."""
    cuda = subject.adapter.device.type == "cuda"
    apply_group_offloading(
        subject.denoiser,
        onload_device=subject.adapter.device,
        offload_device=torch.device("cpu"),
        offload_type="block_level",
        num_blocks_per_group=1,
        use_stream=cuda,
        non_blocking=cuda,
    )
    weights = sum(weight.nbytes for weight in subject.denoiser.parameters())
    return {**by_loop(subject, steps), "weights_mib": round(weights / MEBIBYTE)}


def in_eighths(subject: Subject, steps: int) -> Figures:
    """Our loop with the weights kept in 8 bits and brought to the model's dtype layer by layer."""
    denoiser: Any = subject.denoiser
    denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=denoiser.dtype)
    return by_loop(subject, steps)


def compiled(subject: Subject, steps: int, backend: str) -> Figures:
    """Our loop with the repeated blocks compiled; the first step holds the compiling."""
    denoiser: Any = subject.denoiser
    denoiser.compile_repeated_blocks(fullgraph=True, backend=backend)
    return by_loop(subject, steps)
