"""In what models differ, by name."""

from typing import Final, Literal

Device = Literal["cuda", "rocm", "mps", "xpu", "cpu"]
DType = Literal["float32", "float16", "bfloat16"]

Prediction = Literal["epsilon", "v_prediction", "sample", "flow"]
"""What the denoiser answers: the noise, the velocity of Salimans and Ho, the picture, or the velocity of a flow."""

GuidanceKind = Literal["classifier_free", "embedded", "none"]
"""How the guidance scale takes effect: by a second prediction for the negative prompt, by being told to the denoiser, or not."""

Variant = Literal["base", "inpaint", "edit", "layered"]
"""What the denoiser takes beside the latents and the prompt: nothing, a mask and the masked picture, whole pictures to work
from, or a picture to take apart into layers."""

VAE: Final = "vae"
TEXT_ENCODER: Final = "text_encoder"
# what components are called in diffusers' layout, or how their names begin; what is neither and has weights is the denoiser
