"""Runs the code of every coding reference against cases and independent computations."""

from __future__ import annotations

import ast
import random
import re
import sqlite3
import sys
from contextlib import closing
from datetime import date, timedelta
from fractions import Fraction
from itertools import permutations, product
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Code: TypeAlias = dict[str, Any]
Turns: TypeAlias = list[str]


def run(source: str) -> Code:
    """The names that a piece of code defines."""
    namespace: Code = {"__name__": "reference"}
    exec(compile(source, "reference", "exec"), namespace)  # noqa: S102 - the references under test
    return namespace


def snippet(turns: Turns) -> Code:
    """The names that the code in a question defines."""
    (source,) = re.findall(r"^```python\n(.*?)^```$", turns[0], re.DOTALL | re.MULTILINE)
    return run(source)


def accepted(function: Callable[[Any], object], arguments: Iterable[object]) -> list[object]:
    """Those arguments that a function does not refuse with a ValueError."""
    found = []
    for argument in arguments:
        try:
            function(argument)
        except ValueError:
            continue
        found.append(argument)
    return found


# coding-01: durations


def check_format(code: Code) -> None:
    """The text adds up to the number and is in the shortest form."""
    write = code["format_duration"]
    examples = {0: "0s", 59: "59s", 60: "1m", 3600: "1h", 86399: "23h 59m 59s", 86400: "1d"}
    examples |= {2 * 86400 + 3 * 3600 + 4 * 60 + 5: "2d 3h 4m 5s", 86400 * 400 + 1: "400d 1s"}
    assert {seconds: write(seconds) for seconds in examples} == examples
    size = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    for seconds in [*range(1, 4000), *range(86000, 90100, 7)]:
        parts = [(int(part[:-1]), part[-1]) for part in write(seconds).split(" ")]
        assert sum(count * size[unit] for count, unit in parts) == seconds
        assert [unit for _, unit in parts] == [u for u in size if u in {x for _, x in parts}]
        assert all(0 < n < {"d": 10**9, "h": 24, "m": 60, "s": 60}[unit] for n, unit in parts)
    assert accepted(write, (-1, -86400)) == []


def coding_01_a(code: Code, _turns: Turns) -> None:
    """Formatting."""
    check_format(code)


def coding_01_b(code: Code, _turns: Turns) -> None:
    """Reading back gives the number; everything that is not written so is refused."""
    check_format(code)
    read, write = code["parse_duration"], code["format_duration"]
    for seconds in [*range(4000), *range(86000, 90100, 7), 10**9]:
        assert read(write(seconds)) == seconds
    others = (
        "90s|5m 1h|0m|1h  5m|| |1h | 1h|1h5m|01h|1H|24h|60m|60s|1d 0s|0d|-1s|1.5h|5|s|1s 1s|1h\n"
    )
    assert accepted(read, (*others.split("|"), "1h 0m 5s", "\u0661s", "1h\t5m", "00s", "1w")) == []


# coding-02: grouping


def coding_02_a(code: Code, turns: Turns) -> None:
    """The code in the question has the fault it tells of; the fixed code has not."""
    faulty = snippet(turns)["group_by_length"]
    assert faulty(["a"]) == {1: ["a"]}
    assert faulty(["bb"]) == {1: ["a"], 2: ["bb"]}
    group = code["group_by_length"]
    assert group(["to", "be", "or", "not"]) == {2: ["to", "be", "or"], 3: ["not"]}
    assert group(["a"]) == {1: ["a"]}
    assert group([]) == {}
    for own in ({}, {1: ["x"]}):
        expected = {1: [*own.get(1, []), "a"], 2: ["bb"]}
        assert group(["a", "bb"], own) is own
        assert own == expected
        assert group(words=["c"], groups=own) is own


