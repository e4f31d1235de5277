"""Normalize the names of models and judges, and find names that a reader takes for one."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def normalize_name(name: str) -> str:
    """Return a name without outer spaces and invisible characters, in Unicode's composed form (NFC).

    The same name typed on two systems can differ in all three, and a reader sees no difference.
    Invisible are format characters (category Cf), such as a zero-width space.
    """
    seen = "".join(each for each in name if unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFC", seen).strip()


def find_name_variants(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of names that differ only in case or look alike, each sorted.

    Names look alike if they differ in kinds of dashes and spaces, or in Unicode's compatible forms.
    """
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(_fold(name), set()).add(name)
    return tuple(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def describe_name_variants(names: Iterable[str], noun: str) -> tuple[str, ...]:
    """Return a sentence on each group of names that differ only in case or look alike.

    Args:
        names: the names.
        noun: what they name, in the plural.
    """
    return tuple(describe_variants(group, noun) for group in find_name_variants(names))


def describe_variants(group: Sequence[str], noun: str) -> str:
    """Return a sentence on a group of names that a reader takes for one.

    Args:
        group: the names.
        noun: what they name, in the plural.
    """
    differ_in_case = len({name.casefold() for name in group}) == 1
    alike = "differ only in case" if differ_in_case else "look alike"
    return f"{' and '.join(group)} {alike} and count as {len(group)} {noun}"


def _fold(name: str) -> str:
    """Return a name without what a reader may overlook."""
    compatible = unicodedata.normalize("NFKC", name).casefold()
    plain = "".join("-" if unicodedata.category(each) == "Pd" else each for each in compatible)
    return " ".join(plain.split())
