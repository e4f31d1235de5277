"""The command line: one function a verb. How each ends, with which exit code, is in `ending`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.terminal.exit_codes import (
    FAILED,
    OK,
    exit_code_of,
    print_lines,
    print_problems,
)
from evalharness.config import load_env_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.config import Settings

_STAGES = ("run", "answer", "judge", "benchmark")

_OVERRIDES_HELP = """\
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
        load_env_file(Path.cwd())
        return _VERBS[verb](arguments[1:])

    return exit_code_of(command)


def _run(arguments: Sequence[str]) -> int:
    """Answers, judgments, benchmarks, leaderboard and report; the same command resumes."""
    return _run_stages("run", arguments, ("answer", "judge", "benchmark"))


def _answer(arguments: Sequence[str]) -> int:
    """The answers of a run only."""
    return _run_stages("answer", arguments, ("answer",))


def _judge(arguments: Sequence[str]) -> int:
    """The judgments of a run only, over the answers that are there."""
    return _run_stages("judge", arguments, ("judge",))


def _benchmark(arguments: Sequence[str]) -> int:
    """The standard benchmarks of a run only; without benchmarks=NAME a small embedded one."""
    return _run_stages("benchmark", arguments, ("benchmark",))


def _plan(arguments: Sequence[str]) -> int:
    """What a run would do, and what is missing for it; calls nothing."""
    from evalharness.cli.drift import names_drift_check, run_drift_command
    from evalharness.planner import describe_plan, describe_sample_sizes, find_missing_on_engine

    if names_drift_check(arguments):
        return run_drift_command(_verb_parser("plan", _plan), arguments, only_plan=True)
    settings = _load_settings("plan", arguments)
    if settings is None:
        return OK
    spec, records = settings.run, settings.records()
    missing = find_missing_on_engine(spec, settings.engine)
    lines = describe_plan(spec, records)
    print_lines((*lines, *describe_sample_sizes(spec, records, settings.wanted)))
    print_lines(f"missing   {name}: {reason}" for name, reason in missing.items())
    return FAILED if missing else OK


def _audit(arguments: Sequence[str]) -> int:
    """The judge's health card: its habits in a run, and probes whose right result is known."""
    from evalharness.analysis import format_health_card
    from evalharness.cli.drift import names_drift_check, run_drift_command
    from evalharness.cli.terminal.frontend import make_frontend
    from evalharness.runner import audit_judges

    if names_drift_check(arguments):
        return run_drift_command(_verb_parser("audit", _audit), arguments, only_plan=False)
    settings = _load_settings("audit", arguments)
    if settings is None:
        return OK

    audited = audit_judges(settings, frontend=make_frontend())
    print_lines(format_health_card(audited.card))
    print_problems(audited.problems)
    _print_report_path(settings.folder)
    if audited.interrupted:
        raise KeyboardInterrupt
    return FAILED if audited.problems else OK


def _report(arguments: Sequence[str]) -> int:
    """Leaderboard and page again from a run's files, or from several runs'; calls no model."""
    from evalharness.cli.report import run_report_command

    parser = _verb_parser("report", _report)
    _print_report_path(run_report_command(parser, arguments, _resolve_run_folder))
    return OK


def _compare(arguments: Sequence[str]) -> int:
    """Whether a model is worse than another in a run: exit code 0 no, 1 yes, 3 cannot tell."""
    from evalharness.cli.compare import run_compare_command

    return run_compare_command(_verb_parser("compare", _compare), arguments, _resolve_run_folder)


def _import(arguments: Sequence[str]) -> int:
    """Other tools' files into a run: answers, judgments, votes, labels; or a whole `bundle`."""
    parser = _verb_parser("import", _import)
    _add_format(parser, "bundle")
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="files or folders")
    parser.add_argument("--run", required=True, help="a run's folder, or its name in results/")
    given = parser.parse_intermixed_args(arguments)
    from evalharness.exchange import import_run_files

    folder = _resolve_run_folder(given.run)
    command = shlex.join(["python", "-m", "evalharness", "import", *arguments])
    outcome = import_run_files(given.format, given.paths, folder, command)
    print_problems((*outcome.warnings, *outcome.cautions))
    _print_report_path(folder)
    return OK


