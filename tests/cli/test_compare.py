"""The verb `compare`: tested differences of the leaderboard, and reliable exit codes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import a_run, battle, graded_judgment, question
from scipy.stats import ttest_rel

from evalharness.analysis import ComparisonMetric, build_leaderboard, compare_models
from evalharness.cli import main
from evalharness.domain import BenchmarkResult, BenchmarkScore, RunRecords, Winner
from evalharness.errors import ConfigError
from evalharness.judge import collect_battles
from evalharness.stats import clustered_mean
from evalharness.store import read_example_values, write_benchmark_result

EXAMPLE = str(Path(__file__).parents[2] / "results/example")
PAIR = ("smollm2-135m-chat", "smollm2-135m-plain")


def compared(records, *pair, **settings):
    """Return the comparison of two models of a run."""
    return compare_models(records, collect_battles(records), *pair, **settings)


@pytest.mark.parametrize(
    "metric", [ComparisonMetric.RATING, ComparisonMetric.SCORE, ComparisonMetric.WIN_RATE]
)
def test_the_difference_is_that_of_the_table(metric):
    """Two cells of the leaderboard, subtracted, give the same number."""
    records = a_run(models=4, questions=40)
    rows = build_leaderboard(records, collect_battles(records)).rows
    table = {row.model: getattr(row, metric.value) for row in rows}

    found = compared(records, "vicuna-13b", "alpaca-7b", metric=metric)

    assert found.difference.value == pytest.approx(table["vicuna-13b"] - table["alpaca-7b"])
    assert found.difference.clusters == 40
    assert found.difference.low < found.difference.value < found.difference.high


def test_scores_are_compared_over_what_was_graded_for_both():
    """The test is paired: questions graded for one model only, and other models, do not count."""
    rng = np.random.default_rng(0)
    scores = rng.integers(1, 11, (3, 12)).astype(float)
    graded = [
        graded_judgment(name, str(q), score=float(scores[place, q]))
        for place, name in enumerate(("one", "two", "three"))
        for q in range(12)
        if (name, q) not in {("one", 3), ("three", 5)}
    ]
    records = RunRecords(
        name="r", questions=tuple(question(str(q)) for q in range(12)), graded=tuple(graded)
    )

    found = compared(records, "one", "two").difference

    both = [q for q in range(12) if q != 3]
    expected = clustered_mean(scores[0, both] - scores[1, both], both)
    assert (found.value, found.standard_error) == (
        pytest.approx(expected.value),
        pytest.approx(expected.standard_error),
    )


def test_the_first_figure_of_the_run_is_taken():
    """Ratings if there are battles, scores if there are only grades."""
    assert (
        compared(a_run(questions=20), "vicuna-13b", "alpaca-7b").metric is ComparisonMetric.RATING
    )
    graded = a_run(questions=20, pairwise_games=False)
    assert compared(graded, "vicuna-13b", "alpaca-7b").metric is ComparisonMetric.SCORE


def scored(model, benchmark, value, stderr=0.02, **settings):
    """Return the figure of a whole benchmark."""
    return BenchmarkScore(
        model=model,
        benchmark=benchmark,
        task=benchmark,
        metric="acc",
        value=value,
        stderr=stderr,
        n=500,
        few_shot=0,
        harness_version="0",
        headline=True,
        suite="suite",
        **settings,
    )


def test_benchmarks_are_compared_over_those_that_both_have():
    """Means of differences, with standard errors of independent samples; not a suite's average."""
    records = RunRecords(
        name="r",
        benchmarks=(
            scored("one", "arc", 0.60),
            scored("two", "arc", 0.50),
            scored("one", "gsm8k", 0.30),
            scored("two", "gsm8k", 0.36),
            scored("one", "mmlu", 0.90),
            scored("one", "suite", 0.60),
            scored("two", "suite", 0.43),
        ),
    )

    found = compared(records, "one", "two")

    assert found.difference.value == pytest.approx(0.02)
    assert found.difference.standard_error == pytest.approx(np.sqrt(4 * 0.02**2) / 2)
    assert "independent" in found.basis


def answered(tasks, seed=0):
    """Return the values of two models on examples of each task; they are correlated."""
    rng = np.random.default_rng(seed)
    keys = [(task, number) for task, size in tasks.items() for number in range(size)]
    hard = rng.random(len(keys)) < 0.5
    return {
        name: {
            key: float(rng.random() < (0.9 if easy else 0.1) + lead)
            for key, easy in zip(keys, ~hard, strict=True)
        }
        for name, lead in (("one", 0.08), ("two", 0.0))
    }


