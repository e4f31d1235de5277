"""Read a run's folder, and write it through one writer.

Each record is appended as soon as it exists, under its digest. A later record with the same digest
replaces an earlier one (a longer answer, a success after a failure). `close` rewrites each file in
a fixed order without the replaced records, so that equal runs leave equal files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from filelock import FileLock, Timeout

from evalharness.domain import (
    Answer,
    BenchmarkScore,
    Failure,
    GradedJudgment,
    Judgment,
    PairwiseJudgment,
    Question,
    RunRecords,
    Vote,
)
from evalharness.errors import ConfigError, InputError, RunLockedError
from evalharness.store.benchmark_results import SCORES_FILE, read_benchmark_samples
from evalharness.store.config_file import CONFIG_FILE, read_checked_config, read_run_config
from evalharness.store.jsonl import (
    RecordAppender,
    read_numbered_records,
    read_records,
    remove_stale_temporary_files,
    replace_file,
    write_records,
)
from evalharness.store.manifest_shape import read_manifest_object
from evalharness.store.model_names import check_model_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

QUESTIONS_FILE = "questions.jsonl"
ANSWERS_FILE = "answers.jsonl"
JUDGMENTS_FILE = "judgments.jsonl"
VOTES_FILE = "votes.jsonl"
FOREIGN_ROWS_FILE = "foreign.jsonl"
"""The fields of imported rows that our records do not have; `export` restores them."""
FAILURES_FILE = "failures.jsonl"
LOCK_FILE = ".lock"
_SHOWN_SAMPLES = 25  # per model and benchmark, shown on the page
MANIFEST_FILE = "manifest.json"
TEMPLATES_FILE = "templates.json"

_StoredRecord = Answer | GradedJudgment | PairwiseJudgment | Failure
_JUDGMENT_KINDS = {"graded": GradedJudgment, "pairwise": PairwiseJudgment}


def read_run(folder: Path) -> RunRecords:
    """Return the records of a run's folder.

    Args:
        folder: the folder of one run.

    Raises:
        ConfigError: there is no run in this folder.
        InputError: a file in the folder is damaged.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        msg = f"{folder}: there is no run here (no {CONFIG_FILE})"
        raise ConfigError(msg)
    answers, judgments = _read_answers(folder), read_judgments(folder / JUDGMENTS_FILE)
    counted = {row.task_key: row for row in judgments.values()}  # the last of each task
    return RunRecords(
        name=folder.resolve().name,
        questions=tuple(read_records(folder / QUESTIONS_FILE, Question)),
        answers=tuple(answers.values()),
        graded=tuple(row for row in counted.values() if isinstance(row, GradedJudgment)),
        games=tuple(row for row in counted.values() if isinstance(row, PairwiseJudgment)),
        votes=tuple(_read_votes(folder / VOTES_FILE).values()),
        failures=tuple(_read_failures(folder, answers, judgments).values()),
        benchmarks=tuple(read_records(folder / SCORES_FILE, BenchmarkScore)),
        samples=tuple(read_benchmark_samples(folder, limit=_SHOWN_SAMPLES)),
        config=check_model_names(read_checked_config(path), answers.values(), path),
        manifest=read_manifest_object(folder / MANIFEST_FILE),
        superseded=len(judgments) - len(counted),
    )


