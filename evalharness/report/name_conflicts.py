"""Find the names of models and judges that mean different things in several runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from evalharness.config import iterate_settings, list_neutral_names
from evalharness.errors import ConfigError
from evalharness.stats import GOLD_JUDGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.domain import GradedJudgment, PairwiseJudgment, RunRecords

    Contents = dict[str, dict[Any, Any]]
    """What is known under each name, by key."""


def find_conflicting_models(runs: Sequence[RunRecords]) -> set[str]:
    """Return the models with different answers or benchmark scores in the runs."""
    return set(_count_conflicts(runs, _contents_by_model))


def find_conflicting_judges(runs: Sequence[RunRecords]) -> Mapping[str, int]:
    """Return the judges with different settings, or different judgments of the same answers.

    The values are the numbers of judgments that differ.

    Args:
        runs: the runs, in which one name of a model means one model.

    Raises:
        ConfigError: the runs have different gold labels for one pair.
    """
    of_judgments = _count_conflicts(runs, _judgments_by_judge)
    if of_judgments[GOLD_JUDGE]:
        msg = (
            f"{' and '.join(run.name for run in runs)} have different gold labels for "
            f"{of_judgments[GOLD_JUDGE]} pairs: correct one of them, and import it again"
        )
        raise ConfigError(msg)
    of_settings = _count_conflicts(runs, _settings_by_judge)
    return {name: of_judgments[name] for name in sorted({*of_judgments, *of_settings})}


def describe_conflicting_judges(judges: Mapping[str, int], runs: Sequence[RunRecords]) -> list[str]:
    """Return a caution for each judge that gives other results in another run."""
    names = " and ".join(run.name for run in runs)
    return [
        f"{judge} judged {number} of the same answers differently in {names}: it is kept apart as "
        "several judges, each with the name of its run."
        for judge, number in judges.items()
        if number
    ]


def describe_other_categories(runs: Sequence[RunRecords]) -> list[str]:
    """Return a caution if runs put one question into different categories."""
    categories: dict[str, set[str]] = {}
    for run in runs:
        for question in run.questions:
            categories.setdefault(question.question_id, set()).add(question.category)
    number = sum(len(each) > 1 for each in categories.values())
    if not number:
        return []
    return [f"{number} questions have another category in another run; {runs[0].name}'s counts."]


def _count_conflicts(
    runs: Sequence[RunRecords], contents_of: Callable[[RunRecords], Contents]
) -> Counter[str]:
    """Return the number of keys under which the runs hold different things, by name."""
    known_contents: Contents = {}
    conflicts: Counter[str] = Counter()
    for run in runs:
        for name, content in contents_of(run).items():
            known = known_contents.setdefault(name, {})
            different = sum(known.get(key, value) != value for key, value in content.items())
            if different:
                conflicts[name] += different
            known |= content
    return conflicts


def _contents_by_model(run: RunRecords) -> Contents:
    """Return the texts of each model by question and sample, and its benchmark scores."""
    found: Contents = {}
    for answer in run.answers:
        texts = [turn.text for turn in answer.turns]
        found.setdefault(answer.model, {})[answer.question_id, answer.sample] = texts
    for score in run.benchmarks:
        key = (score.suite, score.benchmark, score.task, score.metric)
        found.setdefault(score.model, {})[key] = score.value
    return found


def _settings_by_judge(run: RunRecords) -> Contents:
    """Return the settings that affect the judgments of each judge."""
    neutral = list_neutral_names() - {"caution"}  # a caution is of one run's judge
    return {
        judge.name: {
            path: value
            for path, value in iterate_settings(judge.tree, ())
            if not neutral & set(path)
        }
        for judge in run.config.judges
    }


def _judgments_by_judge(run: RunRecords) -> Contents:
    """Return the results of each judge by what it judged."""
    found: Contents = {}
    for grade in run.graded:
        found.setdefault(grade.judge, {})[grade_key(grade)] = (grade.score, grade.unscored)
    for game in run.games:
        found.setdefault(game.judge, {})[game_key(game)] = (game.verdict, game.unscored)
    for vote in run.votes:
        found.setdefault(vote.judge, {})[vote.digest] = (vote.winner, vote.preference, vote.scores)
    return found


def grade_key(grade: GradedJudgment) -> tuple[object, ...]:
    """Return what a grade is of, and by whom."""
    of = (grade.model, grade.question_id, grade.turn, grade.sample)
    return (grade.judge, grade.prompt, *of)


def game_key(game: PairwiseJudgment) -> tuple[object, ...]:
    """Return what a game shows, and to whom."""
    of = (*game.models, game.question_id, game.turn, game.sample)
    return (game.judge, game.prompt, *of)