def test_benchmarks_are_compared_example_by_example_where_these_are_known():
    """The t test is paired: the same examples are hard for both, so the difference varies less."""
    values = answered({"arc": 200})
    means = {name: np.mean([*own.values()]) for name, own in values.items()}
    records = RunRecords(
        name="r", benchmarks=tuple(scored(name, "arc", mean) for name, mean in means.items())
    )

    found = compared(records, "one", "two", examples={"suite/arc": values}).difference

    expected = ttest_rel([*values["one"].values()], [*values["two"].values()])
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.clusters == 200


def test_a_mean_over_tasks_is_paired_as_such():
    """Tasks of different sizes have equal weight, as in the score."""
    values = answered({"small": 20, "large": 300})

    def of(name, task):
        return np.array([value for key, value in values[name].items() if key[0] == task])

    figures = {name: (of(name, "small").mean() + of(name, "large").mean()) / 2 for name in values}
    records = RunRecords(
        name="r", benchmarks=tuple(scored(name, "bbh", mean) for name, mean in figures.items())
    )

    found = compared(records, "one", "two", examples={"suite/bbh": values}).difference

    gaps = [of("one", task) - of("two", task) for task in ("small", "large")]
    expected = np.sqrt(sum(gap.var(ddof=1) / len(gap) for gap in gaps)) / 2
    assert found.standard_error == pytest.approx(expected)


@pytest.mark.parametrize("change", ["another example", "another figure"])
def test_examples_that_do_not_make_up_the_figures_are_not_paired(change):
    """Examples that differ, or a metric that is not their mean, have no known pairs."""
    values = answered({"arc": 50})
    means = {name: np.mean([*own.values()]) for name, own in values.items()}
    if change == "another example":
        values["two"]["arc", 99] = values["two"].pop(("arc", 3))
    else:
        means["two"] += 0.01
    records = RunRecords(
        name="r", benchmarks=tuple(scored(name, "arc", mean) for name, mean in means.items())
    )

    found = compared(records, "one", "two", examples={"suite/arc": values}).difference

    assert found.standard_error == pytest.approx(np.hypot(0.02, 0.02))


def test_examples_use_the_filter_and_metrics_of_the_score(tmp_path):
    """A task with two filters uses that of the score; several metrics are averaged."""
    shutil.copytree(EXAMPLE, tmp_path / "run")
    for model, right in ((PAIR[0], (1, 1, 0, 1)), (PAIR[1], (1, 0, 0, 0))):
        score = replace(scored(model, "gsm8k", sum(right) / 4), metric="exact_match,strict")
        rows = [
            {"task": "gsm8k", "doc_id": number, "filter": applied, "exact_match": float(value)}
            for number, value in enumerate(right)
            for applied, value in (("strict", value), ("flexible", 1))
        ]
        result = BenchmarkResult(
            model=model, suite="suite", benchmark="gsm8k", digest=model, scores=(score,)
        )
        write_benchmark_result(tmp_path / "run", result, rows)

    read = read_example_values(tmp_path / "run", PAIR)

    assert [*read["suite/gsm8k"][PAIR[0]].values()] == [1, 1, 0, 1]
    assert [*read["suite/gsm8k"][PAIR[1]].values()] == [1, 0, 0, 0]


def test_unknown_models_and_metrics_are_refused():
    """A misspelt model, a model against itself, a metric that the run does not have."""
    records = a_run(questions=4, pairwise_games=False)
    with pytest.raises(ConfigError, match="did you mean vicuna-13b"):
        compared(records, "vicuna-13", "alpaca-7b")
    with pytest.raises(ConfigError, match="itself"):
        compared(records, "alpaca-7b", "alpaca-7b")
    with pytest.raises(ConfigError, match="no rating of both"):
        compared(records, "vicuna-13b", "alpaca-7b", metric=ComparisonMetric.RATING)
    with pytest.raises(ConfigError, match="no models"):
        compared(RunRecords(name="empty"), "a", "b")


def test_the_battles_of_one_question_decide_nothing():
    """The table has no interval then, and the gate does not pass."""
    records = a_run(questions=1)
    found = compared(
        replace(records, graded=()), "vicuna-13b", "alpaca-7b", metric=ComparisonMetric.WIN_RATE
    )
    assert found.difference.decide_non_inferiority().value == "cannot tell"


@pytest.mark.parametrize(
    ("pair", "options", "code", "said"),
    [
        (PAIR, [], 3, "cannot tell at this size"),
        (
            PAIR,
            ["--metric", "score", "--max-drop", "1"],
            0,
            "is not worse by more than 1.00 points",
        ),
        (
            ("smollm2-135m-sampled", "smollm2-135m-chat"),
            ["--metric", "score"],
            1,
            "is worse (the whole 95% interval is below 0)",
        ),
    ],
)
def test_the_command_prints_the_decision_and_returns_its_exit_code(
    capsys, pair, options, code, said
):
    """Pipelines rely on the exit codes 0, 1 and 3."""
    assert main(["compare", EXAMPLE, *pair, *options]) == code

    out = capsys.readouterr().out
    assert said in out
    assert "interval" in out
    assert "p = " in out
    assert "8 questions" in out
    assert "detectable" in out


