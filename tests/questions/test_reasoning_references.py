"""Solves every reasoning question by exhaustion, from the clues as the text words them.

Each solver tries all possibilities. Where the question has one solution, the solver unpacks it
from what is left, so a second solution is an error, not a matter of luck.
"""

from __future__ import annotations

import calendar
import re
from functools import cache
from itertools import combinations, permutations, product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

Turns: TypeAlias = list[str]
Predicate: TypeAlias = "Callable[..., bool]"


def bullets(text: str) -> list[str]:
    """The clues of a question, one to a line behind a dash."""
    return re.findall(r"^- (.+)$", text, re.MULTILINE)


def says(text: str, *phrases: str) -> None:
    """Fails unless a question still contains the phrases that a solver relies on."""
    assert [phrase for phrase in phrases if phrase not in text] == []


# reasoning-01: a race

RACE: dict[str, Predicate] = {
    "Ben finished directly after Ewa.": lambda at: at("Ben") == at("Ewa") + 1,
    "Dev finished ahead of Ana, with exactly two runners between them.": (
        lambda at: at("Ana") == at("Dev") + 3
    ),
    "Chloe was neither first nor last.": lambda at: at("Chloe") not in {0, 5},
    "Finn finished ahead of Chloe but did not win.": lambda at: 0 < at("Finn") < at("Chloe"),
    "Ben was among the first three.": lambda at: at("Ben") < 3,
}


def finishing_orders(turns: Turns, clues: Iterable[Predicate]) -> list[tuple[str, ...]]:
    """All orders of the runners that agree with the clues."""
    runners = re.findall(r"\b[A-Z]\w+", turns[0].partition(" ran a race")[0])
    clues = list(clues)
    return [order for order in permutations(runners) if all(clue(order.index) for clue in clues)]


def reasoning_01_a(turns: Turns) -> str:
    """Tries all 720 orders."""
    (order,) = finishing_orders(turns, [RACE[clue] for clue in bullets(turns[0])])
    return ", ".join(order)


def reasoning_01_b(turns: Turns) -> str:
    """Tries them again with one clue turned round and another weakened."""
    says(turns[1], "Ben was not among the first three", "Finn was ahead", "Finn still did not win")
    first, second, third, _, last = (RACE[clue] for clue in bullets(turns[0]))
    changed: list[Predicate] = [lambda at: not last(at), lambda at: at("Finn") > 0]
    orders = finishing_orders(turns, [first, second, third, *changed])
    same = [places[0] for places in zip(*orders, strict=True) if len(set(places)) == 1]
    return f"{len(orders)}; {', '.join(same)}"


# reasoning-02: what follows?


class Singer(NamedTuple):
    """A kind of choir member."""

    soprano: bool
    alto: bool
    reads: bool
    drums: bool
    founder: bool


CHOIR: dict[str, tuple[str, Callable[[Singer], bool]]] = {
    "Every soprano reads music.": ("all", lambda x: x.reads or not x.soprano),
    "Nobody who reads music plays the drums.": ("all", lambda x: not (x.reads and x.drums)),
    "Some founder plays the drums.": ("some", lambda x: x.founder and x.drums),
    "Every founder is a soprano or an alto.": (
        "all",
        lambda x: x.soprano or x.alto or not x.founder,
    ),
    "No soprano plays the drums.": ("all", lambda x: not (x.soprano and x.drums)),
    "Some alto plays the drums.": ("some", lambda x: x.alto and x.drums),
    "Some soprano is a founder.": ("some", lambda x: x.soprano and x.founder),
    "No alto reads music.": ("all", lambda x: not (x.alto and x.reads)),
    "Some founder does not read music.": ("some", lambda x: x.founder and not x.reads),
    "Every alto who is not a founder reads music.": (
        "all",
        lambda x: x.reads or x.founder or not x.alto,
    ),
    "Marta is an alto and does not read music.": ("Marta", lambda x: x.alto and not x.reads),
    "Marta is a founder.": ("Marta", lambda x: x.founder),
    "Marta plays the drums.": ("Marta", lambda x: x.drums),
    "Marta is not a soprano.": ("Marta", lambda x: not x.soprano),
    "Every alto who plays the drums is a founder.": (
        "all",
        lambda x: x.founder or not (x.alto and x.drums),
    ),
    "There is a founder other than Marta.": ("others", lambda x: x.founder),
}


