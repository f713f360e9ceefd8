"""SHA-256 of every file of the embedded model, in lower-case hexadecimal; held against the files when it is loaded.

Write it anew with the weights: `sha256sum` prints the same digits.
"""

from __future__ import annotations

from typing import Final

HASHES: Final = {
    "model_index.json": "d26e4525fd5f8c73c346c83ae4472d4ec6848ed0f85b62764ef12a7f66403aad",
    "scheduler/scheduler_config.json": "8c61bfdf599881cc98218932a76e1dc8d30cb52b285faeda5cbc30a1d7f29d10",
    "scumble.json": "7f04601dc576e81166fe4b7e8ae076361997febf264665b084998b6829d62372",
    "text_encoder/config.json": "9e0d2aac284db623c2b02c80bf3df4ff9dd15c302b6eb0b9b5d5baf273f40605",
    "text_encoder/model.safetensors": "f5327dcda43d00b414f5541c96177a10df8e285d2e4d3686bac66041f0d3bdcc",
    "tokenizer/tokenizer.json": "2643e23ee719db0e4d438081f4bbd4e73569ee909da4086b4993667f2973c0c6",
    "tokenizer/tokenizer_config.json": "a0828a8771c4fed9a4b6e27ef6fea344a294606224843548c9653b105b715f73",
    "unet/config.json": "fdee45b400cffc05d379e1d10fcfb2147d889c3d0c22eda5c8ad8581aebfb9bd",
    "unet/diffusion_pytorch_model.safetensors": "50e2e26feb976f295738e34bb6c257568862e2d8fa92b6e2c90877bd762c0e9d",
    "vae/config.json": "e36397fa639cfab6b105fd7beae9cecb4c555d6003e3e2c6ee37acdcef7a5ab7",
    "vae/diffusion_pytorch_model.safetensors": "ab08c778f4f627ba18e629e05f56f154565bc921b9578424120a8feeac7ecdc3",
}
