"""The families, one row each.

Steps, guidance and sizes are those of the makers' model cards; where a card names several models of a family, those of the
one that most painters run. What a model's own files say goes before.
"""

from __future__ import annotations

from typing import Final

from .family import FamilyFacts
from .kinds import Device, DType

_NOISE_SAMPLERS: Final = (
    "ddim", "euler", "euler_a", "dpmpp_2m_karras", "dpmpp_2m_sde_karras", "dpmpp_sde_karras", "unipc", "lcm",
)  # fmt: skip
_FLOW_SAMPLERS: Final = (
    "flow_euler", "flow_heun", "flow_dpmpp_2m", "flow_dpmpp_2m_sde", "flow_unipc", "flow_lcm",
)  # fmt: skip

_HALF: Final[tuple[tuple[Device, DType], ...]] = (
    ("cuda", "float16"), ("rocm", "float16"), ("xpu", "float16"), ("mps", "float32"), ("cpu", "float32"),
)  # fmt: skip

# UNets of 2.6 billion weights and more took a fifth of the time a step in bfloat16 on a CPU that knows it. On one that does not,
# the engine goes over to float32 where memory allows: the weights alone are 14 GB then
_HALF_EVERYWHERE: Final[tuple[tuple[Device, DType], ...]] = (
    ("cuda", "float16"), ("rocm", "float16"), ("xpu", "float16"), ("mps", "float16"), ("cpu", "bfloat16"),
)  # fmt: skip

# diffusion transformers were trained in bfloat16, and run over float16's range
_BFLOAT: Final[tuple[tuple[Device, DType], ...]] = (
    ("cuda", "bfloat16"), ("rocm", "bfloat16"), ("xpu", "bfloat16"), ("mps", "bfloat16"), ("cpu", "bfloat16"),
)  # fmt: skip

_KL_PIXEL_BYTES: Final = 5000
"""Peak of AutoencoderKL's decoder in float32 on a CPU, at the widths that all families here share: 4870 a pixel at 256 squared,
4110 at 512; its encoder took 2560. With sixteen latent channels 4980 at 256, and FLUX.2's 4420. No denoiser was measured, and no
other device."""

_QWEN_PIXEL_BYTES: Final = 11000
"""The same of Qwen-Image's, which is made for films: 10580 at 256 squared, its encoder 4840."""

_WORDLESS: Final = 0.75
"""Leaves the large shapes and colours of the surroundings, and lets texture grow over them."""

_MEGAPIXEL: Final = 1024 * 1024


_SD1: Final = FamilyFacts(
    name="sd1",
    title="Stable Diffusion 1.x",
    adapter="sd1",
    native=512,
    least_side=256,
    most_pixels=768 * 768,
    steps=25,
    guidance=7.5,
    guidance_kind="classifier_free",
    sampler="ddim",
    samplers=_NOISE_SAMPLERS,
    context=(0.5, 512),
    dtypes=_HALF,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=True,
    variants=("base", "inpaint"),
)

# trained on sizes of about a megapixel with sides from 512 to 2048 (Podell et al. 2023, arXiv 2307.01952, appendix I); 640 to
# 1280 is where its pictures hold together. Its VAE overflows in float16: the adapter decodes in full
_SDXL: Final = FamilyFacts(
    name="sdxl",
    title="Stable Diffusion XL",
    adapter="sdxl",
    native=1024,
    least_side=640,
    most_pixels=1280 * 1024,
    steps=30,
    guidance=5.0,
    guidance_kind="classifier_free",
    sampler="euler",
    samplers=_NOISE_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_HALF_EVERYWHERE,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=True,
    variants=("base", "inpaint"),
)

# the cards of 3.5: Large 28 steps at 3.5, Medium 40 at 4.5
_SD3: Final = FamilyFacts(
    name="sd3",
    title="Stable Diffusion 3.x",
    adapter="sd3",
    native=1024,
    least_side=512,
    most_pixels=1280 * 1024,
    steps=28,
    guidance=4.5,
    guidance_kind="classifier_free",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
)

# "0.1 to 2.0 megapixels", Black Forest Labs. The guidance is that of dev
_FLUX: Final = FamilyFacts(
    name="flux",
    title="FLUX.1",
    adapter="flux",
    native=1024,
    least_side=320,
    most_pixels=2 * _MEGAPIXEL,
    steps=28,
    guidance=3.5,
    guidance_kind="embedded",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
    variants=("base", "inpaint", "edit"),
)

# up to 4 megapixels; "28 steps can be a good trade-off" is dev's card, whose pictures to show were made with 50
_FLUX2: Final = FamilyFacts(
    name="flux2",
    title="FLUX.2",
    adapter="flux2",
    native=1024,
    least_side=320,
    most_pixels=4 * _MEGAPIXEL,
    steps=28,
    guidance=4.0,
    guidance_kind="embedded",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
)

# 512 to 2048 squared; 28 to 50 steps at a guidance of 3 to 5. The turbo one is told by its schedule
_ZIMAGE: Final = FamilyFacts(
    name="zimage",
    title="Z-Image",
    adapter="zimage",
    native=1024,
    least_side=512,
    most_pixels=4 * _MEGAPIXEL,
    steps=28,
    guidance=4.0,
    guidance_kind="classifier_free",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
)

# its sizes are 1328 squared and others of as many pixels
_QWEN: Final = FamilyFacts(
    name="qwen",
    title="Qwen-Image",
    adapter="qwen",
    native=1328,
    least_side=512,
    most_pixels=1664 * 1248,
    steps=50,
    guidance=4.0,
    guidance_kind="classifier_free",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1328),
    dtypes=_BFLOAT,
    pixel_bytes=_QWEN_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
    variants=("base", "edit", "layered"),
)

_OVIS: Final = FamilyFacts(
    name="ovis",
    title="Ovis-Image",
    adapter="ovis",
    native=1024,
    least_side=512,
    most_pixels=1280 * 1024,
    steps=50,
    guidance=5.0,
    guidance_kind="classifier_free",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
)

_LONGCAT: Final = FamilyFacts(
    name="longcat",
    title="LongCat-Image",
    adapter="longcat",
    native=1024,
    least_side=512,
    most_pixels=1344 * 1024,
    steps=50,
    guidance=4.5,
    guidance_kind="classifier_free",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
    variants=("base", "edit"),
)

_CHROMA: Final = FamilyFacts(
    name="chroma",
    title="Chroma",
    adapter="chroma",
    native=1024,
    least_side=512,
    most_pixels=1280 * 1024,
    steps=40,
    guidance=3.0,
    guidance_kind="classifier_free",
    sampler="flow_euler",
    samplers=_FLOW_SAMPLERS,
    context=(0.5, 1024),
    dtypes=_BFLOAT,
    pixel_bytes=_KL_PIXEL_BYTES,
    wordless_strength=_WORDLESS,
    weights=False,
)

FAMILIES: Final[dict[str, FamilyFacts]] = {
    row.name: row for row in (_SD1, _SDXL, _SD3, _FLUX, _FLUX2, _ZIMAGE, _QWEN, _OVIS, _LONGCAT, _CHROMA)
}
"""Families by name."""
