"""Derives every extraction reference from the question's text a second time, by patterns.

The patterns take their values out of the text, so a value that does not stand there cannot be
confirmed; and each derivation checks that it has used everything of the kind it looks for, so
nothing can be missing from the reference.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from math import ceil
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Turns: TypeAlias = list[str]
Record: TypeAlias = dict[str, Any]

EMAIL = re.compile(r"[\w.]+@[\w.]+\w")
MONTHS = {
    name: number
    for number, name in enumerate(
        [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        1,
    )
}


def quoted(text: str) -> str:
    """The quoted text at the end of a message."""
    return text[text.index("\n\n") :].strip().strip('"')


def find(pattern: str, text: str) -> re.Match[str]:
    """The only place where a pattern matches."""
    (match,) = re.finditer(pattern, text)
    return match


def iso(text: str, year: int | str = 2024) -> str:
    """A date such as ``6 May 2024``, or without a year, as YYYY-MM-DD."""
    day, month, *rest = text.split()
    return date(int(rest[0] if rest else year), MONTHS[month], int(day)).isoformat()


def later(day: str, days: int) -> str:
    """A date some days after another."""
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


def cents(amount: Decimal) -> Decimal:
    """An amount of money, rounded to the cent."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


# extraction-01: a contact


def contact(turns: Turns) -> Record:
    """The contact of the first e-mail."""
    text = quoted(turns[0])
    person = find(
        r"is (?P<title>\w+\.) (?P<name>[\w ]+), (?P<role>[\w ]+) at (?P<company>.+?)\.", text
    )
    place = find(
        r"at (?P<street>[\w ]+ \d+), (?P<postal_code>\d+) (?P<city>\w+), (?P<country>\w+)\.", text
    )
    own, billing = EMAIL.findall(text)
    assert text.index("Send queries about invoices to") < text.index(billing)
    return {
        **{key: person[key] for key in ("name", "title", "role", "company")},
        "email": own,
        "phone": find(r"\+[\d ]+\d", text)[0],
        **place.groupdict(),
        "billing_email": billing,
        "customer_number": find(r"customer number (\S+)", text)[1],
    }


def contact_corrected(turns: Turns) -> Record:
    """The contact with the corrections of the second e-mail."""
    old, text = contact(turns), quoted(turns[1])
    new, was = find(r"number ends in (\d+), not (\d+)", text).groups()
    assert old["phone"].endswith(was)
    billing, deputy = EMAIL.findall(text)
    start = iso(find(r"From (\d+ \w+) she will be on leave", text)[1])
    return {
        **old,
        "phone": old["phone"].removesuffix(was) + new,
        "billing_email": billing,
        "deputy": {
            "name": find(r"and ([\w ]+) \(", text)[1],
            "email": deputy,
            "from": start.removeprefix("2024-"),
        },
    }


# extraction-02: an invoice


def invoice(turns: Turns) -> Record:
    """The invoice, with its amounts in exact decimals."""
    text = quoted(turns[0])
    day = iso(find(r"of (\d+ \w+ \d{4})", text)[1])
    quantities = {"a": 1, "a dozen": 12}
    items = []
    for count, what, price in re.findall(r"\b(a dozen|a|\d+) ([\w -]+?) (?:at|for) ([\d.]+)", text):
        quantity = quantities.get(count) or int(count)
        total = quantity * Decimal(price)
        items.append((what, quantity, Decimal(price), total))
    delivery = Decimal(find(r"Delivery was ([\d.]+) euros", text)[1])
    assert len(items) + 1 == text.count(" euros")
    return {
        "invoice": find(r"invoice (\d\S+)", text)[1],
        "date": day,
        "due": later(day, int(find(r"within (\d+) days", text)[1])),
        "items": [
            dict(zip(("description", "quantity", "unit_price", "total"), item, strict=True))
            for item in items
        ],
        "delivery": delivery,
        "net": sum(item[-1] for item in items) + delivery,
    }