@pytest.mark.parametrize(
    "options",
    [
        ["--alpha", "2"],
        ["--max-drop", "-1"],
        ["--metric", "elo"],
        ["--max-drop", "nan"],
        ["--alpha", "1e-17"],
        ["--alpha", "5%"],
        ["--max-drop", "abc"],
    ],
)
def test_bad_options_are_refused_with_code_two(capsys, options):
    """Code 2, as for any verb, and never a code that means a result."""
    with pytest.raises(SystemExit) as ended:
        main(["compare", EXAMPLE, *PAIR, *options])
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_an_unknown_model_or_run_is_refused_with_code_two(capsys, tmp_path):
    """One line each."""
    assert main(["compare", EXAMPLE, "smollm2-135m-cat", PAIR[1]]) == 2
    assert "did you mean smollm2-135m-chat" in capsys.readouterr().err
    assert main(["compare", str(tmp_path), *PAIR]) == 2
    assert "there is no run" in capsys.readouterr().err


def _winner(first_wins):
    return Winner.MODEL_A if first_wins else Winner.MODEL_B


def _unlike_opponents(judges=("judge", "judge")):
    """Return battles of one model with a weak opponent and of another with a strong one."""
    rng = np.random.default_rng(0)
    return [
        battle(name, other, str(q), winner=_winner(rng.random() < share), judge=judge)
        for name, other, share, judge in (
            ("one", "weak", 0.8, judges[0]),
            ("two", "strong", 0.2, judges[1]),
        )
        for q in range(40)
    ]


@pytest.mark.parametrize(
    "more",
    [
        [],
        [("one", "mid", "first"), ("two", "mid", "second")],
    ],
)
def test_win_rates_against_unlike_opponents_are_refused(more):
    """60 points between models that met different baselines, or different judges, mean nothing."""
    battles = _unlike_opponents() + [
        battle(name, other, "1", judge=judge) for name, other, judge in more
    ]

    with pytest.raises(ConfigError, match="no common opponent under the same judge"):
        compare_models(
            RunRecords(name="r"), battles, "one", "two", metric=ComparisonMetric.WIN_RATE
        )


def test_win_rates_are_compared_within_common_opponents():
    """Battles with others are left out, and no model gains by meeting a weak one more often."""
    alike = [
        battle(name, other, str(q), winner=_winner(other == "weak"))
        for name in ("one", "two")
        for other, number in (("weak", 30), ("strong", 10))
        # Both always beat the weak model and lose to the strong one.
        for q in range(number if name == "one" else 40 - number)
    ]
    apart = [battle("one", "third", str(q)) for q in range(20)]

    found = compare_models(
        RunRecords(name="r"), alike + apart, "one", "two", metric=ComparisonMetric.WIN_RATE
    )

    assert found.difference.value == pytest.approx(0, abs=1e-12)
    assert "in 80 battles of either, against 2 opponents of both; 20 against others" in found.basis


def test_a_direct_comparison_of_win_rates_needs_no_third_model():
    """Battles between the two count for both."""
    battles = [battle("one", "two", str(q), winner=_winner(q < 30)) for q in range(40)]

    found = compare_models(
        RunRecords(name="r"), battles, "one", "two", metric=ComparisonMetric.WIN_RATE
    )

    assert found.difference.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("metric", "drop", "code"),
    [
        ("win_rate", "2", {1, 3}),
        ("win_rate", "99", {0, 3}),
        ("win_rate", "100", {2}),
        ("win_rate", "200", {2}),
        ("score", "9", {2}),
        ("score", "8.9", {0, 3}),
        ("rating", "200", {0, 1, 3}),
    ],
)
def test_a_drop_is_in_the_unit_that_is_printed(capsys, metric, drop, code):
    """2 is two points of a hundred; a drop that no model can have would always pass."""
    pair = ("smollm2-135m-sampled", "smollm2-135m-chat")

    assert main(["compare", EXAMPLE, *pair, "--metric", metric, "--max-drop", drop]) in code

    printed = capsys.readouterr()
    if code == {2}:
        assert f"--max-drop {drop}: a drop of the {metric.replace('_', ' ')}" in printed.err
    else:
        assert f"by more than {drop}" in printed.out


def test_what_no_scale_holds_is_not_called_detectable(tmp_path, monkeypatch, capsys):
    """Two questions would show a difference of 165 percentage points, which there is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "votes.csv").write_text("left,right,winner,question_id\na,b,left,q1\na,b,left,q2\n")
    main(["import", "evalica", "votes.csv", "--run", "votes"])
    capsys.readouterr()

    assert main(["compare", "results/votes", "a", "b", "--metric", "win_rate"]) == 3
    assert "detectable  none: this design is too small" in capsys.readouterr().out
