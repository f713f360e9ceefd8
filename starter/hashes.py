"""SHA-256 of every file of the embedded model, in lower-case hexadecimal; held against the files when it is loaded.

Write it anew with the weights: `sha256sum` prints the same digits.
"""

from __future__ import annotations

from typing import Final

HASHES: Final = {
    "model_index.json": "7b8d89647861c0be20bb96f7e370656316ea1a21765024ecd2d3103119b87e9d",
    "scheduler/scheduler_config.json": "279059154600f94ff7870af544555e5c0040e5d5dd284b92f5a9e0518100d630",
    "scumble.json": "5a206a8a1e3fecc5a783d361bf614a903c018da246c7e793a964aba00045337c",
    "text_encoder/config.json": "13013cb4f4ab7b80d795f9ae13251f9e5f4130a3e6cda7fa9fb7d920a5a5c1c0",
    "text_encoder/model.safetensors": "d06c4048ed1fc2390b30932867e92883b49665860c31c80c03ba3dd0271bca0d",
    "tokenizer/tokenizer.json": "54dcd8a29ae1c2cee6be3d626a11f5c8697c094c4440ef0727ef02493ad4fc6f",
    "tokenizer/tokenizer_config.json": "19ae971eb82f84019bebb0bc55efdaa12424ce64e84a640f540680b468276953",
    "unet/config.json": "9c88db8385f0afd5304c5d5052bbd1c89bdfbfdf7fb6f1f041173e185e8c6bd2",
    "unet/diffusion_pytorch_model.safetensors": "f9ea68fd07a606a5782973d9494ae73b16c7be8659fe753e97e528079b58e3f8",
    "vae/config.json": "2cbf582d71eb12a217714b63351d75d7ad78965c5bab9bf0b281c633d035e273",
    "vae/diffusion_pytorch_model.safetensors": "9ea5464f8adabef477079c0d5fd09abbb99471d9aa56d9ee9ca445218e2142b3",
}