class RunFolder:
    """The only writer of a run's folder, with the records that the folder holds.

    Attributes:
        path: the folder.
        questions: the questions of the run.
        answers: by digest; an answer may be unfinished.
        judgments: by digest.
        failures: by the digest of the failed request, without those that succeeded since.
        votes: by digest, in the order of their source, on which online Elo depends.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock
        self.answers = _read_answers(path)
        self.judgments = read_judgments(path / JUDGMENTS_FILE)
        self.failures = _read_failures(path, self.answers, self.judgments)
        self.votes = _read_votes(path / VOTES_FILE)
        self.questions: Sequence[Question] = read_records(path / QUESTIONS_FILE, Question)
        self._appenders = {
            name: RecordAppender(path / name)
            for name in (ANSWERS_FILE, JUDGMENTS_FILE, FAILURES_FILE)
        }

    @classmethod
    def open(cls, path: Path, *, must_exist: bool = False) -> RunFolder:
        """Open the folder for this process alone.

        Args:
            path: the folder.
            must_exist: whether to refuse a folder that is not there, instead of creating it.

        Raises:
            RunLockedError: another process is writing it.
            ConfigError: the folder is missing, or cannot be created or written.
        """
        if must_exist and not path.is_dir():
            msg = f"{path}: there is no run here; `answer` or `run` first"
            raise ConfigError(msg)
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path / LOCK_FILE)
            lock.acquire(timeout=0)
        except Timeout as error:
            msg = f"{path}: another process is writing this run; wait for it, or choose run=NAME"
            raise RunLockedError(msg) from error
        except (OSError, NotImplementedError) as error:  # the latter on a file system without locks
            reason = getattr(error, "strerror", None) or error
            msg = f"{path}: cannot be written ({reason}); choose results=FOLDER"
            raise ConfigError(msg) from error
        try:
            remove_stale_temporary_files(path)
            return cls(path, lock)
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read_config(self) -> Mapping[str, Any] | None:
        """Return the saved settings of the folder; None if it is new."""
        return read_run_config(self.path) or None

    def write_config(self, config: Mapping[str, Any], questions: Sequence[Question]) -> None:
        """Write the configuration and the questions."""
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        replace_file(self.path / CONFIG_FILE, text.encode())
        self.questions = list(questions)
        write_records(self.path / QUESTIONS_FILE, questions)

    def add_answer(self, answer: Answer) -> None:
        """Store an answer, or the turns of it that exist so far."""
        self._appenders[ANSWERS_FILE].append(answer)
        self.answers[answer.digest] = answer

    def add_judgment(self, judgment: Judgment) -> None:
        """Store a judgment, and drop the failure of the same request."""
        self._appenders[JUDGMENTS_FILE].append(judgment)
        self.judgments[judgment.digest] = judgment
        self.failures.pop(judgment.digest, None)

    def add_failure(self, failure: Failure) -> None:
        """Store a failure in place of an earlier failure of the same request."""
        self._appenders[FAILURES_FILE].append(failure)
        self.failures[failure.key] = failure

    def add_votes(self, votes: Iterable[Vote]) -> None:
        """Store votes after the existing ones; a vote replaces an earlier one with its digest."""
        self.votes |= {vote.digest: vote for vote in votes}
        if self.votes:
            write_records(self.path / VOTES_FILE, self.votes.values())

    def drop_failure(self, key: str) -> None:
        """Drop the failure of a request that succeeded since."""
        self.failures.pop(key, None)

    def close(self) -> None:
        """Rewrite the files in their fixed order and release the folder.

        Raises:
            OSError: a file could not be written; the records appended to it are kept.
        """
        try:
            for appender in self._appenders.values():
                appender.close()
            self._rewrite_sorted()
        finally:
            self._lock.release()

    def _rewrite_sorted(self) -> None:
        """Rewrite each file in an order that does not depend on when a record was added."""
        numbers = {question.question_id: number for number, question in enumerate(self.questions)}
        for name, rows in (
            (ANSWERS_FILE, self.answers),
            (JUDGMENTS_FILE, self.judgments),
            (FAILURES_FILE, self.failures),
        ):
            ordered = sorted(rows.values(), key=lambda row: _sort_key(row, numbers))
            write_records(self.path / name, ordered)


def _sort_key(row: _StoredRecord, numbers: Mapping[str, int]) -> tuple[Any, ...]:
    """Return a sort key that does not depend on when a record was added.

    Two judgments of one task keep their order, because the later one counts.
    """
    number = numbers.get(row.question_id, len(numbers))
    match row:
        case Answer():
            return (row.model, number, row.sample, row.digest)
        case GradedJudgment():
            return (row.judge, "", number, row.turn, row.model, "", row.sample, row.prompt)
        case PairwiseJudgment():
            pair = sorted(row.models)
            return (row.judge, *pair, number, row.turn, row.model_a, row.sample, row.prompt)
        case Failure():
            return (row.stage, row.model, number, row.turn or 0, row.key)


def _read_answers(folder: Path) -> dict[str, Answer]:
    """Return answers by digest; an answer that was stored turn by turn is the last, longest one."""
    return {answer.digest: answer for answer in read_records(folder / ANSWERS_FILE, Answer)}


def _read_failures(
    folder: Path, answers: Mapping[str, Answer], judgments: Mapping[str, Judgment]
) -> dict[str, Failure]:
    """Return failures by key, without those of requests that succeeded since."""
    rows = {row.key: row for row in read_records(folder / FAILURES_FILE, Failure)}
    return {
        key: row
        for key, row in rows.items()
        if key not in judgments
        and not (key in answers and len(answers[key].turns) >= _failed_turn(row))
    }


def _failed_turn(row: Failure) -> int:
    return row.turn or 1


def _read_votes(path: Path) -> dict[str, Vote]:
    return {vote.digest: vote for vote in read_records(path, Vote)}


def read_judgments(path: Path) -> dict[str, Judgment]:
    """Return the judgments of a file by digest.

    Raises:
        InputError: the file is damaged.
    """
    return {judgment.digest: judgment for judgment in iterate_judgments(path)}


def iterate_judgments(path: Path) -> Iterator[Judgment]:
    """Yield the judgments of a file in their order.

    Raises:
        InputError: the file is damaged.
    """
    for number, line in read_numbered_records(path, dict[str, Any], drop_incomplete_line=True):
        kind = _JUDGMENT_KINDS.get(str(line.get("kind")))
        if kind is None:
            msg = f"kind must be graded or pairwise, not {line.get('kind')!r}"
            raise InputError(msg, path=path, line=number)
        try:
            judgment: Judgment = msgspec.convert(line, kind)
        except msgspec.ValidationError as error:
            raise InputError(str(error), path=path, line=number) from error
        yield judgment
