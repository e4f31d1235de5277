"""Find the decisions in a judge's reply: marks in double brackets, and a last line without them."""

# ruff: noqa: RUF001 - judges write dashes, colons and quotation marks of every kind

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from evalharness.judge.quotations import mask_quotations, unwrap_quotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalharness.judge.quotations import UnquotedText

Decision = TypeVar("Decision")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedDecisions(Generic[Decision]):
    """The decisions that a reply states outside quotations, without repetitions.

    Attributes:
        own_line: decisions that stand on a line of their own, with or without a label such as
            `Rating:`.
        labelled: decisions behind the judge's own label: in a sentence (`my verdict is`), or
            without brackets on a line behind the last mark (`Score: 9`).
        elsewhere: all decisions in brackets that are not on a line of their own.
    """

    own_line: tuple[Decision, ...]
    labelled: tuple[Decision, ...]
    elsewhere: tuple[Decision, ...]


def list_stated_decisions(
    conclusion: str,
    parse: Callable[[str], Decision | None],
    last_line: re.Pattern[str],
    *,
    truncated: bool,
) -> StatedDecisions[Decision]:
    """Return the decisions of a reply.

    A reply that is one quotation as a whole, such as a fenced block, is read without its marks.

    Args:
        conclusion: the reply without the judge's thought.
        parse: returns the decision in the words of a mark, or None if they hold none.
        last_line: a label and a decision without double brackets, as they may stand on the last
            line of a complete reply.
        truncated: whether the reply was cut, so that its last line may be incomplete.
    """
    unquoted = _mask_inner_quotations(conclusion, truncated=truncated)
    own_line: dict[Decision, None] = {}
    labelled: dict[Decision, None] = {}
    closing: dict[Decision, None] = {}
    elsewhere: dict[Decision, None] = {}
    position = 0
    lines = unquoted.text.rstrip().split("\n")
    for number, line in enumerate(lines, start=1):
        is_last = number == len(lines)
        is_reliable = position < unquoted.reliable_end and not (truncated and is_last)
        position += len(line) + 1
        found = dict.fromkeys(decision for _, decision in _parse_marks(line, parse))
        if found:
            closing.clear()
        if is_reliable and not found:
            found = dict.fromkeys(_parse_labelled_line(line, parse, last_line))
            (own_line if is_last else closing).update(found)
        elif is_reliable and len(found) == 1 and _stands_alone(line, parse):
            own_line.update(found)
        else:
            elsewhere.update(found)
            if is_reliable:
                labelled.update(dict.fromkeys(_list_labelled_decisions(line, parse)))
    return StatedDecisions(
        own_line=tuple(own_line),
        labelled=tuple(labelled | closing),
        elsewhere=tuple(elsewhere),
    )


def strip_markdown(text: str) -> str:
    """Return a text without Markdown marks and with single spaces.

    Args:
        text: one line, or a part of one.
    """
    return " ".join(_MARKUP.sub(" ", text).split())


_MAX_QUOTATION_DEPTH = 3
_CODE_INDENTS = ("    ", "\t")
_WORD = re.compile(r"\w")
_MARKUP = re.compile(r"[*_`#]+|^[\s>]*>")

# Brackets after a name or other brackets are an index in code: `x[[1]]`, `rows[0][[2]]`.
_ADJACENT_MARKS = re.compile(r"(?<![A-Za-z0-9_)\]])(?:\[\[[^\[\]\n]{0,40}\]\])+")
_MARK = re.compile(r"\[\[([^\[\]\n]*)\]\]")

# What may stand before a mark on a line of its own: a label, and the level in words.
_LABEL = re.compile(
    r"(?:(?:so|thus|hence|therefore|finally|in conclusion|conclusion) )?(?:(?:my|the) )?"
    r"(?:(?:final|overall) )*(?:(?:rating|score|grade|verdict|winner|decision|judge?ment) )?"
    r"(?:is )?(?:that )?"
    r"(?:(?:a )?tie (?:relatively the same )?"
    r"|(?:answer|assistant|response|model) [ab] (?:s (?:answer|response) )?"
    r"is (?:(?:slightly|significantly|much) )?better )?"
)
_BEFORE_MARK = re.compile(r"[\w\s*_#|:：=.,，;!()'’→–—-]{0,200}")
_OUT_OF = (
    r"(?:[/／⁄]|out of)[\s*_]{0,10}(?:an? |the )?(?:(?:possible|maximum|total|of) ){0,3}"
    r"(\d{1,9}(?:\.\d{1,9})?)"
)
_AFTER_MARK = re.compile(
    rf"[\s*_#|.,;!。．！)]{{0,40}}(?:{_OUT_OF}[\s*_|.,;!。．！)]{{0,40}})?", re.IGNORECASE
)

# A number in a mark and the end of its scale behind the mark are one statement: `[[4]]/5`.
_NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?")
_DENOMINATOR = re.compile(rf"[\s*_)]{{0,10}}{_OUT_OF}", re.IGNORECASE)

