"""Find answers in which a model names itself or its maker.

Some matches are excluded. "As an AI language model, I cannot ..." names no model. A mention ("I am
not as capable as ChatGPT") is not a self-identification. A person or a sign of the zodiac ("I am
Claude Monet", "I am a Gemini") is not a model: a name with another meaning counts only in a
sentence about AI.
"""

# ruff: noqa: RUF001 - models use several kinds of apostrophe

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalharness.analysis.overlap.hashed_words import HashIndex, hash_words
from evalharness.analysis.overlap.model_families import MODEL_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalharness.analysis.overlap.hashed_words import HashedWords, Hashes, Indices

_MADE = r"(?:created|developed|built|made|trained|designed|fine-?tuned|programmed)"
_AM = r"(?:I am|I['’]m|i am|i['’]m)"
_CALLED = (
    rf"(?:{_AM}(?: called| named)?|[Mm]y name is|[Mm]y name['’]s|[Cc]all me|I go by(?: the name)?)"
)
_FILLING = r"(?:(?:an?|the|your|actually|currently|just|simply|indeed|based on|powered by|AI|large|language|helpful|conversational|virtual|chat|model|assistant|chatbot|called|named|known as),?\s+){0,9}"
_KIN = r"(?:model|assistant|chatbot|LLM|AI)"
_NO_MODEL = r"(?![\w'’]|[- ](?:user|fan|expert|subscriber|developer|engineer|enthusiast|customer))"
_NO_PERSON = r"(?! (?!Opus|Sonnet|Haiku|Instant|Pro|Ultra|Flash|Chat|Instruct|AI)[A-Z][a-z])"
_VERSION = r"(?:[- ]?\d+(?:\.\d+)?[A-Za-z]?)?+"
_ABOUT_AI = r"\bAI\b|\bA\.I\.|(?i:artificial intelligence|language model|\bLLM|chat ?bot|assistant)"
_SENTENCE_END = re.compile(r"[.!?](?=[\s\"”')]|$)|\n")
_MAX_EXCERPT_LETTERS = 240
_CONTEXT_LETTERS = 500  # searched for the end of a sentence around a name
_DIGIT_SUFFIXES = ("", "2", "3", "4", "5")


class IdentityClaim(NamedTuple):
    """A model's statement about itself.

    Attributes:
        text: the index of the text.
        family: the family that it names.
        name: the name as written.
        sentence: the sentence, shortened.
    """

    text: int
    family: str
    name: str
    sentence: str


def find_identity_claims(texts: Iterable[tuple[int, str]]) -> Iterator[IdentityClaim]:
    """Yield the first claim of each text.

    Args:
        texts: indices and texts.
    """
    for number, text in texts:
        for match in _claim_pattern().finditer(text):
            claim = _check_claim(number, text, match)
            if claim is not None:
                yield claim
                break


def find_texts_with_names(words: HashedWords) -> Indices:
    """Return the indices of the texts that contain any name of a model or maker."""
    named: Indices = np.unique(words.text_number[HashIndex(_name_hashes()).find(words.hashes)[0]])
    return named


def find_families(names: Iterable[str | None]) -> frozenset[str]:
    """Return the families that match a model's configured names."""
    return frozenset(
        family.name
        for name in names
        for family in MODEL_FAMILIES
        if name and re.search(family.known, name.lower())
    )


