"""A second, slow and plain way from a run's files to its leaderboard, with pandas and statsmodels.

It is written from the documentation (docs/reference/run-folder.md, docs/statistics.md, README.md) and
imports nothing of the package, so that a mistake in the one way is not repeated in the other.
"""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import yaml
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from pathlib import Path

POINTS_PER_NAT = 400 / math.log(10)
WEAK_PRIOR = 0.25  # keeps separated ratings finite: a normal prior of variance 4

GAME = ["question_id", "turn", "sample", "judge", "prompt"]
BATTLE_COLUMNS = ["question_id", "turn", "sample", "judge", "first", "second", "points"]
PLACES = {"output_1", "output_2", "response_A", "response_B"}
COMPLETE = {None, "stop", "end_turn", "eos"}


@dataclass
class OracleBoard:
    """The figures of a run: `table` by model, `pairs` by pair, `positions` by both verdicts."""

    table: pd.DataFrame
    pairs: pd.DataFrame
    by_turn: dict
    by_category: dict
    covariance: pd.DataFrame
    penalty: float | None
    positions: Counter
    battles: pd.DataFrame


def read_oracle_board(folder: Path) -> OracleBoard:
    """Return the leaderboard of a run's folder."""
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8")) or {}
    judgments = _read(folder / "judgments.jsonl", "digest")
    answers = _read(folder / "answers.jsonl", "digest")
    votes = [row for row in _read(folder / "votes.jsonl", "digest") if not _has_places(row)]
    grades = [row for row in judgments if row["kind"] == "graded"]
    games = [row for row in judgments if row["kind"] == "pairwise"]
    settled, positions = settle(games)
    games = [row for row in games if not _has_places(row)]
    settled = settled[~(settled["first"].isin(PLACES) & settled["second"].isin(PLACES))]
    battles = _combine(settled, votes, grades)
    scores = common_scores(grades, is_panel=battles.attrs["is_panel"])
    names = [own.get("name", key) for key, own in (config.get("models") or {}).items()]
    seen = {row["model"] for row in [*answers, *grades]}
    seen |= {row[side] for row in [*games, *votes] for side in ("model_a", "model_b")}
    table = pd.DataFrame(index=[*names, *sorted(seen - set(names))])
    _add_counts(table, answers, grades, [*games, *votes], battles)
    covariance, penalty = _add_ratings(table, battles)
    _add_means(table, "win_rate", _shares(battles))
    _add_means(table, "score", scores)
    by = table["rating"] if table["rating"].notna().any() else table["score"]
    table["rank"] = by.round(6).rank(method="min", ascending=False)
    categories = {
        row["question_id"]: row["category"]
        for row in _read(folder / "questions.jsonl", "question_id")
    }
    pairs, by_turn = _pairs(battles), _means(scores, scores["turn"])
    by_category = _means(scores, scores["question_id"].map(categories))
    return OracleBoard(table, pairs, by_turn, by_category, covariance, penalty, positions, battles)


def _read(path: Path, key: str) -> list[dict]:
    """Return the lines of a file; a later line replaces an earlier one with the same key."""
    rows = map(json.loads, path.read_text("utf-8").splitlines() if path.exists() else [])
    return list({row[key]: row for row in rows}.values())


def settle(games: list[dict]) -> tuple[pd.DataFrame, Counter]:
    """Return the battles of games, and the number of game pairs by both verdicts.

    A model wins if the judge prefers it in both orders; everything else is a tie. Probabilities
    are averaged over both orders, and the most probable of the three outcomes decides.
    """
    shown = {(*(row[name] for name in GAME), row["model_a"], row["model_b"]): row for row in games}
    battles, positions = [], Counter()
    for (*key, first, second), game in shown.items():
        swapped = shown.get((*key, second, first))
        if first > second or swapped is None or None in {game["verdict"], swapped["verdict"]}:
            continue
        verdicts = game["verdict"], swapped["verdict"]
        positions[verdicts] += 1
        points = {("A", "B"): 1.0, ("B", "A"): 0.0}.get(verdicts, 0.5)
        if game.get("probabilities") and swapped.get("probabilities"):
            one, two = game["probabilities"], swapped["probabilities"]
            wins, losses, ties = one["A"] + two["B"], one["B"] + two["A"], one["tie"] + two["tie"]
            points = 1.0 if wins > max(losses, ties) else 0.0 if losses > max(wins, ties) else 0.5
        question, turn, sample, judge, _ = key
        battles.append((question, turn, sample, judge, first, second, points))
    return pd.DataFrame(battles, columns=BATTLE_COLUMNS), positions


