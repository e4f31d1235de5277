"""What is fuzzed: functions that take any bytes and may raise errors of evalharness alone.

An input of a target with several files begins with the name of one of them and a line feed; the other files are
the target's own.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import foreign_files
import msgspec
from endpoint_model import model, request
from fuzzed_replies import BATCH, COMPLETION, LISTING, REFUSALS, RESPONSE

from evalharness.analysis import build_leaderboard
from evalharness.backends import Scrubber
from evalharness.backends.openai.batch_api import BatchApi, BatchReply
from evalharness.backends.openai.connection import ServerConnection
from evalharness.backends.openai.replies.limits import decode_reply
from evalharness.backends.openai.replies.reader import choose_reader
from evalharness.backends.openai.served_models import _read_names
from evalharness.config import load_settings
from evalharness.config.trust.env_file import _read_text
from evalharness.errors import EvalHarnessError
from evalharness.exchange import unpack_bundle
from evalharness.formats import find_format
from evalharness.judge import collect_battles
from evalharness.judge.reply_json import read_score_from_json, read_verdict_from_json
from evalharness.judge.reply_text import read_score_from_text, read_verdict_from_text
from evalharness.report.page.markdown import render_markdown
from evalharness.report.page.mathml import render_mathml
from evalharness.store import read_run
from evalharness.store.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
URL = "http://127.0.0.1:1/v1"
_OWN_ERRORS = (EvalHarnessError, msgspec.MsgspecError, UnicodeDecodeError)
_WIRE_ERRORS = (*_OWN_ERRORS, RecursionError)  # what readers of batches pass over
_RUN_FILES = ("config.yaml", "manifest.json", "questions.jsonl", "answers.jsonl", "judgments.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader of foreign bytes.

    Attributes:
        seeds: inputs that it accepts, from which others are made.
        run: reads an input; an error of evalharness is a right answer, any other a finding.
    """

    seeds: tuple[bytes, ...]
    run: Callable[[bytes], object]


def list_targets() -> dict[str, Target]:
    """Return the targets by name."""
    return {
        "reply-text": Target(seeds=_REPLIES, run=_read_reply_text),
        "reply-json": Target(seeds=_JSON_REPLIES, run=_read_reply_json),
        "wire-chat": Target(seeds=(_encode(COMPLETION),), run=partial(_read_wire, "chat")),
        "wire-text": Target(seeds=(_encode(COMPLETION),), run=partial(_read_wire, "completions")),
        "wire-responses": Target(seeds=(_encode(RESPONSE),), run=partial(_read_wire, "responses")),
        "wire-refusal": Target(seeds=tuple(map(_encode, REFUSALS)), run=_read_refusal),
        "wire-models": Target(seeds=(_encode(LISTING),), run=_read_models),
        "wire-batch": Target(seeds=(_encode(BATCH),), run=_read_batch_line),
        "markdown": Target(seeds=_MARKDOWN, run=lambda data: render_markdown(_text(data))),
        "latex": Target(seeds=_LATEX, run=_render_latex),
        "yaml": Target(
            seeds=(_encode_run_file("config.yaml").partition(b"\n")[2],), run=_read_yaml
        ),
        "env": Target(seeds=(b"OPENAI_API_KEY=sk-1\nA='b c'\nexport B=${A}\n",), run=_read_env),
        "override": Target(seeds=_OVERRIDES, run=_read_override),
        "bundle": Target(seeds=(_make_bundle(),), run=_read_bundle),
        "run-folder": Target(seeds=tuple(map(_encode_run_file, _RUN_FILES)), run=_read_run_file),
        **{f"import-{name}": _make_import_target(name, files) for name, files in _FORMATS.items()},
    }


_FORMATS = {
    "mt-bench": foreign_files.MT_BENCH,
    "vicuna-reviews": foreign_files.VICUNA_REVIEWS,
    "alpaca-eval": foreign_files.ALPACA_EVAL,
    "arena-hard": foreign_files.ARENA_HARD,
    "arena-battles": foreign_files.ARENA_BATTLES,
    "evalica": foreign_files.EVALICA,
    "llmbar": foreign_files.LLMBAR,
    "judgebench": foreign_files.JUDGEBENCH,
    "labels": foreign_files.LABELS,
}
_REPLIES = tuple(
    text.encode()
    for text in (
        "Both are good. Rating: [[7]]",
        "Answer A is better. [[A]]",
        "My verdict is [[A>>B]], not [[B]].\n\n```\n[[C]]\n```",
        "**Rating**: 8/10\n> Rating: [[3]]\n<think>[[1]]</think>",
        "Score: 9 out of 10. tie",
    )
)
_JSON_REPLIES = (
    b'{"reasons": "Good.", "score": 7}',
    b'```json\n{"reasons": "A wins.", "verdict": "A"}\n```',
    b'{"verdict": "A>>B", "verdict": "tie"} {"score": 1e1}',
)
_MARKDOWN = (
    b"# A\n\n- a\n  1. b\n\n| a | b |\n|---|:-:|\n| `c` | **d** |\n\n> e [f](http://g.h) ![i](j)\n",
    b"Text with $a^2$ and \\(\\frac{1}{2}\\) and $$\\sum_{i=1}^n x_i$$ and <b>html</b> &amp; *x*\n",
    b"```python\nprint('a')\n```\n\n~~~\nb\n~~~\n\n---\n\nhttp://a.b/c_d [x]: http://y 'z'\n",
)
_LATEX = (
    b"\\frac{a}{\\sqrt[3]{b}} \\le \\sum_{i=0}^{n} x_i^2",
    b"\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix} \\mathbb{R} \\left( x \\right]",
    b"\\text{if } x \\neq 0 \\quad \\overline{AB} \\hat{y}_{1,2}'",
)
_OVERRIDES = (
    b"models=[vicuna-13b,openai/gpt-6-luna]",
    b"run=abc",
    b"judge.model.sampling.temperature=0.5",
    b"questions.categories=[math,'writing']",
    b"models=['vicuna-13b?temperature=0.2']",
    b"judge.model.extra_body={a: [1, {b: c}]}",
)