def invoice_corrected(turns: Turns) -> Record:
    """The invoice with the printer's message applied, and VAT."""
    result, text = invoice(turns), quoted(turns[1])
    items = {item["description"]: item for item in result["items"]}
    find(r"two of the posters arrived damaged; we take them off the bill", text)
    find(r"delivery is free", text)
    discount = Decimal(find(r"the banner is (\d+) % cheaper", text)[1])
    items["A2 posters"]["quantity"] -= 2
    items["roll-up banner"]["unit_price"] *= 1 - discount / 100
    for item in items.values():
        item["total"] = item["quantity"] * item["unit_price"]
    net = sum(item["total"] for item in items.values())
    vat = cents(net * Decimal(find(r"without (\d+) % VAT", turns[0])[1]) / 100)
    return {**result, "delivery": Decimal(0), "net": net, "vat": vat, "gross": net + vat}


# extraction-03: minutes


def tasks(turns: Turns) -> list[Record]:
    """The tasks, one from each sentence that is not known to hold none."""
    today = iso(find(r"Monday (\d+ \w+ \d{4})", turns[0])[1])
    month = today[:8]
    assert date.fromisoformat(today).weekday() == 0
    patterns: list[tuple[str, Callable[[str], str]]] = [
        (r"(\w+) will (.+) by (Friday of this week)", lambda _: later(today, 4)),
        (r"(\w+) agreed to (.+); the deadline is (.+)", iso),
        (r"(\w+ and \w+) will (.+) together by the (\d+)th of this month", lambda d: month + d),
        (
            r"\w+ asked whether (\w+) could (.+) (tomorrow), and Priya said yes",
            lambda _: later(today, 1),
        ),
        (r"(\w+) reported .+; he will (.+) every month, for the first time on (.+)", iso),
    ]
    nothing = r"The piano was tuned in May|Somebody should .+, but nobody volunteered"
    _, *sentences = quoted(turns[0]).rstrip(".").split(". ")
    found: list[Record] = []
    for sentence in sentences:
        if re.match(nothing, sentence):
            continue
        pattern, due = patterns[len(found)]
        match = re.fullmatch(pattern, sentence)
        assert match, sentence
        owners = sorted(match[1].split(" and "))
        found.append({"task": match[2], "owners": owners, "due": due(match[3])})
    assert len(found) == len(patterns)
    return found


def open_tasks(turns: Turns) -> dict[str, list[Record]]:
    """The tasks by person after the notes of the second message."""
    budget, hall, programme, key, tickets = tasks(turns)
    text = quoted(turns[1])
    find(r"^Budget sent on 7 June, key collected\. ", text)
    find(r"The deadline for the hall is a week later than we thought\.", text)
    hall["due"] = later(hall["due"], 7)
    taker = find(r"so (\w+) takes over his task, same date\.", text)[1]
    tickets["owners"] = [taker]
    find(r"Nothing new on the programme\.$", text)
    words = (budget["task"], hall["task"], programme["task"], key["task"])
    assert all(w in t for w, t in zip(("budget", "hall", "programme", "key"), words, strict=True))
    by_person = defaultdict(list)
    for task in sorted((hall, programme, tickets), key=lambda task: task["due"]):
        for owner in task["owners"]:
            by_person[owner].append({"task": task["task"], "due": task["due"]})
    return dict(sorted(by_person.items()))


# extraction-04: matches

CLUBS = ("Harbour United", "Millbrook", "Castle Rovers", "Fenwick Town")


def matches(turns: Turns) -> list[list[str]]:
    """The rows with the matches: one pattern for each, tried on one clause after the other."""
    text, club = quoted(turns[0]), f"({'|'.join(CLUBS)})"
    first = iso(find(r"Saturday, (\d+ \w+ \d{4})", text)[1])
    second = later(first, 7)
    find(r"A week later .+, and on the same day ", text)
    third = iso(find(r"The last round, .+, was moved to (\d+ \w+)", text)[1])
    # for each match: date, pattern, and which groups are home, away, home goals and away goals
    patterns = [
        (first, rf"{club} beat {club} (\d)-(\d) in their own stadium", (1, 2, 3, 4)),
        (first, rf"{club} and their guests {club} drew (\d)-(\d)", (1, 2, 3, 4)),
        (second, rf"{club} lost (\d)-(\d) at home to {club}", (1, 4, 2, 3)),
        (second, rf"{club} won (\d)-(\d) away at {club}", (4, 1, 3, 2)),
        (third, rf"{club} and their visitors {club} shared (t)(w)o goals equally", (1, 2, 3, 4)),
        (
            third,
            rf"in front of their own fans {club} were beaten (\d)-(\d) by {club}",
            (1, 4, 3, 2),
        ),
    ]
    rows = []
    for day, pattern, order in patterns:
        groups = find(pattern, text)
        goals = {"t": "1", "w": "1"}
        rows.append([day, *(goals.get(groups[n], groups[n]) for n in order)])
    assert {frozenset(row[1:3]) for row in rows} == set(map(frozenset, combinations(CLUBS, 2)))
    return [["date", "home", "away", "home_goals", "away_goals"], *rows]


