"""Rank the models of a run by every defensible alternative analysis of its judgments.

Two common analyses are left out on purpose. Dropping ties, or pairs on which the two orders
disagree, keeps easy questions and removes those that distinguish good models.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.human_labels import exclude_label_checks
from evalharness.analysis.estimates.panel import assemble_panel
from evalharness.analysis.estimates.ratings import JUDGE_AWARE
from evalharness.analysis.leaderboard.rank_variants import (
    RankRobustness,
    RankVariant,
    build_rank_variant,
)
from evalharness.analysis.robustness.model_figures import ModelFigures
from evalharness.analysis.robustness.ranking_context import (
    RankingContext,
    build_unavailable_analysis,
)
from evalharness.analysis.robustness.ranking_evidence import RankingEvidence
from evalharness.analysis.robustness.rating_analyses import (
    vary_games,
    vary_grade_use,
    vary_rating_models,
    vary_style_control,
)
from evalharness.errors import EvalHarnessError
from evalharness.judge import settle_battles
from evalharness.stats import is_human_judge, rank_estimates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from evalharness.analysis.leaderboard.rows import Leaderboard
    from evalharness.analysis.robustness.ranking_context import Analysis
    from evalharness.domain import Battle, RunRecords

_MIN_SEVERAL = 2
_MAX_NAMED_MODELS = 2
_MIN_JUDGES_TO_LEAVE_OUT = 3
"""With two judges, leaving one out is the same as the other judge alone."""


def analyze_robustness(
    records: RunRecords, battles: Sequence[Battle], board: Leaderboard
) -> RankRobustness | None:
    """Return a ranking with its alternative analyses; None with fewer than two ranked models.

    Args:
        records: the run.
        battles: its settled battles and imported votes.
        board: its leaderboard, as `build_leaderboard` makes it from these.
    """
    main = {row.model: row.rank for row in board.rows if row.rank is not None}
    if len(main) < _MIN_SEVERAL:
        return None
    to_rank = exclude_label_checks(records, battles)
    evidence = RankingEvidence(
        records=to_rank.records,
        battles=to_rank.battles,
        panel=assemble_panel(to_rank.records, to_rank.battles),
        is_rated=any(row.rating is not None for row in board.rows),
    )
    context = RankingContext(board=board, evidence=evidence)
    return RankRobustness(
        main=_name_ranking_method(context),
        ranks=main,
        separated=board.separated,
        variants=tuple(
            _try_analysis(analysis, main, board) for analysis in _iterate_analyses(context)
        ),
    )


def _name_ranking_method(context: RankingContext) -> str:
    """Return the analysis of the ranking itself, in words."""
    if not context.evidence.is_rated:
        return "Mean score"
    if context.board.method == JUDGE_AWARE:
        return "Judge-aware Bradley-Terry"
    panel = " of the panel's majority" if context.evidence.panel else ""
    ties = "; a pair whose two orders disagree is a tie" if context.evidence.records.games else ""
    return f"{context.board.method}{panel}{ties}"


def _try_analysis(analysis: Analysis, main: Mapping[str, int], board: Leaderboard) -> RankVariant:
    """Return an alternative analysis with its ranks, or with the reason why there are none."""
    group, name, figures_of = analysis
    try:
        figures = figures_of()
    except EvalHarnessError as error:
        return RankVariant(group=group, name=name, note=f"No ranks: {_first_sentence(error)}.")
    missing = [model for model in main if model not in figures.values]
    if missing:
        listed = ", ".join(missing[:_MAX_NAMED_MODELS])
        listed += ", ..." if len(missing) > _MAX_NAMED_MODELS else ""
        return RankVariant(group=group, name=name, note=f"No ranks: nothing there on {listed}.")
    ranked = rank_estimates(np.array([figures.values[model] for model in main]))
    ranks = dict(zip(main, ranked.tolist(), strict=True))
    return build_rank_variant(group, name, ranks, main, board.separated, figures.note)


def _iterate_analyses(context: RankingContext) -> Iterator[Analysis]:
    """Yield all alternative analyses."""
    if context.evidence.is_rated:
        yield from vary_games(context)
        yield from vary_rating_models(context)
    yield from vary_grade_use(context)
    yield from _vary_judges(context)
    yield from _vary_prompts(context)
    yield from _vary_turns(context)
    if context.evidence.is_rated:
        yield from vary_style_control(context)
    yield from _vary_categories(context)


def _vary_judges(context: RankingContext) -> Iterator[Analysis]:
    """Yield each judge alone, and the panel without each judge."""
    evidence, panel = context.evidence, context.board.panel
    if panel is None or evidence.panel is None:
        yield from _vary_voters(context)
        return
    judges = evidence.panel.judges
    for judge in judges:
        yield "Judge", f"{judge} alone", evidence.only_judge(judge).estimate_figures
    for row in panel.judges if len(judges) >= _MIN_JUDGES_TO_LEAVE_OUT else ():
        without = row.ratings_without if evidence.is_rated else row.scores_without
        yield "Judge", f"Without {row.judge}", partial(ModelFigures.from_values, without)


def _vary_voters(context: RankingContext) -> Iterator[Analysis]:
    """Yield each voter alone, if imported votes have several voters."""
    battles = context.evidence.battles
    voter_by_judge = {battle.judge: _voter_name(battle.judge) for battle in battles}
    voters = list(dict.fromkeys(voter_by_judge.values()))
    if len(voters) < _MIN_SEVERAL or not context.evidence.is_rated:
        yield "Judge", "Each judge alone", build_unavailable_analysis("there is a single judge")
        return
    for name in voters:
        voter_battles = tuple(battle for battle in battles if voter_by_judge[battle.judge] == name)
        yield (
            "Judge",
            f"{name} alone",
            replace(context.evidence, battles=voter_battles).estimate_figures,
        )


def _voter_name(judge: str) -> str:
    """Return the voter of a judge name; all people are one voter."""
    return "people" if is_human_judge(judge) else judge


def _vary_prompts(context: RankingContext) -> Iterator[Analysis]:
    """Yield each judge prompt alone, if units were judged with several prompts."""
    records, evidence = context.evidence.records, context.evidence
    prompts = evidence.prompts
    if len(prompts) < _MIN_SEVERAL:
        yield (
            "Prompt",
            "Each judge prompt alone",
            build_unavailable_analysis("nothing was judged with two prompts"),
        )
    for prompt in prompts:
        chosen = replace(
            records,
            graded=tuple(grade for grade in records.graded if grade.prompt == prompt),
            games=tuple(game for game in records.games if game.prompt == prompt),
        )
        battles = settle_battles(chosen.games)
        yield (
            "Prompt",
            f"{prompt} alone",
            replace(
                evidence, records=chosen, battles=battles, panel=assemble_panel(chosen, battles)
            ).estimate_figures,
        )


def _vary_turns(context: RankingContext) -> Iterator[Analysis]:
    """Yield each turn alone."""
    turns = context.evidence.turns
    if len(turns) < _MIN_SEVERAL:
        yield "Turn", "Each turn alone", build_unavailable_analysis("a single turn was judged")
        return
    for turn in turns:
        evidence = context.evidence.filter_units(partial(_is_turn, turn))
        yield "Turn", f"Turn {turn} alone", evidence.estimate_figures


def _vary_categories(context: RankingContext) -> Iterator[Analysis]:
    """Yield the ranking without each category."""
    category = {
        question.question_id: question.category for question in context.evidence.records.questions
    }
    judged = {category.get(question, "") for question in context.evidence.questions}
    names = [name for name in dict.fromkeys(category.values()) if name in judged]
    if len(judged) < _MIN_SEVERAL or not names:
        reason = "there is a single category" if names else "the categories are not known"
        yield "Category", "Without a category", build_unavailable_analysis(reason)
        return
    for name in names:
        questions = {
            question for question, category_name in category.items() if category_name == name
        }
        evidence = context.evidence.filter_units(partial(_is_other_question, questions))
        yield "Category", f"Without {name}", evidence.estimate_figures


def _is_turn(turn: int, _: str, other: int) -> bool:
    """Return whether a unit belongs to a turn."""
    return turn == other


def _is_other_question(questions: Collection[str], question: str, _: int) -> bool:
    """Return whether a unit belongs to a question outside a given set."""
    return question not in questions


def _first_sentence(error: EvalHarnessError) -> str:
    """Return the first part of an error message, without the remedy."""
    return str(error).split(": ", maxsplit=1)[0].split(". ", maxsplit=1)[0].rstrip(".")