def _combine(settled: pd.DataFrame, votes: list[dict], grades: list[dict]) -> pd.DataFrame:
    """Return the battles that count: the judge's or the panel's, and votes that check nobody."""
    voted = [_vote_battle(vote) for vote in votes if vote["winner"] is not None]
    voted = pd.DataFrame(voted, columns=BATTLE_COLUMNS)
    unit = ["question_id", "turn", "sample", "first", "second"]
    labelled = voted["judge"].map(_is_label).astype(bool)
    by_judges = pd.MultiIndex.from_frame(pd.concat([settled, voted[~labelled]])[unit])
    voted = voted[~(labelled & pd.MultiIndex.from_frame(voted[unit]).isin(by_judges))]
    graders = {row["judge"] for row in _judges_grades(grades) if row["score"] is not None}
    is_panel = max(settled["judge"].nunique(), len(graders)) > 1
    if is_panel and len(settled):
        majority = [
            (*key[:3], "panel", *key[3:], _majority(group))
            for key, group in settled.groupby(unit, sort=False)
        ]
        settled = pd.DataFrame(majority, columns=BATTLE_COLUMNS)
    parts = [part for part in (settled, voted) if len(part)]
    battles = pd.concat(parts, ignore_index=True) if parts else voted
    battles.attrs["is_panel"] = is_panel
    return battles


def _vote_battle(vote: dict) -> tuple:
    first, second = sorted((vote["model_a"], vote["model_b"]))
    points = {first: 1.0, second: 0.0}[vote[vote["winner"]]] if vote["winner"] != "tie" else 0.5
    return (*(vote[name] for name in GAME[:4]), first, second, points)


def _majority(battles: pd.DataFrame) -> float:
    voices = [_preferred(points) for _, points in battles.groupby("judge")["points"]]
    return _preferred(pd.Series(voices))


def _preferred(points: pd.Series) -> float:
    if (points == 1).mean() > 0.5:
        return 1.0
    return 0.0 if (points == 0).mean() > 0.5 else 0.5


def _has_places(row: dict) -> bool:
    return {row["model_a"], row["model_b"]} <= PLACES


def _is_label(judge: str) -> bool:
    return judge in {"human", "gold"} or judge.startswith("human:")


def _judges_grades(grades: list[dict]) -> list[dict]:
    """Return the grades without people's, if there are a judge's."""
    return [row for row in grades if not _is_label(row["judge"])] or grades


def common_scores(grades: list[dict], *, is_panel: bool) -> pd.DataFrame:
    """Return the scores of what was graded for every model.

    Of a panel, they are means over the judges that graded every model there, or over all judges if
    none of them ever did.
    """
    columns = [*GAME, "model", "score"]
    rows = [[row[name] for name in columns] for row in _judges_grades(grades)]
    scores = pd.DataFrame(rows, columns=columns).astype({"score": float}).dropna(subset="score")
    if not is_panel:
        return _graded_for_all(scores, GAME)
    scores = scores.groupby([*GAME[:4], "model"], as_index=False)["score"].mean()
    fair = _graded_for_all(scores, GAME[:4])
    unit = [*GAME[:3], "model"]
    means = (fair if len(fair) else scores).groupby(unit, as_index=False)["score"].mean()
    return _graded_for_all(means, GAME[:3])


def _graded_for_all(scores: pd.DataFrame, item: list[str]) -> pd.DataFrame:
    models = scores["model"].nunique()
    return scores[scores.groupby(item)["model"].transform("nunique") == models]


def _means(scores: pd.DataFrame, by: pd.Series) -> dict:
    means = scores["score"].groupby([scores["model"], by]).mean()
    return {model: means[model].to_dict() for model in means.index.unique(0)}


def _add_counts(
    table: pd.DataFrame, answers: list, grades: list, compared: list, battles: pd.DataFrame
) -> None:
    judged = _judges_grades(grades)
    turns = [(row["model"], turn) for row in answers for turn in row["turns"]]
    unread = [row for row in compared if row["unscored"] is not None]
    counts = {
        "battles": [*battles["first"], *battles["second"]],
        "graded": [row["model"] for row in judged if row["score"] is not None],
        "unscored": [
            *(row["model"] for row in judged if row["score"] is None),
            *(row[side] for row in unread for side in ("model_a", "model_b")),
        ],
        "truncated": [model for model, turn in turns if turn["finish_reason"] not in COMPLETE],
        "empty": [model for model, turn in turns if not turn["text"].strip()],
    }
    for name, models in counts.items():
        table[name] = [models.count(model) for model in table.index]


