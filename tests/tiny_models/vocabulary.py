"""Tokenizers of vocabularies that know single bytes or letters alone, of the classes that the real models have."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer, T5Tokenizer

CLIP_TOKENS = 77
T5_TOKENS = 512
LONG = 131072

QWEN_SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>", "<think>", "</think>",
)  # fmt: skip
QWEN_ID = {token: 256 + number for number, token in enumerate(QWEN_SPECIAL)}
QWEN_VOCABULARY = 256 + len(QWEN_SPECIAL)

# what Qwen's real template makes of a message of text and pictures, and of `enable_thinking`
QWEN_TEMPLATE = (
    "{%- for m in messages %}<|im_start|>{{ m.role + '\\n' }}"
    "{%- if m.content is string %}{{ m.content }}{%- else %}{%- for c in m.content %}"
    "{%- if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{%- else %}{{ c.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant{{ '\\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{%- endif %}{%- endif %}"
)

MISTRAL_SPECIAL = (
    "<unk>", "<s>", "</s>", "<pad>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[IMG]", "[IMG_BREAK]",
    "[IMG_END]",
)  # fmt: skip
MISTRAL_ID = {token: number for number, token in enumerate(MISTRAL_SPECIAL)}
MISTRAL_VOCABULARY = len(MISTRAL_SPECIAL) + 256

MISTRAL_TEMPLATE = (
    "<s>{%- for m in messages %}"
    "{%- if m.role == 'system' %}[SYSTEM_PROMPT]{%- elif m.role == 'user' %}[INST]{%- endif %}"
    "{%- if m.content is string %}{{ m.content }}{%- else %}{%- for c in m.content %}"
    "{%- if c.type in ('image', 'image_url') %}[IMG]{%- else %}{{ c.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{%- if m.role == 'system' %}[/SYSTEM_PROMPT]{%- elif m.role == 'user' %}[/INST]{%- else %}</s>{%- endif %}{%- endfor %}"
)

T5_LETTERS = tuple(chr(code) for code in range(33, 127))
T5_VOCABULARY = 4 + len(T5_LETTERS)


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's; each byte in the middle of a word, and at its end."""
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[], model_max_length=CLIP_TOKENS
    )


def t5_tokenizer() -> T5Tokenizer:
    """T5's, of the letters of ASCII."""
    vocabulary = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -2.0),
        *((letter, -3.0) for letter in T5_LETTERS),
    ]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=T5_TOKENS)


def qwen_tokenizer() -> Qwen2Tokenizer:
    """The one of Qwen 2 and 3, with its marks for messages and pictures."""
    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    return Qwen2Tokenizer(
        vocab={**vocabulary, **QWEN_ID},
        merges=[],
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=list(QWEN_SPECIAL[1:14]),
        chat_template=QWEN_TEMPLATE,
        model_max_length=LONG,
    )


def mistral_tokenizer() -> PreTrainedTokenizerFast:
    """Mistral's, with its marks for messages and pictures."""
    vocabulary = dict(MISTRAL_ID)
    for letter in sorted(ByteLevel.alphabet()):
        vocabulary[letter] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=list(MISTRAL_SPECIAL[4:]),
        chat_template=MISTRAL_TEMPLATE,
        model_max_length=LONG,
    )