def _check_claim(number: int, text: str, match: re.Match[str]) -> IdentityClaim | None:
    """Return a match as a claim, or None where the name means something else."""
    group = str(match.lastgroup)
    name = match[group]
    context_start, context_end = (
        max(match.start() - _CONTEXT_LETTERS, 0),
        match.end() + _CONTEXT_LETTERS,
    )
    end_match = _SENTENCE_END.search(text, match.end(), context_end)
    sentence_start = max(
        (end.end() for end in _SENTENCE_END.finditer(text, context_start, match.start())),
        default=context_start,
    )
    sentence = " ".join(
        text[sentence_start : end_match.end() if end_match else context_end].split()
    )
    if group in _required_context() and not re.search(_required_context()[group], sentence):
        return None
    family = _family_by_name()[name.lower()]
    start = max(
        0,
        min(sentence.find(name) - _MAX_EXCERPT_LETTERS // 2, len(sentence) - _MAX_EXCERPT_LETTERS),
    )
    return IdentityClaim(number, family, name, sentence[start : start + _MAX_EXCERPT_LETTERS])


@cache
def _required_context() -> dict[str, str]:
    """Return the pattern that the sentence must also match, by regex group."""
    shared = rf"{_ABOUT_AI}|\btrained (?:by|on)\b|\b(?:{_maker_pattern()})\b"
    return {"shared": shared, "shared_kind": shared, "as_shared": shared, "trained_by": _ABOUT_AI}


@cache
def _claim_pattern() -> re.Pattern[str]:
    """Return the pattern of all claims; the group that matches holds the name."""
    models = _alternatives(name for family in MODEL_FAMILIES for name in family.models)
    shared = _alternatives(name for family in MODEL_FAMILIES for name in family.shared)
    makers = _maker_pattern()
    was = rf"\b(?:I was|I['’]ve been|I have been|{_AM})\s+(?:\w+\s+){{0,2}}?"
    by = r"\s+by\s+(?:[\w'’]+\s+){0,6}?"
    return re.compile(
        "|".join(
            (
                rf"\b{_CALLED}\s+{_FILLING}(?P<model>(?i:{models})){_VERSION}{_NO_MODEL}",
                rf"\b[Aa]s\s+{_FILLING}(?P<as_model>(?i:{models})){_VERSION},?\s+I\b",
                rf"\b{_CALLED}\s+(?:{_FILLING}(?:called|named|model|assistant|chatbot),?\s+)?(?P<shared>{shared}){_VERSION}{_NO_MODEL}{_NO_PERSON}",
                rf"\b{_AM}\s+an?\s+(?P<shared_kind>{shared}){_VERSION}(?:\s+\w+)?\s+{_KIN}\b",
                rf"\bAs\s+(?P<as_shared>{shared}){_VERSION},\s+I\b",
                rf"{was}(?:created|developed)(?:,? (?:and |or )?\w+)?{by}(?P<maker>{makers})\b",
                rf"{was}{_MADE}(?:,? (?:and |or )?\w+)?{by}(?P<trained_by>{makers})\b",
                rf"\b(?:[Aa]s|{_AM})\s+an?\s+(?:[\w-]+\s+){{0,5}}?{_KIN}\b[^.!?\n]{{0,60}}?\b(?:{_MADE}{by}|from )(?P<kin_maker>{makers})\b",
                rf"\b[Mm]y\s+(?:creators?|developers?|makers?|parent company)\b[^.!?\n]{{0,20}}?\s(?P<my_maker>{makers})\b",
                rf"\b(?P<maker_me>{makers}),?\s+(?:who |which |that )?(?:has |have )?{_MADE}\s+me\b",
                r"(?:violat\w+|against|comply with|follow|adhere to)\s+(?P<policy>OpenAI|Anthropic)['’]?s?\s+(?:[\w-]+\s+){0,3}?(?:polic|guideline|terms)",
            )
        )
    )


def _maker_pattern() -> str:
    """Return a pattern of all makers."""
    return _alternatives(name for family in MODEL_FAMILIES for name in family.makers)


def _alternatives(names: Iterable[str]) -> str:
    """Return a pattern of alternatives, longest first."""
    return "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True))


@cache
def _family_by_name() -> dict[str, str]:
    """Return the family of each lower-case name."""
    return {
        name.lower(): family.name
        for family in MODEL_FAMILIES
        for name in (*family.models, *family.shared, *family.makers)
    }


@cache
def _name_hashes() -> Hashes:
    """Return the hashes of the longest word of each name, also with a digit appended."""
    longest = {max(re.findall(r"\w+", name), key=len) for name in _family_by_name()}
    return hash_words(
        [" ".join(name + digit for name in longest for digit in _DIGIT_SUFFIXES)]
    ).hashes
