"""The reference pages list every verb, option, setting, file and column, and no other."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml
from builders import a_run
from omegaconf import MISSING

from evalharness.analysis import LeaderboardRow
from evalharness.cli import (
    FAILED,
    INTERRUPTED,
    OK,
    OUTPUT_CLOSED,
    REFUSED,
    UNEXPECTED,
    main,
)
from evalharness.cli.app import VERBS
from evalharness.cli.compare import EXIT_CODES
from evalharness.config import ModelConf, compose_config, model_schema, schema
from evalharness.config.model_schema import (
    CategorySamplingConf,
    CommonModelConf,
    PricesConf,
    SamplingConf,
    TemplateLimitsConf,
)
from evalharness.config.schema import (
    AuditConf,
    BenchmarkConf,
    BenchmarksConf,
    BudgetConf,
    ContaminationConf,
    DriftCheckConf,
    EngineConf,
    JudgeConf,
    JudgeSamplingConf,
    JudgingConf,
    PlanConf,
    PromptConf,
    QuestionsConf,
    RootConf,
    ThresholdsConf,
)
from evalharness.domain import (
    Answer,
    AnswerTurn,
    BenchmarkScore,
    Failure,
    GradedJudgment,
    PairwiseJudgment,
    Question,
    RunRecords,
    Vote,
)
from evalharness.report import Run

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = DOCS / "reference"
SETTINGS = {
    "The run": RootConf,
    "A model": ModelConf,
    "Sampling": SamplingConf,
    "Prices": PricesConf,
    "Template limits": TemplateLimitsConf,
    "A judge": JudgeConf,
    "A judge's sampling": JudgeSamplingConf,
    "A judge prompt": PromptConf,
    "Questions": QuestionsConf,
    "Judging": JudgingConf,
    "Benchmarks": BenchmarksConf,
    "A member of a suite": BenchmarkConf,
    "Engine": EngineConf,
    "Budget": BudgetConf,
    "Plan": PlanConf,
    "Contamination": ContaminationConf,
    "Audit": AuditConf,
    "Against": DriftCheckConf,
    "Thresholds": ThresholdsConf,
}
RECORDS = {
    "questions.jsonl": Question,
    "answers.jsonl": Answer,
    "A turn": AnswerTurn,
    "graded": GradedJudgment,
    "pairwise": PairwiseJudgment,
    "votes.jsonl": Vote,
    "failures.jsonl": Failure,
    "benchmarks.jsonl": BenchmarkScore,
    "leaderboard.json": LeaderboardRow,
}
FRAMES = [
    "answers",
    "judgments",
    "battles",
    "votes",
    "leaderboard",
    "health",
    "agreement",
    "corrected",
    "corrections",
    "benchmarks",
    "failures",
]


def _sections(page):
    """Return the text of each section of a page, by its heading."""
    parts = re.split(r"^#{2,3} (.+)$", (PAGES / page).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _rows(section):
    """Yield the cells of each row of the first table in a section, without the header."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line[1:-1].split("|")]


def _code(cell):
    return re.findall(r"`([^`]*)`", cell)


def _names(section):
    return [name for cells in _rows(section) for name in _code(cells[0])]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_has_its_place(verb, capsys):
    """The page explains every option in `--help`, and no option that was removed."""
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    listed = re.findall(r"^  (-.+?)(?:  |$)", capsys.readouterr().out, flags=re.MULTILINE)
    offered = {word for names in listed for word in names.split() if word.startswith("-")}
    offered = {word.strip(",") for word in offered}

    explained = _sections("command-line.md")[verb]

    told = {word for code in _code(explained) for word in code.split() if word.startswith("-")}
    assert told == offered - {"-h", "--help"}


def test_the_exit_codes_are_the_programs():
    """Scripts rely on them."""
    section = _sections("command-line.md")["Exit codes"]
    undecided = EXIT_CODES["cannot tell"]

    assert [int(cells[0]) for cells in _rows(section)] == [
        *(OK, FAILED, REFUSED, undecided),
        *(UNEXPECTED, INTERRUPTED, OUTPUT_CLOSED),
    ]


def _shown(value):
    if isinstance(value, str):
        return {MISSING: "required", "": '""'}.get(value, value)
    return yaml.safe_dump(value, default_flow_style=True).split("\n")[0]