def coding_02_b(code: Code, _turns: Turns) -> None:
    """Groups any iterable with one call of the key each; ties keep the order of the dict."""
    group, largest = code["group_by"], code["largest_groups"]
    asked = []

    def parity(number: int) -> int:
        asked.append(number)
        return number % 2

    assert group((n for n in (5, 2, 3, 5)), parity) == {1: [5, 3, 5], 0: [2]}
    assert asked == [5, 2, 3, 5]
    assert group([], parity) == {}
    own: dict[int, list[str]] = {}
    assert group(["a", "bb", "c"], len, own) is own
    assert group(["dd"], key=len, groups=own) == {1: ["a", "c"], 2: ["bb", "dd"]}
    assert group(["a"], len) == {1: ["a"]}
    groups = {"p": [1], "q": [1, 2], "r": [3, 4], "s": [], "t": [5, 6, 7], "u": [8]}
    order = "tqrpus"
    for n in range(9):
        assert largest(groups, n) == [(key, groups[key]) for key in order[:n]]
    assert largest({}, 3) == []


# coding-03: calendars

Busy: TypeAlias = list[tuple[int, int]]


def free_minutes(busy: Busy, start: int, end: int) -> list[int]:
    """The minutes of the day in which nothing is booked."""
    return [m for m in range(start, end) if not any(a <= m < b for a, b in busy)]


def gaps(busy: Busy, start: int, end: int, min_length: int) -> Busy:
    """The runs of free minutes that are long enough."""
    free = set(free_minutes(busy, start, end))
    firsts = [m for m in sorted(free) if m - 1 not in free]
    lasts = [m for m in sorted(free) if m + 1 not in free]
    runs = [(first, last + 1) for first, last in zip(firsts, lasts, strict=True)]
    return [(a, b) for a, b in runs if b - a >= min_length]


def random_busy(rng: random.Random, count: int) -> Busy:
    """Bookings in any order, some overlapping and some beyond the day."""
    starts = [rng.randrange(-5, 45) for _ in range(count)]
    return [(a, a + rng.randrange(1, 12)) for a in starts]


def check_free_slots(code: Code) -> None:
    """Agrees with a search minute by minute."""
    find, rng = code["free_slots"], random.Random(3)
    assert find([], 540, 1020, 30) == [(540, 1020)]
    assert find([(600, 660), (540, 600)], 540, 1020, 1) == [(660, 1020)]
    assert find([(0, 2000)], 540, 1020, 1) == []
    assert find([(100, 200), (1020, 1100)], 540, 1020, 480) == [(540, 1020)]
    assert find([], 540, 1020, 481) == []
    for _ in range(500):
        busy, length = random_busy(rng, rng.randrange(6)), rng.randrange(1, 8)
        assert list(find(list(busy), 0, 40, length)) == gaps(busy, 0, 40, length)


def coding_03_a(code: Code, _turns: Turns) -> None:
    """Free slots."""
    check_free_slots(code)


def coding_03_b(code: Code, _turns: Turns) -> None:
    """Agrees with trying every minute as the start of the meeting."""
    check_free_slots(code)
    find, rng = code["best_start"], random.Random(4)
    assert find({}, 0, 40, 5) is None
    assert find({"Al": []}, 0, 40, 41) is None
    assert find({"Al": [], "Bo": []}, 0, 40, 40) == (0, ["Al", "Bo"])
    assert find({"Al": [(0, 40)], "Bo": [(-3, 99)]}, 0, 40, 1) is None
    for _ in range(500):
        length = rng.randrange(1, 10)
        people = {name: random_busy(rng, rng.randrange(5)) for name in ("Di", "Al", "Cy", "Bo")}
        best: tuple[int, list[str]] | None = None
        for t in range(40 - length + 1):
            meeting = set(range(t, t + length))
            names = [n for n, busy in people.items() if meeting <= set(free_minutes(busy, 0, 40))]
            if names and (best is None or len(names) > len(best[1])):
                best = t, sorted(names)
        assert find(people, 0, 40, length) == best


# coding-04: pairs of readings


def readings_for(rng: random.Random) -> tuple[list[int], int]:
    """A few readings, some negative, and a divisor."""
    return [rng.randrange(-20, 21) for _ in range(rng.randrange(12))], rng.randrange(1, 9)