def league_table(turns: Turns) -> list[list[str]]:
    """The table, added up after the ruling."""
    find(r"Castle Rovers fielded a banned player at Millbrook, so that match counts as", turns[1])
    home_goals, away_goals = find(r"counts as (\d)-(\d) for Millbrook", turns[1]).groups()
    columns, *rows = matches(turns)
    find(r"3 points for a win and 1 for a draw", turns[1])
    header = ["team", "played", "won", "drawn", "lost", "goals_for", "goals_against", "points"]
    assert f"header {','.join(columns)}," in turns[0]
    assert f"header {','.join(header)}:" in turns[1]
    games: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, home, away, a, b in rows:
        ruled = (home, away) == ("Millbrook", "Castle Rovers")
        one, two = map(int, (home_goals, away_goals) if ruled else (a, b))
        games[home].append((one, two))
        games[away].append((two, one))
    table = []
    for team, played in games.items():
        won, drawn = sum(a > b for a, b in played), sum(a == b for a, b in played)
        scored, conceded = map(sum, zip(*played, strict=True))
        lost = len(played) - won - drawn
        row = [team, len(played), won, drawn, lost, scored, conceded, 3 * won + drawn]
        table.append((row[-1], scored - conceded, scored, row))
    assert len({entry[:3] for entry in table}) == len(table), "the order is clear"
    return [header, *([str(cell) for cell in row] for *_, row in sorted(table, reverse=True))]


# extraction-05: job ads

ADS: dict[str, str] = {
    "hours": r"(\d+) hours a week",
    "range": r"([\d,]+) to ([\d,]+) euros a year",
    "year": r"([\d,]+) euros a year",
    "month": r"([\d,]+) euros a month",
}


def salary(ad: str, months: int) -> tuple[int | None, int | None]:
    """The least and the greatest salary a year in an ad."""
    match = re.search(ADS["range"], ad) or re.search(ADS["year"], ad)
    per_year = 1
    if not match:
        match, per_year = re.search(ADS["month"], ad), months
    if not match:
        assert "euros" not in ad
        return None, None
    amounts = [int(amount.replace(",", "")) * per_year for amount in match.groups()]
    return amounts[0], None if f"from {match[0]}" in ad else amounts[-1]


def job(ad: str, months: int) -> Record:
    """One ad."""
    modes = {"on-site": "on-site", "from home": "hybrid", "fully remote": "remote"}
    found = [mode for words, mode in modes.items() if words in ad]
    assert len(found) <= 1
    where, rest = re.sub(r"^\(\d\) ", "", ad).split(": ", 1)
    employer, _, city = where.partition(", ")
    hours = re.search(ADS["hours"], ad)
    least, most = salary(ad, months)
    return {
        "employer": employer,
        "title": re.split(r",| for ", rest)[0],
        "city": city or None,
        "mode": found[0] if found else None,
        "salary_min": least,
        "salary_max": most,
        "hours": int(hours[1]) if hours else None,
    }


def jobs(turns: Turns) -> list[Record]:
    """All ads, one to a line."""
    months = int(find(r"Convert monthly pay to (\d+) months", turns[0])[1])
    ads = re.findall(r"^\(\d\) .+$", "\n".join(turns), re.MULTILINE)
    return [job(ad, months) for ad in ads]


def full_time(turns: Turns) -> list[Record]:
    """The full-time salaries, without the low ones."""
    week = int(find(r"scaled up to (\d+) hours a week", turns[1])[1])
    limit = int(find(r"below ([\d,]+) euros", turns[1])[1].replace(",", ""))
    found = []
    for ad in jobs(turns):
        known = ad["salary_min"] is not None and ad["hours"] is not None
        scaled = Fraction(ad["salary_min"] * week, ad["hours"]) if known else None
        if scaled is None or scaled >= limit:
            row = {"employer": ad["employer"], "title": ad["title"], "full_time_salary": scaled}
            found.append(row)
    return sorted(found, key=lambda row: -(row["full_time_salary"] or 0))


