"""Text encoders of two layers (or as many as a pipeline taps), for the tokenizers in `vocabulary`."""

from __future__ import annotations

from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
)

from .layout import Processor
from .vocabulary import (
    CLIP_TOKENS,
    MISTRAL_ID,
    MISTRAL_VOCABULARY,
    QWEN_ID,
    QWEN_VOCABULARY,
    T5_VOCABULARY,
    clip_tokenizer,
    qwen_tokenizer,
)

QWEN_PATCH = 28
"""Pixels on a side that one token of a picture stands for in Qwen2.5-VL."""


def _clip_config(width: int, projection: int, act: str, layers: int) -> CLIPTextConfig:
    tokenizer = clip_tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        hidden_size=width,
        projection_dim=projection,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=layers,
        max_position_embeddings=CLIP_TOKENS,
        hidden_act=act,
    )


def clip_text_encoder(width: int = 32, layers: int = 2) -> CLIPTextModel:
    """CLIP's, as in Stable Diffusion 1.x, SDXL and FLUX.1."""
    return CLIPTextModel(_clip_config(width, width, "quick_gelu", layers)).eval()


def clip_text_projection(
    width: int = 32, projection: int = 32, act: str = "gelu", layers: int = 2
) -> CLIPTextModelWithProjection:
    """CLIP's with its projection, as in SDXL and SD3."""
    return CLIPTextModelWithProjection(_clip_config(width, projection, act, layers)).eval()


def t5_text_encoder(width: int = 32) -> T5EncoderModel:
    """T5's encoder, as in SD3, FLUX.1 and Chroma."""
    return T5EncoderModel(
        T5Config(
            vocab_size=T5_VOCABULARY,
            d_model=width,
            d_ff=37,
            d_kv=8,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            pad_token_id=0,
            eos_token_id=1,
        )
    ).eval()


def _qwen3_config(width: int, layers: int) -> Qwen3Config:
    return Qwen3Config(
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        vocab_size=QWEN_VOCABULARY,
        max_position_embeddings=4096,
    )


def qwen3_text_encoder(width: int = 16, layers: int = 2) -> Qwen3Model:
    """Qwen 3 without its head, as in Z-Image and Ovis-Image."""
    return Qwen3Model(_qwen3_config(width, layers)).eval()


def qwen3_causal(width: int = 16, layers: int = 28) -> Qwen3ForCausalLM:
    """Qwen 3 with its head, as in FLUX.2 Klein, which reads its layers 9, 18 and 27."""
    return Qwen3ForCausalLM(_qwen3_config(width, layers)).eval()


def qwen25vl_text_encoder(width: int = 16) -> Qwen2_5_VLForConditionalGeneration:
    """Qwen2.5-VL, which reads pictures too, as in Qwen-Image and LongCat-Image."""
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "hidden_size": width,
                "intermediate_size": 16,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "vocab_size": QWEN_VOCABULARY,
                "bos_token_id": QWEN_ID["<|endoftext|>"],
                "eos_token_id": QWEN_ID["<|im_end|>"],
                "pad_token_id": QWEN_ID["<|endoftext|>"],
                "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"},
                "rope_theta": 1e6,
            },
            vision_config={
                "depth": 2,
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_heads": 2,
                "out_hidden_size": width,
                "fullatt_block_indexes": [1],
            },
            image_token_id=QWEN_ID["<|image_pad|>"],
            video_token_id=QWEN_ID["<|video_pad|>"],
            vision_start_token_id=QWEN_ID["<|vision_start|>"],
            vision_end_token_id=QWEN_ID["<|vision_end|>"],
        )
    ).eval()


def qwen_vl_processor() -> Processor:
    """What Qwen2VLProcessor writes for still pictures; its part for films wants torchvision."""
    pictures = Qwen2VLImageProcessorPil(min_pixels=4 * QWEN_PATCH**2, max_pixels=64 * QWEN_PATCH**2)
    return Processor("Qwen2VLProcessor", (qwen_tokenizer(), pictures))


def mistral3_text_encoder(width: int = 16, layers: int = 31) -> Mistral3ForConditionalGeneration:
    """Mistral 3, as in FLUX.2 dev, which reads what goes into its layers 10, 20 and 30."""
    return Mistral3ForConditionalGeneration(
        Mistral3Config(
            text_config={
                "model_type": "mistral",
                "vocab_size": MISTRAL_VOCABULARY,
                "hidden_size": width,
                "intermediate_size": 16,
                "max_position_embeddings": 4096,
                "num_attention_heads": 2,
                "num_hidden_layers": layers,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "rms_norm_eps": 1e-5,
                "sliding_window": None,
                "bos_token_id": MISTRAL_ID["<s>"],
                "eos_token_id": MISTRAL_ID["</s>"],
                "pad_token_id": MISTRAL_ID["<pad>"],
            },
            vision_config={
                "model_type": "pixtral",
                "hidden_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 4,
                "intermediate_size": 37,
                "image_size": 56,
                "patch_size": 14,
                "num_channels": 3,
                "head_dim": 4,
            },
            image_token_index=MISTRAL_ID["[IMG]"],
            vision_feature_layer=-1,
            spatial_merge_size=2,
        )
    ).eval()
