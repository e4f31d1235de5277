"""How far a ranking depends on the way of counting: ranks side by side, and what changes places.

This is no interval. The rank sets say what other questions might have shown; here the judgments
stay the same and only what is made of them changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.stats import kendall_tau

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_NAMED_PAIRS = 2
"""How many pairs the summary names before it only counts them."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RankReversal:
    """Two models in another order than in the ranking, which has `ahead` before `behind`.

    `is_separated` says that the ranking's rank sets tell the two apart; else their order was open
    anyway.
    """

    ahead: str
    behind: str
    is_separated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RankVariant:
    """A way of counting: the ranks that it gives, or none and `note` says why.

    Attributes:
        group: what it varies: the games, the rating model, the judge, ...
        name: how it counts.
        ranks: by model, 1 the best; equal ones share the best.
        tau: Kendall's tau-b with the ranking; None without ranks, and where all are equal.
        reversals: the pairs whose order is the other one; a tie is none.
        note: why there are no ranks, or what they rest on.
    """

    group: str
    name: str
    ranks: Mapping[str, int] = field(default_factory=dict)
    tau: float | None = None
    reversals: tuple[RankReversal, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRobustness:
    """A ranking beside what other ways of counting the same judgments make of it.

    Attributes:
        main: how the ranking itself counts.
        ranks: its ranks by model, best first.
        separated: the pairs, better one first, that its rank sets tell apart.
        variants: the other ways, with those that these judgments do not allow.
    """

    main: str
    ranks: Mapping[str, int]
    separated: frozenset[tuple[str, str]]
    variants: tuple[RankVariant, ...]

    @property
    def counted(self) -> tuple[RankVariant, ...]:
        """The ways that gave ranks."""
        return tuple(each for each in self.variants if each.ranks)

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """The best and the worst rank of each model over all ways, the ranking's own included."""
        given = [self.ranks, *(each.ranks for each in self.counted)]
        return {
            model: (min(ranks[model] for ranks in given), max(ranks[model] for ranks in given))
            for model in self.ranks
        }

    @property
    def reversed_in(self) -> dict[RankReversal, tuple[RankVariant, ...]]:
        """The pairs that change places, with the ways in which they do; the most telling first."""
        found: dict[RankReversal, list[RankVariant]] = {}
        for variant in self.counted:
            for pair in variant.reversals:
                found.setdefault(pair, []).append(variant)
        order = sorted(found, key=lambda pair: (not pair.is_separated, -len(found[pair]), pair))
        return {pair: tuple(found[pair]) for pair in order}

    @property
    def first(self) -> tuple[str, ...]:
        """The models that share the ranking's first place; mostly one."""
        return tuple(model for model, rank in self.ranks.items() if rank == 1)

    @property
    def first_holds(self) -> int:
        """In how many of the other ways those have the first place too."""
        return sum(all(each.ranks[model] == 1 for model in self.first) for each in self.counted)

    @property
    def summary(self) -> str:
        """What the ways of counting say together, in three sentences."""
        if not self.counted:
            return "These judgments allow no other way of counting."
        return f"{self._of_first()} {self._of_separated()} {self._of_open()}".strip()

    @property
    def alarm(self) -> str:
        """A caution where pairs that the ranking tells apart change places; else nothing."""
        found = {pair: ways for pair, ways in self.reversed_in.items() if pair.is_separated}
        if not found:
            return ""
        ways = list(dict.fromkeys(each.name for ways in found.values() for each in ways))
        named = ", ".join(ways[:_MAX_NAMED_PAIRS]) + (
            ", ..." if len(ways) > _MAX_NAMED_PAIRS else ""
        )
        return (
            f"Counted otherwise ({named}), pairs that this ranking tells apart change places: "
            f"{_list_reversals(found)} of {len(self.counted)} ways."
        )

    def _of_first(self) -> str:
        number, total = self.first_holds, len(self.counted)
        share = f"all {total}" if number == total > 1 else f"{number} of {total}"
        return (
            f"The first place ({' and '.join(self.first)}) holds in {share} other "
            f"way{'' if total == 1 else 's'} of counting."
        )

    def _of_separated(self) -> str:
        total = len(self.separated)
        if not total:
            return "The ranking itself tells no two models apart."
        found = {pair: ways for pair, ways in self.reversed_in.items() if pair.is_separated}
        pairs = f"{total:,} pair{'' if total == 1 else 's'}"
        told = f"{f'{len(found):,}' if found else 'none'} change{'s' if len(found) < 2 else ''}"  # noqa: PLR2004 - one, or none
        listed = f": {_list_reversals(found)}" if found else ""
        return f"Of the {pairs} that the ranking tells apart, {told} places{listed}."

    def _of_open(self) -> str:
        found = {pair: ways for pair, ways in self.reversed_in.items() if not pair.is_separated}
        if not found:
            return "" if self.reversed_in else "No two models change places at all."
        pairs = "1 pair" if len(found) == 1 else f"{len(found):,} pairs"
        return (
            f"Among those that it leaves open, {pairs} change{'s' if len(found) == 1 else ''} "
            f"places: {_list_reversals(found)}."
        )


def build_rank_variant(
    group: str,
    name: str,
    ranks: Mapping[str, int],
    main: Mapping[str, int],
    separated: frozenset[tuple[str, str]],
    note: str = "",
) -> RankVariant:
    """Return a way of counting set beside the ranking.

    Args:
        group: what it varies.
        name: how it counts.
        ranks: what it gives, for every model of `main`.
        main: the ranking.
        separated: the pairs that the ranking tells apart, better one first.
        note: what the ranks rest on.
    """
    models = list(main)
    return RankVariant(
        group=group,
        name=name,
        ranks={model: ranks[model] for model in models},
        tau=kendall_tau([main[model] for model in models], [ranks[model] for model in models]),
        reversals=tuple(
            RankReversal(ahead=ahead, behind=behind, is_separated=(ahead, behind) in separated)
            for one, other in combinations(models, 2)
            for ahead, behind in [(one, other) if main[one] < main[other] else (other, one)]
            if main[ahead] < main[behind] and ranks[ahead] > ranks[behind]
        ),
        note=note,
    )


def _list_reversals(found: Mapping[RankReversal, Sequence[RankVariant]]) -> str:
    """Return the pairs that change places most often, with how often."""
    told = [
        f"{pair.ahead} and {pair.behind} in {len(ways)}"
        for pair, ways in list(found.items())[:_MAX_NAMED_PAIRS]
    ]
    more = len(found) - len(told)
    return ", ".join(told) + (f", and {more:,} more" if more else "")