def _encode(content: object) -> bytes:
    return json.dumps(content).encode()


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _read_reply_text(data: bytes) -> None:
    read_score_from_text(_text(data), "length" if len(data) % 2 else "stop")
    read_verdict_from_text(_text(data), "length" if len(data) % 2 else "stop")


def _read_reply_json(data: bytes) -> None:
    read_score_from_json(_text(data))
    read_verdict_from_json(_text(data))


def _read_wire(endpoint: str, data: bytes) -> None:
    template = "{% for message in messages %}{{ message.content }}{% endfor %}"
    read = choose_reader(model(URL, endpoint=endpoint, template=template), Scrubber())
    for each in (request(), request(options=("1", "8", "10"))):
        with suppress(*_OWN_ERRORS):
            assert isinstance(read(data, each).text, str)


def _read_refusal(data: bytes) -> None:
    error = ServerConnection(model(URL), "12345678").refusal(400, {}, data)
    assert len(str(error)) < 1000


def _read_models(data: bytes) -> None:
    with suppress(*_OWN_ERRORS):
        _read_names(decode_reply(data))


def _read_batch_line(data: bytes) -> None:
    api = BatchApi(model(URL), URL, proxy=None, key="12345678")
    with suppress(*_WIRE_ERRORS):
        api.completion(msgspec.json.decode(data, type=BatchReply), request())


def _render_latex(data: bytes) -> None:
    render_mathml(_text(data), is_block=True)


def _read_yaml(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(*_OWN_ERRORS):
        path = Path(folder, "a.yaml")
        path.write_bytes(data)
        read_yaml(path)


def _read_env(data: bytes) -> None:
    from dotenv import dotenv_values

    with tempfile.TemporaryDirectory() as folder, suppress(*_OWN_ERRORS):
        path = Path(folder, ".env")
        path.write_bytes(data)
        dotenv_values(stream=io.StringIO(_read_text(path)), interpolate=False)


def _read_override(data: bytes) -> None:
    if max(map(len, data.split(b"/"))) < 200:  # longer ones are no names of files
        with suppress(*_OWN_ERRORS):
            load_settings([_text(data)])


def _make_bundle() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("config.yaml", "questions.jsonl"):
            archive.write(EXAMPLE / name, name)
        contents = {"format": 2, "run": "a", "versions": {}, "files": {}, "signature": ""}
        archive.writestr("bundle.json", json.dumps(contents))
    return content.getvalue()


def _read_bundle(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(*_OWN_ERRORS):
        path = Path(folder, "a.zip")
        path.write_bytes(data)
        list(unpack_bundle(path, Path(folder, "unpacked")).changes())


def _encode_run_file(name: str) -> bytes:
    lines = (EXAMPLE / name).read_bytes().splitlines(keepends=True)
    return name.encode() + b"\n" + b"".join(lines if name.endswith(("yaml", "json")) else lines[:3])


def _read_run_file(data: bytes) -> None:
    name, _, content = data.partition(b"\n")
    with tempfile.TemporaryDirectory() as folder, suppress(*_OWN_ERRORS):
        for own in _RUN_FILES:
            shutil.copy(EXAMPLE / own, folder)
        if _text(name) in _RUN_FILES:
            Path(folder, _text(name)).write_bytes(content)
        records = read_run(Path(folder))
        build_leaderboard(records, collect_battles(records))


def _make_import_target(name: str, files: Mapping[str, foreign_files.Rows | str]) -> Target:
    contents = {
        path: foreign_files.encode_rows(path, rows).encode() for path, rows in files.items()
    }

    def run(data: bytes) -> None:
        changed, _, content = data.partition(b"\n")
        with tempfile.TemporaryDirectory() as folder, suppress(*_OWN_ERRORS):
            for path, own in contents.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content if path == _text(changed) else own)
            find_format(name).read_files([Path(folder)])

    return Target(
        seeds=tuple(path.encode() + b"\n" + content for path, content in contents.items()), run=run
    )