def _export(arguments: Sequence[str]) -> int:
    """A run as other tools' files, or as a `bundle` that others can verify."""
    parser = _verb_parser("export", _export)
    _add_format(parser, "bundle")
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name in results/")
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="where files go")
    given = parser.parse_intermixed_args(arguments)
    from evalharness.exchange import export_run_files

    print_lines(map(str, export_run_files(given.format, _resolve_run_folder(given.run), given.to)))
    return OK


def _cache(arguments: Sequence[str]) -> int:
    """The completions kept between runs: how many, how large; drops old ones."""
    from evalharness.cli.cache import manage_cache

    print_lines(manage_cache(_verb_parser("cache", _cache), arguments))
    return OK


def _verify(arguments: Sequence[str]) -> int:
    """Whether a bundle's figures follow from what it holds: hashes, replies, tables; offline."""
    from evalharness.cli.verify import run_verify_command

    return run_verify_command(_verb_parser("verify", _verify), arguments)


def _prompt(arguments: Sequence[str]) -> int:
    """The exact prompt that a model would be sent after these alternating turns."""
    from evalharness.cli.prompt import render_requested_prompt

    parser = _verb_parser("prompt", _prompt)
    _add_config_dir(parser)
    sys.stdout.write(render_requested_prompt(parser, arguments))
    if sys.stdout.isatty():
        print()
    return OK


def _list(arguments: Sequence[str]) -> int:
    """What can be named in overrides: models, judges, prompts, questions, benchmarks."""
    parser = _verb_parser("list", _list)
    parser.add_argument("what", choices=["models", "judges", "prompts", "questions", "benchmarks"])
    _add_config_dir(parser)
    given = parser.parse_intermixed_args(arguments)
    from evalharness.config import describe_choice, list_choices

    group = "judge" if given.what == "judges" else given.what
    for name in list_choices(group, given.config_dir):
        print(f"{name:32} {describe_choice(group, name, given.config_dir)}".rstrip())
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


def _run_stages(verb: str, arguments: Sequence[str], stages: Sequence[str]) -> int:
    """Do stages of a run, and publish what there is, also after an interrupt."""
    from evalharness.cli.multirun import run_requested_jobs

    command = shlex.join(["python", "-m", "evalharness", verb, *arguments])
    left = run_requested_jobs(arguments, stages)
    settings = _load_settings(verb, left.arguments)
    if settings is None:
        return OK
    from evalharness.cli.terminal.frontend import make_frontend
    from evalharness.runner import complete_run

    outcome = complete_run(settings, left.stages, command, frontend=make_frontend())
    problems = (*left.problems, *outcome.problems)
    print_lines(outcome.finding.splitlines())
    print_problems((*outcome.cautions, *problems))
    _print_report_path(settings.folder)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return FAILED if problems else OK


def _load_settings(verb: str, arguments: Sequence[str]) -> Settings | None:
    """Return what the overrides make, or None when they were only to be shown."""
    parser = _verb_parser(verb, _VERBS[verb])
    parser.epilog = _OVERRIDES_HELP
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
    from evalharness.config import add_default_overrides, compose_config, load_settings

    overrides = add_default_overrides(given.overrides, verb)
    if given.cfg:
        import yaml

        tree = compose_config(overrides, given.config_dir)
        print(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), end="")
        return None
    settings = load_settings(overrides, given.config_dir)
    return replace(settings, retry_failed=getattr(given, "retry_failed", False))


def _verb_parser(verb: str, function: Callable[[Sequence[str]], int]) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"evalharness {verb}",
        description=function.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    from evalharness.formats import list_formats

    parser.add_argument("format", metavar="FORMAT", help=", ".join((*list_formats(), *more)))


def _add_config_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config-dir", type=Path, metavar="DIR", help="models, judges, ... of your own"
    )


def _resolve_run_folder(name: str) -> Path:
    """Return a run's folder from its path, or from its name in results/ (data may be called so)."""
    path = Path(name)
    return path if "/" in name or (path / "config.yaml").is_file() else Path("results") / name


def _print_report_path(folder: Path) -> None:
    print_lines([f"report: {folder / 'report.html'}"])
