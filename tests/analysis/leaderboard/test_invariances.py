"""What must not move a leaderboard: names, orders, sides, parts, and rows that say nothing."""

from __future__ import annotations

import random
from dataclasses import asdict, replace

import pytest
from builders import battle, graded_judgment, pairwise_judgment
from generated_runs import RunShape, generate_run, run_settings, run_shapes, write_run
from hypothesis import given
from hypothesis import strategies as st

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunConfig, Verdict, Winner
from evalharness.judge import collect_battles
from evalharness.report import merge_runs
from evalharness.store import read_run

OTHER_SIDE = {Verdict.A: Verdict.B, Verdict.B: Verdict.A, Verdict.TIE: Verdict.TIE, None: None}
OTHER_WINNER = {Winner.MODEL_A: Winner.MODEL_B, Winner.MODEL_B: Winner.MODEL_A}
SIMULATED = {"elo", "rank_low", "rank_high"}
"""What rests on random numbers, which go to models in their order."""

shapes = run_shapes.filter(lambda shape: shape.models > 1)
seeds = st.integers(0, 999)


def board_of(records):
    """Return the leaderboard of records."""
    return build_leaderboard(records, collect_battles(records), seed=records.config.seed)


def figures(board, *, without=frozenset()):
    """Return every number of a leaderboard, flat, by where it stands; nothing that is absent."""
    found = {}
    for row in board.rows:
        for name, value in asdict(row).items():
            if name not in without and name != "model":
                parts = value.items() if isinstance(value, dict) else [("", value)]
                found |= {(row.model, name, part): each for part, each in parts}
    for pair in board.pairs:
        ends = asdict(pair)
        names = (ends.pop("model_a"), ends.pop("model_b"))
        found |= {(*names, name): value for name, value in ends.items()}
    return {place: value for place, value in found.items() if value is not None}


def assert_equal(found, expected):
    """Assert that two leaderboards have the same numbers, but for rounding."""
    assert found.keys() == expected.keys()
    for place, value in expected.items():
        assert found[place] == pytest.approx(value, rel=1e-6, abs=1e-6, nan_ok=True), place


def shuffled(rows, seed):
    """Return rows in another order."""
    return tuple(random.Random(seed).sample(rows, len(rows)))


def with_sides(row, model_a, model_b):
    """Return a game or vote with other names."""
    return replace(row, model_a=model_a, model_b=model_b)


def renamed(records, names):
    """Return a run whose models have other names."""

    def each_of(rows):
        return tuple(replace(row, model=names.get(row.model, row.model)) for row in rows)

    def sides_of(rows):
        return tuple(with_sides(row, names[row.model_a], names[row.model_b]) for row in rows)

    tree = dict(records.config.tree)
    tree["models"] = {key: {"name": names[own["name"]]} for key, own in tree["models"].items()}
    baseline = names.get(tree["judging"]["baseline"])
    tree["judging"] = {"baseline": baseline}
    return replace(
        records,
        answers=each_of(records.answers),
        graded=each_of(records.graded),
        failures=each_of(records.failures),
        games=sides_of(records.games),
        votes=sides_of(records.votes),
        config=RunConfig.from_tree(tree),
    )


@run_settings
@given(shapes, seeds)
def test_new_names_move_no_number(shape, seed):
    """The order of names decides nothing: neither who is `model_a` of a pair, nor who comes first."""
    records = generate_run(shape)
    models = list(records.config.models)
    names = dict(zip(models, shuffled([*"zZ0é", "a b"][: len(models)], seed), strict=True))
    board, other = board_of(records), board_of(renamed(records, names))

    expected = {(names[place[0]], *place[1:]): own for place, own in rows_only(board).items()}
    assert_equal(rows_only(other), expected)
    pairs = {
        (pair.model_a, pair.model_b): (pair.win_rate, pair.low, pair.high) for pair in other.pairs
    }
    for pair in board.pairs:
        one, two = names[pair.model_a], names[pair.model_b]
        rate, low, high = pairs.get((one, two)) or mirrored(pairs[two, one])
        assert rate == pytest.approx(pair.win_rate)
        assert (low is None) == (pair.low is None)
        if low is not None:
            assert (low, high) == pytest.approx((pair.low, pair.high), abs=1e-6)


