"""Tiny models with random weights, saved as real checkpoints with a real tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    FalconConfig,
    GPTJConfig,
    GPTNeoXConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PretrainedConfig

TEXT = (
    "USER: Write about Hawaii. ASSISTANT: Aloha! The islands lie far out in the ocean.",
    "Verdict: [[A]] or [[B]], and [[C]] for a tie. Rating: [[1]] to Rating: [[10]].",
    "The quick brown fox jumps over the lazy dog, 0 1 2 3 4 5 6 7 8 9 times.",
)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|{{ message.role }}|>{{ message.content }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
POSITIONS = 256
_SIZE, _LAYERS, _HEADS = 32, 2, 4


def llama(**settings: Any) -> PretrainedConfig:
    """Return a LLaMA with two query heads to a key head."""
    return LlamaConfig(
        hidden_size=_SIZE,
        intermediate_size=2 * _SIZE,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=_HEADS // 2,
        max_position_embeddings=POSITIONS,
        **settings,
    )


def falcon(**settings: Any) -> PretrainedConfig:
    """Return a Falcon in which all query heads share one key head, as in the 7B."""
    return FalconConfig(
        hidden_size=_SIZE,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        multi_query=True,
        parallel_attn=True,
        new_decoder_architecture=False,
        max_position_embeddings=POSITIONS,
        **settings,
    )


def gpt_j(**settings: Any) -> PretrainedConfig:
    """Return a GPT-J."""
    return GPTJConfig(
        n_embd=_SIZE,
        n_layer=_LAYERS,
        n_head=_HEADS,
        rotary_dim=4,
        n_positions=POSITIONS,
        **settings,
    )


def gpt_neox(**settings: Any) -> PretrainedConfig:
    """Return a GPT-NeoX, of which Dolly is one."""
    return GPTNeoXConfig(
        hidden_size=_SIZE,
        intermediate_size=2 * _SIZE,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        max_position_embeddings=POSITIONS,
        **settings,
    )


ARCHITECTURES = (llama, falcon, gpt_j, gpt_neox)


def save(folder: Path, configure: Callable[..., PretrainedConfig] = llama) -> Path:
    """Save a model and its tokenizer in a folder, and return the folder."""
    tokenizer = _tokenizer()
    config = configure(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        # Larger than usual, so that rounding cannot change the most likely token.
        initializer_range=0.3,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer that begins every text with <s>."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trained.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    trained.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", trained.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        bos_token="<s>",  # noqa: S106 - no secret
        eos_token="</s>",  # noqa: S106
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
