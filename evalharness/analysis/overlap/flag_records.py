"""Define the records of contamination flags, models with the same answers, and overlap shares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class FlagKind(StrEnum):
    """The kinds of flags."""

    QUESTION_IN_CORPUS = "question_in_corpus"
    REFERENCE_IN_CORPUS = "reference_in_corpus"
    ANSWER_IN_CORPUS = "answer_in_corpus"
    ANSWER_IN_REFERENCE = "answer_in_reference"
    SAME_ANSWER = "same_answer"
    SAME_REPLY = "same_reply"
    EMPTY = "empty"
    NAMES_ITSELF = "names_itself"
    NAMES_ANOTHER = "names_another"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A finding about one text that a reader should check.

    Attributes:
        kind: the kind of finding.
        question_id: the question.
        turn: counted from 1.
        model: the author of the answer; None for a question or a reference.
        sample: which of the model's answers.
        words: the length of the longest common run, in words.
        share: the share of the text's n-grams in common; of its words, for a text without n-grams.
        source: the other location: a file and line, `reference`, a model, or the claimed name; of
            an empty answer, the cause.
        excerpt: the words in common.
    """

    kind: FlagKind
    question_id: str
    turn: int
    model: str | None = None
    sample: int = 0
    words: int | None = None
    share: float | None = None
    source: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SameAnswerPair:
    """Two models that gave the same answers to the same turns.

    Attributes:
        model_a: the first model, in alphabetical order.
        model_b: the second model.
        compared: turns that both answered with enough words.
        identical: turns with exactly equal answers.
        alike: turns with answers that are equal apart from case, punctuation and spaces.
        overlapping: turns on which the answers share a run that is long enough for a flag.
    """

    model_a: str
    model_b: str
    compared: int
    identical: int
    alike: int
    overlapping: int

    @property
    def share(self) -> float:
        """The share of compared turns that are identical, alike or overlapping."""
        return (self.identical + self.alike + self.overlapping) / self.compared


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapShare:
    """How much of a model's answers occurs in another source.

    Attributes:
        model: the model.
        against: `references` or `corpus`.
        texts: answers that have n-grams to compare.
        share: the share of these n-grams that occurs there.
        chance: the share that occurs in references of other questions, which can only be chance.
        typical: the median over answers of the longest common run, in words.
        longest: the longest common run, in words.
    """

    model: str
    against: str
    texts: int
    share: float
    chance: float | None
    typical: float
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusMatch:
    """The longest run that one text of a run has in common with a corpus, as stored with the run.

    Attributes:
        kind: `question`, `reference` or `answer`.
        question_id: the question.
        turn: counted from 1.
        model: the author of an answer.
        sample: which of the model's answers.
        digest: the digest of the text; a match of a text that changed since is not shown.
        words: the length of the run, in words.
        share: the share of the text's n-grams that the corpus contains.
        source: the file and line.
        excerpt: the words in common.
    """

    kind: str
    question_id: str
    turn: int
    model: str | None
    sample: int
    digest: str
    words: int
    share: float
    source: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusScan:
    """The result of a search of a corpus for a run's texts.

    Attributes:
        corpus: the files or folders, as given.
        files: the number of files.
        size: their size in bytes.
        length: words per n-gram.
        stamp: a digest of the files and the run's texts; equal stamps mean equal matches.
        finds: the texts that were found.
    """

    corpus: tuple[str, ...]
    files: int
    size: int
    length: int
    stamp: str
    finds: tuple[CorpusMatch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagReport:
    """All flags of a run, and what was examined.

    Attributes:
        flags: findings about single texts.
        twins: pairs of models with more equal answers than the questions explain.
        overlaps: the shares of each model's answers that occur in references and in a corpus.
        length: words per n-gram.
        questions: the number of questions.
        answers: answered turns by model.
        references: the number of turns with a reference.
        scan: the search of a corpus, if there was one.
    """

    flags: tuple[Flag, ...]
    twins: tuple[SameAnswerPair, ...]
    overlaps: tuple[OverlapShare, ...]
    length: int
    questions: int
    answers: Mapping[str, int]
    references: int
    scan: CorpusScan | None = None
