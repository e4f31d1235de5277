"""Read a finished run as pandas data frames, for notebooks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.analysis import (
    CorrectedRow,
    Flag,
    HealthMeasure,
    LeaderboardRow,
    find_flags,
)
from evalharness.domain import AnswerTurn, Battle, BenchmarkScore, Failure, Vote
from evalharness.judge import collect_battles
from evalharness.report.audit_files import JudgeReports, read_drift_report, read_health_card
from evalharness.report.corpus_scan import read_corpus_scan
from evalharness.report.frame_rows import (
    AGREEMENT_FIGURES,
    ANSWER_KEYS,
    CORRECTION_COLUMNS,
    list_agreement_rows,
    list_answer_rows,
    list_battle_rows,
    list_corrected_rows,
    list_correction_rows,
    list_field_names,
    list_health_rows,
    list_judgment_columns,
    list_judgment_rows,
    make_frame,
)
from evalharness.report.full_leaderboard import build_full_leaderboard
from evalharness.report.leaderboard_table import list_leaderboard_records, make_corrected_record
from evalharness.report.robustness_table import list_robustness_rows
from evalharness.store import read_run

if TYPE_CHECKING:
    import pandas as pd

    from evalharness.analysis import CorpusScan, DriftReport, FlagReport, HealthCard, Leaderboard
    from evalharness.domain import RunRecords


@dataclass(frozen=True)
class Run:
    """A finished run, as `load_run` returns it.

    Every property but `board` and `found` is a pandas DataFrame that is made on first access. It
    has all its columns even if it has no rows. An absent figure is None or NaN, never 0.

    Attributes:
        records: the content of the folder, as records.
        card: the health card of the judges; None without an audit.
        scan: the run's texts that a corpus contains; None if no corpus was searched.
        drift: the last drift check of the judges; None without one.
    """

    records: RunRecords
    card: HealthCard | None = None
    scan: CorpusScan | None = None
    drift: DriftReport | None = None

    def __repr__(self) -> str:
        """Return one line, so that a notebook does not print all records."""
        records = self.records
        counts = {
            "answers": len(records.answers),
            "judgments": len(records.judgments),
            "failures": len(records.failures),
        }
        return f"Run({records.name!r}, {', '.join(f'{k}={v}' for k, v in counts.items())})"

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row per answered turn.

        Columns: `question_id`, `category`, `model`, `sample` (from 0), `turn` (from 1), `text`,
        `reasoning` (the thought before it), `finish_reason` (`length`: cut off by `max_tokens`),
        `prompt_tokens`, `completion_tokens`, `cached_tokens`, `reasoning_tokens` (NaN where the
        backend did not count), `seconds` (of the last attempt), `served` (the model that the server
        reported), `sent` (the sampling fields of the request).
        """
        rows = list_answer_rows(self.records)
        return make_frame(rows, *ANSWER_KEYS, *list_field_names(AnswerTurn))

    @cached_property
    def judgments(self) -> pd.DataFrame:
        """One row per judgment, with the answers in the order in which the judge saw them.

        Columns: `kind` (`graded` or `pairwise`), `question_id`, `turn` (from 1), `judge`, `prompt`
        (its name), `model` (of a grade), `sample`, `score` (1 to 10; NaN where unscored),
        `unscored` (why no decision could be read), `reply` (the judge's text), `reasoning` (the
        thought before it), `probabilities` (by option, where they were read), `repaired` (whether a
        second request was needed), `served` (the model that the server reported), `sent` (the
        sampling fields of the request), `finish_reason` (of a reply that was cut), `digest` (the key
        of the request), `model_a` (shown first), `model_b`, `verdict` (`A`, `B` or `tie`: a
        position), `strength` (0 to 2, from five levels), `prompt_tokens`, `completion_tokens`,
        `cached_tokens`, `reasoning_tokens`, `seconds`, `batch` (whether a batch endpoint was used).
        """
        return make_frame(list_judgment_rows(self.records), *list_judgment_columns())

    @cached_property
    def battles(self) -> pd.DataFrame:
        """One row per battle: settled games, then votes. `rate` and `win_rates` accept it.

        Columns: `question_id`, `turn`, `judge` (`human:NAME` of a person's vote), `model_a`,
        `model_b`, `sample`, `winner` (`model_a`, `model_b` or `tie`: a model), `category`.
        """
        rows = list_battle_rows(self.records, self._settled)
        return make_frame(rows, *list_field_names(Battle), "category")

    @cached_property
    def votes(self) -> pd.DataFrame:
        """One row per vote of imported files: a preference for one order of the answers.

        Columns: `question_id`, `turn`, `judge`, `prompt`, `model_a`, `model_b`, `sample`, `winner`,
        `unscored` (why there is no winner), `label` (the value in the source), `preference` (the
        probability that `model_b` is better), `scores` (of both), `lengths` (characters of the judged
        texts, where these are not the run's answers), `reply`, `digest`.
        """
        return make_frame((asdict(vote) for vote in self.records.votes), *list_field_names(Vote))

    @cached_property
    def board(self) -> Leaderboard:
        """The leaderboard as a record, with its robustness and cautions; the plots take it."""
        return build_full_leaderboard(
            self.records,
            self._settled,
            judges=[JudgeReports(card=self.card, drift=self.drift)],
            flags=self.found,
        )

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """One row per model, best first, indexed by `model`.

        `attrs["cautions"]` lists what a reader must know before trusting a figure, each with its
        `source` and `sentence`. `attrs["stopped"]` says what is there of a run that stopped before
        its end, and is empty for a whole run.

        Columns: `rank`, `rank_low`, `rank_high` (for all models at once), `rating`, `rating_low`,
        `rating_high` (points; 95%), `elo` (online), `win_rate`, `win_rate_low`, `win_rate_high`
        (shares of 1), `length_controlled_win_rate`, `score`, `score_low`, `score_high` (1 to 10),
        `score_by_turn`, `score_by_category` (mappings), `battles`, `graded`, `unscored`, `failed`,
        `not_asked`, `truncated`, `empty` (counts), `empty_by_cause` (a mapping), `corrected_rank`, `corrected_rank_low`, `corrected_rank_high`,
        `corrected_rating`, `corrected_rating_low`, `corrected_rating_high`,
        `corrected_win_rate`, `corrected_win_rate_low`, `corrected_win_rate_high`,
        `corrected_score`, `corrected_score_low`, `corrected_score_high` (as people would give
        them), `benchmarks` (a mapping).
        """
        rows = list_leaderboard_records(self.board)
        frame = make_frame(rows, *list_field_names(LeaderboardRow)).set_index("model")
        return self._with_cautions(frame)

    @cached_property
    def health(self) -> pd.DataFrame:
        """One row per rate of a judge's audit, with its 95% interval; no rows without an audit.

        Columns: `judge`, `name` (as in `audit.thresholds`), `title`, `value`, `low`, `high`
        (shares of 1), `count`, `questions` (clusters), `side` (whether the bound is a floor or a
        ceiling), `bound`, `status` (`ok`, `missed` or `too few to tell`), `note`, `detectable` (the
        smallest departure from the bound that so many questions find).
        """
        columns = ("judge", *list_field_names(HealthMeasure))
        return self._with_cautions(make_frame(list_health_rows(self.card), *columns))

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """One row per judge, group of people and turn: the share of equal votes.

        Columns: `judge`, `people`, `turn`, `value`, `low`, `high` (shares of 1, ties counted as
        votes; NaN where too few questions have votes), `count` (votes).
        """
        import numpy as np

        rows = list_agreement_rows(self._settled, np.random.default_rng(0))
        return self._with_cautions(make_frame(rows, "judge", "people", "turn", *AGREEMENT_FIGURES))

    @cached_property
    def corrected(self) -> pd.DataFrame:
        """One row per judge and model, best first: the judge's figures corrected by people's labels.

        Columns: `judge` (panel: several together), `model`, `rank`, `rank_low`, `rank_high`
        (for all models at once), `rating`, `rating_low`, `rating_high`, `judge_rating`,
        `judge_rating_low`, `judge_rating_high`, `rating_labels`, `win_rate`, `win_rate_low`,
        `win_rate_high`, `judge_win_rate`, `judge_win_rate_low`, `judge_win_rate_high`,
        `win_rate_labels`, `score`, `score_low`, `score_high`, `judge_score`, `judge_score_low`,
        `judge_score_high`, `score_labels`. Columns that begin with judge hold the judge's own figures, the
        others corrected ones; columns of labels count the labels on the model. A figure that the
        labels do not support is missing; the frame of corrections gives the reason.
        """
        columns = make_corrected_record(CorrectedRow(model=""))
        frame = make_frame(list_corrected_rows(self.board), "judge", *columns)
        return self._with_cautions(frame)

    @cached_property
    def corrections(self) -> pd.DataFrame:
        """One row per judge and kind of figure: the effect of people's labels on the correction.

        Columns: `judge`, `kind`, `labels`, `judged`, `questions` (counts), `trust` (the judge's
        weight, 0 to 1), `label_factor` (how many times as many labels people alone would need),
        `saved` (labels), `half_width` (in the unit of the figure), `sentence` (the reason, if there
        is no figure).
        """
        frame = make_frame(list_correction_rows(self.board), "judge", *CORRECTION_COLUMNS)
        return self._with_cautions(frame)

    @cached_property
    def robustness(self) -> pd.DataFrame:
        """One row per analysis, the ranking first; no rows with fewer than two ranked models.

        Columns: `group`, `way`, `tau` (Kendall's, to the ranking), `pairs_changed`,
        `separated_changed` (those of them that the ranking separates), `note` (why an analysis
        gave no ranks), and `rank.MODEL` for each model.
        """
        found = self.board.robustness
        frame = make_frame(list_robustness_rows(found) if found else ())
        # An analysis without ranks would turn the ranks of all others into decimals.
        counts = [name for name in frame if str(name).startswith(("rank.", "pairs", "separ"))]
        return self._with_cautions(frame.astype(dict.fromkeys(counts, "Int64")))

    @cached_property
    def found(self) -> FlagReport:
        """The flags on answers as a record, with models that give equal answers, and overlaps."""
        return find_flags(self.records, self.scan)

    @cached_property
    def flags(self) -> pd.DataFrame:
        """One row per flag on an answer, on a question or on a reference.

        Columns: `kind`, `question_id`, `turn`, `model` (None for the question or reference itself),
        `sample`, `words` (the longest run in common), `share` (of the text's n-grams), `source` (a
        file and line, `reference`, a model, or the name that is claimed), `excerpt`.
        """
        rows = (asdict(flag) | {"kind": flag.kind.value} for flag in self.found.flags)
        return make_frame(rows, *list_field_names(Flag))

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """One row per score of a standard benchmark.

        Columns: `model`, `benchmark`, `task`, `metric`, `value`, `stderr` (in the metric's unit),
        `n` (examples), `few_shot`, `harness_version`, `headline` (whether it is the figure of the
        whole benchmark), `normalized` (0 is guessing, 1 perfect), `suite`, `chat_template`.
        """
        return make_frame(
            (asdict(row) for row in self.records.benchmarks), *list_field_names(BenchmarkScore)
        )

    @cached_property
    def failures(self) -> pd.DataFrame:
        """One row per failure.

        Columns: `stage` (`answer`, `judge` or `benchmark`), `key` (the digest of the request),
        `model`, `question_id`, `turn`, `reason` (a slug, such as `timeout`), `detail`, `attempts`.
        """
        return make_frame(
            (asdict(row) for row in self.records.failures), *list_field_names(Failure)
        )

    @cached_property
    def _settled(self) -> tuple[Battle, ...]:
        return tuple(collect_battles(self.records))

    def _with_cautions(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame.attrs["stopped"] = self.board.progress.stopped
        frame.attrs["cautions"] = [asdict(each) for each in self.board.cautions]
        return frame


def load_run(path: str | Path) -> Run:
    """Return a run from its folder, as data frames.

    Args:
        path: the folder, such as `results/example`; the run may be unfinished.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in it is damaged.
    """
    folder = Path(path)
    return Run(
        read_run(folder),
        read_health_card(folder),
        read_corpus_scan(folder),
        read_drift_report(folder),
    )
