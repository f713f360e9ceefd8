"""SHA-256 of every file of the embedded model, in lower-case hexadecimal; held against the files when it is loaded.

Write it anew with the weights: `sha256sum` prints the same digits.
"""

from __future__ import annotations

from typing import Final

HASHES: Final = {
    "controlnet/config.json": "99ceb7e65416e62381af7b482294165c6733877ef69dec1e463b586883284d48",
    "controlnet/diffusion_pytorch_model.safetensors": "b5968f61026c6224829cdc9768fcdadf2f7429be0a5c869f02c31d706b2b6d23",
    "model_index.json": "7b8d89647861c0be20bb96f7e370656316ea1a21765024ecd2d3103119b87e9d",
    "scheduler/scheduler_config.json": "279059154600f94ff7870af544555e5c0040e5d5dd284b92f5a9e0518100d630",
    "scumble.json": "61bfb892cf62566ff95652265dcbccd594eabf9bf1f303b14ee7f1e670405dcc",
    "text_encoder/config.json": "13013cb4f4ab7b80d795f9ae13251f9e5f4130a3e6cda7fa9fb7d920a5a5c1c0",
    "text_encoder/model.safetensors": "b6ac033d30ab869be149f7e6a1f7e8e12a03f44bb5d4cdd85f1a5a9e800e6c4b",
    "tokenizer/tokenizer.json": "fc6f20228344ad925f1380896cd8ef832158e5271400046216580d16761e846d",
    "tokenizer/tokenizer_config.json": "19ae971eb82f84019bebb0bc55efdaa12424ce64e84a640f540680b468276953",
    "unet/config.json": "1a527423c5c6b855000ea6b740556852db5dc30bbc7a4babae863dbc6307127e",
    "unet/diffusion_pytorch_model.safetensors": "cdd7b48574ae4621189a5f9691b6a2c310762d8b1f214f793cbfaa7ea9ca5bb3",
    "vae/config.json": "2cbf582d71eb12a217714b63351d75d7ad78965c5bab9bf0b281c633d035e273",
    "vae/diffusion_pytorch_model.safetensors": "2acf0cd5be85238a3f2f3224bb24234a33061d169a1feb889173cc613d374c0a",
}
