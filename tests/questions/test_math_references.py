"""Recomputes the result of every mathematics question from the numbers in its text."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Number: TypeAlias = Fraction | float
Turns: TypeAlias = list[str]

NUMBER = re.compile(r"(\d+):(\d\d)|\d+(?:\.\d+)?")
UNITS = re.compile(r"\s(?:euros|rolls|beads)$")
OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def numbers(text: str) -> list[Fraction]:
    """The numbers written in digits in a text, in its order; a time of day in hours."""
    return [
        Fraction(found[1]) + Fraction(int(found[2]), 60) if found[1] else Fraction(found[0])
        for found in NUMBER.finditer(text)
    ]


def integers(text: str) -> list[int]:
    """The same for texts in which all numbers are whole."""
    found = numbers(text)
    assert all(number.denominator == 1 for number in found)
    return [int(number) for number in found]


# The problems


def rolls(turns: Turns) -> tuple[int, Fraction, Fraction, Fraction]:
    """Rolls baked, cost of the ingredients, price and profit on Monday."""
    size, batch_cost, price, batches = numbers(turns[0])
    baked = int(size * batches)
    cost = batch_cost * batches
    assert "seven eighths" in turns[0]
    return baked, cost, price, Fraction(7, 8) * baked * price - cost


def math_01_a(turns: Turns) -> tuple[Number, ...]:
    """The profit in exact fractions."""
    return (rolls(turns)[3],)


def math_01_b(turns: Turns) -> tuple[Number, ...]:
    """Tries every number of rolls that can be sold."""
    baked, cost, price, monday = rolls(turns)
    percent, batches, same_price = numbers(turns[1])
    assert (batches, same_price) == (numbers(turns[0])[3], price)
    cost *= 1 + percent / 100
    return (Fraction(next(n for n in range(baked + 1) if n * price - cost >= monday)),)


def pool_levels(turns: Turns, close: Fraction | None) -> Iterator[tuple[Fraction, Fraction]]:
    """Time of day and level of the pool, minute by minute, with the drain shut at ``close``."""
    hours_a, hours_b, hours_drain, start, start_a, start_b = numbers(turns[0])
    assert start == start_a
    time, level = start, Fraction(0)
    while level < 1:
        rate = 1 / hours_a + (1 / hours_b if time >= start_b else 0)
        rate -= 1 / hours_drain if close is None or time < close else 0
        time, level = time + Fraction(1, 60), level + rate / 60
        yield time, level


def math_02_a(turns: Turns) -> tuple[Number, ...]:
    """Runs the pool until it is full, which happens at a whole minute."""
    *_, (time, level) = pool_levels(turns, None)
    assert level == 1
    return (time,)


def math_02_b(turns: Turns) -> tuple[Number, ...]:
    """Tries every minute for the closing; just one fills the pool at the time asked for."""
    earliest, full = numbers(turns[1])
    minutes = [earliest + Fraction(n, 60) for n in range(1, int((full - earliest) * 60))]
    (close,) = (m for m in minutes if list(pool_levels(turns, m))[-1] == (full, Fraction(1)))
    return (close,)


def marbles(turns: Turns) -> Counter[int]:
    """How many sets of three marbles show one, two and three colours."""
    bag = [colour for colour, count in enumerate(integers(turns[0])) for _ in range(count)]
    return Counter(len(set(three)) for three in combinations(bag, 3))


def math_03_a(turns: Turns) -> tuple[Number, ...]:
    """Counts the sets with three colours."""
    count = marbles(turns)
    return (Fraction(count[3], count.total()),)


def math_03_b(turns: Turns) -> tuple[Number, ...]:
    """Counts the sets with one colour among those with one or two."""
    count = marbles(turns)
    return (Fraction(count[1], count[1] + count[2]),)


def box_sizes(turns: Turns, limit: int) -> list[int]:
    """The numbers of beads up to a limit that the first message allows."""
    by_a, left_a, by_b, left_b, by_c = integers(turns[0])
    assert "none are left over" in turns[0]
    remainders = ((by_a, left_a), (by_b, left_b), (by_c, 0))
    return [n for n in range(1, limit + 1) if all(n % by == left for by, left in remainders)]


def math_04_a(turns: Turns) -> tuple[Number, ...]:
    """Tries the numbers from 1 on."""
    return (Fraction(box_sizes(turns, 1000)[0]),)


def math_04_b(turns: Turns) -> tuple[Number, ...]:
    """Tries all numbers in the range; just one fits."""
    low, high, by, left = integers(turns[1])
    (size,) = (n for n in box_sizes(turns, high) if n >= low and n % by == left)
    return (Fraction(size),)


Point: TypeAlias = tuple[Any, Any]  # fractions or, for trying values, floats


def area(*corners: Point) -> Number:
    """The area of a polygon by the shoelace formula."""
    edges = pairwise((*corners, corners[0]))
    twice: Any = sum(x * v - u * y for (x, y), (u, v) in edges)
    size: Number = abs(twice) / 2
    return size


def crossing(a: Point, c: Point, b: Point, d: Point) -> Point:
    """The point where the lines through a and c and through b and d cross."""
    (p, q), (r, s) = (c[0] - a[0], c[1] - a[1]), (d[0] - b[0], d[1] - b[1])
    share = ((b[0] - a[0]) * s - (b[1] - a[1]) * r) / (p * s - q * r)
    return a[0] + share * p, a[1] + share * q


def corners(turns: Turns) -> tuple[Point, Point, Point, Point]:
    """The four corners of the trapezium."""
    ax, ay, bx, by, cx, cy, dx, dy = numbers(turns[0])
    return (ax, ay), (bx, by), (cx, cy), (dx, dy)


def math_05_a(turns: Turns) -> tuple[Number, ...]:
    """Crosses the diagonals in exact coordinates."""
    a, b, c, d = corners(turns)
    return (area(a, b, crossing(a, c, b, d)),)


def math_05_b(turns: Turns) -> tuple[Number, ...]:
    """Halves an interval around the point where the triangle stops being too small."""
    a, b, c, d = corners(turns)
    height, same_height, limit = numbers(turns[1])
    assert (height, same_height, limit) == (d[1], c[1], c[0])

    def excess(t: float) -> float:
        moved = (t, float(height))
        return float(2 * area(a, b, crossing(a, c, b, moved)) - area(a, b, c, moved))

    steps = [excess(float(limit) - 100 + n / 10) for n in range(1000)]
    assert all(one < two for one, two in pairwise(steps)), "one solution only"
    low, high = float(limit) - 100, float(limit)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return (low,)


def best_price(turns: Turns, kept: Fraction) -> tuple[Number, ...]:
    """The price with the highest profit among all steps, and that profit."""
    cost, price, sold, step, more, step_up, fewer, grid = numbers(turns[0])
    assert (step, step, more) == (step_up, grid, fewer)
    profits = {
        price - k * step: ((price - k * step) * kept - cost) * (sold + k * more)
        for k in range(-int(sold / more), int(price / step))
    }
    best = max(profits.values())
    (at,) = (p for p, profit in profits.items() if profit == best)
    return at, best


def math_06_a(turns: Turns) -> tuple[Number, ...]:
    """Tries every price."""
    return best_price(turns, Fraction(1))


def math_06_b(turns: Turns) -> tuple[Number, ...]:
    """Tries every price with the platform's share taken off."""
    percent, step = numbers(turns[1])
    assert step == numbers(turns[0])[-1]
    return best_price(turns, 1 - percent / 100)