def rows_only(board):
    """Return the numbers of models, without those that are simulated."""
    return figures(replace(board, pairs=()), without=SIMULATED)


def mirrored(ends):
    """Return a win rate and its interval as the other model has them."""
    rate, low, high = ends
    return 1 - rate, None if high is None else 1 - high, None if low is None else 1 - low


@run_settings
@given(shapes, seeds)
def test_the_order_of_rows_moves_no_number(shape, seed):
    """Judgments come in as servers answer; online Elo alone depends on the order of votes."""
    records = generate_run(shape)
    again = replace(
        records,
        answers=shuffled(records.answers, seed),
        graded=shuffled(records.graded, seed),
        games=shuffled(records.games, seed),
        votes=shuffled(records.votes, seed),
        failures=shuffled(records.failures, seed),
    )

    without = {"elo"} if records.votes else frozenset()
    assert_equal(
        figures(board_of(again), without=without), figures(board_of(records), without=without)
    )


@run_settings
@given(shapes)
def test_swapped_sides_with_mirrored_verdicts_move_no_number(shape):
    """Which answer was shown first is no figure of a model, as every pair has both orders."""
    records = generate_run(shape)

    def swap(game):
        shares = game.probabilities and {
            str(OTHER_SIDE[Verdict(side)]): share for side, share in game.probabilities.items()
        }
        return replace(
            with_sides(game, game.model_b, game.model_a),
            verdict=OTHER_SIDE[game.verdict],
            probabilities=shares,
        )

    mirrored_votes = tuple(
        replace(
            with_sides(vote, vote.model_b, vote.model_a),
            winner=OTHER_WINNER.get(vote.winner, vote.winner),
        )
        for vote in records.votes
    )
    again = replace(records, games=tuple(map(swap, records.games)), votes=mirrored_votes)

    # online Elo plays votes, as given, after games
    assert_equal(figures(board_of(again)), figures(board_of(records)))


@run_settings
@given(shapes, seeds)
def test_a_run_in_two_parts_joins_to_the_whole_in_either_order(shape, seed):
    """`report A B` is `report B A`, and what was split by chance is whole again."""
    records = generate_run(shape)
    rng = random.Random(seed)
    sides = {id(row): rng.random() < 0.5 for row in (*records.judgments, *records.votes)}

    def part(name, side):
        def own(rows):
            return tuple(row for row in rows if sides[id(row)] == side)

        return replace(
            records,
            name=name,
            graded=own(records.graded),
            games=own(records.games),
            votes=own(records.votes),
        )

    one, two = part("one", side=True), part("two", side=False)
    without = {"elo", "not_asked"}  # each run of the two says by itself what it did not ask
    expected = figures(board_of(records), without=without)
    assert_equal(figures(board_of(merge_runs([one, two])), without=without), expected)
    assert_equal(figures(board_of(merge_runs([two, one])), without=without), expected)


@run_settings
@given(shapes, seeds)
def test_a_file_with_every_line_twice_is_the_file(tmp_path_factory, shape, seed):
    """A resumed or copied run has lines of one digest several times; the last one counts."""
    folder = write_run(tmp_path_factory.mktemp("run"), generate_run(shape))
    expected = figures(board_of(read_run(folder)))
    for name in ("answers", "judgments", "votes", "failures"):
        path = folder / f"{name}.jsonl"
        lines = path.read_text("utf-8").splitlines(keepends=True)
        extra = (
            lines if name == "votes" else list(shuffled(lines, seed))
        )  # Elo plays votes in order
        path.write_text("".join([*lines, *extra]), "utf-8")

    assert_equal(figures(board_of(read_run(folder))), expected)