def coding_04_a(code: Code, turns: Turns) -> None:
    """Agrees with the slow function in the question, and manages what that cannot."""
    count, slow, rng = code["count_pairs"], snippet(turns)["count_pairs"], random.Random(5)
    assert count([], 3) == count([3], 3) == 0
    for _ in range(500):
        readings, k = readings_for(rng)
        assert count(readings, k) == slow(readings, k)
    n = 300_000
    assert count([0, 1] * (n // 2), 2) == 2 * (n // 2) * (n // 2 - 1) // 2
    assert count(list(range(n)), 10**9) == 0


def coding_04_b(code: Code, _turns: Turns) -> None:
    """Agrees with trying all pairs, and does not slow down when the distance grows."""
    count, rng = code["count_near_pairs"], random.Random(6)
    for _ in range(500):
        readings, k = readings_for(rng)
        for d in range(len(readings) + 2):
            pairs = [
                (i, j)
                for j in range(len(readings))
                for i in range(j)
                if j - i <= d and (readings[i] + readings[j]) % k == 0
            ]
            assert count(readings, k, d) == len(pairs)
    n = 300_000
    for d in (0, 1, n // 2, n - 1, 2 * n):
        near = min(d, n - 1)
        assert count([1] * n, 2, d) == near * n - near * (near + 1) // 2


# coding-05: settings


def coding_05_a(code: Code, _turns: Turns) -> None:
    """Follows each rule of the text, line by line."""
    parse = code["parse_config"]
    text = "# comment\ncolour = blue\n[server]\nhost = example.org\nport=8080\n"
    server = {"host": "example.org", "port": "8080"}
    assert parse(text) == {"": {"colour": "blue"}, "server": server}
    assert parse("") == parse("\n  \n # only this\n") == {}
    assert parse("[ a b ]") == {"a b": {}}
    assert parse("[a]\nx=1\n[b]\nx=2\n[a]\ny=3\nx = 4 ") == {
        "a": {"x": "4", "y": "3"},
        "b": {"x": "2"},
    }
    assert parse("  k e y =  = v = w #1\nempty =") == {"": {"k e y": "= v = w #1", "empty": ""}}
    for line in ("nothing", "= 1", " = ", "[]", "[ ]", "[open"):
        with pytest.raises(ValueError, match=r"\b3\b"):
            parse(f"a = 1\n\n{line}\nb = 2")


def coding_05_b(code: Code, _turns: Turns) -> None:
    """References are replaced, however long the chain; circles and gaps are told apart."""
    resolve = code["resolve"]
    config = {
        "": {"root": "/srv", "price": "5$ or $$5", "literal": "$${root}", "odd": "${root"},
        "paths": {"data": "${.root}/data", "log": "${data}/log", "x.y": "1"},
        "app": {"out": "${paths.log}/${name}-${name}", "name": "a${empty}b", "empty": ""},
        "none": {},
        "quoting": {
            "twice": "${.literal} ${dollars}",
            "dollars": "$$$${twice}",
            "dot": "${paths.x.y}",
        },
    }
    before = repr(config)
    assert resolve(config) == {
        "": {"root": "/srv", "price": "5$ or $5", "literal": "${root}", "odd": "${root"},
        "paths": {"data": "/srv/data", "log": "/srv/data/log", "x.y": "1"},
        "app": {"out": "/srv/data/log/ab-ab", "name": "ab", "empty": ""},
        "none": {},
        "quoting": {"twice": "${root} $${twice}", "dollars": "$${twice}", "dot": "1"},
    }
    assert repr(config) == before
    assert resolve({}) == {}
    for unknown in (
        {"a": {"x": "${y}"}},
        {"a": {"x": "${b.x}"}},
        {"": {"y": "1"}, "a": {"x": "${y}"}},
    ):
        with pytest.raises(KeyError):
            resolve(unknown)
    circle = {"a": {"x": "${b.y}"}, "b": {"y": "${z}", "z": "1${a.x}"}}
    assert accepted(resolve, ({"a": {"x": "${x}"}}, {"a": {"x": "-${a.x}"}}, circle)) == []


# coding-06: rate limiting

Request: TypeAlias = tuple[str, float]


def requests_for(rng: random.Random) -> list[Request]:
    """Requests of two users at times that never decrease."""
    times = sorted(rng.choice((rng.randrange(40), rng.randrange(80) / 2)) for _ in range(40))
    return [(rng.choice("ab"), time) for time in times]


def verdicts(requests: list[Request], limit: int, window: int, penalty: int) -> list[bool]:
    """The rules read literally, from the whole history at every request."""
    history: list[tuple[str, float, str]] = []
    for user, now in requests:
        own = [(time, verdict) for who, time, verdict in history if who == user]
        counted = [(time, verdict) for time, verdict in own if verdict != "blocked"]
        row: list[float] = []
        ends = [0.0]
        for time, verdict in counted:
            row = [] if verdict == "yes" else [*row, time]
            if len(row) == 3:
                ends.append(time + penalty)
                row = []
        used = [time for time, verdict in own if verdict == "yes" and now - window < time <= now]
        verdict = "blocked" if now < ends[-1] else "yes" if len(used) < limit else "no"
        history.append((user, now, verdict))
    return [verdict == "yes" for _, _, verdict in history]


def coding_06_a(code: Code, _turns: Turns) -> None:
    """Agrees with the rules read literally, and forgets what it no longer needs."""
    rng = random.Random(7)
    limiter = code["RateLimiter"](2, 10)
    times = (0, 0, 0, 9.5, 10, 10, 10, 19.9, 20)
    expected = [True, True, False, False, True, True, False, False, True]
    assert [limiter.allow("a", t) for t in times] == expected
    assert limiter.allow("b", 20)
    for _ in range(300):
        limit, window, requests = rng.randrange(1, 4), rng.randrange(1, 12), requests_for(rng)
        limiter = code["RateLimiter"](limit, window)
        found = [limiter.allow(user, now) for user, now in requests]
        assert found == verdicts(requests, limit, window, 0)
    busy = code["RateLimiter"](3, 10)
    for second in range(5000):
        busy.allow("a", second / 10)
    assert len(repr(vars(busy))) < 1000


def coding_06_b(code: Code, _turns: Turns) -> None:
    """The same with the penalty; its last moment is tried as well as the one before."""
    rng = random.Random(8)
    limiter = code["RateLimiter"](1, 5, 10)
    times = (0, 1, 2, 3, 6, 12.5, 13, 14, 14, 14, 17, 24)
    expected = [True, *[False] * 5, True, *[False] * 4, True]
    assert [limiter.allow("a", t) for t in times] == expected
    for _ in range(500):
        limit, window, penalty = rng.randrange(1, 4), rng.randrange(1, 12), rng.randrange(1, 12)
        requests = requests_for(rng)
        limiter = code["RateLimiter"](limit, window, penalty)
        found = [limiter.allow(user, now) for user, now in requests]
        assert found == verdicts(requests, limit, window, penalty)
    busy = code["RateLimiter"](3, 10, 5)
    for second in range(5000):
        busy.allow("a", second / 10)
    assert len(repr(vars(busy))) < 1000


# coding-07: a warehouse

Grid: TypeAlias = list[str]
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def grids(seed: int) -> Iterator[Grid]:
    """Small maps, some without a way through."""
    rng = random.Random(seed)
    for _ in range(150):
        rows, columns = rng.randrange(1, 6), rng.randrange(2, 6)
        fields = [rng.choice(".." + "#") for _ in range(rows * columns)]
        start, end = rng.sample(range(rows * columns), 2)
        fields[start], fields[end] = "S", "E"
        yield ["".join(fields[r * columns : (r + 1) * columns]) for r in range(rows)]


def least_cost(grid: Grid, turn: int) -> int:
    """The least cost, found by improving all costs until nothing changes any more."""
    fields = {(r, c): f for r, row in enumerate(grid) for c, f in enumerate(row) if f != "#"}
    states = list(product(fields, range(4)))
    cost = {(at, d): 0.0 if fields[at] == "S" else float("inf") for at, d in states}
    changed = True
    while changed:
        changed = False
        for (r, c), d in states:
            before = (r - STEPS[d][0], c - STEPS[d][1])
            for old in range(4):
                reached = cost.get((before, old), float("inf")) + 1 + (turn if old != d else 0)
                if reached < cost[(r, c), d]:
                    cost[(r, c), d], changed = reached, True
    best = min(value for (at, _), value in cost.items() if fields[at] == "E")
    return -1 if best == float("inf") else int(best)


def coding_07_a(code: Code, _turns: Turns) -> None:
    """Agrees with the other search where turning is free."""
    find = code["fewest_steps"]
    assert find(["SE"]) == 1
    assert find(["S.#", "##E"]) == -1
    assert find(["S#E", ".#.", "..."]) == 6
    for grid in grids(9):
        assert find(grid) == least_cost(grid, 0)


def coding_07_b(code: Code, _turns: Turns) -> None:
    """Agrees with the other search, also where the shortest way is not the fastest."""
    find = code["least_time"]
    assert find(["SE"], 50) == 1
    assert find(["S#E"], 1) == -1
    detour = ["....E", ".##.#", "..S..", "#.#.."]
    assert [find(detour, turn) for turn in (0, 1, 100)] == [5 - 1, 4 + 2, 4 + 200]
    stairs = ["S.###..", "#..##..", "##.....", "##.##..", "##....E"]
    assert [find(stairs, turn) for turn in (0, 1, 5)] == [least_cost(stairs, t) for t in (0, 1, 5)]
    for grid, turn in product(grids(10), (0, 1, 2, 7)):
        assert find(grid, turn) == least_cost(grid, turn)


# coding-08: expressions


def python_value(text: str) -> Fraction:
    """The value of an expression according to Python's own grammar."""
    source = re.sub(r"\d+", r"F(\g<0>)", text).replace("^", "**")
    value = eval(source, {"F": Fraction})  # noqa: S307 - made from digits and operators below
    assert isinstance(value, Fraction)
    return value


def expressions(rng: random.Random, operators: str, *, depth: int = 0) -> str:
    """A random expression; with ``-`` among the operands if ``^`` is among the operators."""
    if depth > 3 or rng.random() < 0.25:
        return str(rng.randrange(4))
    if "^" in operators and rng.random() < 0.2:
        return "-" + expressions(rng, operators, depth=depth + 1)
    left, right = (expressions(rng, operators, depth=depth + 1) for _ in range(2))
    if rng.random() < 0.3:
        left = f"({left})"
    if rng.random() < 0.4:
        right = f" ( {right}) "
    operator = rng.choice(operators)
    if operator == "^":  # small and, also where powers are stacked, whole exponents
        right = rng.choice(("0", "1", "2", "(4/2)", "-1", "-2", "(1-3)"))
        left = f"({left})" if "^" in left and "-" in right else left
    return f"{left}{rng.choice(('', ' '))}{operator}{right}"


def same_as_python(evaluate: Callable[[str], object], texts: Iterable[str]) -> int:
    """Compares values and divisions by zero; returns how many values there were."""
    compared = 0
    for text in texts:
        try:
            expected = python_value(text)
        except ZeroDivisionError:
            with pytest.raises(ZeroDivisionError):
                evaluate(text)
        else:
            value = evaluate(text)
            assert isinstance(value, Fraction)
            assert value == expected, text
            compared += 1
    return compared


COMMON_ERRORS = (
    "",
    " ",
    "2 3",
    "(1",
    "1)",
    "()",
    "1+",
    "*2",
    "1..2",
    "1.5",
    "x",
    "2**3",
    "1\n",
    "\u0661",
)


def check_no_shortcut(turns: Turns, source_names: Iterable[str]) -> None:
    """The question forbids the interpreter's own parser."""
    assert "Do not use eval, exec or ast." in turns[0]
    assert not {"eval", "exec", "ast", "compile"} & set(source_names)


def coding_08_a(code: Code, turns: Turns) -> None:
    """Agrees with Python on random expressions and refuses what the text excludes."""
    evaluate, rng = code["evaluate"], random.Random(11)
    check_no_shortcut(turns, code["evaluate"].__code__.co_names)
    assert evaluate("2*(3+4)-5/2") == Fraction(23, 2)
    assert evaluate(" 007 ") == 7
    assert evaluate("8/4/2-3-2") == -4
    texts = [expressions(rng, "+-*/") for _ in range(2000)]
    assert same_as_python(evaluate, texts) > 1000
    assert accepted(evaluate, (*COMMON_ERRORS, "-1", "+1", "2*-3", "2^3")) == []
    for text in ("1/0", "1/(2-2)"):
        with pytest.raises(ZeroDivisionError):
            evaluate(text)


def coding_08_b(code: Code, turns: Turns) -> None:
    """The same with powers and signs, whose rules are Python's own."""
    evaluate, rng = code["evaluate"], random.Random(12)
    check_no_shortcut(turns, code["evaluate"].__code__.co_names)
    examples = {"2^3^2": 512, "-2^2": -4, "2^-1": Fraction(1, 2), "3*-2": -6, "--5": 5, "0^0": 1}
    examples |= {"(-2)^2": 4, "2^-2^2": Fraction(1, 16), "-(1+2)": -3, "4^(6/3)": 16, "1--1": 2}
    examples |= {"-2*-3": 6, "2*3^2": 18, "-2^-1": Fraction(-1, 2), "2*(3+4)-5/2": Fraction(23, 2)}
    assert {text: evaluate(text) for text in examples} == examples
    texts = [expressions(rng, "+-*/^") for _ in range(3000)]
    assert same_as_python(evaluate, texts) > 1000
    assert (
        accepted(evaluate, (*COMMON_ERRORS, "+1", "2^", "^2", "-", "2-", "4^(1/2)", "2^^3")) == []
    )
    for text in ("1/0", "0^-1"):
        with pytest.raises(ZeroDivisionError):
            evaluate(text)


# coding-09: a database

Order: TypeAlias = tuple[int, int, str, int, str]
CUSTOMERS = [(1, "Zoe"), (2, "Ali"), (3, "Ali"), (4, "Mo"), (5, "Eve"), (6, "Kim")]


def orders_for(rng: random.Random, count: int) -> list[Order]:
    """Orders from December 2022 to January 2025, not by customer 6, not all of them paid."""
    first = date(2022, 12, 1)
    days = [(first + timedelta(days=rng.randrange(762))).isoformat() for _ in range(count)]
    states = [rng.choice(("paid", "paid", "open", "cancelled")) for _ in range(count)]
    return [
        (n, rng.randrange(1, 6), day, rng.choice((100, 250, 999)), state)
        for n, (day, state) in enumerate(zip(days, states, strict=True), 1)
    ]


def ask(orders: list[Order], function: Callable[..., Any], *arguments: int) -> list[Any]:
    """Calls a function with a database of these orders, in which it may send one query."""
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT)")
        conn.execute(
            "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER, placed_on TEXT,"
            " cents INTEGER, status TEXT)"
        )
        conn.executemany("INSERT INTO customers VALUES (?, ?)", CUSTOMERS)
        conn.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
        conn.commit()
        sent: list[str] = []
        conn.set_trace_callback(sent.append)
        answer = function(conn, *arguments)
        assert len(sent) == 1
        return list(answer)


def totals_by_customer(orders: list[Order]) -> list[tuple[str, int, int]]:
    """The rows asked for, added up in Python."""
    rows = []
    for customer, name in CUSTOMERS:
        paid = [cents for _, who, _, cents, status in orders if (who, status) == (customer, "paid")]
        rows.append((-sum(paid), name, customer, len(paid)))
    return [(name, count, -negative) for negative, name, _, count in sorted(rows)]


def totals_by_month(orders: list[Order], year: int) -> list[tuple[str, int, int]]:
    """The same for the second question."""
    names = [f"{year - 1:04}-12", *(f"{year:04}-{month:02}" for month in range(1, 13))]
    totals = [
        sum(cents for _, _, day, cents, status in orders if status == "paid" and day[:7] == name)
        for name in names
    ]
    return [(names[n], totals[n], totals[n] - totals[n - 1]) for n in range(1, 13)]


def coding_09_a(code: Code, _turns: Turns) -> None:
    """Agrees with adding up in Python, also without orders and with equal names and totals."""
    function, rng = code["customer_totals"], random.Random(13)
    ties = [(1, 3, "2024-01-01", 100, "paid"), (2, 2, "2024-01-02", 50, "paid")]
    ties += [(3, 2, "2024-01-03", 50, "paid"), (4, 1, "2024-01-03", 999, "open")]
    assert ask(ties, function)[:2] == [("Ali", 2, 100), ("Ali", 1, 100)]
    for count in [0, 1, *[rng.randrange(2, 40) for _ in range(60)]]:
        orders = orders_for(rng, count)
        assert ask(orders, function) == totals_by_customer(orders)


def coding_09_b(code: Code, _turns: Turns) -> None:
    """Agrees with adding up in Python, in years with and without orders."""
    function, rng = code["monthly_totals"], random.Random(14)
    for count in [0, 1, *[rng.randrange(2, 60) for _ in range(30)]]:
        orders = orders_for(rng, count)
        edges = [(900, 1, "2023-12-31", 7, "paid"), (901, 2, "2024-01-01", 11, "paid")]
        edges += [(902, 1, "2024-02-29", 13, "paid"), (903, 2, "2024-12-31", 17, "open")]
        for year in (1000, 2022, 2023, 2024, 2025, 9998):
            assert ask(orders + edges, function, year) == totals_by_month(orders + edges, year)


# coding-10: shared expenses

Expense: TypeAlias = tuple[str, int, list[str]]


def expenses_for(rng: random.Random, people: int) -> list[Expense]:
    """Some expenses; round amounts make it likely that groups can be settled apart."""
    names = "FECADB"[:people]
    return [
        (
            rng.choice(names),
            rng.choice((100, 200, 100, 101)),
            rng.sample(names, rng.randrange(1, people + 1)),
        )
        for _ in range(rng.randrange(7))
    ]


def cent_by_cent(expenses: list[Expense]) -> dict[str, int]:
    """Balances, with every cent of an expense dealt out in alphabetical order in turn."""
    result: dict[str, int] = {}
    for payer, cents, participants in expenses:
        result[payer] = result.get(payer, 0) + cents
        for cent in range(cents):
            name = sorted(participants)[cent % len(participants)]
            result[name] = result.get(name, 0) - 1
    return result


def fewest_payments(balances: list[int]) -> int:
    """The minimum by trying: somebody who owes pays somebody who is owed, all of one balance.

    A shortest list of payments forms trees, and settling a tree from its leaves moves the whole
    balance of one person in every payment; so nothing shorter is missed.
    """
    left = [b for b in balances if b]
    if not left:
        return 0
    first, rest = left[0], left[1:]
    return 1 + min(
        fewest_payments([*rest[:n], other + first, *rest[n + 1 :]]) for n, other in enumerate(rest)
    )


def check_balances(code: Code) -> None:
    """Agrees with dealing out cent by cent."""
    function, rng = code["balances"], random.Random(15)
    assert dict(function([])) == {}
    assert function([("Bo", 100, ["Cy", "Al", "Bo"])]) == {"Al": -34, "Bo": 67, "Cy": -33}
    assert function([("Bo", 1, ["Al"]), ("Al", 1, ["Bo"])]) == {"Al": 0, "Bo": 0}
    for _ in range(300):
        expenses = expenses_for(rng, rng.randrange(2, 7))
        assert function(expenses) == cent_by_cent(expenses)


def settled(code: Code, expenses: list[Expense]) -> int:
    """The number of payments, after checking that they bring every balance to 0."""
    balances, payments = cent_by_cent(expenses), code["settle"](expenses)
    for sender, receiver, cents in payments:
        assert isinstance(cents, int)
        assert cents > 0
        balances[sender] += cents
        balances[receiver] -= cents
    assert not any(balances.values())
    return len(payments)


def coding_10_a(code: Code, _turns: Turns) -> None:
    """Balances."""
    check_balances(code)


def coding_10_b(code: Code, _turns: Turns) -> None:
    """The payments settle everything, and no shorter list exists."""
    check_balances(code)
    rng = random.Random(16)
    for _ in range(200):
        expenses = expenses_for(rng, rng.randrange(2, 7))
        assert settled(code, expenses) == fewest_payments(list(cent_by_cent(expenses).values()))
    owed = (("A", 70), ("B", 50), ("C", 40), ("D", 30))
    owing = (("E", 60), ("F", 60), ("G", 40), ("H", 30))
    one_by_one = [(p, 1, [d]) for p, d in zip(letters(owed), letters(owing), strict=True)]
    assert fewest_payments([70, 50, 40, 30, -60, -60, -40, -30]) == 5
    assert settled(code, one_by_one) == 5
    twelve = [(p, n + 1, [d]) for n, (p, d) in enumerate(zip("ABCDEF", "GHIJKL", strict=True))]
    for shuffled in list(permutations(twelve, 6))[::180]:
        assert settled(code, list(shuffled)) == 6


def letters(balances: Iterable[tuple[str, int]]) -> list[str]:
    """Each name as many times as it has cents."""
    return [name for name, cents in balances for _ in range(cents)]


Proof: TypeAlias = "Callable[[Code, Turns], None]"

PROOFS: dict[str, tuple[Proof, Proof]] = {
    "coding-01": (coding_01_a, coding_01_b),
    "coding-02": (coding_02_a, coding_02_b),
    "coding-03": (coding_03_a, coding_03_b),
    "coding-04": (coding_04_a, coding_04_b),
    "coding-05": (coding_05_a, coding_05_b),
    "coding-06": (coding_06_a, coding_06_b),
    "coding-07": (coding_07_a, coding_07_b),
    "coding-08": (coding_08_a, coding_08_b),
    "coding-09": (coding_09_a, coding_09_b),
    "coding-10": (coding_10_a, coding_10_b),
}
CASES = [(question_id, turn) for question_id in PROOFS for turn in (0, 1)]


@pytest.mark.parametrize(("question_id", "turn"), CASES)
def test_the_code_of_the_reference_does_what_the_question_asks(
    questions: dict[str, dict[str, Any]],
    fenced_block: Callable[[str, str], str],
    question_id: str,
    turn: int,
) -> None:
    """The one code block of a reference runs by itself and passes all cases of its proof."""
    question = questions[question_id]
    source = fenced_block(question["references"][turn], "python")
    PROOFS[question_id][turn](run(source), question["turns"])


@pytest.mark.parametrize(("question_id", "turn"), CASES)
def test_the_code_of_the_reference_needs_the_standard_library_only(
    questions: dict[str, dict[str, Any]],
    fenced_block: Callable[[str, str], str],
    question_id: str,
    turn: int,
) -> None:
    """A reference imports nothing that has to be installed."""
    tree = ast.parse(fenced_block(questions[question_id]["references"][turn], "python"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert imported <= set(sys.stdlib_module_names)


def test_every_coding_question_is_proved(questions: dict[str, dict[str, Any]]) -> None:
    """No coding question can be added without a proof for each of its two turns."""
    found = {key for key, question in questions.items() if question["category"] == "coding"}
    assert found == set(PROOFS)
    assert all(len(questions[key]["references"]) == len(PROOFS[key]) for key in found)
