"""Proofs of the reference answers in questions/general.jsonl.

The mathematical references are compared with a computation that takes another road than the
worked answer; the programs are executed and compared with cases and with slow, plain models.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

QUESTIONS = Path(__file__).parents[2] / "questions" / "general.jsonl"

Test = TypeVar("Test")
_PROVED: set[str] = set()


def proves(question_id: str) -> Callable[[Test], Test]:
    """Enter a test in the list of proofs that the guard at the end compares with the file."""

    def enter(test: Test) -> Test:
        _PROVED.add(question_id)
        return test

    return enter


@cache
def records() -> dict[str, dict[str, Any]]:
    """Return the questions of the file by id."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return {record["question_id"]: record for record in map(json.loads, lines)}


def reference(question_id: str) -> str:
    """Return the one reference of a single-turn question."""
    (text,) = records()[question_id]["references"]
    assert isinstance(text, str)
    return text


def final_answer(question_id: str) -> str:
    """Return what follows `Answer: ` on the last line of a mathematical reference."""
    last = reference(question_id).splitlines()[-1]
    assert last.startswith("Answer: ")
    return last.removeprefix("Answer: ")


def run_block(text: str) -> dict[str, Any]:
    """Execute the only Python block of a text and return the names it defines."""
    (source,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - the text is the project's own
    return names


# Mathematics


def departures_together() -> tuple[int, int]:
    """Walk through the day minute by minute; return the next common minute and the exact pairs."""
    day = range(1, (24 - 6) * 60 + 1)
    leaving = {minute: sum(minute % gap == 0 for gap in (12, 18, 40)) for minute in day}
    return next(minute for minute in day if leaving[minute] == 3), sum(
        count == 2 for count in leaving.values()
    )


@proves("math-01")
def test_departures_are_those_of_a_day_walked_through_minute_by_minute() -> None:
    """Counting every minute from 06:00 to midnight gives the stated time and number."""
    together, pairs = departures_together()
    hour, minute = divmod(6 * 60 + together, 60)
    assert final_answer("math-01") == f"{hour:02}:{minute:02}; {pairs} times"


def painted_faces(length: int, width: int, height: int) -> list[int]:
    """Saw the block, which is bare below, and return the painted faces of each single cube."""
    return [
        (x == 0) + (x == length - 1) + (y == 0) + (y == width - 1) + (z == height - 1)
        for x, y, z in itertools.product(range(length), range(width), range(height))
    ]


@proves("math-02")
def test_painted_cubes_are_those_counted_one_by_one() -> None:
    """Looking at each of the 120 cubes gives the two stated numbers and the probability."""
    faces = painted_faces(6, 5, 4)
    chance = Fraction(sum(faces), 6 * len(faces))
    assert final_answer("math-02") == f"{faces.count(2)}; {faces.count(0)}; {chance}"


def mango_after_two_rounds(litres: int) -> Fraction:
    """Carry out the two exchanges on the barrel and return the final share of mango juice."""
    mango = Fraction(30, 100) * 60
    for _ in range(2):
        mango -= litres * mango / 60
        mango += litres
    return mango / 60


@proves("math-03")
def test_litres_drawn_off_are_the_only_ones_that_give_the_final_share() -> None:
    """Of all amounts the barrel can give, one leads to 65.7%; the other root is beyond it."""
    fitting = [n for n in range(201) if mango_after_two_rounds(n) == Fraction(657, 1000)]
    possible = [litres for litres in fitting if litres <= 60]
    assert [final_answer("math-03")] == [f"{litres} litres" for litres in possible]
    (impossible,) = set(fitting) - set(possible)
    assert f"v = {impossible}, which is impossible" in reference("math-03")


# Programs


def shared_out(counts: dict[str, int]) -> dict[str, int]:
    """Share out the hundred points by exact fractions, one missing point after another."""
    exact = {name: Fraction(100 * count, sum(counts.values())) for name, count in counts.items()}
    percents = {name: int(share) for name, share in exact.items()}
    while sum(percents.values()) < 100:
        left = {name: exact[name] - percents[name] for name in counts}
        percents[max(left, key=lambda name: left[name])] += 1  # the first of several
    return percents


@proves("coding-01")
@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param({"a": 3}, {"a": 100}, id="one name"),
        pytest.param({"a": 0, "b": 7}, {"a": 0, "b": 100}, id="a zero"),
        pytest.param({"c": 1, "b": 1, "a": 1}, {"c": 34, "b": 33, "a": 33}, id="tie of three"),
        pytest.param({"a": 1, "b": 4, "c": 2}, {"a": 14, "b": 57, "c": 29}, id="largest last"),
        pytest.param({"a": 1, "b": 1, "c": 4}, {"a": 17, "b": 17, "c": 66}, id="floats fail"),
        pytest.param({"a": 1, "b": 10**9}, {"a": 0, "b": 100}, id="rounded up to all"),
        pytest.param(
            {"a": 10**30, "b": 10**30 + 1, "c": 10**30}, {"a": 33, "b": 34, "c": 33}, id="huge"
        ),
    ],
)
def test_whole_percents_in_cases(counts: dict[str, int], expected: dict[str, int]) -> None:
    """The points go to the largest remainders, in the caller's order, which is left alone."""
    before = dict(counts)
    percents = run_block(reference("coding-01"))["whole_percents"](counts)
    assert list(percents.items()) == list(expected.items())
    assert counts == before


