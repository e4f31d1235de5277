"""The records of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.analysis.label_correction.corrected_rows import CorrectedTable
    from evalharness.analysis.leaderboard.rank_variants import RankRobustness


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRow:
    """A model's figures; what was not measured is None, never 0.

    Those that begin with `corrected` are the judge's (or panel's) corrected by people's labels.
    """

    model: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    rating: float | None = None
    rating_low: float | None = None
    rating_high: float | None = None
    elo: float | None = None
    win_rate: float | None = None
    win_rate_low: float | None = None
    win_rate_high: float | None = None
    length_controlled_win_rate: float | None = None
    score: float | None = None
    score_low: float | None = None
    score_high: float | None = None
    score_by_turn: Mapping[int, float] = field(default_factory=dict)
    score_by_category: Mapping[str, float] = field(default_factory=dict)
    battles: int = 0
    graded: int = 0
    unscored: int = 0
    failed: int = 0
    truncated: int = 0
    corrected_rank: int | None = None
    corrected_rank_low: int | None = None
    corrected_rank_high: int | None = None
    corrected_rating: float | None = None
    corrected_rating_low: float | None = None
    corrected_rating_high: float | None = None
    corrected_win_rate: float | None = None
    corrected_win_rate_low: float | None = None
    corrected_win_rate_high: float | None = None
    corrected_score: float | None = None
    corrected_score_low: float | None = None
    corrected_score_high: float | None = None
    benchmarks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPairRow:
    """How model_a fared against model_b: win rate of model_a, ties half, with its interval.

    `better` is how probably model_a is truly the better one by the ratings, which rest on all
    battles; None where there are none with an interval.
    """

    model_a: str
    model_b: str
    win_rate: float
    low: float | None
    high: float | None
    wins: int
    losses: int
    ties: int
    better: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRow:
    """One judge of a panel; what was not measured is None.

    `severity` is by how many points its grades lie below the panel's, `noise` the standard
    deviation of what it adds beside that. `discrimination` is how sharply its verdicts follow the
    ratings (1: as the typical judge's; 0: not at all), `standing` what its interval says of it.
    The last three are the table without this judge.
    """

    judge: str
    grades: int = 0
    battles: int = 0
    severity: float | None = None
    severity_low: float | None = None
    severity_high: float | None = None
    noise: float | None = None
    discrimination: float | None = None
    discrimination_low: float | None = None
    discrimination_high: float | None = None
    standing: str | None = None
    ranks_without: Mapping[str, int | None] = field(default_factory=dict)
    ratings_without: Mapping[str, float] = field(default_factory=dict)
    scores_without: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelAgreement:
    """Krippendorff's alpha of a panel: 1 is full agreement, 0 what chance gives.

    `units` is how many answers, or pairs of answers, two judges at least judged.
    """

    alpha: float
    low: float | None
    high: float | None
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSummary:
    """Several judges: how they became one table, what each is worth, and how far they agree."""

    rule: str
    judges: tuple[JudgeRow, ...]
    grade_agreement: PanelAgreement | None = None
    verdict_agreement: PanelAgreement | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """Rows best first, and what must be said about them.

    `method` names how ratings were made; `notes` holds sentences a reader must see beside the
    table (separated or disconnected comparisons, missing grades). `panel` is None where a single
    judge judged. `corrected` has a table for the panel and each judge of whose work people labelled a
    part.
    `separated` holds the pairs, better one first, that the rank sets tell apart; `robustness` what
    other ways of counting would make of the ranks, where it was asked for.
    """

    rows: tuple[LeaderboardRow, ...]
    pairs: tuple[ModelPairRow, ...] = ()
    level: float = 0.95
    method: str = "Bradley-Terry"
    notes: tuple[str, ...] = ()
    panel: PanelSummary | None = None
    corrected: tuple[CorrectedTable, ...] = ()
    separated: frozenset[tuple[str, str]] = frozenset()
    robustness: RankRobustness | None = None