# extraction-06: a log


def log_errors(text: str) -> list[Record]:
    """The entries of level ERROR."""
    lines = [line for line in text.splitlines() if re.match(r"\d{4}-\d\d-\d\d ", line)]
    entries = [
        re.fullmatch(r"\S+ (\S+) (INFO|WARN|ERROR) (\w+) ([^=]*?)((?: \w+=\w+)*)", line)
        for line in lines
    ]
    assert all(entries)
    return [
        {
            "time": entry[1],
            "service": entry[3],
            "message": entry[4],
            "fields": dict(field.split("=") for field in entry[5].split()),
        }
        for entry in entries
        if entry and entry[2] == "ERROR"
    ]


def by_request(turns: Turns) -> Record:
    """The summary over both parts of the log."""
    errors = log_errors("\n".join(turns))
    groups: dict[str, list[Record]] = defaultdict(list)
    for error in errors:
        if "req" in error["fields"]:
            groups[error["fields"]["req"]].append(error)
    summary = {}
    for request, group in groups.items():
        times = [error["time"] for error in group]
        assert times == sorted(times)
        first, last = (datetime.strptime(t, "%H:%M:%S") for t in (times[0], times[-1]))  # noqa: DTZ007
        summary[request] = {
            "services": list(dict.fromkeys(error["service"] for error in group)),
            "errors": len(group),
            "first": times[0],
            "last": times[-1],
            "seconds": int((last - first).total_seconds()),
        }
    return summary


# extraction-07: a recipe

WORDS = {"a": Fraction(1), "two": Fraction(2), "half a": Fraction(1, 2)}
WORDS["one and a half"] = Fraction(3, 2)
UNITS = {"g": "g", "litres": "l", "tin": "tin", "teaspoons": "teaspoon", None: None}


def ingredients(turns: Turns) -> list[Record]:
    """The ingredients; the rest of the recipe must be the text between them."""
    text = quoted(turns[0])
    patterns = [
        r"rinse (\d+) (g) of ([\w ]+) in plenty of water",
        r"in (one and a half) (litres) of ([\w ]+)\.",
        r"Fry (two)( )(onions)",
        r"add (a) (tin) of ([\w ]+) \(400 g\)",
        r"and (\d) (teaspoons) of (\w+), and stir",
        r"squeeze in (half a)( )(lemon) and",
        r"season with()( )(salt)\.",
    ]
    found = []
    for pattern in patterns:
        amount, unit, name = find(pattern, text).groups()
        quantity = (WORDS.get(amount) or Fraction(amount)) if amount else None
        found.append(
            {"ingredient": name, "quantity": quantity, "unit": UNITS[unit.strip() or None]}
        )
    rest = re.sub("|".join(patterns), "-", text)
    assert rest == (
        "Lentil soup for four: - and bring them to the boil - -, - - everything into the lentils."
        " After 20 minutes, - -"
    )
    return found


def scaled_up(turns: Turns) -> list[Record]:
    """The same for more people, with the changes."""
    people = {"four": 4, "ten": 10}
    before = people[find(r"Lentil soup for (\w+):", turns[0])[1]]
    factor = Fraction(people[find(r"I am cooking for (\w+) people", turns[1])[1]], before)
    find(r"take only half of the cumin that ten people would need", turns[1])
    find(r"I buy onions, lemons and tins whole, round those up", turns[1])
    scaled = []
    for old in ingredients(turns):
        new = {**old, "quantity": None if old["quantity"] is None else old["quantity"] * factor}
        if new["unit"] == "l":
            new |= {"quantity": new["quantity"] * 1000, "unit": "ml"}
        if new["ingredient"] in {"onions", "lemon"} or new["unit"] == "tin":
            new["quantity"] = ceil(new["quantity"])
        scaled.append(new)
        if new["ingredient"] == "cumin":
            new["quantity"] /= 2
            added = find(r"and the same amount of ([\w ]+), listed directly after it", turns[1])[1]
            scaled.append({**new, "ingredient": added})
    return scaled


# extraction-08: flights


def moment(day: str, time: str, offset: int) -> datetime:
    """A local time with its offset from UTC in hours."""
    return datetime.fromisoformat(f"{day}T{time}{offset:+03}:00")