@proves("coding-01")
@pytest.mark.parametrize("counts", [{}, {"a": 0}, {"a": 0, "b": 0}])
def test_whole_percents_of_nothing(counts: dict[str, int]) -> None:
    """With nothing counted there are no percentages, and ValueError says so."""
    with pytest.raises(ValueError, match="nothing"):
        run_block(reference("coding-01"))["whole_percents"](counts)


@proves("coding-01")
def test_whole_percents_agree_with_exact_fractions() -> None:
    """On random counts, ties among them, the integers give what exact fractions give."""
    whole_percents = run_block(reference("coding-01"))["whole_percents"]
    draw = random.Random(1)
    for _ in range(1000):
        most = draw.choice((1, 3, 30, 10**20))
        counts = {name: draw.randint(0, most) for name in draw.sample("abcdefg", 7)}
        counts["h"] = 1
        percents = whole_percents(counts)
        assert sum(percents.values()) == 100
        assert percents == shared_out(counts)


def plain_short_name(path: str, others: list[str]) -> str:
    """Lengthen the name of a path until none of the other paths ends in it."""
    parts = path.split("/")
    for length in range(1, len(parts) + 1):
        name = "/".join(parts[-length:])
        if not any(other == name or other.endswith("/" + name) for other in others):
            return name
    return path


@proves("coding-02")
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param([], [], id="no paths"),
        pytest.param(["a/b/c.py"], ["c.py"], id="one path"),
        pytest.param(["a/x.py", "b/x.py", "b/y.py"], ["a/x.py", "b/x.py", "y.py"], id="one deeper"),
        pytest.param(["a/m/x", "b/m/x", "b/n/x"], ["a/m/x", "b/m/x", "n/x"], id="two deeper"),
        pytest.param(["x", "a/x"], ["x", "a/x"], id="a path that is the ending of another"),
        pytest.param(["a/x", "b/a/x", "a/b/a/x"], ["a/x", "b/a/x", "a/b/a/x"], id="endings"),
        pytest.param(["index.md", "a/myindex.md"], ["index.md", "myindex.md"], id="whole parts"),
        pytest.param(["x/x", "y"], ["x", "y"], id="a component twice in one path"),
        pytest.param(["x/x", "y/x"], ["x/x", "y/x"], id="a component twice, and shared"),
    ],
)
def test_short_names_in_cases(paths: list[str], expected: list[str]) -> None:
    """Each corner of the specification has its names, in the order of the paths."""
    assert run_block(reference("coding-02"))["short_names"](paths) == expected


@proves("coding-02")
def test_short_names_agree_with_comparing_all_pairs() -> None:
    """On random lists of paths the counted endings give what comparing each pair gives."""
    short_names = run_block(reference("coding-02"))["short_names"]
    draw = random.Random(5)
    for _ in range(500):
        size = draw.randint(1, 12)
        drawn = {
            "/".join(draw.choices(("x", "y", "xy"), k=draw.randint(1, 4))) for _ in range(size)
        }
        paths = sorted(drawn, key=lambda _: draw.random())
        expected = [
            plain_short_name(path, [other for other in paths if other != path]) for path in paths
        ]
        assert short_names(paths) == expected


@proves("coding-03")
def test_shares_reads_any_iterable_once() -> None:
    """Lists, tuples, sets and generators have the same shares, and a list stays as it was."""
    shares = run_block(reference("coding-03"))["shares"]
    values = [1, 3, 4]
    assert shares(values) == [0.125, 0.375, 0.5]
    assert values == [1, 3, 4]
    assert shares((1, 3)) == [0.25, 0.75]
    assert shares({5}) == [1.0]
    assert shares(number for number in [1, 3]) == [0.25, 0.75]
    assert shares([-1, 2]) == [-1.0, 2.0]


@proves("coding-03")
def test_shares_of_nothing_and_of_a_zero_sum() -> None:
    """Empty input gives an empty list; values that add up to zero raise ValueError."""
    shares = run_block(reference("coding-03"))["shares"]
    assert shares([]) == []
    assert shares(iter(())) == []
    for values in ([0], [0.0, 0.0], [2, -2]):
        with pytest.raises(ValueError, match="zero"):
            shares(values)