def holds(sentence: str, marta: Singer, others: Collection[Singer]) -> bool:
    """Whether a sentence is true of the choir of Marta and the others."""
    about, predicate = CHOIR[sentence]
    if about == "Marta":
        return predicate(marta)
    if about == "others":
        return any(map(predicate, others))
    members = (marta, *others)
    return all(map(predicate, members)) if about == "all" else any(map(predicate, members))


def choirs(facts: list[str]) -> Iterator[tuple[Singer, tuple[Singer, ...]]]:
    """All choirs in which the facts hold: one member and any set of kinds of others.

    Kinds that break a fact about everybody are left out first, so that few sets remain. In a
    question that does not name Marta she is just some member.
    """
    kinds = [Singer(*kind) for kind in product((False, True), repeat=5)]
    for about, predicate in (CHOIR[fact] for fact in facts):
        kinds = [kind for kind in kinds if about != "all" or predicate(kind)]
    for size in range(len(kinds) + 1):
        for marta, others in product(kinds, combinations(kinds, size)):
            if all(holds(fact, marta, others) for fact in facts):
                yield marta, others


def following(turns: Turns) -> str:
    """The letters of the last message's statements that hold in every possible choir."""
    facts = re.findall(r"^\d\. (.+)$", "\n".join(turns), re.MULTILINE)
    statements = dict(re.findall(r"^\((\w)\) (.+)$", turns[-1], re.MULTILINE))
    certain = set(statements)
    for marta, others in choirs(facts):
        certain = {letter for letter in certain if holds(statements[letter], marta, others)}
    return ", ".join(sorted(certain))


def reasoning_02_a(turns: Turns) -> str:
    """Looks for a choir against each statement, with the facts of the first message."""
    return following(turns[:1])


def reasoning_02_b(turns: Turns) -> str:
    """The same with the facts of both messages."""
    return following(turns)


# reasoning-03: a month


def weekdays(year: int, month: int) -> list[int]:
    """The weekday of every day of a month, Monday being 0; month 13 is the next January."""
    year, month = (year + 1, 1) if month == 13 else (year, month)
    first, days = calendar.monthrange(year, month)
    return [(first + day) % 7 for day in range(days)]


def months(turns: Turns) -> list[tuple[int, int]]:
    """All months of the 400-year cycle of the calendar that the first message can mean."""
    says(turns[0], "exactly five Mondays and exactly five Tuesdays", "last day was not a Tuesday")
    return [
        (year, month)
        for year, month in product(range(2001, 2401), range(1, 13))
        if (days := weekdays(year, month)).count(0) == days.count(1) == 5 and days[-1] != 1
    ]


def reasoning_03_a(turns: Turns) -> str:
    """All months that fit have the same length and the same first weekday."""
    kinds = {(len(days), days[0]) for days in (weekdays(*month) for month in months(turns))}
    ((length, first),) = kinds
    return f"{length} days, {calendar.day_name[first]}"


def reasoning_03_b(turns: Turns) -> str:
    """Those that also have such a successor are the same month, with one last weekday."""
    says(turns[1], "each weekday exactly four times", "31 December of that same year")
    fitting = [
        (year, month)
        for year, month in months(turns)
        if all(weekdays(year, month + 1).count(day) == 4 for day in range(7))
    ]
    ((month, last),) = {(month, weekdays(year, 12)[-1]) for year, month in fitting}
    return f"{calendar.month_name[month]}, {calendar.day_name[last]}"