# How a judge states its own decision within a sentence, and what makes it a mere possibility.
_MAX_CLAUSE = 160
_CLAUSE_START = re.compile(
    r"[.!?;,(—–。，；]|\b(?:and|but|because|since|as)\b|(?=\bmy\b)", re.IGNORECASE
)
_STATEMENT = re.compile(
    r"\b(?:rating|score|grade|verdict|winner|decision|judge?ment)\b.*(?:\b(?:is|that|better|tie)|[:：=])"
    r"[\s:：]*$",
    re.IGNORECASE,
)
_POSSIBILITY = re.compile(r"[\s*_,]{0,10}(?:(?:if|when|where|for|or)\b|/ ?\[)", re.IGNORECASE)
_PREFERENCE = re.compile(
    r"(?:answer|assistant|response|model) ([ab])(?:['’]s (?:answer|response))? is (not )?"
    r"(?:(?:slightly|significantly|much) )?better[\s:：,-]*$",
    re.IGNORECASE,
)
_MARK_IN_QUOTES = re.compile(
    r"^([^\n\"'`“”‘’\[\]]{1,200})[\"'`“‘]{1,3}(\[\[[^\[\]\n]{1,40}\]\])[.]?[\"'`”’]{1,3}",
    re.MULTILINE,
)


def _mask_inner_quotations(conclusion: str, *, truncated: bool) -> UnquotedText:
    """Return the text without its quotations; one that encloses the whole text is removed first."""
    text = _MARK_IN_QUOTES.sub(_keep_labelled_mark, conclusion)
    masked = mask_quotations(text, truncated=truncated)
    for _ in range(_MAX_QUOTATION_DEPTH):
        inner = None if _WORD.search(masked.text) else unwrap_quotation(text)
        if inner is None:
            break
        text, masked = inner, mask_quotations(inner, truncated=truncated)
    return masked


def _keep_labelled_mark(match: re.Match[str]) -> str:
    """Return a mark without the quotation marks that a judge sets around it after its own label."""
    label = _read_words(match[1])
    return match[1] + match[2] if label.strip() and _LABEL.fullmatch(label) else match[0]


def _parse_marks(
    line: str, parse: Callable[[str], Decision | None]
) -> Iterator[tuple[tuple[int, int], Decision]]:
    """Yield where the marks of a line are, and their decisions."""
    for run in _ADJACENT_MARKS.finditer(line):
        for mark in _MARK.finditer(run[0]):
            start, end = run.start() + mark.start(), run.start() + mark.end()
            words = strip_markdown(mark[1])
            out_of = _DENOMINATOR.match(line, end) if _NUMBER.fullmatch(words) else None
            decision = parse(f"{words}/{out_of[1]}" if out_of else words)
            if decision is not None:
                yield (start, end), decision
                clause = _read_clause(line, start) if _may_contradict(line, start) else ""
                contrary = _find_contrary(clause, decision, parse)
                if contrary is not None:
                    yield (start, end), contrary


def _may_contradict(line: str, end: int) -> bool:
    """Return whether the words before a mark may give another verdict; reading them takes longer."""
    return "better" in line[max(0, end - _MAX_CLAUSE) : end].casefold()


def _read_clause(line: str, end: int) -> str:
    """Return the words between the start of a clause and a mark."""
    before = strip_markdown(line[max(0, end - _MAX_CLAUSE) : end])
    return _CLAUSE_START.split(before)[-1].strip()


def _find_contrary(
    clause: str, decision: Decision, parse: Callable[[str], Decision | None]
) -> Decision | None:
    """Return the verdict that the words before a mark give, if the mark gives another one."""
    preference = _PREFERENCE.search(clause)
    if preference is None:
        return None
    named = preference[1].casefold()
    other = "b" if named == "a" else "a"
    better, worse = (other, named) if preference[2] else (named, other)
    excluded = [parse(words) for words in (worse, f"{worse}>{better}", f"{worse}>>{better}")]
    return parse(better) if decision in excluded else None


def _list_labelled_decisions(
    line: str, parse: Callable[[str], Decision | None]
) -> Iterator[Decision]:
    """Yield the decisions of a line that stand right behind the judge's own label."""
    for (start, end), decision in _parse_marks(line, parse):
        clause = _read_clause(line, start)
        is_label = _STATEMENT.search(clause) and _LABEL.fullmatch(_read_words(clause))
        if is_label and not _POSSIBILITY.match(line, end):
            yield decision


def _parse_labelled_line(
    line: str, parse: Callable[[str], Decision | None], last_line: re.Pattern[str]
) -> Iterator[Decision]:
    match = last_line.fullmatch(strip_markdown(line).removesuffix(".").rstrip())
    decision = parse(strip_markdown(match[1] or match[2])) if match else None
    if decision is not None:
        yield decision


def _stands_alone(line: str, parse: Callable[[str], Decision | None]) -> bool:
    """Whether a line holds nothing but its marks, a label and punctuation."""
    spans = [span for span, _ in _parse_marks(line, parse)]
    before, after = line[: spans[0][0]], line[spans[-1][1] :]
    is_code = before.startswith(_CODE_INDENTS)
    between = "".join(line[end:start] for (_, end), (start, _) in pairwise(spans))
    return (
        not is_code
        and not _WORD.search(between)
        and bool(_BEFORE_MARK.fullmatch(before) and _LABEL.fullmatch(_read_words(before)))
        and bool(_AFTER_MARK.fullmatch(after))
    )


def _read_words(text: str) -> str:
    """Return the words of a label in lower case, each with a space behind it."""
    return "".join(f"{word} " for word in re.findall(r"[^\W_]+", text.casefold()))