@proves("coding-03")
def test_the_faulty_shares_fails_the_test_the_reference_proposes() -> None:
    """The function in the question behaves as described and does not pass the proposed test."""
    (proposed,) = re.findall(r"`(assert [^`]+)`", reference("coding-03"))
    faulty = run_block(records()["coding-03"]["turns"][0])
    assert faulty["shares"](number for number in [1, 3]) == []
    assert faulty["shares"]([1, 3]) == [0.25, 0.75]
    with pytest.raises(AssertionError):
        exec(proposed, faulty)  # noqa: S102 - the text is the project's own
    exec(proposed, run_block(reference("coding-03")))  # noqa: S102 - the text is the project's own


class PlainCache:
    """The expiring cache written down as slowly and plainly as its specification."""

    def __init__(self, max_items: int, ttl: int) -> None:
        self.max_items, self.ttl, self.now = max_items, ttl, 0
        self.rows: list[tuple[int, int, int]] = []  # key, value, time of the put; by time of use

    def fresh(self) -> list[tuple[int, int, int]]:
        """Return the rows that have not expired."""
        return [row for row in self.rows if self.now - row[2] < self.ttl]

    def put(self, key: int, value: int) -> None:
        """Store a value, making room first if the key is new."""
        if all(row[0] != key for row in self.rows) and len(self.rows) == self.max_items:
            self.rows = self.fresh()
            if len(self.rows) == self.max_items:
                del self.rows[0]
        self.rows = [row for row in self.rows if row[0] != key] + [(key, value, self.now)]

    def get(self, key: int) -> int | None:
        """Return an unexpired value and count this as use."""
        for row in self.fresh():
            if row[0] == key:
                self.rows.remove(row)
                self.rows.append(row)
                return row[1]
        return None


@proves("coding-04")
def test_expiring_cache_agrees_with_a_plain_model() -> None:
    """Through random sequences of calls the cache answers as the plain model does."""
    cache_type = run_block(reference("coding-04"))["ExpiringCache"]
    draw = random.Random(2)
    for _ in range(200):
        model = PlainCache(max_items=draw.randint(1, 4), ttl=draw.randint(1, 8))
        entries = cache_type(model.max_items, model.ttl, lambda model=model: model.now)
        for step in range(60):
            model.now += draw.choice((0, 0, 1, 2))
            key = draw.randrange(6)
            if draw.random() < 0.5:
                entries.put(key, step)
                model.put(key, step)
            else:
                assert entries.get(key) == model.get(key)
            assert len(entries) == len(model.fresh())


@proves("coding-04")
def test_expiring_cache_in_cases() -> None:
    """Lifetime ends at exactly ttl, reading does not prolong it, and use decides who goes."""
    cache_type = run_block(reference("coding-04"))["ExpiringCache"]
    now = [0]
    entries = cache_type(2, 10, lambda: now[0])
    entries.put("a", None)
    assert entries.get("a", "absent") is None
    assert entries.get("b", "absent") == "absent"
    now[0] = 9
    assert entries.get("a", "absent") is None
    now[0] = 10
    assert entries.get("a", "absent") == "absent"
    assert len(entries) == 0

    entries.put("a", 1)
    now[0] = 11
    entries.put("b", 2)
    assert entries.get("a") == 1
    entries.put("c", 3)
    assert [entries.get(key) for key in "abc"] == [1, None, 3]

    now[0] = 20  # "a" has expired although it was read after "c" was put; "c" must stay
    entries.get("c")
    entries.put("d", 4)
    assert [entries.get(key) for key in "acd"] == [None, 3, 4]


def plain_order(needs: dict[str, list[str]]) -> list[str] | None:
    """Pick the alphabetically first ready task again and again; return None if stuck."""
    left = set(needs).union(*needs.values())
    order: list[str] = []
    while left:
        ready = [task for task in left if left.isdisjoint(needs.get(task, []))]
        if not ready:
            return None
        order.append(min(ready))
        left.remove(order[-1])
    return order


def is_cycle(message: str, needs: dict[str, list[str]]) -> bool:
    """Tell whether a message spells out a cycle of real needs that visits no task twice."""
    path = message.split(" -> ")
    real = all(later in needs.get(task, []) for task, later in itertools.pairwise(path))
    return real and len(path) > 1 and path[0] == path[-1] and len(set(path)) == len(path) - 1


@proves("coding-05")
@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({}, []),
        ({"a": []}, ["a"]),
        ({"b": ["c"], "a": []}, ["a", "c", "b"]),
        ({"a": ["z", "z"]}, ["z", "a"]),
        ({"a": ["d"], "b": [], "c": ["b"], "d": []}, ["b", "c", "d", "a"]),
    ],
)
def test_build_order_in_cases(needs: dict[str, list[str]], expected: list[str]) -> None:
    """Names found only in lists, repeated names and empty input are ordered as specified."""
    assert run_block(reference("coding-05"))["build_order"](needs) == expected