def flight(name: str, ends: tuple[str, str], departure: datetime, arrival: datetime) -> Record:
    """One flight; the duration is the difference of two moments with their offsets."""
    return {
        "flight": name,
        "from": ends[0],
        "to": ends[1],
        "departure": departure,
        "arrival": arrival,
        "minutes": minutes_between(departure, arrival),
    }


def minutes_between(one: datetime, two: datetime) -> int:
    """The minutes from one moment to another."""
    return int((two - one).total_seconds()) // 60


def flights(turns: Turns) -> list[Record]:
    """The three flights, with every flight number, place and time in the text."""
    text = quoted(turns[0])
    places = re.findall(r"(Lisbon|São Paulo|Santiago|Auckland) \(UTC([+-]\d+)\)", text)
    (lis, lis_utc), (sao, sao_utc), (san, san_utc), (akl, akl_utc) = [
        (place, int(offset)) for place, offset in places
    ]
    names = re.findall(r"\b[A-Z]{2}\d+\b", text)
    times = re.findall(r"\d\d:\d\d", text)
    year = find(r"11 March (\d{4})", text)[1]
    day_one, day_five, day_six = (iso(day, year) for day in re.findall(r"\d+ March", text))
    find(r"at 05:05 the next morning\. Your connection", text)
    day_two = later(day_one, 1)
    moments = [
        moment(day, time, offset)
        for day, time, offset in zip(
            (day_one, day_two, day_two, day_two, day_five, day_six),
            times,
            (lis_utc, sao_utc, sao_utc, san_utc, san_utc, akl_utc),
            strict=True,
        )
    ]
    trips = zip(names, pairwise((lis, sao, san, akl)), moments[::2], moments[1::2], strict=True)
    assert all(one < two for one, two in pairwise(moments))
    return [flight(*trip) for trip in trips]


def flights_updated(turns: Turns) -> list[Record]:
    """The flights as they took place, with the times between them."""
    text = quoted(turns[1])
    late, made_up = find(r"left (\d+) minutes late but made up (\d+) minutes", text).groups()
    needed = int(find(r"at least (\d+) minutes to change planes", text)[1])
    other, instead_of = find(r"on (\w+) instead of (\w+), which departs at", text).groups()
    one, two, three = flights(turns)
    assert instead_of == two["flight"]
    find("just as long", text)
    find("PX17 was on time", text)
    landed = one["arrival"] + timedelta(minutes=int(late) - int(made_up))
    one = flight(
        one["flight"],
        (one["from"], one["to"]),
        one["departure"] + timedelta(minutes=int(late)),
        landed,
    )
    if minutes_between(landed, two["departure"]) < needed:
        hour, minute = map(int, find(r"departs at (\d\d):(\d\d)", text).groups())
        start = two["departure"].replace(hour=hour, minute=minute)
        end = start + timedelta(minutes=two["minutes"])
        two = flight(other, (two["from"], two["to"]), start, end)
    trips = [one, two, three]
    waits = [minutes_between(a["arrival"], b["departure"]) for a, b in pairwise(trips)]
    return [{**trip, "connection": wait} for trip, wait in zip(trips, [*waits, None], strict=True)]


# extraction-09: a study


def study(turns: Turns) -> Record:
    """The figures, the missing ones by subtraction."""
    text = quoted(turns[0])
    enrolled = int(find(r"enrolled (\d+) adults", text)[1])
    sites = {place: int(n) for n, place in re.findall(r"(\d+) in ([A-Z]\w+)", text)}
    sites["Cork"] = enrolled - sum(sites.values())
    find(r"and the rest in Cork\.", text)
    guided, app = find(
        r"exercise \((\d+) people\), a self-help app \((\d+)\) or usual care", text
    ).groups()
    sizes = [int(guided), int(app), enrolled - int(guided) - int(app)]
    total, left_guided, left_app = find(
        r"a total of (\d+) had dropped out: (\d+) in the exercise arm, (\d+) in the app arm"
        r" and the remainder under usual care",
        text,
    ).groups()
    left = [int(left_guided), int(left_app), int(total) - int(left_guided) - int(left_app)]
    pain = [
        find(pattern, text).groups()
        for pattern in (
            r"from ([\d.]+) to ([\d.]+) with exercise",
            r"from ([\d.]+) to ([\d.]+) with the app",
            r"under usual care it went from ([\d.]+) to ([\d.]+\d)",
        )
    ]
    arms = zip(("exercise", "app", "usual care"), sizes, left, pain, strict=True)
    return {
        "enrolled": enrolled,
        "sites": sites,
        "arms": [
            {
                "arm": arm,
                "randomised": size,
                "dropped_out": lost,
                "pain_start": Decimal(start),
                "pain_end": Decimal(end),
            }
            for arm, size, lost, (start, end) in arms
        ],
    }


