"""Collect the data that the sections of the page show: records, battles and leaderboard of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.analysis import (
        Caution,
        DriftReport,
        FlagReport,
        HealthCard,
        Leaderboard,
        RunProgress,
    )
    from evalharness.domain import Battle, Failure, Judgment, RunRecords, Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """The data of a run for the page.

    Attributes:
        records: the run.
        battles: its settled games and its votes.
        leaderboard: its leaderboard.
        models: all models, best first, then those without a row.
        judges: all judges.
        health: the health card of the judges, if there was an audit.
        drift: the drift report of the judges, if there was a check.
        flags: the flags on answers.
    """

    records: RunRecords
    battles: tuple[Battle, ...]
    leaderboard: Leaderboard
    models: tuple[str, ...]
    judges: tuple[str, ...]
    health: HealthCard | None = None
    drift: DriftReport | None = None
    flags: FlagReport | None = None

    def model_number(self, model: str) -> int:
        """Return the number of a model, which determines its color and its mark."""
        return self.models.index(model)

    @property
    def level(self) -> str:
        """The level of all intervals, as `95%`."""
        return f"{100 * self.leaderboard.level:g}%"

    @property
    def only_benchmarks(self) -> bool:
        """Whether the run has benchmarks only: no answers, failures or judgments."""
        records = self.records
        return bool(records.benchmarks) and not (records.answers or self.failures or self.judges)

    @property
    def progress(self) -> RunProgress:
        """How much of its work the run has done."""
        return self.leaderboard.progress

    @property
    def stopped(self) -> str:
        """What is there of a run that stopped before its end; empty for a whole run."""
        return self.progress.stopped

    @property
    def has_only_labelled_pairs(self) -> bool:
        """Whether the run has no models, only sides of labelled pairs."""
        return bool(self.leaderboard.labelled_sets) and all(
            row.rank is None for row in self.leaderboard.rows
        )

    @property
    def rated_battles(self) -> int:
        """The number of battles in the table, without people's votes that check a judge."""
        return sum(row.battles for row in self.leaderboard.rows) // 2

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The failures of the run."""
        return self.records.failures

    @property
    def unscored(self) -> int:
        """The number of judgments and votes without a decision."""
        records = self.records
        judged: list[Judgment | Vote] = [*records.graded, *records.games, *records.votes]
        return sum(each.unscored is not None for each in judged)

    @property
    def truncated(self) -> int:
        """The number of replies that were cut off, by `max_tokens` for example."""
        return sum(turn.is_truncated for answer in self.records.answers for turn in answer.turns)

    @property
    def empty(self) -> int:
        """The number of turns without an answer."""
        turns = (turn for answer in self.records.answers for turn in answer.turns)
        return sum(turn.empty_cause is not None for turn in turns)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader must know before trusting a figure, each sentence once."""
        return self.leaderboard.cautions

    @property
    def usage(self) -> Mapping[str, Mapping[str, Any]]:
        """Calls, tokens and cost by role, if the run counted them."""
        return self.records.manifest.get("usage") or {}


def collect_page_data(
    records: RunRecords,
    battles: Sequence[Battle],
    leaderboard: Leaderboard,
    health: HealthCard | None = None,
    drift: DriftReport | None = None,
    flags: FlagReport | None = None,
) -> PageData:
    """Return the data of a run for the page."""
    return PageData(
        records=records,
        battles=tuple(battles),
        leaderboard=leaderboard,
        health=health,
        drift=drift,
        flags=flags,
        models=_unique(
            (
                *(row.model for row in leaderboard.rows),
                *(answer.model for answer in records.answers),
                *(grade.model for grade in records.graded),
                *(name for game in records.games for name in (game.model_a, game.model_b)),
                *(name for battle in battles for name in (battle.model_a, battle.model_b)),
                *(score.model for score in records.benchmarks),
            )
        ),
        judges=_unique(
            (
                *(grade.judge for grade in records.graded),
                *(game.judge for game in records.games),
                *(battle.judge for battle in battles),
            )
        ),
    )


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