@proves("coding-05")
def test_build_order_names_a_cycle_that_exists() -> None:
    """A task that needs itself is a cycle of one; tasks that only lead to a cycle are left out."""
    build_order = run_block(reference("coding-05"))["build_order"]
    with pytest.raises(ValueError, match=r"^a -> a$"):
        build_order({"a": ["a"]})
    with pytest.raises(ValueError, match=r"^(b -> c -> b|c -> b -> c)$"):
        build_order({"a": ["b"], "b": ["c", "x"], "c": ["b"], "d": ["c"]})


@proves("coding-05")
def test_build_order_agrees_with_picking_the_first_ready_task() -> None:
    """On random graphs the order is the plain one, or the message is a real cycle."""
    build_order = run_block(reference("coding-05"))["build_order"]
    draw = random.Random(3)
    stuck = 0
    for _ in range(500):
        names = draw.sample("abcdefg", draw.randint(1, 7))
        needs = {name: draw.choices("abcdefg", k=draw.choice((0, 0, 1, 2))) for name in names}
        expected = plain_order(needs)
        if expected is not None:
            assert build_order(needs) == expected
            continue
        stuck += 1
        with pytest.raises(ValueError, match=" -> ") as caught:
            build_order(needs)
        assert is_cycle(str(caught.value), needs)
    assert 50 < stuck < 450  # both outcomes were tried


def fewest_pieces(text: str, limit: int) -> int:
    """Find the least possible number of pieces by trying every cut."""
    best = [0]
    for end in range(1, len(text) + 1):
        starts = (n for n in range(end) if len(text[n:end].encode()) <= limit)
        best.append(1 + min(best[start] for start in starts))
    return best[-1]


@proves("coding-06")
def test_split_utf8_gives_as_few_whole_pieces_as_possible() -> None:
    """Pieces of random text fit, join to the text, and no other cutting has fewer of them."""
    split_utf8 = run_block(reference("coding-06"))["split_utf8"]
    draw = random.Random(4)
    for _ in range(500):
        text = "".join(draw.choices("aé€😀\u0301\n", k=draw.randrange(13)))
        limit = draw.randint(4, 11)
        pieces = split_utf8(text, limit)
        assert "".join(pieces) == text
        assert all(1 <= len(piece.encode()) <= limit for piece in pieces)
        assert len(pieces) == fewest_pieces(text, limit)


@proves("coding-06")
def test_split_utf8_in_cases() -> None:
    """Empty text, an exact fit, the widest characters and a limit too small are as specified."""
    split_utf8 = run_block(reference("coding-06"))["split_utf8"]
    assert split_utf8("", 4) == []
    assert split_utf8("abcd", 4) == ["abcd"]
    assert split_utf8("abcde", 4) == ["abcd", "e"]
    assert split_utf8("😀😀", 4) == ["😀", "😀"]
    assert split_utf8("a😀", 4) == ["a", "😀"]
    for limit in (3, 0, -1):
        with pytest.raises(ValueError, match="limit"):
            split_utf8("", limit)


CHANGES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {}, []),
    ({"a": 1}, {"a": 1.0}, []),
    ({"a": 1}, {"a": True}, ["~ a"]),
    ({"a": False}, {"a": 0.0}, ["~ a"]),
    ({"a": True}, {"a": True}, []),
    ({"a": None}, {}, ["- a"]),
    ({}, {"a": None}, ["+ a"]),
    ({"a": None}, {"a": None}, []),
    ({"a": None}, {"a": 0}, ["~ a"]),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ["~ a.c"]),
    ({"a": {"b": {"c": "x"}}}, {"a": {"b": {"d": "x"}}}, ["- a.b.c", "+ a.b.d"]),
    ({}, {"a": {"b": {"c": 1}}}, ["+ a"]),
    ({"a": {"b": 1}}, {}, ["- a"]),
    ({"a": {"b": 1}}, {"a": "b"}, ["~ a"]),
    ({"a": 1}, {"a": {}}, ["~ a"]),
    ({"a": {}}, {"a": {"b": 1}}, ["+ a.b"]),
    ({"z": 1, "b": 1}, {"z": 2, "a": 1}, ["+ a", "- b", "~ z"]),
]


@proves("coding-07")
@pytest.mark.parametrize(("old", "new", "expected"), CHANGES)
def test_changes_in_cases(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    """Each kind of change, and each thing that only looks like one, is reported as specified."""
    before = json.dumps([old, new])
    assert run_block(reference("coding-07"))["changes"](old, new) == expected
    assert json.dumps([old, new]) == before


# The guard


def test_every_reference_has_a_proof() -> None:
    """A reference cannot enter the file without a test above, nor a test outlive its reference."""
    assert {name for name, record in records().items() if "references" in record} == _PROVED
