"""The command line: one function a verb. How each ends, with which exit code, is in `ending`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness import ending, keys
from evalharness.ending import FAILED, OK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.config import Settings

_STAGES = ("run", "answer", "judge", "benchmark")

_OVERRIDES = """\
overrides are Hydra's, for example:
  '+models=[vicuna-13b,alpaca-7b]'   which models (quote the brackets)
  judge=gpt-4o                       which judge
  questions=mt|general|quick|PATH    which questions; questions.limit=N for fewer
  judging=graded|pairwise|both       what is judged; chain|random|adaptive for fewer
  benchmarks=openllm_v1|TASK|DIR     standard benchmarks; benchmarks.limit=N for a part
  models.vicuna-13b.backend=openai_compatible models.vicuna-13b.base_url=http://HOST:8000/v1
  run=NAME                           the folder in results/
`python -m evalharness list models` shows what can be named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="evalharness",
        description="LLM-as-judge evaluation: which model is better, by how much, how sure are we?",
        epilog="verbs:\n"
        + "\n".join(f"  {name:8} {verb.__doc__}" for name, verb in _VERBS.items())
        + "\n\nevalharness VERB --help tells more",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="evalharness VERB [...]",
    )
    parser.add_argument("verb", choices=list(_VERBS), metavar="VERB", help=argparse.SUPPRESS)
    verb = parser.parse_args(arguments[:1]).verb
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # the bars that libraries draw

    def command() -> int:
        keys.load_env_file(Path.cwd())
        return _VERBS[verb](arguments[1:])

    return ending.code_of(command)


def _run(arguments: Sequence[str]) -> int:
    """Answers, judgments, benchmarks, leaderboard and report; the same command resumes."""
    return _work("run", arguments, ("answer", "judge", "benchmark"))


def _answer(arguments: Sequence[str]) -> int:
    """The answers of a run only."""
    return _work("answer", arguments, ("answer",))


def _judge(arguments: Sequence[str]) -> int:
    """The judgments of a run only, over the answers that are there."""
    return _work("judge", arguments, ("judge",))


def _benchmark(arguments: Sequence[str]) -> int:
    """The standard benchmarks of a run only; without benchmarks=NAME a small embedded one."""
    return _work("benchmark", arguments, ("benchmark",))


def _plan(arguments: Sequence[str]) -> int:
    """What a run would do, and what is missing for it; calls nothing."""
    from evalharness import drifting, planning, wanting

    if drifting.is_asked_for(arguments):
        return drifting.main(_parser("plan", _plan), arguments, only_plan=True)
    settings = _settings("plan", arguments)
    if settings is None:
        return OK
    spec, records = settings.run, settings.records()
    missing = planning.missing_where(spec, settings.engine)
    lines = planning.describe(spec, records)
    ending.tell((*lines, *wanting.describe(spec, records, settings.wanted)))
    ending.tell(f"missing   {name}: {reason}" for name, reason in missing.items())
    return FAILED if missing else OK


def _audit(arguments: Sequence[str]) -> int:
    """The judge's health card: its habits in a run, and probes whose right result is known."""
    from evalharness import drifting, health, running

    if drifting.is_asked_for(arguments):
        return drifting.main(_parser("audit", _audit), arguments, only_plan=False)
    settings = _settings("audit", arguments)
    if settings is None:
        return OK

    audited = running.audit(settings)
    ending.tell(health.lines(audited.card))
    ending.warn(audited.problems)
    _say_where(settings.folder)
    if audited.interrupted:
        raise KeyboardInterrupt
    return FAILED if audited.problems else OK


def _report(arguments: Sequence[str]) -> int:
    """Leaderboard and page again from a run's files, or from several runs'; calls no model."""
    from evalharness import publishing

    given = publishing.parse(_parser("report", _report), arguments)
    folders = [_run_folder(run) for run in given.runs]
    _say_where(publishing.report(folders, given.to, publishing.corpus_of(given)))
    return OK


def _compare(arguments: Sequence[str]) -> int:
    """Whether a model is worse than another in a run: exit code 0 no, 1 yes, 3 cannot tell."""
    from evalharness import comparing

    given = comparing.parse(_parser("compare", _compare), arguments)
    said, code = comparing.compare(_run_folder(given.run), given)
    ending.tell(said)
    return code


def _import(arguments: Sequence[str]) -> int:
    """Other tools' files into a run: answers, judgments, votes, labels; or a whole `bundle`."""
    parser = _parser("import", _import)
    _add_format(parser, "bundle")
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    parser.add_argument("--run", required=True, help="a run's folder, or its name in results/")
    given = parser.parse_intermixed_args(arguments)
    from evalharness import importing

    folder = _run_folder(given.run)
    command = shlex.join(["python", "-m", "evalharness", "import", *arguments])
    ending.warn(importing.import_files(given.format, given.paths, folder, command))
    _say_where(folder)
    return OK