def _add_ratings(table: pd.DataFrame, battles: pd.DataFrame) -> tuple[pd.DataFrame, float | None]:
    table["rating"] = table["rating_error"] = np.nan
    models = sorted({*battles["first"], *battles["second"]})
    first, second = (battles[side].map(models.index).to_numpy(int) for side in ("first", "second"))
    points = battles["points"].to_numpy(float)
    beats = np.zeros((len(models), len(models)))
    np.add.at(beats, (first[points > 0], second[points > 0]), 1)
    np.add.at(beats, (second[points < 1], first[points < 1]), 1)
    if not models or connected_components(beats, connection="weak")[0] > 1:
        return pd.DataFrame(), None
    penalty = WEAK_PRIOR if connected_components(beats, connection="strong")[0] > 1 else 0.0
    one = np.eye(len(models))
    questions = pd.factorize(battles["question_id"])[0]
    strengths, covariance = _fit(one[first] - one[second], points, questions, penalty)
    center = one - 1 / len(models)
    covariance = POINTS_PER_NAT**2 * center @ covariance @ center
    table.loc[models, "rating"] = 1000 + POINTS_PER_NAT * (center @ strengths)
    table.loc[models, "rating_error"] = np.sqrt(np.diag(covariance))
    return pd.DataFrame(covariance, models, models), penalty


def _fit(
    design: np.ndarray, points: np.ndarray, questions: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return strengths and their covariance: by statsmodels, or by Newton's method with a prior.

    With it, with fewer questions than models, or where residuals
    vanish in some direction, the variance of the score is at least the information.
    """
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    size, clusters = design.shape[1], len(set(questions))
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": questions, "use_correction": False}}
    strengths, covariance = np.zeros(size), np.zeros((size, size))
    if penalty == 0:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # about degrees of freedom that no figure here uses
            model = GLM(points, design[:, :-1], family=families.Binomial())
            fitted = model.fit(tol=1e-12, **(kind if clusters > 1 else {}))
        strengths[:-1], covariance[:-1, :-1] = fitted.params, fitted.cov_params()
    for _ in range(100 if penalty else 1):
        chance = 1 / (1 + np.exp(-design @ strengths))
        curvature = (design.T * (chance * (1 - chance))) @ design
        information = curvature + penalty * np.eye(size)
        slopes = design * (points - chance)[:, None]
        inverse = np.linalg.pinv(information)
        strengths = strengths + inverse @ (slopes.sum(axis=0) - penalty * strengths)
    sums = pd.DataFrame(slopes).groupby(questions).sum().to_numpy()
    variance = sums.T @ sums * _correction(questions)
    is_full = clusters >= size and np.linalg.matrix_rank(variance, tol=1e-9) == size - 1
    if clusters == 1 or (penalty == 0 and is_full):
        return strengths, covariance * _correction(questions)
    values, vectors = np.linalg.eigh(variance - curvature)
    variance = information + (vectors * np.maximum(values, 0)) @ vectors.T
    return strengths, inverse @ variance @ inverse


def _correction(questions: np.ndarray) -> float:
    clusters = len(np.unique(questions))
    return clusters / (clusters - 1) if clusters > 1 else np.nan


def _add_means(table: pd.DataFrame, name: str, values: pd.DataFrame) -> None:
    """Add the mean of each model's values, with its error clustered by question."""
    table[name] = table[f"{name}_error"] = np.nan
    for model, own in values.groupby("model"):
        value, error = clustered(own[name], own["question_id"])
        table.loc[model, [name, f"{name}_error"]] = value, error


def clustered(values: pd.Series, questions: pd.Series) -> tuple[float, float]:
    """Return the mean of values, and its standard error clustered by question."""
    sums = (values - values.mean()).groupby(questions).sum()
    return values.mean(), math.sqrt((sums**2).sum() * _correction(questions)) / len(values)


def _shares(battles: pd.DataFrame) -> pd.DataFrame:
    columns = ["question_id", "model", "win_rate"]
    of_first = battles[["question_id", "first", "points"]].set_axis(columns, axis=1)
    of_second = battles[["question_id", "second", "points"]].set_axis(columns, axis=1)
    return pd.concat([of_first, of_second.assign(win_rate=1 - of_second["win_rate"])])


def _pairs(battles: pd.DataFrame) -> pd.DataFrame:
    results = {"wins": 1.0, "losses": 0.0, "ties": 0.5}
    counted = battles.assign(
        **{name: battles["points"] == value for name, value in results.items()}
    )
    groups = counted.groupby(["first", "second"])
    return groups[[*results]].sum().assign(win_rate=groups["points"].mean())
