"""A model that names itself or its maker is detected; a mention of another model is not."""

# ruff: noqa: RUF001 - models write apostrophes of every kind

from __future__ import annotations

import pytest

from evalharness.analysis.overlap.hashed_words import hash_words
from evalharness.analysis.overlap.self_identification import (
    find_families,
    find_identity_claims,
    find_texts_with_names,
)


@pytest.mark.parametrize(
    ("said", "family"),
    [
        ("I am Claude, made by Anthropic.", "Anthropic"),
        ("I'm Claude, an AI assistant made by Anthropic.", "Anthropic"),
        ("As Claude, I aim to be a helpful AI assistant.", "Anthropic"),
        ("As ChatGPT, I cannot do this.", "OpenAI"),
        ("I’m ChatGPT", "OpenAI"),
        ("I am gpt-3.5-turbo.", "OpenAI"),
        ("As GPT-4, I think so.", "OpenAI"),
        ("As a large language model trained by OpenAI, I can't.", "OpenAI"),
        ("As an AI language model developed by OpenAI, I have no feelings.", "OpenAI"),
        ("I'm an AI language model from OpenAI.", "OpenAI"),
        ("I was created by OpenAI.", "OpenAI"),
        ("I cannot do this, as it violates OpenAI's content policy.", "OpenAI"),
        ("Ask OpenAI, which created me, about that.", "OpenAI"),
        ("My name is Vicuna, and I'm a language model.", "LMSYS"),
        ("I am a model developed by Large Model Systems Organization (LMSYS).", "LMSYS"),
        ("You can call me Vicuna, as I was trained by researchers from a university.", "LMSYS"),
        ("I'm Qwen2, created by Alibaba Cloud.", "Alibaba"),
        ("I was developed by researchers at Google DeepMind.", "Google"),
        ("I'm an AI assistant called Bard.", "Google"),
        ("I am a large language model, trained by Google.", "Google"),
        ("I am Gemini, a large language model built by Google.", "Google"),
        ("I am DeepSeek-V3, an AI assistant.", "DeepSeek"),
        ("I am LLaMA, an AI assistant developed by Meta AI.", "Meta"),
        ("I am a Llama 3 model.", "Meta"),
        ("My creators at Anthropic want me to be careful.", "Anthropic"),
        ("Hello! I am Mistral 7B, a language model.", "Mistral AI"),
    ],
)
def test_a_model_that_names_itself_is_detected(said, family):
    """The claim may be anywhere in the text, and may name the maker only."""
    text = f"Well, let me see. {said} What else can I do?"
    (claim,) = find_identity_claims([(7, text)])

    assert (claim.text, claim.family) == (7, family)
    assert claim.sentence in text
    assert claim.name in claim.sentence
    assert find_texts_with_names(hash_words(["nothing here", text])).tolist() == [1]


@pytest.mark.parametrize(
    "said",
    [
        "As an AI language model, I cannot provide personal opinions.",
        "I'm sorry, but I can't assist with that.",
        "I am a language model myself.",
        "I am Claude Monet, a painter trained in Paris.",
        "My name is Claude and I bake bread.",
        "I am a Gemini, and I work as an assistant.",
        "I am Dolly the sheep.",
        "I'm Phoenix.",
        "I am a Falcon fan.",
        "I am not as capable as ChatGPT. ChatGPT is a system that can converse.",
        "As cool as GPT-4 is, I'm not sure I'm ready to replace Jarvis with it.",
        "I use ChatGPT daily and I'm a GPT-4 user.",
        "ChatGPT is a language model developed by OpenAI.",
        "As ChatGPT becomes popular, I worry.",
        "I think GPT-4 is a great replacement for Jarvis.",
        "We used a model trained by OpenAI.",
        "I was trained by Microsoft in Azure.",
        "I was hired by Google in 2012.",
        "I went to Stanford and was taught by an assistant.",
    ],
)
def test_a_mention_a_person_or_a_refusal_is_no_name(said):
    """False flags would hide the true ones."""
    assert list(find_identity_claims([(0, said)])) == []


@pytest.mark.parametrize(
    "said",
    ["I am Claude ", "As an AI model ", "I was trained by a by ", "my name is the ", "as GPT as "],
)
def test_long_texts_take_little_time(said):
    """A pattern that backtracks over the text at every word would take hours."""
    text = f"OpenAI {said * 50_000} Claude"

    assert len(list(find_identity_claims([(0, text), (1, text.upper())]))) <= 2


def test_families_are_known_by_any_of_a_models_names():
    """The configured name, the family and the API name all count."""
    assert find_families(["vicuna-13b", "vicuna", None]) == {"LMSYS"}
    assert find_families(["mine", None, "gpt-4o-2024"]) == {"OpenAI"}
    assert find_families(["gpt-j-6b"]) == {"EleutherAI"}
    assert find_families(["mine"]) == frozenset()
