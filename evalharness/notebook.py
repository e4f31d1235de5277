"""What a notebook starts from: a run as data frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness import leaderboard as leaderboards
from evalharness import publishing, settle, tables, variants
from evalharness.store.run_folder import read_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from evalharness.domain import RunRecords
    from evalharness.health import HealthCard
    from evalharness.leaderboard import Leaderboard


@dataclass(frozen=True)
class Run:
    """A finished run. Every property is a pandas DataFrame with one row a record."""

    records: RunRecords
    card: HealthCard | None = None

    def __repr__(self) -> str:
        """Return a line: a notebook that shows a run shall not show all that it holds."""
        records = self.records
        counts = {
            "answers": len(records.answers),
            "judgments": len(records.judgments),
            "failures": len(records.failures),
        }
        return f"Run({records.name!r}, {', '.join(f'{k}={v}' for k, v in counts.items())})"

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row an answered turn: question_id, category, model, sample, turn, text, ..."""
        categories = {q.question_id: q.category for q in self.records.questions}
        return _frame(
            {
                "question_id": answer.question_id,
                "category": categories.get(answer.question_id),
                "model": answer.model,
                "sample": answer.sample,
                "turn": number,
            }
            | _shallow(turn)
            for answer in self.records.answers
            for number, turn in enumerate(answer.turns, start=1)
        )

    @cached_property
    def judgments(self) -> pd.DataFrame:
        """One row a judgment as the judge was shown it; `kind` is graded or pairwise."""
        rows = (_shallow(row) | _shallow(row.usage) for row in self.records.judgments)
        return _frame(rows).drop(columns="usage", errors="ignore")

    @cached_property
    def battles(self) -> pd.DataFrame:
        """One row a battle: both orders settled, then votes; `winner` is model_a, model_b or tie."""
        categories = {q.question_id: q.category for q in self.records.questions}
        return _frame(
            asdict(battle)
            | {"winner": battle.winner.value, "category": categories.get(battle.question_id)}
            for battle in settle.battles_of(self.records)
        )

    @cached_property
    def votes(self) -> pd.DataFrame:
        """One row a vote of imported files: a preference that was given in one order only."""
        return _frame(asdict(vote) for vote in self.records.votes)

    @cached_property
    def board(self) -> Leaderboard:
        """The leaderboard as a record, for the plots in `evalharness.report.figures`."""
        return leaderboards.build(
            self.records,
            settle.battles_of(self.records),
            seed=self.records.config.get("seed", 0),
        )

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """One row a model, best first, indexed by model."""
        return _frame(tables.to_records(self.board)).set_index("model")

    @cached_property
    def health(self) -> pd.DataFrame:
        """One row a rate of a judge's audit, with interval and bound; none without an audit."""
        rows = (
            {"judge": judge.judge} | asdict(measure)
            for judge in (self.card.judges if self.card else ())
            for measure in judge.measures
        )
        return _frame(rows)

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """One row a judge, group of people and turn: how often their votes are equal."""
        import numpy as np

        from evalharness.stats.people import human_agreements

        found = human_agreements(settle.battles_of(self.records), np.random.default_rng(0))
        return _frame(
            {"judge": row.judge, "people": row.people, "turn": row.turn}
            | {name: getattr(row.with_ties, name) for name in ("value", "low", "high", "count")}
            for row in found
        )

    @cached_property
    def corrected(self) -> pd.DataFrame:
        """One row a judge and model, best first: figures as people would give them, by their labels.

        Columns: `judge` (`panel` for several together), `model`, `rank`, `rank_low`, `rank_high`,
        and for `rating`, `win_rate` and `score` the corrected figure with `_low` and `_high`,
        the judge's own (`judge_rating`, `judge_rating_low`, ...) and how many labels are on the
        model (`rating_labels`, ...). What the labels do not support is missing: `corrections`
        says why.
        """
        return _frame(
            {"judge": table.judge} | tables.corrected_record(row)
            for table in self.board.corrected
            for row in table.rows
        )

    @cached_property
    def corrections(self) -> pd.DataFrame:
        """One row a judge and kind of figure: what people's labels did, and what the judge saved.

        Columns: `judge`, `kind`, `labels`, `judged`, `questions`, `trust`, `label_factor` (how many
        times as many labels people alone would need), `saved` (labels), `half_width` (in the unit
        of the figure) and `sentence`, which says why where there is no figure.
        """
        return _frame(
            {"judge": table.judge}
            | {name: getattr(each, name) for name in ("kind", "labels", "judged", "questions")}
            | {name: getattr(each, name) for name in ("trust", "label_factor", "saved")}
            | {"half_width": each.half_width, "sentence": each.sentence}
            for table in self.board.corrected
            for each in table.corrections
        )

    @cached_property
    def robustness(self) -> pd.DataFrame:
        """One row a way of counting, the ranking first; its ranks are in columns `rank.MODEL`."""
        battles = settle.battles_of(self.records)
        found = leaderboards.robustness(self.records, battles, self.board)
        frame = _frame(variants.to_rows(found) if found else ())
        # A way that gives no ranks would turn those of all others into decimals.
        return frame.astype(
            {name: "Int64" for name in frame if str(name).startswith(("rank.", "pairs", "separ"))}
        )

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """One row a score of a standard benchmark."""
        return _frame(asdict(row) for row in self.records.benchmarks)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """One row a failure, with its stage and reason."""
        return _frame(asdict(row) for row in self.records.failures)


def load_run(path: str | Path) -> Run:
    """Return a run from its folder, as data frames.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    return Run(read_run(Path(path)), publishing.read_card(Path(path)))


def _shallow(record: Any) -> dict[str, Any]:
    """Return a record's own fields; `asdict` would copy all that is in them, for seconds."""
    return {field: getattr(record, field) for field in record.__slots__}


def _frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows))