# reasoning-04: a schedule


NEEDS = {
    "rewire": {"strip the wallpaper"},
    "plaster": {"rewire"},
    "paint": {"plaster", "fit the windows"},
    "lay the floor": {"plaster"},
    "clean": {"paint", "lay the floor"},
}


def shortest(turns: Turns, needs: dict[str, set[str]], workers: int, crew: dict[str, int]) -> int:
    """The fewest hours, searching all states that any schedule can reach hour by hour."""
    hours = {name: int(n) for name, n in re.findall(r"([a-z ]+) \((\d+)", turns[0])}
    hours = {name.strip(): n for name, n in hours.items()}
    jobs = list(hours)
    assert set(jobs) == {"strip the wallpaper", "fit the windows", *NEEDS}

    def after_an_hour(state: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        left = dict(zip(jobs, state, strict=True))
        running = {job for job in jobs if 0 < left[job] < hours[job]}
        ready = [
            job
            for job in jobs
            if left[job] == hours[job] and not any(left[n] for n in needs.get(job, ()))
        ]
        for size in range(len(ready) + 1):
            for started in combinations(ready, size):
                busy = running.union(started)
                if sum(crew.get(job, 1) for job in busy) <= workers:
                    yield tuple(left[job] - (job in busy) for job in jobs)

    states, hour = {tuple(hours.values())}, 0
    while not any(sum(state) == 0 for state in states):
        states, hour = {new for state in states for new in after_an_hour(state)}, hour + 1
    return hour


def reasoning_04_a(turns: Turns) -> str:
    """As many workers as there are jobs are as many as you like."""
    says(
        turns[0],
        "Rewiring needs the wallpaper stripped",
        "plastering needs the rewiring done",
        "painting needs both the plastering and the windows done",
        "laying the floor needs the plastering done",
        "cleaning needs the painting and the floor done",
    )
    return f"{shortest(turns, NEEDS, 7, {})} hours"


def reasoning_04_b(turns: Turns) -> str:
    """Two workers, both of them for the plastering, and one more order to keep."""
    says(turns[1], "only two workers", "Plastering needs both", "before the wallpaper is stripped")
    needs = {**NEEDS, "fit the windows": {"strip the wallpaper"}}
    return f"{shortest(turns, needs, 2, {'plaster': 2})} hours"


# reasoning-05: a robot


def drive(program: list[str], runs: int, *, failing: bool) -> str:
    """Position and direction after a number of runs; ``failing``: see the second message."""
    x, y, dx, dy = 0, 0, 0, 1
    for run in range(1, runs + 1):
        stuck = program.index("turn right") if failing and run % 2 else None
        for n, step in enumerate(program):
            if step.startswith("forward "):
                distance = int(step.removeprefix("forward "))
                x, y = x + distance * dx, y + distance * dy
            elif n != stuck:
                dx, dy = (dy, -dx) if step == "turn right" else (-dy, dx)
    directions = {(0, 1): "north", (1, 0): "east", (0, -1): "south", (-1, 0): "west"}
    return f"({x}, {y}), {directions[dx, dy]}"


def program_in(turns: Turns) -> list[str]:
    """The steps of the program in the first message."""
    says(turns[0], "at (0, 0) on a grid, facing north (the direction of increasing y")
    steps = turns[0].partition("Its program is: ")[2].partition(".")[0].split(", ")
    assert all(re.fullmatch(r"forward \d+|turn (left|right)", step) for step in steps)
    return steps


def reasoning_05_a(turns: Turns) -> str:
    """Drives once."""
    return drive(program_in(turns), 1, failing=False)


def reasoning_05_b(turns: Turns) -> str:
    """Drives as many times as the text says."""
    says(turns[1], "(0, 0), facing north", "odd-numbered run", 'the first "turn right" fails')
    (runs,) = re.findall(r"program (\d+) times", turns[1])
    return drive(program_in(turns), int(runs), failing=True)


# reasoning-06: lamps and buttons


def patterns(turns: Turns) -> dict[frozenset[int], int]:
    """Every pattern that can be reached, with the smallest number of presses for it."""
    says(
        turns[0], "Five lamps", "numbered 1 to 5", "its own lamp and the lamps directly next to it"
    )
    reached: dict[frozenset[int], int] = {}
    for presses in range(6):
        for buttons in combinations(range(1, 6), presses):
            switched = [lamp for b in buttons for lamp in (b - 1, b, b + 1) if 1 <= lamp <= 5]
            lit = frozenset(lamp for lamp in switched if switched.count(lamp) % 2)
            reached.setdefault(lit, presses)
    return reached


def reasoning_06_a(turns: Turns) -> str:
    """Tries all sets of buttons, the smallest first; pressing one twice is of no use."""
    ((one, two),) = re.findall(r"exactly lamps (\d) and (\d) are on", turns[0])
    return str(patterns(turns)[frozenset({int(one), int(two)})])


def reasoning_06_b(turns: Turns) -> str:
    """Looks the pattern up among those that can be reached."""
    says(turns[1], "only lamp 1 is on", "how many of the 32 on/off patterns")
    reached = patterns(turns)
    return f"{'yes' if frozenset({1}) in reached else 'no'}, {len(reached)}"


# reasoning-07: who flies where, and when?


class Plan(NamedTuple):
    """Everybody's city, everybody's day (0 is Monday) and who goes to each city."""

    city: dict[str, str]
    day: dict[str, int]
    to: dict[str, str]


TRAVEL: dict[str, Callable[[Plan], bool]] = {
    "Jonas flies on the day right after the person who goes to Porto.": (
        lambda plan: plan.day["Jonas"] == plan.day[plan.to["Porto"]] + 1
    ),
    "Ines goes neither to Oslo nor to Riga.": (
        lambda plan: plan.city["Ines"] not in {"Oslo", "Riga"}
    ),
    "Kofi flies earlier in the week than Ines.": (lambda plan: plan.day["Kofi"] < plan.day["Ines"]),
    "The person who goes to Riga flies on Monday.": (lambda plan: plan.day[plan.to["Riga"]] == 0),
    "Kofi does not go to Oslo.": lambda plan: plan.city["Kofi"] != "Oslo",
    "Lena flies later than the person who goes to Oslo.": (
        lambda plan: plan.day["Lena"] > plan.day[plan.to["Oslo"]]
    ),
}


def travel_plans(clues: list[Callable[[Plan], bool]]) -> list[Plan]:
    """All plans that agree with the clues."""
    people, cities = ("Ines", "Jonas", "Kofi", "Lena"), ("Oslo", "Porto", "Quito", "Riga")
    plans = [
        Plan(
            dict(zip(people, where, strict=True)),
            dict(zip(people, when, strict=True)),
            dict(zip(where, people, strict=True)),
        )
        for where, when in product(permutations(cities), permutations(range(4)))
    ]
    return [plan for plan in plans if all(clue(plan) for clue in clues)]


def reasoning_07_a(turns: Turns) -> str:
    """Tries all 576 plans."""
    says(
        turns[0], "Ines, Jonas, Kofi and Lena", "Oslo, Porto, Quito and Riga", "each on a different"
    )
    (plan,) = travel_plans([TRAVEL[clue] for clue in bullets(turns[0])])
    in_order = sorted(plan.day, key=lambda who: plan.day[who])
    days = {who: calendar.day_name[plan.day[who]] for who in in_order}
    return ", ".join(f"{who} {plan.city[who]} {days[who]}" for who in in_order)


def reasoning_07_b(turns: Turns) -> str:
    """Tries them again with the fourth clue changed."""
    says(turns[1], "the fourth clue now says Thursday instead of Monday")
    clues = [TRAVEL[clue] for clue in bullets(turns[0])]
    clues[3] = lambda plan: plan.day[plan.to["Riga"]] == 3
    plans = travel_plans(clues)
    same = [
        who
        for who in plans[0].city
        if len({(plan.city[who], plan.day[who]) for plan in plans}) == 1
    ]
    return f"{len(plans)}, {', '.join(same)}"


# reasoning-08: a league

MATCHES = list(combinations(("Amber", "Birch", "Cedar", "Dune"), 2))
Match: TypeAlias = tuple[str, str]


def results(turns: Turns) -> dict[Match, int]:
    """The one set of results with these points: 1 home club won, -1 the other, 0 draw."""
    points = {club: int(n) for club, n in re.findall(r"(\w+)(?: had)? (\d)\b", turns[0])}
    points = {club: points[club] for club in ("Amber", "Birch", "Cedar", "Dune")}
    fitting = []
    for outcome in product((1, 0, -1), repeat=6):
        gained = dict.fromkeys(points, 0)
        for (one, two), result in zip(MATCHES, outcome, strict=True):
            gained[one] += {1: 3, 0: 1, -1: 0}[result]
            gained[two] += {1: 0, 0: 1, -1: 3}[result]
        if gained == points:
            fitting.append(dict(zip(MATCHES, outcome, strict=True)))
    (only,) = fitting
    return only


def reasoning_08_a(turns: Turns) -> str:
    """Tries all 729 sets of results."""
    says(turns[0], "3 points for a win, 1 for a draw, 0 for a defeat")
    winners = [
        (one, two) if result == 1 else (two, one)
        for (one, two), result in results(turns).items()
        if result
    ]
    return ", ".join(f"{winner} beat {loser}" for winner, loser in winners)


def scores(
    matches: list[tuple[Match, int]], goals: dict[str, tuple[int, int]]
) -> Iterator[list[str]]:
    """All ways to share the goals scored and conceded among the matches left."""
    if not matches:
        if not any(map(any, goals.values())):
            yield []
        return
    ((one, two), result), *rest = matches
    (for_one, against_one), (for_two, against_two) = goals[one], goals[two]
    for a in range(min(for_one, against_two) + 1):
        for b in range(min(for_two, against_one) + 1):
            if (a > b) - (a < b) == result:
                left = {one: (for_one - a, against_one - b), two: (for_two - b, against_two - a)}
                for others in scores(rest, {**goals, **left}):
                    yield [f"{one}-{two} {a}-{b}", *others]


def reasoning_08_b(turns: Turns) -> str:
    """Tries all scores that the goals allow."""
    table = re.findall(r"(\w+) (\d)-(\d)", turns[1])
    goals = {club: (int(scored), int(conceded)) for club, scored, conceded in table}
    (only,) = scores(list(results(turns).items()), goals)
    return ", ".join(only)


# reasoning-09: taking stones


def winning(stones: int, moves: tuple[int, ...], last: int = 0, *, repeat: bool) -> list[int]:
    """The winning moves in a position; ``last`` may be repeated if ``repeat`` says so."""

    @cache
    def search(left: int, before: int) -> tuple[int, ...]:
        allowed = [m for m in moves if m <= left and (repeat or m != before)]
        return tuple(m for m in allowed if not search(left - m, m))

    return list(search(stones, last))


def stones_in(turns: Turns) -> tuple[int, tuple[int, ...]]:
    """The size of the pile and the moves."""
    says(turns[0], "Whoever takes the last stone wins")
    (size,) = re.findall(r"from a pile of (\d+)", turns[0])
    (moves,) = re.findall(r"must remove (\d), (\d) or (\d) stones", turns[0])
    return int(size), tuple(map(int, moves))


def reasoning_09_a(turns: Turns) -> str:
    """Searches the game; with no stones left there is no move, and the mover has lost."""
    size, moves = stones_in(turns)
    (move,) = winning(size, moves, repeat=True)
    return f"first player, by taking {move}"


def reasoning_09_b(turns: Turns) -> str:
    """Searches the game with the new rule; there is one winning reply to each first move."""
    says(turns[1], "may not remove the same number", "no legal move loses", "again 20 stones")
    size, moves = stones_in(turns)
    assert winning(size, moves, repeat=False) == []
    replies = []
    for first in moves:
        (reply,) = winning(size - first, moves, first, repeat=False)
        replies.append(f"{first} -> {reply}")
    return f"second player, replies {', '.join(replies)}"


# reasoning-10: who knows what?

ROW, NUMBER = 0, 1


def known(lockers: Collection[str], part: int) -> set[str]:
    """The lockers that somebody who knows one part of the name can tell from all others."""
    parts = [locker[part] for locker in lockers]
    return {locker for locker in lockers if parts.count(locker[part]) == 1}


def lockers_in(turns: Turns) -> set[str]:
    """The lockers of the first message."""
    says(turns[0], "Rosa is told only the row letter and Noah only the number")
    found = re.findall(r"\b[A-E]\d\b", turns[0])
    assert len(set(found)) == len(found) == 12
    return set(found)


def reasoning_10_a(turns: Turns) -> str:
    """Keeps, after each statement, the lockers with which it could have been made."""
    says(
        turns[0],
        "and I am sure that Noah doesn't know either",
        "At first I didn't",
        "I know it too",
    )
    everything = lockers_in(turns)
    obvious = known(everything, NUMBER)
    after_rosa = {
        locker
        for locker in everything - known(everything, ROW)
        if not any(other in obvious for other in everything if other[ROW] == locker[ROW])
    }
    after_noah = known(after_rosa, NUMBER) - obvious
    (locker,) = known(after_noah, ROW)
    return locker


def reasoning_10_b(turns: Turns) -> str:
    """The same for the second conversation."""
    lines = re.findall(r"^(Rosa|Noah): \"(.+)\"$", turns[1], re.MULTILINE)
    part = {"Rosa": ROW, "Noah": NUMBER}
    left = lockers_in(turns)
    for speaker, words in lines:
        knows = known(left, part[speaker])
        left = knows if words == "Now I know." else left - knows
    (locker,) = left
    return locker


Proof: TypeAlias = "Callable[[Turns], str]"

PROOFS: dict[str, tuple[Proof, Proof]] = {
    "reasoning-01": (reasoning_01_a, reasoning_01_b),
    "reasoning-02": (reasoning_02_a, reasoning_02_b),
    "reasoning-03": (reasoning_03_a, reasoning_03_b),
    "reasoning-04": (reasoning_04_a, reasoning_04_b),
    "reasoning-05": (reasoning_05_a, reasoning_05_b),
    "reasoning-06": (reasoning_06_a, reasoning_06_b),
    "reasoning-07": (reasoning_07_a, reasoning_07_b),
    "reasoning-08": (reasoning_08_a, reasoning_08_b),
    "reasoning-09": (reasoning_09_a, reasoning_09_b),
    "reasoning-10": (reasoning_10_a, reasoning_10_b),
}
CASES = [(question_id, turn) for question_id in PROOFS for turn in (0, 1)]


@pytest.mark.parametrize(("question_id", "turn"), CASES)
def test_the_reference_states_the_only_solution(
    questions: dict[str, dict[str, Any]],
    answer_line: Callable[[str], str],
    question_id: str,
    turn: int,
) -> None:
    """The answer line equals what trying all possibilities against the clues leaves."""
    question = questions[question_id]
    stated = answer_line(question["references"][turn])
    assert stated == PROOFS[question_id][turn](question["turns"])


def test_every_reasoning_question_is_proved(questions: dict[str, dict[str, Any]]) -> None:
    """No reasoning question can be added without a proof for each of its two turns."""
    found = {key for key, question in questions.items() if question["category"] == "reasoning"}
    assert found == set(PROOFS)
    assert all(len(questions[key]["references"]) == len(PROOFS[key]) for key in found)
