"""What is found: single flags, models with the same answers, and how much of each model stood where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class FlagKind(StrEnum):
    """What a flag says."""

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
    """Something about one text that a reader should look at.

    Attributes:
        kind: what it is.
        question_id: the question.
        turn: counted from 1.
        model: whose answer; None where the question or the reference itself is meant.
        sample: which of the model's answers.
        words: the longest run of words in common, in words.
        share: of the text's n-grams, those in common; of its words, where it has none.
        source: where they stand: a file and line, `reference`, a model, or the name that is claimed.
        excerpt: the words.
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
    """Two models with the same answers to the same turns.

    Attributes:
        compared: turns that both answered with enough words.
        identical: of these, the ones answered letter by letter alike.
        alike: answered alike but for case, punctuation and spaces.
        overlapping: that share a run long enough to be flagged.
    """

    model_a: str
    model_b: str
    compared: int
    identical: int
    alike: int
    overlapping: int

    @property
    def share(self) -> float:
        """The share of turns that are the same in one way or another."""
        return (self.identical + self.alike + self.overlapping) / self.compared


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapShare:
    """How much of a model's answers stands elsewhere.

    Attributes:
        model: whose.
        against: `references` or `corpus`.
        texts: answers that have n-grams to look for.
        share: of these n-grams, those found.
        chance: the share found where it can mean nothing: in references of other questions.
        typical: the median over answers of the longest run in common, in words.
        longest: the longest run in common.
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
    """One text's longest run in a corpus, as it is kept beside a run.

    `digest` is that of the text, so that what was found of another text is not shown.
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
    """What a corpus was found to hold of a run's texts.

    Attributes:
        corpus: its files or folders as they were given.
        files: how many.
        size: their size in bytes.
        length: the n of the n-grams.
        stamp: of the files and the run's texts; the same stamp, the same finds.
        finds: texts of which something was found.
    """

    corpus: tuple[str, ...]
    files: int
    size: int
    length: int
    stamp: str
    finds: tuple[CorpusMatch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagReport:
    """All that was found in a run, and what was looked for.

    Attributes:
        flags: single texts that a reader should look at.
        twins: pairs of models with more answers in common than the questions bring about.
        overlaps: how much of each model's answers stands in references, and in a corpus.
        length: the n of the n-grams.
        questions: how many were asked.
        answers: answered turns by model.
        references: turns that have one.
        scan: of a corpus, where one was read.
    """

    flags: tuple[Flag, ...]
    twins: tuple[SameAnswerPair, ...]
    overlaps: tuple[OverlapShare, ...]
    length: int
    questions: int
    answers: Mapping[str, int]
    references: int
    scan: CorpusScan | None = None
