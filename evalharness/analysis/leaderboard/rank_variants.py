"""Define the records of how a ranking depends on the method of analysis.

They are not confidence intervals. Rank sets cover the variation between samples of
questions; here the judgments are fixed and only the method of analysis changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from evalharness.stats import kendall_tau

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_NAMED_PAIRS = 2
"""The maximum number of pairs that a summary names; further pairs are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RankReversal:
    """Two models in an order that differs from the ranking.

    Attributes:
        ahead: the model that the ranking places first.
        behind: the model that the ranking places second.
        is_separated: whether the ranking's rank sets separate the two; otherwise their order is
            undecided.
    """

    ahead: str
    behind: str
    is_separated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RankVariant:
    """The ranks that one alternative analysis gives.

    Attributes:
        group: what the analysis varies: the games, the rating model, the judge, ...
        name: the analysis.
        ranks: by model, 1 is best; equal models share the best rank. Empty if there are none.
        tau: Kendall's tau-b with the ranking; None without ranks or if all ranks are equal.
        reversals: the pairs in reverse order; a tie is not a reversal.
        note: why there are no ranks, or a remark on them.
    """

    group: str
    name: str
    ranks: Mapping[str, int] = field(default_factory=dict)
    tau: float | None = None
    reversals: tuple[RankReversal, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRobustness:
    """A ranking with the alternative analyses of the same judgments.

    Attributes:
        main: the analysis of the ranking itself.
        ranks: its ranks by model, best first.
        separated: the pairs, better model first, that its rank sets separate.
        variants: the alternative analyses, including those that these judgments do not allow.
    """

    main: str
    ranks: Mapping[str, int]
    separated: frozenset[tuple[str, str]]
    variants: tuple[RankVariant, ...]

    @property
    def counted(self) -> tuple[RankVariant, ...]:
        """The analyses that gave ranks."""
        return tuple(each for each in self.variants if each.ranks)

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """The best and worst rank of each model over all analyses, including the ranking itself."""
        all_ranks = [self.ranks, *(variant.ranks for variant in self.counted)]
        return {
            model: (
                min(ranks[model] for ranks in all_ranks),
                max(ranks[model] for ranks in all_ranks),
            )
            for model in self.ranks
        }

    @property
    def reversed_in(self) -> dict[RankReversal, tuple[RankVariant, ...]]:
        """The reversed pairs with the analyses that reverse them; separated pairs come first."""
        variants_by_pair: dict[RankReversal, list[RankVariant]] = {}
        for variant in self.counted:
            for pair in variant.reversals:
                variants_by_pair.setdefault(pair, []).append(variant)
        order = sorted(
            variants_by_pair,
            key=lambda pair: (not pair.is_separated, -len(variants_by_pair[pair]), pair),
        )
        return {pair: tuple(variants_by_pair[pair]) for pair in order}

    @property
    def first(self) -> tuple[str, ...]:
        """The models that share first place in the ranking."""
        return tuple(model for model, rank in self.ranks.items() if rank == 1)

    @property
    def same_first_count(self) -> int:
        """The number of analyses in which the same models have first place."""
        return sum(
            all(variant.ranks[model] == 1 for model in self.first) for variant in self.counted
        )

    @property
    def summary(self) -> str:
        """The result of all analyses, in up to three sentences."""
        if not self.counted:
            return "These judgments allow no other way of counting."
        return f"{self._describe_first_place()} {self._describe_separated_pairs()} {self._describe_undecided_pairs()}".strip()

    @property
    def alarm(self) -> str:
        """A caution if pairs that the ranking separates are reversed; else empty."""
        reversed_pairs = {
            pair: variants for pair, variants in self.reversed_in.items() if pair.is_separated
        }
        if not reversed_pairs:
            return ""
        variants = list(
            dict.fromkeys(
                variant.name for variants in reversed_pairs.values() for variant in variants
            )
        )
        named_variants = ", ".join(variants[:_MAX_NAMED_PAIRS]) + (
            ", ..." if len(variants) > _MAX_NAMED_PAIRS else ""
        )
        return (
            f"In other analyses ({named_variants}), clearly separated models swap places: "
            f"{_list_reversals(reversed_pairs)} of {len(self.counted)} ways."
        )

    def _describe_first_place(self) -> str:
        """Say in how many analyses the first place holds."""
        number, total = self.same_first_count, len(self.counted)
        share = f"all {total}" if number == total > 1 else f"{number} of {total}"
        return (
            f"The first place ({' and '.join(self.first)}) holds in {share} other "
            f"way{'' if total == 1 else 's'} of counting."
        )

    def _describe_separated_pairs(self) -> str:
        """Say how many of the separated pairs are reversed."""
        total = len(self.separated)
        if not total:
            return "No two models are clearly separated."
        reversed_pairs = {
            pair: variants for pair, variants in self.reversed_in.items() if pair.is_separated
        }
        pairs = f"{total:,} pair{'' if total == 1 else 's'}"
        changes = f"{f'{len(reversed_pairs):,}' if reversed_pairs else 'none'} change{'s' if len(reversed_pairs) < 2 else ''}"  # noqa: PLR2004 - one, or none
        details = f": {_list_reversals(reversed_pairs)}" if reversed_pairs else ""
        return f"Of the {pairs} that the ranking tells apart, {changes} places{details}."

    def _describe_undecided_pairs(self) -> str:
        """Say how many of the undecided pairs are reversed."""
        reversed_pairs = {
            pair: variants for pair, variants in self.reversed_in.items() if not pair.is_separated
        }
        if not reversed_pairs:
            return "" if self.reversed_in else "No two models change places at all."
        pairs = "1 pair" if len(reversed_pairs) == 1 else f"{len(reversed_pairs):,} pairs"
        return (
            f"Among those that it leaves open, {pairs} change{'s' if len(reversed_pairs) == 1 else ''} "
            f"places: {_list_reversals(reversed_pairs)}."
        )


def build_rank_variant(
    group: str,
    name: str,
    ranks: Mapping[str, int],
    main: Mapping[str, int],
    separated: frozenset[tuple[str, str]],
    note: str = "",
) -> RankVariant:
    """Return an alternative analysis, compared with the ranking.

    Args:
        group: what the analysis varies.
        name: the analysis.
        ranks: its ranks, of every model of `main`.
        main: the ranks of the ranking.
        separated: the pairs, better model first, that the ranking separates.
        note: a remark on the ranks.
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


def _list_reversals(reversed_pairs: Mapping[RankReversal, Sequence[RankVariant]]) -> str:
    """Return the pairs that are reversed most often, with the number of analyses."""
    named = [
        f"{pair.ahead} and {pair.behind} in {len(variants)}"
        for pair, variants in list(reversed_pairs.items())[:_MAX_NAMED_PAIRS]
    ]
    unnamed = len(reversed_pairs) - len(named)
    return ", ".join(named) + (f", and {unnamed:,} more" if unnamed else "")