@run_settings
@given(shapes)
def test_a_model_without_a_judgment_moves_no_figure_of_the_others(shape):
    """It has a row without figures, last; it does not shrink what is common to all."""
    records = replace(generate_run(shape), answers=(), failures=())
    tree = dict(records.config.tree)
    tree["models"] = {**tree["models"], "new": {"name": "A new one"}}
    board = board_of(replace(records, config=RunConfig.from_tree(tree)))

    assert board.rows[-1].model == "A new one" or board.rows[-1].rank is None
    added = next(row for row in board.rows if row.model == "A new one")
    assert (added.rank, added.rating, added.win_rate, added.score) == (None,) * 4
    others = replace(board, rows=tuple(row for row in board.rows if row is not added))
    assert_equal(figures(others), figures(board_of(records)))


@run_settings
@given(shapes)
def test_a_model_that_meets_only_one_moves_no_pair_and_no_score_of_the_others(shape):
    """Results of pairs and grades are the others' own; ratings, which are joint, may move."""
    records = replace(generate_run(shape), answers=(), failures=(), votes=())
    asked, models = records.questions[0], list(records.config.models)
    game = pairwise_judgment("A new one", models[0], asked.question_id, judge="gpt-5")
    swapped = with_sides(replace(game, verdict=Verdict.B), game.model_b, game.model_a)
    joined = replace(records, games=(*records.games, game, swapped))
    board, before = board_of(joined), board_of(records)

    def kept(whole):
        rows = {row.model: row for row in whole.rows}
        pairs = tuple(pair for pair in whole.pairs if pair.model_a in models)
        pairs = tuple(replace(pair, better=None) for pair in pairs if pair.model_b in models)
        unmoved = {"rating", "rating_low", "rating_high", "rank"} | SIMULATED
        first = {"win_rate", "win_rate_low", "win_rate_high", "battles"}
        found = figures(replace(whole, rows=tuple(rows[name] for name in models), pairs=pairs))
        joint = unmoved | {"length_controlled_win_rate", "not_asked"}
        return {
            place: value
            for place, value in found.items()
            if place[1] not in joint and not (place[0] == models[0] and place[1] in first)
        }

    assert_equal(kept(board), kept(before))


@run_settings
@given(shapes)
def test_an_unread_row_moves_only_the_count_of_unread_rows(shape):
    """What could not be read is no result, of a grade or of a game; but it was asked for."""
    records = generate_run(shape)
    asked, (one, two, *_) = records.questions[0], records.config.models
    judge = "gpt-5"
    grade = graded_judgment(one, asked.question_id, judge=judge, score=None, unscored="no_mark")
    game = pairwise_judgment(
        one, two, asked.question_id, judge=judge, verdict=None, unscored="no_mark"
    )
    more = replace(
        records,
        graded=(*records.graded, replace(grade, prompt="new", digest="g")),
        games=(*records.games, replace(game, prompt="new", digest="p")),
    )

    expected = figures(board_of(records), without={"not_asked"})
    expected[one, "unscored", ""] += 2
    expected[two, "unscored", ""] += 1
    assert_equal(figures(board_of(more), without={"not_asked"}), expected)


def test_a_group_that_met_nobody_else_takes_the_ratings_and_leaves_the_win_rates():
    """The rule: two groups share no scale, so no rating is given; shares of wins stay."""
    records = replace(generate_run(RunShape(seed=3, questions=6)), graded=())
    battles = collect_battles(records)
    apart = battle("x", "y", records.questions[0].question_id)

    before = build_leaderboard(records, battles)
    after = build_leaderboard(records, (*battles, apart))

    rates = {row.model: (row.win_rate, row.win_rate_low, row.win_rate_high) for row in after.rows}
    assert all(row.rating is not None for row in before.rows)
    assert all(row.rating is None for row in after.rows)
    assert [rates[row.model] for row in before.rows] == [
        (row.win_rate, row.win_rate_low, row.win_rate_high) for row in before.rows
    ]