def derivative(polynomial: list[Fraction]) -> list[Fraction]:
    """The polynomial q with (p(x) e^-x)' = q(x) e^-x, coefficients from x^0 up."""
    slopes = [*(n * polynomial[n] for n in range(1, len(polynomial))), Fraction(0)]
    return [slope - c for slope, c in zip(slopes, polynomial, strict=True)]


def inflection(turns: Turns) -> Fraction:
    """Where the second derivative of x e^-x changes sign: the root of a linear polynomial."""
    assert "f(x) = x * e^(-x) for x >= 0" in turns[0]
    assert "from x = 0 to that point" in turns[0]
    constant, slope = derivative(derivative([Fraction(0), Fraction(1)]))
    assert slope != 0
    return -constant / slope


def integral(function: Callable[[float], float], end: float, pieces: int = 4000) -> float:
    """The integral from 0 to ``end`` by Simpson's rule."""
    width = end / pieces
    weights = [1, *([4, 2] * (pieces // 2))[:-1], 1]
    return math.fsum(w * function(n * width) for n, w in enumerate(weights)) * width / 3


def math_07_a(turns: Turns) -> tuple[Number, ...]:
    """Integrates numerically up to the inflection point."""
    end = inflection(turns)
    return end, integral(lambda x: x * math.exp(-x), float(end))


def math_07_b(turns: Turns) -> tuple[Number, ...]:
    """Adds up the discs of the solid numerically."""
    assert "rotated once around the x-axis" in turns[1]
    return (integral(lambda x: math.pi * (x * math.exp(-x)) ** 2, float(inflection(turns))),)


def lightings(turns: Turns) -> list[str]:
    """All ways to light the row that obey the rules of the first message."""
    first, last = integers(turns[0])
    assert "each of the three colours is used at least once" in turns[0]
    rows = map("".join, product("RGB", repeat=last - first + 1))
    return [r for r in rows if set(r) == set("RGB") and all(a != b for a, b in pairwise(r))]


def math_08_a(turns: Turns) -> tuple[Number, ...]:
    """Lists all lightings."""
    return (Fraction(len(lightings(turns))),)


def math_08_b(turns: Turns) -> tuple[Number, ...]:
    """Lists the lightings of the ring and keeps one of each set of rotations."""
    assert integers(turns[1]) == integers(turns[0])
    rings = [row for row in lightings(turns) if row[0] != row[-1]]
    return (Fraction(len({min(r[n:] + r[:n] for n in range(len(r))) for r in rings})),)


def dice(turns: Turns) -> list[tuple[int, int, Fraction]]:
    """Every way the rolling can go: number of rolls, final total and probability."""
    (goal,) = integers(turns[0])
    assert "fair six-sided die" in turns[0]
    open_ways, ended = [(0, 0, Fraction(1))], []
    while open_ways:
        rolled, total, chance = open_ways.pop()
        ways = [(rolled + 1, total + face, chance / 6) for face in range(1, 7)]
        open_ways += [way for way in ways if way[1] < goal]
        ended += [way for way in ways if way[1] >= goal]
    assert sum(chance for *_, chance in ended) == 1
    return ended


def math_09_a(turns: Turns) -> tuple[Number, ...]:
    """Weighs the number of rolls with the probabilities."""
    return (sum((n * chance for n, _, chance in dice(turns)), Fraction(0)),)


def math_09_b(turns: Turns) -> tuple[Number, ...]:
    """The same among the ways that end at exactly the total given."""
    (exact,) = integers(turns[1])
    ways = [(n, chance) for n, total, chance in dice(turns) if total == exact]
    return (sum(n * chance for n, chance in ways) / sum(chance for _, chance in ways),)


def hands(turns: Turns) -> Counter[int]:
    """By size, how many sets of cards have a sum with the divisor asked for."""
    first, last, divisor, _ = integers(turns[0])
    sets = Counter({(0, 0): 1})
    for card in range(first, last + 1):
        added = {(n + 1, (s + card) % divisor): count for (n, s), count in sets.items()}
        sets.update(added)
    return Counter({n: count for (n, s), count in sets.items() if s == 0})


def math_10_a(turns: Turns) -> tuple[Number, ...]:
    """Adds the cards one by one and counts the sets by size and remainder."""
    return (Fraction(hands(turns).total()),)


def math_10_b(turns: Turns) -> tuple[Number, ...]:
    """Takes the sets of six from the same count."""
    assert "exactly six cards" in turns[1]
    return (Fraction(hands(turns)[6]),)


Proof: TypeAlias = "Callable[[Turns], tuple[Number, ...]]"

PROOFS: dict[str, tuple[Proof, Proof]] = {
    "math-01": (math_01_a, math_01_b),
    "math-02": (math_02_a, math_02_b),
    "math-03": (math_03_a, math_03_b),
    "math-04": (math_04_a, math_04_b),
    "math-05": (math_05_a, math_05_b),
    "math-06": (math_06_a, math_06_b),
    "math-07": (math_07_a, math_07_b),
    "math-08": (math_08_a, math_08_b),
    "math-09": (math_09_a, math_09_b),
    "math-10": (math_10_a, math_10_b),
}
CASES = [(question_id, turn) for question_id in PROOFS for turn in (0, 1)]


# Reading and comparing answers


def evaluate(node: ast.AST) -> Number:
    """The value of an arithmetic expression with pi, e and sqrt()."""
    match node:
        case ast.Expression(body=body):
            return evaluate(body)
        case ast.Constant(value=value):
            return Fraction(str(value))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right):
            result: Number = OPERATORS[type(op)](evaluate(left), evaluate(right))
            return result
        case ast.Name(id="pi" | "e" as name):
            return math.pi if name == "pi" else math.e
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            return math.sqrt(evaluate(argument))
    message = f"not an answer this test can read: {ast.dump(node)}"
    raise ValueError(message)


def values(answer: str) -> tuple[Number, ...]:
    """The values in an answer such as ``x = 2; area = 1 - 3/e^2`` or ``17:00``."""
    found: list[Number] = []
    for part in answer.split(";"):
        text = UNITS.sub("", part.rpartition("=")[2].strip())
        clock = re.fullmatch(r"(\d\d):(\d\d)", text)
        if clock:
            found.append(Fraction(int(clock[1]) * 60 + int(clock[2]), 60))
        else:
            found.append(evaluate(ast.parse(text.replace("^", "**"), mode="eval")))
    return tuple(found)


def agree(one: tuple[Number, ...], two: tuple[Number, ...]) -> bool:
    """Whether two results are equal: exactly for fractions, closely for real numbers."""
    if len(one) != len(two):
        return False
    return all(
        a == b
        if isinstance(a, Fraction) and isinstance(b, Fraction)
        else math.isclose(a, b, rel_tol=1e-9)
        for a, b in zip(one, two, strict=True)
    )


@pytest.mark.parametrize(("question_id", "turn"), CASES)
def test_the_reference_states_the_result_that_the_numbers_give(
    questions: dict[str, dict[str, Any]],
    answer_line: Callable[[str], str],
    question_id: str,
    turn: int,
) -> None:
    """The answer line equals a result computed from the question by another route."""
    question = questions[question_id]
    stated = values(answer_line(question["references"][turn]))
    assert agree(stated, PROOFS[question_id][turn](question["turns"]))


@pytest.mark.parametrize(("question_id", "turn"), CASES)
def test_a_reference_with_any_digit_changed_is_refuted(
    questions: dict[str, dict[str, Any]],
    answer_line: Callable[[str], str],
    question_id: str,
    turn: int,
) -> None:
    """No digit of an answer line can be raised by one without contradicting the proof."""
    question = questions[question_id]
    proved = PROOFS[question_id][turn](question["turns"])
    answer = answer_line(question["references"][turn])
    places = [n for n, character in enumerate(answer) if character.isdigit()]
    assert places
    for n in places:
        wrong = answer[:n] + str((int(answer[n]) + 1) % 10) + answer[n + 1 :]
        try:
            stated = values(wrong)
        except (ArithmeticError, SyntaxError):
            continue
        assert not agree(stated, proved), wrong


def test_every_mathematics_question_is_proved(questions: dict[str, dict[str, Any]]) -> None:
    """No mathematics question can be added without a proof for each of its two turns."""
    found = {key for key, question in questions.items() if question["category"] == "math"}
    assert found == set(PROOFS)
    assert all(len(questions[key]["references"]) == len(PROOFS[key]) for key in found)
