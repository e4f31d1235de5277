"""Define the records of the leaderboard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalharness.analysis.leaderboard.run_progress import RunProgress
from evalharness.domain import DEFAULT_RATING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.analysis.judge_health.labelled_sets import LabelledSetAccuracy
    from evalharness.analysis.label_correction.corrected_rows import CorrectedTable
    from evalharness.analysis.leaderboard.cautions import Caution
    from evalharness.analysis.leaderboard.rank_variants import RankRobustness


def _show_as(heading: str, form: str) -> dict[str, str]:
    """Return the `metadata` of a field that tables of text show.

    Args:
        heading: of its column.
        form: the format of its values; `d` is a count, which is left empty at 0.
    """
    return {"heading": heading, "form": form}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRow:
    """The figures of one model; a figure that was not measured is None, never 0.

    Every field is a column of JSON and CSV. One with `_show_as` is a column of Markdown and LaTeX
    too, with its interval where there are fields with `_low` and `_high`.

    The fields that begin with `corrected` are the judge's (or panel's) figures, corrected by
    people's labels.
    """

    model: str
    rank: int | None = field(default=None, metadata=_show_as("Rank", ".0f"))
    rank_low: int | None = None
    rank_high: int | None = None
    rating: float | None = field(default=None, metadata=_show_as("Rating", ".0f"))
    rating_low: float | None = None
    rating_high: float | None = None
    elo: float | None = field(default=None, metadata=_show_as("Elo", ".0f"))
    win_rate: float | None = field(default=None, metadata=_show_as("Win rate", ".1%"))
    win_rate_low: float | None = None
    win_rate_high: float | None = None
    length_controlled_win_rate: float | None = field(
        default=None, metadata=_show_as("LC win rate", ".1%")
    )
    score: float | None = field(default=None, metadata=_show_as("Score", ".2f"))
    score_low: float | None = None
    score_high: float | None = None
    score_by_turn: Mapping[int, float] = field(default_factory=dict)
    score_by_category: Mapping[str, float] = field(default_factory=dict)
    battles: int = field(default=0, metadata=_show_as("Battles", "d"))
    graded: int = field(default=0, metadata=_show_as("Graded", "d"))
    unscored: int = field(default=0, metadata=_show_as("Unscored", "d"))
    failed: int = field(default=0, metadata=_show_as("Failed", "d"))
    not_asked: int = field(default=0, metadata=_show_as("Not asked yet", "d"))
    truncated: int = field(default=0, metadata=_show_as("Cut off", "d"))
    empty: int = field(default=0, metadata=_show_as("Empty", "d"))
    empty_by_cause: Mapping[str, int] = field(default_factory=dict)
    corrected_rank: int | None = field(default=None, metadata=_show_as("Corrected rank", ".0f"))
    corrected_rank_low: int | None = None
    corrected_rank_high: int | None = None
    corrected_rating: float | None = field(
        default=None, metadata=_show_as("Corrected rating", ".0f")
    )
    corrected_rating_low: float | None = None
    corrected_rating_high: float | None = None
    corrected_win_rate: float | None = field(
        default=None, metadata=_show_as("Corrected win rate", ".1%")
    )
    corrected_win_rate_low: float | None = None
    corrected_win_rate_high: float | None = None
    corrected_score: float | None = field(default=None, metadata=_show_as("Corrected score", ".2f"))
    corrected_score_low: float | None = None
    corrected_score_high: float | None = None
    benchmarks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPairRow:
    """The results of one model against another.

    Attributes:
        model_a: the first model.
        model_b: the second model.
        win_rate: the win rate of `model_a`; a tie counts half.
        low: the lower end of its interval; None without one.
        high: the upper end of its interval; None without one.
        wins: the number of wins of `model_a`.
        losses: the number of losses of `model_a`.
        ties: the number of ties.
        better: the probability that `model_a` is truly better, from ratings over all battles; None
            without ratings that have an interval.
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
class RatingParameter:
    """A parameter that a rating model estimates in addition to the ratings.

    Attributes:
        name: such as `log_nu`.
        description: the meaning of the parameter.
        value: the estimate; None if it could not be computed.
        low: the lower end of its interval; None without one.
        high: the upper end of its interval; None without one.
    """

    name: str
    description: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRow:
    """One judge of a panel; a figure that was not measured is None.

    Attributes:
        judge: the judge's name.
        grades: the number of its grades.
        battles: the number of its battles.
        severity: how many points its grades are below the panel's.
        severity_low: lower end of the interval.
        severity_high: upper end of the interval.
        noise: the standard deviation of its grades apart from severity.
        discrimination: how closely its verdicts follow the ratings; 1 is the typical judge, 0 is
            unrelated.
        discrimination_low: lower end of the interval.
        discrimination_high: upper end of the interval.
        standing: what the interval implies about the judge.
        ranks_without: the ranks of the models without this judge.
        ratings_without: the ratings without this judge.
        scores_without: the scores without this judge.
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
    """Krippendorff's alpha of a panel: 1 is full agreement, 0 is chance agreement.

    Attributes:
        alpha: the estimate.
        low: the lower end of its interval; None without one.
        high: the upper end of its interval; None without one.
        units: the number of answers, or pairs of answers, that at least two judges judged.
    """

    alpha: float
    low: float | None
    high: float | None
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSummary:
    """A panel of judges.

    Attributes:
        rule: how the judges are combined.
        judges: one row per judge.
        grade_agreement: the agreement of grades; None if there are none.
        verdict_agreement: the agreement of verdicts; None if there are none.
        remarks: sentences on figures that could not be estimated.
    """

    rule: str
    judges: tuple[JudgeRow, ...]
    grade_agreement: PanelAgreement | None = None
    verdict_agreement: PanelAgreement | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The leaderboard of a run.

    Attributes:
        rows: one per model, best first.
        pairs: one per pair of models with battles.
        level: the level of all intervals and rank sets.
        method: the method of the ratings, in words.
        rating: the name of the rating model.
        rating_parameters: the other parameters that the rating model estimates.
        cautions: what a reader must know before trusting the table, each sentence once.
        panel: the judges of a panel; None for a single judge.
        corrected: a table for the panel and for each judge with work that people labelled.
        separated: the pairs, better model first, that the rank sets separate.
        robustness: the ranks that alternative analyses give; None if they were not requested.
        progress: how much of its work the run has done, and whether it stopped before its end.
        labelled_sets: how often each judge found the label of pairs whose sides are no models.
    """

    rows: tuple[LeaderboardRow, ...]
    pairs: tuple[ModelPairRow, ...] = ()
    level: float = 0.95
    method: str = "Bradley-Terry"
    rating: str = DEFAULT_RATING
    rating_parameters: tuple[RatingParameter, ...] = ()
    cautions: tuple[Caution, ...] = ()
    panel: PanelSummary | None = None
    corrected: tuple[CorrectedTable, ...] = ()
    separated: frozenset[tuple[str, str]] = frozenset()
    robustness: RankRobustness | None = None
    progress: RunProgress = field(default_factory=RunProgress)
    labelled_sets: tuple[LabelledSetAccuracy, ...] = ()
