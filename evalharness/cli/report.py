"""The verb `report`: write the leaderboard and the page of one run or several again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import RUN_HELP, Verb, find_run_folder, print_report_path
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.output import print_lines, print_problems
from evalharness.cli.terminal.progress_bars import show_scan_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def write_report(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Publish the runs that the arguments name, print headline and cautions; return the exit code."""
    from evalharness.analysis import NGRAM_LENGTH
    from evalharness.config import Corpus
    from evalharness.report import publish_runs, summarize_ranking

    given = _parse_arguments(parser, arguments, NGRAM_LENGTH)
    folders = [find_run_folder(run) for run in given.runs]
    corpus = Corpus(paths=tuple(given.corpus), words=given.words) if given.corpus else None
    published = publish_runs(folders, given.to, corpus, progress=show_scan_progress)
    print_lines([summarize_ranking(published.leaderboard).sentence])
    print_problems(published.cautions)
    print_report_path(published.folder)
    return OK


def _parse_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str], ngram_length: int
) -> argparse.Namespace:
    parser.add_argument("runs", metavar="RUN", nargs="+", help=RUN_HELP)
    parser.add_argument("--to", type=Path, metavar="DIR", help="where several runs' report goes")
    parser.add_argument(
        "--corpus",
        type=Path,
        action="append",
        metavar="PATH",
        help="look for questions, references and answers in this file or folder",
    )
    words = "of an n-gram looked for in a corpus: 13, as for GPT-3"
    parser.add_argument("--words", type=int, default=ngram_length, metavar="N", help=words)
    return parser.parse_intermixed_args(arguments)


VERB = Verb(
    name="report",
    summary="Leaderboard and page again from a run's files, or from several runs'; calls no model.",
    run=write_report,
)