def _export(arguments: Sequence[str]) -> int:
    """A run as other tools' files, or as a `bundle` that others can verify."""
    parser = _parser("export", _export)
    _add_format(parser, "bundle")
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name in results/")
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="where files go")
    given = parser.parse_intermixed_args(arguments)
    from evalharness import exporting

    ending.tell(map(str, exporting.export_files(given.format, _run_folder(given.run), given.to)))
    return OK


def _cache(arguments: Sequence[str]) -> int:
    """The completions kept between runs: how many, how large; drops old ones."""
    from evalharness import caching

    ending.tell(caching.tend(_parser("cache", _cache), arguments))
    return OK


def _verify(arguments: Sequence[str]) -> int:
    """Whether a bundle's figures follow from what it holds: hashes, replies, tables; offline."""
    from evalharness import verifying

    return verifying.main(_parser("verify", _verify), arguments)


def _prompt(arguments: Sequence[str]) -> int:
    """The exact prompt that a model would be sent after these alternating turns."""
    from evalharness import prompting

    parser = _parser("prompt", _prompt)
    _add_config_dir(parser)
    sys.stdout.write(prompting.prompt(parser, arguments))
    if sys.stdout.isatty():
        print()
    return OK


def _list(arguments: Sequence[str]) -> int:
    """What can be named in overrides: models, judges, prompts, questions, benchmarks."""
    parser = _parser("list", _list)
    parser.add_argument("what", choices=["models", "judges", "prompts", "questions", "benchmarks"])
    _add_config_dir(parser)
    given = parser.parse_intermixed_args(arguments)
    from evalharness.config import choices, headline

    group = "judge" if given.what == "judges" else given.what
    for name in choices(group, given.config_dir):
        print(f"{name:32} {headline(group, name, given.config_dir)}".rstrip())
    return OK


_VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "run": _run,
    "answer": _answer,
    "judge": _judge,
    "benchmark": _benchmark,
    "plan": _plan,
    "audit": _audit,
    "report": _report,
    "compare": _compare,
    "import": _import,
    "export": _export,
    "verify": _verify,
    "cache": _cache,
    "prompt": _prompt,
    "list": _list,
}


def _work(verb: str, arguments: Sequence[str], stages: Sequence[str]) -> int:
    """Do stages of a run, and publish what there is, also after an interrupt."""
    from evalharness import sweeping

    command = shlex.join(["python", "-m", "evalharness", verb, *arguments])
    left = sweeping.launched(arguments, stages)
    settings = _settings(verb, left.arguments)
    if settings is None:
        return OK
    from evalharness import running

    outcome = running.work(settings, left.stages, command, say=lambda line: ending.warn([line]))
    problems = (*left.problems, *outcome.problems)
    ending.tell(outcome.finding.splitlines())
    ending.warn(problems)
    _say_where(settings.folder)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return FAILED if problems else OK


def _settings(verb: str, arguments: Sequence[str]) -> Settings | None:
    """Return what the overrides make, or None when they were only to be shown."""
    parser = _parser(verb, _VERBS[verb])
    parser.epilog = _OVERRIDES
    parser.add_argument("overrides", metavar="KEY=VALUE", nargs="*")
    parser.add_argument("--cfg", action="store_true", help="show the configuration, do nothing")
    if verb in ("audit", "plan"):
        parser.add_argument("--against", metavar="RUN", help="have RUN's judges changed since?")
    if verb in _STAGES:
        asking_again = "ask for what failed, and nothing else"
        parser.add_argument("--retry-failed", action="store_true", help=asking_again)
        parser.add_argument("-m", "--multirun", action="store_true", help="one job a model")
    _add_config_dir(parser)
    given = parser.parse_intermixed_args(arguments)
    from evalharness import config

    overrides = config.with_defaults(given.overrides, verb)
    if given.cfg:
        import yaml

        tree = config.compose(overrides, given.config_dir)
        print(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), end="")
        return None
    settings = config.load(overrides, given.config_dir)
    return replace(settings, retry_failed=getattr(given, "retry_failed", False))


def _parser(verb: str, function: Callable[[Sequence[str]], int]) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"evalharness {verb}",
        description=function.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    from evalharness import formats

    parser.add_argument("format", metavar="FORMAT", help=", ".join((*formats.names(), *more)))


def _add_config_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config-dir", type=Path, metavar="DIR", help="models, judges, ... of your own"
    )


def _run_folder(name: str) -> Path:
    """Return a run's folder from its path, or from its name in results/ (data may be called so)."""
    path = Path(name)
    return path if "/" in name or (path / "config.yaml").is_file() else Path("results") / name


def _say_where(folder: Path) -> None:
    ending.tell([f"report: {folder / 'report.html'}"])
