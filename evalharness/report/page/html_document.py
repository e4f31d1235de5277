"""The page: its sections in order, its style and script, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import importlib
import pkgutil
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol, cast

from markupsafe import Markup

from evalharness.report.page import sections
from evalharness.report.page.embedded_json import compress_json, escape_script_json
from evalharness.report.page.page_data import PageData, collect_page_data
from evalharness.report.page.question_json import (
    build_answers_json,
    build_games_json,
    build_page_json,
    make_prompt_patterns,
)
from evalharness.report.page.question_records import group_by_question
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import DriftReport, FlagReport, HealthCard, Leaderboard
    from evalharness.domain import Battle, RunRecords

_SURROGATE = re.compile("[\ud800-\udfff]")
_STYLE_FILES = ("base", "tables", "plots", "questions", "labelling", "narrow", "print")
_SCRIPT_FILES = (
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

    def render(self, facts: PageData) -> str:
        """Return the section's HTML, or nothing when the run has nothing to show there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _RenderedSection:
    name: str
    title: str
    body: str


def render_page(
    records: RunRecords,
    battles: Sequence[Battle],
    leaderboard: Leaderboard,
    health: HealthCard | None = None,
    drift: DriftReport | None = None,
    flags: FlagReport | None = None,
) -> str:
    """Return the report of a run as one HTML page that needs nothing else.

    The page carries a hash of its own style and script in its content security policy: whatever a
    model's answer may smuggle in, a browser neither runs nor loads it.
    """
    facts = collect_page_data(records, battles, leaderboard, health, drift, flags)
    style = "".join(_read_asset(f"style/{name}.css") for name in _STYLE_FILES)
    parts = "".join(_read_asset(f"script/{name}.js") for name in _SCRIPT_FILES)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    told = make_prompt_patterns(facts)
    page = fill_template(
        "page",
        facts=facts,
        parts=_render_sections(facts),
        told=Markup(escape_script_json(build_page_json(facts, told))),  # noqa: S704 - no text can end it
        packed=[
            (
                compress_json(build_answers_json(facts, told, each)),
                compress_json(build_games_json(facts, told, each)),
            )
            for each in group_by_question(facts)
        ],
        style=Markup(style),  # noqa: S704 - files of ours
        script=Markup(script),  # noqa: S704 - files of ours
        policy=(
            f"default-src 'none'; style-src '{_csp_hash(style)}'; script-src '{_csp_hash(script)}'; "
            "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
        ),
    )
    # Half a surrogate pair, which JSON can carry, has no place in a file.
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", page)


def _render_sections(facts: PageData) -> list[_RenderedSection]:
    found = [
        cast("Section", importlib.import_module(each.name))
        for each in pkgutil.walk_packages(sections.__path__, f"{sections.__name__}.")
        if not each.ispkg
    ]
    modules = {getattr(each, "ADDRESS", _last_part(each)): each for each in found}
    parts = [
        _RenderedSection(name=name, title=module.TITLE, body=module.render(facts))
        for name, module in sorted(modules.items(), key=lambda item: item[1].PLACE)
    ]
    return [part for part in parts if part.body]


def _last_part(module: Any) -> str:
    return str(module.__name__).rpartition(".")[2]


def _read_asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
