"""Families of language models: what they are called, and who makes them."""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    """Models of one maker.

    Attributes:
        name: of the family, as a reader knows it.
        models: names that mean nothing else.
        shared: names that are also those of people, animals or other things.
        makers: who makes them.
        known: a pattern at which a model's name in a configuration is known.
    """

    name: str
    models: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()
    known: str = ""


FAMILIES = (
    Family(
        "OpenAI",
        ("ChatGPT", "Chat GPT", "InstructGPT", "GPT"),
        (),
        ("OpenAI", "Open AI"),
        r"gpt-?[1-5]|chatgpt|davinci|\bo[134]\b|gpt-oss",
    ),
    Family("Anthropic", (), ("Claude",), ("Anthropic",), "claude"),
    Family(
        "Google",
        ("PaLM", "LaMDA"),
        ("Bard", "Gemini", "Gemma"),
        ("Google", "DeepMind"),
        "bard|gemini|gemma|palm",
    ),
    Family("Meta", ("LLaMA",), ("Llama",), ("Meta", "Meta AI", "Facebook"), "llama"),
    Family("LMSYS", (), ("Vicuna",), ("LMSYS", "Large Model Systems Organization"), "vicuna"),
    Family("Stanford", (), ("Alpaca",), ("Stanford",), "alpaca"),
    Family("Berkeley", (), ("Koala",), ("Berkeley",), "koala"),
    Family("Databricks", ("DBRX",), ("Dolly",), ("Databricks",), "dolly|dbrx"),
    Family("TII", (), ("Falcon",), ("Technology Innovation Institute", "TII"), "falcon"),
    Family("EleutherAI", ("GPT-J", "GPT-NeoX"), ("Pythia",), ("EleutherAI",), "gpt-?j|neox|pythia"),
    Family("MosaicML", ("MPT",), (), ("MosaicML",), "mpt"),
    Family("LAION", ("OpenAssistant",), ("Open Assistant",), ("LAION",), "oasst|open-?assistant"),
    Family("Stability AI", ("StableLM",), (), ("Stability AI",), "stablelm"),
    Family("Mistral AI", ("Mixtral",), ("Mistral", "Le Chat"), ("Mistral AI",), "mistral|mixtral"),
    Family("Alibaba", ("Qwen", "Tongyi Qianwen"), (), ("Alibaba",), "qwen|qwq"),
    Family("DeepSeek", ("DeepSeek",), (), ("DeepSeek",), "deepseek"),
    Family("Zhipu", ("ChatGLM", "GLM"), (), ("Zhipu", "Tsinghua"), "glm"),
    Family("Moonshot AI", (), ("Kimi",), ("Moonshot AI",), "kimi"),
    Family("Baidu", (), ("ERNIE",), ("Baidu",), "ernie"),
    Family("ByteDance", ("Doubao",), (), ("ByteDance",), "doubao"),
    Family("01.AI", (), ("Yi",), ("01.AI",), r"\byi-"),
    Family("Shanghai AI Laboratory", ("InternLM",), (), ("Shanghai AI Lab",), "internlm"),
    Family("xAI", (), ("Grok",), ("xAI",), "grok"),
    Family(
        "Microsoft",
        ("Bing Chat",),
        ("Phi", "Copilot", "Sydney"),
        ("Microsoft",),
        r"\bphi|copilot|bing",
    ),
    Family("Cohere", ("Command R",), ("Coral", "Aya"), ("Cohere",), r"command-r|\baya"),
    Family(
        "Hugging Face", ("SmolLM", "HuggingChat"), ("Zephyr",), ("Hugging Face",), "smollm|zephyr"
    ),
    Family("Ai2", ("OLMo", "Tülu"), ("Tulu",), ("Ai2", "Allen Institute"), "olmo|tulu"),
    Family("NVIDIA", ("Nemotron",), (), ("NVIDIA",), "nemotron"),
    Family("IBM", (), ("Granite",), ("IBM",), "granite"),
    Family("Amazon", (), ("Nova", "Titan"), ("Amazon",), r"\bnova|titan"),
    Family("Inflection", (), ("Pi",), ("Inflection AI",), r"\bpi\b|inflection"),
)
"""By what they are known for; a model that is trained on another's weights has a family of its own."""
