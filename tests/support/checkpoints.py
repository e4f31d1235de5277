"""Tiny models with random weights, saved as real checkpoints with a real tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    FalconConfig,
    GPT2Config,
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


def save_recital(
    folder: Path, prompt: str, reply: str, *, special: tuple[str, ...] = (), **tokenizer: Any
) -> Path:
    """Save a model that continues a prompt with a fixed reply, token by token, and then ends.

    It looks only at the position, so it says the same after any prompt of as many tokens.
    """
    encoder = make_tokenizer(special, **tokenizer)
    prompt_tokens = encoder(prompt, add_special_tokens=False)["input_ids"]
    tokens = [*encoder(reply, add_special_tokens=False)["input_ids"], encoder.eos_token_id]
    config = GPT2Config(
        vocab_size=len(encoder),
        n_embd=POSITIONS,
        n_layer=1,
        n_head=_HEADS,
        n_positions=POSITIONS,
        bos_token_id=encoder.bos_token_id,
        eos_token_id=encoder.eos_token_id,
        tie_word_embeddings=False,
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(1.0 if name.endswith("ln_f.weight") else 0.0)
        model.transformer.wpe.weight.copy_(torch.eye(POSITIONS))
        for place, token in enumerate(tokens, start=len(prompt_tokens) - 1):
            model.lm_head.weight[token, place] = 1.0
    model.save_pretrained(folder)
    encoder.save_pretrained(folder)
    return folder


def save(folder: Path, configure: Callable[..., PretrainedConfig] = llama) -> Path:
    """Save a model and its tokenizer in a folder, and return the folder."""
    tokenizer = make_tokenizer()
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


def make_tokenizer(
    special: tuple[str, ...] = (), chat_template: str = CHAT_TEMPLATE
) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer that begins every text with <s>."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trained.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<s>", "</s>", *special],
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
        chat_template=chat_template,
        additional_special_tokens=list(special),
        clean_up_tokenization_spaces=False,
    )