def study_corrected(turns: Turns) -> list[Record]:
    """Completion and change of pain after the erratum."""
    text = quoted(turns[1])
    arms = {arm["arm"]: arm for arm in study(turns)["arms"]}
    moved = find(
        r"(Two) of the dropouts that we reported for the (\w+) arm in fact belonged to the (\w+) arm",
        text,
    )
    arms[moved[2]]["dropped_out"] -= 2
    arms[moved[3]]["dropped_out"] += 2
    start, before = find(r"with the app was ([\d.]+) at the start, not ([\d.]+\d)\.", text).groups()
    assert arms["app"]["pain_start"] == Decimal(before)
    arms["app"]["pain_start"] = Decimal(start)
    rows = []
    for name, arm in arms.items():
        completed = arm["randomised"] - arm["dropped_out"]
        percent = Decimal(100 * completed) / arm["randomised"]
        rows.append(
            {
                "arm": name,
                "completed": completed,
                "completion_percent": percent.quantize(Decimal("0.1"), ROUND_HALF_UP),
                "pain_change": arm["pain_end"] - arm["pain_start"],
            }
        )
    return sorted(rows, key=lambda row: row["pain_change"])


# extraction-10: an order

Dish: TypeAlias = tuple[str, str | None]
Orders: TypeAlias = dict[str, dict[Dish, int]]


def chat(text: str) -> list[tuple[str, str]]:
    """Who wrote what."""
    return re.findall(r"^(\w+(?: House)?): (.+)$", text.partition("\n\n")[2], re.MULTILINE)


# What each message changes: whose order ("me" is the writer), which dish, how many more.
PAD_THAI, LASSI = ("pad thai", "tofu"), ("mango lassi", None)
MEDIUM, HOT = ("green curry", "medium"), ("green curry", "hot")
ROLL, SOUP = ("spring roll", None), ("wonton soup", None)
CHANGES: dict[str, list[tuple[str, Dish, int]]] = {
    "I'm ordering at Noodle House. What does everybody want?": [],
    "pad thai with tofu, please, and a mango lassi": [("me", PAD_THAI, 1), ("me", LASSI, 1)],
    "the same food as Ravi, but no drink": [("me", PAD_THAI, 1)],
    "green curry, medium": [("me", MEDIUM, 1)],
    "two spring rolls and a wonton soup": [("me", ROLL, 2), ("me", SOUP, 1)],
    "make my lassi a ginger beer instead": [("me", LASSI, -1), ("me", ("ginger beer", None), 1)],
    "I'll take the green curry too, hot": [("me", HOT, 1)],
    "oh, then hot for me as well": [("me", MEDIUM, -1), ("me", HOT, 1)],
    "nothing for me, I brought my own": [],
    "can I add a spring roll?": [("me", ROLL, 1)],
    "I have to leave. Jo, do you want my soup?": [],
    "yes please!": [("Tim", SOUP, -1), ("me", SOUP, 1)],
    "I'll take one of Tim's spring rolls then, on top of mine": [
        ("Tim", ROLL, -1),
        ("me", ROLL, 1),
    ],
    "fine, cancel the other one": [("me", ROLL, -1)],
}


def replay(turns: Turns) -> Orders:
    """The order after the first chat: the changes of each message in turn, none left over."""
    messages = chat(turns[0])
    assert [words for _, words in messages] == list(CHANGES)
    own: Orders = defaultdict(dict)
    for who, words in messages:
        for whose, dish, more in CHANGES[words]:
            mine = own[who if whose == "me" else whose]
            mine[dish] = mine.get(dish, 0) + more
            assert mine[dish] >= 0
            if not mine[dish]:
                del mine[dish]
    return {who: own[who] for who in sorted(own) if own[who]}


