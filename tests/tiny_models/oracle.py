"""diffusers' own pipelines of these models, which tests hold our results against: loaded without torchvision.

Two processors of transformers are made of their parts here. Qwen2VLProcessor wants torchvision for its part for films alone.
PixtralProcessor wants it altogether; FLUX.2 uses no more of it than its tokenizer, unless a prompt is to be rewritten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import AutoTokenizer, Qwen2VLImageProcessorPil, Qwen2VLProcessor
from transformers.processing_utils import ProcessorMixin


class StillPictures(Qwen2VLProcessor):
    """Qwen2VLProcessor less its part for films; all else is its own."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def qwen_processor(folder: Path) -> StillPictures:
    """Read a model's folder ``processor`` or ``text_processor``."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    pictures = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    return StillPictures(pictures, tokenizer, tokenizer.chat_template)


def load_pipeline(folder: Path, dtype: torch.dtype = torch.float32, **components: Any) -> Any:
    """The pipeline that a model's index names; `components` take the place of those in the folder."""
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    classes = {name: entry[1] for name, entry in index.items() if isinstance(entry, list)}
    for name, kind in classes.items():
        if kind is None:
            # it wants to be told of what was left out, where the pipeline can do without
            components.setdefault(name, None)
        if kind == "Qwen2VLProcessor" and name not in components:
            components[name] = qwen_processor(folder / name)
    tokenizer = None
    if classes.get("tokenizer") == "PixtralProcessor":
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        components["tokenizer"] = None
    pipeline_class = getattr(diffusers, index["_class_name"])
    pipeline = pipeline_class.from_pretrained(folder, local_files_only=True, dtype=dtype, **components)
    if tokenizer is not None:
        # set afterwards: from_pretrained wants a class for it that only torchvision makes one
        pipeline.register_modules(tokenizer=tokenizer)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