def _defaults(record):
    """Return the default values; some of them are in `conf/config.yaml`."""
    tree = compose_config(["models=[vicuna-13b]"])
    filled = {ThresholdsConf: tree["audit"]["thresholds"]}
    values = vars(record()) | filled.get(record, {})
    return {
        name: "" if hasattr(value, "__dataclass_fields__") else _shown(value)
        for name, value in values.items()
    }


@pytest.mark.parametrize(("heading", "record"), SETTINGS.items(), ids=list(SETTINGS))
def test_every_setting_is_listed_with_its_default(heading, record):
    """A new setting, or a new default, is documented."""
    expected = _defaults(record)
    if record is RootConf:
        expected = {name: value for name, value in expected.items() if value}
        del expected["models"]

    listed = {}
    for names, default, _ in _rows(_sections("configuration.md")[heading]):
        defaults = _code(default) or [default]
        listed |= dict(zip(_code(names), defaults, strict=True))

    assert listed == expected


def test_every_part_of_the_schema_has_its_table():
    """What a category may have of its own is said with the sampling."""
    defined = [*vars(schema).values(), *vars(model_schema).values()]
    parts = {value for value in defined if is_dataclass(value) and isinstance(value, type)}

    assert parts - {CategorySamplingConf, CommonModelConf} == set(SETTINGS.values())


_SETTINGS_OF_A_PLUGIN = {"models.vicuna-13b.times"}
"""Declared by the backend that a reader of `backends.md` writes."""

_FREE = {"models": ModelConf, "panel": JudgeConf, "prompts": PromptConf}
"""By setting: what stands under names of one's own there."""


def _exists(path):
    """Return whether the key of an override is a setting; for `group@place`, whether both are."""
    group, _, place = path.rpartition("@")
    if group:
        return (ROOT / "conf" / group).is_dir() and _exists(place)
    record = RootConf
    parts = iter(path.split("."))
    for part in parts:
        if not is_dataclass(record) or part not in {field.name for field in fields(record)}:
            return False
        value = vars(record())[part]
        record = type(value)
        if isinstance(value, dict):
            next(parts, None)
            record = _FREE.get(part, BenchmarkConf if part == "tasks" else None)
            if record is None:
                return True
    return True


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))]
)
def test_settings_that_a_page_names_exist(page):
    """No page uses the old name of a setting that was renamed."""
    text = (ROOT / page).read_text()
    code = re.findall(r"```(?:bash|console)\n.*?```|`[^`\n]+`", text, flags=re.DOTALL)
    keys = re.findall(r"(?<![\w./@-])([a-z_]+(?:[.@][\w-]+)*)=(?=[^=\s])", "\n".join(code))
    roots = {field.name for field in fields(RootConf)} | {"prompts"}

    settings = [key for key in keys if re.split("[.@]", key)[0] in roots and "FIELD" not in key]
    settings = [key for key in settings if key not in _SETTINGS_OF_A_PLUGIN]

    assert [key for key in settings if not _exists(key)] == []


@pytest.mark.parametrize(("heading", "record"), RECORDS.items(), ids=list(RECORDS))
def test_every_field_of_a_file_is_listed(heading, record):
    """Scripts read these files."""
    names = _names(_sections("run-folder.md")[heading])

    assert sorted(names) == sorted(field.name for field in fields(record))


def test_the_fields_of_the_manifest_are_listed():
    """As in the committed run."""
    manifest = json.loads((ROOT / "results/example/manifest.json").read_text())

    assert set(_names(_sections("run-folder.md")["manifest.json"])) == set(manifest)


def test_every_file_of_a_run_is_listed():
    """As in the committed run."""
    table = (PAGES / "run-folder.md").read_text().split("## questions.jsonl")[0]
    listed = {name for cells in _rows(table) for name in _code(cells[0])}

    assert {path.name for path in (ROOT / "results/example").iterdir()} - {".lock"} <= listed


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("records", [RunRecords(name="empty"), a_run(2, 4)], ids=["empty", "run"])
def test_a_data_frame_has_the_columns_that_its_docstring_names(name, records):
    """Also if it has no rows, so that a notebook of one run works with another run."""
    text = getattr(Run, name).__doc__.partition("Columns:")[2]
    while "(" in text:
        text = re.sub(r"\([^()]*\)", "", text)

    assert list(getattr(Run(records), name).columns) == _code(text)
