"""Find the largest number that a refusal allows, in a range or in words."""

from __future__ import annotations

import re

_NUMBER = r"(?<![A-Za-z0-9_.\-/])(\d+)(?![A-Za-z0-9_]|[.\-/][A-Za-z0-9_])"
_THOUSANDS = re.compile(r"(?<![\w.,\[])(\d{1,3})((?:[,_]\d{3})+)(?![\w,])")
_MARKS = re.compile(r"[`'\"*]+(\d+)[`'\"*]+")
_FIELD_NAME = re.compile(r"\bmax_[A-Za-z_]*tokens?[A-Za-z_]*|\bmax[A-Za-z]*Tokens[A-Za-z]*")
_RANGE = re.compile(
    r"[\[(]\s*\d+\s*(?:,|;|\.\.\.?|-|\u2013|~|to)\s*(?P<listed>\d+)\s*(?P<open>\))?"
    r"|(?:\b(?:between|from|range|in|of|are|is|:)\s+|为\s*)\d+\s*(?:\(?(?:inclusive|exclusive)\)?\s*)?"
    r"(?:and|to|through|到|\.\.\.?|-|\u2013|~)\s*(?P<worded>\d+)(?!\w)(?:\s*\(?(?P<exclusive>exclusive))?"
    r"|(?<![\w.\-])\d+\s*(?:\.\.\.?=?|\u2013|~|<=?|≤)\s*(?:\w+\s*(?:<=|≤)\s*)?(?P<dotted>\d+)(?!\w)",
    re.IGNORECASE,
)
_MORE = r"(?:greater|larger|higher|more|bigger) than(?! or equal)"
_AT_MOST = re.compile(
    rf"(?:(?:less|lower|smaller) than or equal(?: to)?|at most|only supports?|supports? only|up to"
    rf"|<=|≤|exceeds?|above|beyond|\bno longer than|caps? at|\ble['\"]?:|不能超过|不超过|不大于|最大值?为?"
    rf"|\b(?:not|n't|cannot|never|no) (?:be )?{_MORE}|(?<!be ){_MORE}|(?<!be )>"
    rf"|\b(?:max(?:imum)?|limit(?:ed)?|cap(?:ped)?|upper bound)\b(?:(?!minimum|at least)\D){{0,60}}?)"
    rf"[\s:(]*{_NUMBER}",
    re.IGNORECASE,
)
_OR_LESS = re.compile(
    rf"{_NUMBER}\s+(?:\w+\s+)?(?:or|and) (?:less|fewer|lower|below|under|smaller)"
    rf"|{_NUMBER} (?:tokens )?max\b",
    re.IGNORECASE,
)
_LESS = re.compile(
    rf"(?:(?:less|lower|smaller) than|below|under|(?<!\d )<(?!\d+>))\s*{_NUMBER}", re.IGNORECASE
)


def find_bound(text: str, sent: int, smallest: int) -> int | None:
    """Return the largest number that a text allows in place of the one that was sent, or None.

    Args:
        text: what a server says of a field.
        sent: the number that it refused.
        smallest: what the number must reach; a smaller one is the lower end of a range, or no bound.
    """
    text = _THOUSANDS.sub(lambda found: found[1] + re.sub(r"\D", "", found[2]), text)
    text = _FIELD_NAME.sub("#", _MARKS.sub(r" \1 ", text))
    bounds = []
    for found in _RANGE.finditer(text):
        last = int(found["listed"] or found["worded"] or found["dotted"])
        bounds.append(last - 1 if found["open"] or found["exclusive"] else last)
    text = _RANGE.sub("#", text)  # its lower end is no bound
    bounds += [int(number) for number in _AT_MOST.findall(text)]
    bounds += [int(one or other) for one, other in _OR_LESS.findall(text)]
    bounds += [int(number) - 1 for number in _LESS.findall(text)]
    return max((bound for bound in bounds if smallest <= bound < sent), default=None)
