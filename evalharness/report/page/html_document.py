"""Assemble the page: its sections in order, style, script and content security policy."""

from __future__ import annotations

import base64
import hashlib
import importlib
import pkgutil
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, cast

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
    from evalharness.report.page.section import Section

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
    """Return the report of a run as one self-contained HTML page.

    The content security policy of the page allows only its own style and script, by their hashes.
    A browser neither runs nor loads anything that a model's answer contains.

    Args:
        records: the run.
        battles: its settled games and its votes.
        leaderboard: its leaderboard.
        health: the health card of its judges.
        drift: the drift report of its judges.
        flags: the flags on its answers.
    """
    data = collect_page_data(records, battles, leaderboard, health, drift, flags)
    style = "".join(_read_asset(f"style/{name}.css") for name in _STYLE_FILES)
    parts = "".join(_read_asset(f"script/{name}.js") for name in _SCRIPT_FILES)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    prompts = make_prompt_patterns(data)
    page = fill_template(
        "page",
        data=data,
        parts=_render_sections(data),
        page_json=Markup(escape_script_json(build_page_json(data, prompts))),  # noqa: S704 - no text can end it
        packed=[
            (
                compress_json(build_answers_json(data, prompts, each)),
                compress_json(build_games_json(data, prompts, each)),
            )
            for each in group_by_question(data)
        ],
        style=Markup(style),  # noqa: S704 - files of ours
        script=Markup(script),  # noqa: S704 - files of ours
        policy=(
            f"default-src 'none'; style-src '{_csp_hash(style)}'; script-src '{_csp_hash(script)}'; "
            "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
        ),
    )
    # JSON can carry a lone surrogate, but a UTF-8 file cannot.
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", page)


def list_sections() -> list[Section]:
    """Return the sections of all modules in `sections`, from the top of the page down."""
    names = [
        each.name
        for each in pkgutil.walk_packages(sections.__path__, f"{sections.__name__}.")
        if not each.ispkg
    ]
    found = [cast("Section", importlib.import_module(name).SECTION) for name in names]
    return sorted(found, key=lambda section: (section.place, section.address))


def _render_sections(data: PageData) -> list[_RenderedSection]:
    rendered = [
        _RenderedSection(name=each.address, title=each.title, body=each.render(data))
        for each in list_sections()
    ]
    return [each for each in rendered if each.body]


def _read_asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
