"""The page: its sections in order, its style and script, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import importlib
import pkgutil
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol, cast

from markupsafe import Markup

from evalharness.report import bodies, sections
from evalharness.report.dossiers import dossiers
from evalharness.report.facts import Facts, gather
from evalharness.report.packing import in_script, pack
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.flags import Flags
    from evalharness.health import Drift, HealthCard
    from evalharness.leaderboard import Leaderboard

_SURROGATE = re.compile("[\ud800-\udfff]")
_STYLES = ("base", "tables", "plots", "questions", "labelling", "narrow", "print")
_SCRIPTS = (
    "base",
    "theme",
    "tables",
    "tips",
    "plots",
    "packed",
    "difference",
    "question",
    "browse",
    "labelling",
)


class Section(Protocol):
    """What a module in `sections` offers; its name is the section's address on the page."""

    PLACE: int
    TITLE: str

    def render(self, facts: Facts) -> str:
        """Return the section's HTML, or nothing when the run has nothing to show there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    name: str
    title: str
    body: str


def render(
    records: RunRecords,
    battles: Sequence[Battle],
    leaderboard: Leaderboard,
    health: HealthCard | None = None,
    drift: Drift | None = None,
    flags: Flags | None = None,
) -> str:
    """Return the report of a run as one HTML page that needs nothing else.

    The page carries a hash of its own style and script in its content security policy: whatever a
    model's answer may smuggle in, a browser neither runs nor loads it.
    """
    facts = gather(records, battles, leaderboard, health, drift, flags)
    style = "".join(_asset(f"style/{name}.css") for name in _STYLES)
    parts = "".join(_asset(f"script/{name}.js") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    told = bodies.asked_of(facts)
    page = fill(
        "page",
        facts=facts,
        parts=_parts(facts),
        told=Markup(in_script(bodies.told_of(facts, told))),  # noqa: S704 - no text can end it
        packed=[
            (pack(bodies.answers_of(facts, told, each)), pack(bodies.games_of(facts, told, each)))
            for each in dossiers(facts)
        ],
        style=Markup(style),  # noqa: S704 - files of ours
        script=Markup(script),  # noqa: S704 - files of ours
        policy=(
            f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
        ),
    )
    # Half a surrogate pair, which JSON can carry, has no place in a file.
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", page)


def _parts(facts: Facts) -> list[_Part]:
    modules = {
        found.name: cast("Section", importlib.import_module(f"{sections.__name__}.{found.name}"))
        for found in pkgutil.iter_modules(sections.__path__)
    }
    parts = [
        _Part(name=name, title=module.TITLE, body=module.render(facts))
        for name, module in sorted(modules.items(), key=lambda item: item[1].PLACE)
    ]
    return [part for part in parts if part.body]


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
