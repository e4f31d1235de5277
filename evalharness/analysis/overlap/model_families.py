"""List the names of language model families and of their makers."""

from __future__ import annotations

from typing import NamedTuple


class ModelFamily(NamedTuple):
    """The models of one maker.

    Attributes:
        name: the family's usual name.
        models: names that mean nothing else.
        shared: names that also belong to people, animals or other things.
        makers: names of the maker.
        known: a pattern that recognizes the family in a configured model name.
    """

    name: str
    models: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    makers: tuple[str, ...] = ()
    known: str = ""


MODEL_FAMILIES = (
    ModelFamily(
        "OpenAI",
        ("ChatGPT", "Chat GPT", "InstructGPT", "GPT"),
        (),
        ("OpenAI", "Open AI"),
        r"gpt-?[1-9]|chatgpt|davinci|\bo[134]\b|gpt-oss",
    ),
    ModelFamily("Anthropic", (), ("Claude",), ("Anthropic",), "claude"),
    ModelFamily(
        "Google",
        ("PaLM", "LaMDA"),
        ("Bard", "Gemini", "Gemma"),
        ("Google", "DeepMind"),
        "bard|gemini|gemma|palm",
    ),
    ModelFamily("Meta", ("LLaMA",), ("Llama",), ("Meta", "Meta AI", "Facebook"), "llama"),
    ModelFamily("LMSYS", (), ("Vicuna",), ("LMSYS", "Large Model Systems Organization"), "vicuna"),
    ModelFamily("Stanford", (), ("Alpaca",), ("Stanford",), "alpaca"),
    ModelFamily("Berkeley", (), ("Koala",), ("Berkeley",), "koala"),
    ModelFamily("Databricks", ("DBRX",), ("Dolly",), ("Databricks",), "dolly|dbrx"),
    ModelFamily("TII", (), ("Falcon",), ("Technology Innovation Institute", "TII"), "falcon"),
    ModelFamily(
        "EleutherAI", ("GPT-J", "GPT-NeoX"), ("Pythia",), ("EleutherAI",), "gpt-?j|neox|pythia"
    ),
    ModelFamily("MosaicML", ("MPT",), (), ("MosaicML",), "mpt"),
    ModelFamily(
        "LAION", ("OpenAssistant",), ("Open Assistant",), ("LAION",), "oasst|open-?assistant"
    ),
    ModelFamily("Stability AI", ("StableLM",), (), ("Stability AI",), "stablelm"),
    ModelFamily(
        "Mistral AI", ("Mixtral",), ("Mistral", "Le Chat"), ("Mistral AI",), "mistral|mixtral"
    ),
    ModelFamily("Alibaba", ("Qwen", "Tongyi Qianwen"), (), ("Alibaba",), "qwen|qwq"),
    ModelFamily("DeepSeek", ("DeepSeek",), (), ("DeepSeek",), "deepseek"),
    ModelFamily("Zhipu", ("ChatGLM", "GLM"), (), ("Zhipu", "Tsinghua"), "glm"),
    ModelFamily("Moonshot AI", (), ("Kimi",), ("Moonshot AI",), "kimi"),
    ModelFamily("Baidu", (), ("ERNIE",), ("Baidu",), "ernie"),
    ModelFamily("ByteDance", ("Doubao",), (), ("ByteDance",), "doubao"),
    ModelFamily("01.AI", (), ("Yi",), ("01.AI",), r"\byi-"),
    ModelFamily("Shanghai AI Laboratory", ("InternLM",), (), ("Shanghai AI Lab",), "internlm"),
    ModelFamily("xAI", (), ("Grok",), ("xAI",), "grok"),
    ModelFamily(
        "Microsoft",
        ("Bing Chat",),
        ("Phi", "Copilot", "Sydney"),
        ("Microsoft",),
        r"\bphi|copilot|bing",
    ),
    ModelFamily("Cohere", ("Command R",), ("Coral", "Aya"), ("Cohere",), r"command-r|\baya"),
    ModelFamily(
        "Hugging Face", ("SmolLM", "HuggingChat"), ("Zephyr",), ("Hugging Face",), "smollm|zephyr"
    ),
    ModelFamily("Ai2", ("OLMo", "Tülu"), ("Tulu",), ("Ai2", "Allen Institute"), "olmo|tulu"),
    ModelFamily("NVIDIA", ("Nemotron",), (), ("NVIDIA",), "nemotron"),
    ModelFamily("IBM", (), ("Granite",), ("IBM",), "granite"),
    ModelFamily("Amazon", (), ("Nova", "Titan"), ("Amazon",), r"\bnova|titan"),
    ModelFamily("Inflection", (), ("Pi",), ("Inflection AI",), r"\bpi\b|inflection"),
)
"""By maker; a model fine-tuned from another family's weights has its own family."""
