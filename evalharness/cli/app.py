"""The table of the verbs, and the function that runs one."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.answer import VERB as ANSWER
from evalharness.cli.audit import VERB as AUDIT
from evalharness.cli.benchmark import VERB as BENCHMARK
from evalharness.cli.cache import VERB as CACHE
from evalharness.cli.compare import VERB as COMPARE
from evalharness.cli.export_files import VERB as EXPORT
from evalharness.cli.import_files import VERB as IMPORT
from evalharness.cli.judge import VERB as JUDGE
from evalharness.cli.list import VERB as LIST
from evalharness.cli.plan import VERB as PLAN
from evalharness.cli.prompt import VERB as PROMPT
from evalharness.cli.report import VERB as REPORT
from evalharness.cli.run import VERB as RUN
from evalharness.cli.terminal.exit_codes import OK, exit_code_of, prepare_output
from evalharness.cli.terminal.output import print_lines
from evalharness.cli.terminal.parser import VerbParser
from evalharness.cli.verify import VERB as VERIFY
from evalharness.config import load_env_file
from evalharness.errors import suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.cli.arguments import Verb

DEBUG_OPTION = "--debug"
_HELP = ("help", "-h", "--help")
_VERSION = ("version", "--version", "-V", "-v")

VERBS = {
    verb.name: verb
    for verb in (
        RUN,
        ANSWER,
        JUDGE,
        BENCHMARK,
        PLAN,
        AUDIT,
        REPORT,
        COMPARE,
        IMPORT,
        EXPORT,
        VERIFY,
        CACHE,
        PROMPT,
        LIST,
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code.

    Args:
        arguments: the verb and its arguments; those of the process if None.
    """
    prepare_output()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG_OPTION in words
    words = [word for word in words if word != DEBUG_OPTION]
    if not words or words[0] in _HELP:
        words = [*words[1:2], "--help"]
    if words[1:] == ["help"]:
        words[1] = "--help"
    if words[0] in _VERSION:
        print_lines([f"evalharness {version('evalharness')}"])
        return OK
    verb = _find_verb(words[0])
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # the progress bars of libraries

    def command() -> int:
        load_env_file(Path.cwd())
        return verb.run(verb.make_parser(), words[1:])

    return exit_code_of(command, is_decision=verb.is_decision, debug=debug)


def _find_verb(word: str) -> Verb:
    """Return the verb that a user typed.

    Raises:
        ParserExit: there is no such verb, or the help was asked for.
    """
    if word in VERBS:
        return VERBS[word]
    parser = _make_parser()
    if word.startswith("-") and word not in ("-h", "--help"):
        parser.error(f"{word}: the verb comes first, as in `evalharness run`")
    if not word.startswith("-"):
        parser.error(
            f"{word}: there is no such verb{suggest_close_match(word.lower(), list(VERBS))}"
        )
    parser.print_help()
    return parser.exit()


def _make_parser() -> argparse.ArgumentParser:
    summaries = "\n".join(f"  {verb.name:9} {verb.summary}" for verb in VERBS.values())
    return VerbParser(
        prog="evalharness",
        description="LLM-as-judge evaluation: which model is better, by how much, how sure are we?",
        epilog=f"verbs:\n{summaries}\n\nevalharness VERB --help tells more; evalharness --version; "
        f"{DEBUG_OPTION} with any verb prints the traceback of an unexpected error",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="evalharness VERB [...]",
    )
