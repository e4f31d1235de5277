"""Guess from its id to which family a model belongs, and whether it thinks before it replies."""

from __future__ import annotations

import re

# By the beginning of the last part of an id; the first that fits holds.
_FAMILIES = (
    ("gpt-j", "gpt-j"),
    ("gpt|chatgpt|o1|o3|o4|davinci|text-davinci", "openai"),
    ("claude", "claude"),
    ("gemini", "gemini"),
    ("gemma", "gemma"),
    ("meta-llama|llama|codellama", "llama"),
    ("qwen|qwq|qvq", "qwen"),
    ("mistral|mixtral|magistral|ministral|codestral|devstral|pixtral", "mistral"),
    ("deepseek", "deepseek"),
    ("smollm2", "smollm2"),
    ("smollm", "smollm"),
    ("olmo", "olmo"),
    ("phi", "phi"),
    ("grok", "xai"),
    ("glm", "glm"),
    ("kimi", "kimi"),
    ("vicuna", "vicuna"),
    ("tulu", "tulu"),
    ("falcon", "falcon"),
    ("zephyr", "zephyr"),
    ("command", "cohere"),
)
_ORGANIZATIONS = {"meta-llama": "llama", "mistralai": "mistral", "x-ai": "xai", "z-ai": "glm"}
_THINKS = re.compile(
    r"gpt-oss|gpt-[5-9]|\bo[134]\b|deepseek-(r1|v4|flash|reasoner)|qwq|qwen3(?!.*(instruct|coder|base))|"
    r"magistral|glm-[5-9]|kimi-k[23]|gemini-[3-9]|grok-[4-9]|thinking|reason",
    re.IGNORECASE,
)


def guess_family(model_id: str) -> str | None:
    """Return the family of a model by its id, else its organization's name, else None."""
    *parents, last = model_id.lower().split("/")
    for pattern, family in _FAMILIES:
        if re.match(pattern, last):
            return family
    organization = parents[-1] if parents else None
    return _ORGANIZATIONS.get(organization or "", organization)


def usually_thinks(model_id: str) -> bool:
    """Return whether models with such an id usually write a thought before their reply."""
    return bool(_THINKS.search(model_id.rpartition("/")[2]))