def lines(dishes: dict[Dish, int]) -> list[Record]:
    """Dishes in the form that the questions ask for."""
    return [{"item": item, "option": option, "quantity": n} for (item, option), n in dishes.items()]


def final_order(turns: Turns) -> dict[str, list[Record]]:
    """Everybody's dishes."""
    return {who: lines(dishes) for who, dishes in replay(turns).items()}


def order_and_bills(turns: Turns) -> Record:
    """The order of the group after the second chat, and who pays what."""
    own, prices = replay(turns), dict[str, Decimal]()
    extra, shared = Decimal(0), False
    for who, words in chat(turns[1]):
        match (who, words.partition(":")[0]):
            case ("Noodle House", "The prices"):
                pairs = re.findall(r"([a-z ]+) (\d+\.\d\d)", words)
                prices = {dish.strip(): Decimal(price) for dish, price in pairs}
            case ("Noodle House", offer):
                extra = Decimal(find(r"make it chicken, for (\d+\.\d\d) more each", offer)[1])
            case (_, "chicken is fine"):
                own[who] = {
                    (item, "chicken" if option == "tofu" else option): n
                    for (item, option), n in own[who].items()
                }
            case (_, "not for me, I'd rather have a green curry, mild"):
                own[who]["green curry", "mild"] = own[who].pop(("pad thai", "tofu"))
            case ("Mia", "Jo's lunch is on me today"):
                shared = True
            case ("Jo", "thanks, but only half of it, I'll pay the rest!"):
                assert shared
            case _:
                pytest.fail(f"not accounted for: {who}: {words}")
    together: dict[Dish, int] = defaultdict(int)
    bills = dict.fromkeys(own, Decimal(0))
    for who, dishes in own.items():
        for (item, option), n in dishes.items():
            together[item, option] += n
            bills[who] += n * (prices[item] + (extra if option == "chicken" else 0))
    half = bills["Jo"] / 2
    bills |= {"Jo": half, "Mia": bills["Mia"] + half}
    in_order = sorted(together.items(), key=lambda dish: (dish[0][0], dish[0][1] or ""))
    return {"order": lines(dict(in_order)), "bills": bills}


Proof: TypeAlias = "Callable[[Turns], Any]"

PROOFS: dict[str, tuple[Proof, Proof]] = {
    "extraction-01": (contact, contact_corrected),
    "extraction-02": (invoice, invoice_corrected),
    "extraction-03": (tasks, open_tasks),
    "extraction-04": (matches, league_table),
    "extraction-05": (lambda turns: jobs(turns[:1]), full_time),
    "extraction-06": (lambda turns: log_errors(turns[0]), by_request),
    "extraction-07": (ingredients, scaled_up),
    "extraction-08": (flights, flights_updated),
    "extraction-09": (study, study_corrected),
    "extraction-10": (final_order, order_and_bills),
}
CASES = [(question_id, turn) for question_id in PROOFS for turn in (0, 1)]


def plain(value: Any) -> Any:
    """A value with its order of keys kept, exact numbers and moments as text."""
    if isinstance(value, dict):
        return [[key, plain(entry)] for key, entry in value.items()]
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, int | float | Decimal | Fraction):
        return Fraction(str(value))
    return value.isoformat(timespec="minutes") if isinstance(value, datetime) else value


@pytest.mark.parametrize(("question_id", "turn"), CASES)
def test_the_reference_holds_what_the_text_gives(
    questions: dict[str, dict[str, Any]],
    fenced_block: Callable[[str, str], str],
    question_id: str,
    turn: int,
) -> None:
    """The block of a reference equals what the patterns derive: values, order and extent."""
    question = questions[question_id]
    reference, derived = question["references"][turn], PROOFS[question_id][turn](question["turns"])
    if "as CSV" in question["turns"][turn]:
        stated = list(csv.reader(fenced_block(reference, "csv").splitlines()))
    else:
        stated = json.loads(fenced_block(reference, "json"))
    assert plain(stated) == plain(derived)


def test_every_extraction_question_is_proved(questions: dict[str, dict[str, Any]]) -> None:
    """No extraction question can be added without a proof for each of its two turns."""
    found = {key for key, question in questions.items() if question["category"] == "extraction"}
    assert found == set(PROOFS)
    assert all(len(questions[key]["references"]) == len(PROOFS[key]) for key in found)
