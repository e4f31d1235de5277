"""Check an import against the run that it goes into, before anything is written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

from evalharness.domain import (
    GradedJudgment,
    PairwiseJudgment,
    Vote,
    Winner,
    describe_variants,
    find_name_variants,
)
from evalharness.errors import ConfigError, InputError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Answer, Judgment, RunRecords
    from evalharness.formats import ImportedRecords


def check_labels(imported: ImportedRecords, run: RunRecords, folder: Path) -> None:
    """Check that labels are of models, questions and turns that the run has.

    A label that the run has in the other order of its models is dropped.

    Raises:
        ConfigError: the run has nothing to be labelled.
        InputError: a label names something else, or contradicts a label of the same person.
    """
    judged = (*run.judgments, *run.votes)
    if not (run.answers or judged):
        msg = f"{folder}: no answers are there to be labelled; name the run that holds them"
        raise ConfigError(msg)
    models = {answer.model for answer in run.answers}
    models |= {model for each in judged for model in each.models}
    turns = {question.question_id: len(question.turns) for question in run.questions}
    for digest, label in _list_judged(imported):
        if problem := _find_label_problem(label, models, turns, folder):
            _refuse(imported, digest, problem)
    _drop_known_pairs(imported, run, folder)


def _find_label_problem(
    label: Judgment | Vote, models: set[str], turns: Mapping[str, int], folder: Path
) -> str | None:
    """Return what a label names that the run does not have, or None."""
    for model in label.models:
        if model not in models:
            close = suggest_close_match(model, sorted(models))
            return (
                f"there is no model {model!r}, which a label names{close}; the models of "
                f"{folder} are {', '.join(sorted(models))} (--rename {model}=MODEL)"
            )
    if label.question_id not in turns:
        return f"there is no question {label.question_id!r}, which a label names, in {folder}"
    if label.turn > turns[label.question_id]:
        number = turns[label.question_id]
        return f"turn {label.turn} of question {label.question_id}, which has only {number}"
    return None


def _drop_known_pairs(imported: ImportedRecords, run: RunRecords, folder: Path) -> None:
    """Drop the labels that the run has with its models in the other order.

    Raises:
        InputError: a label contradicts that of the same person.
    """
    digests = {vote.digest for vote in run.votes}
    preferred = {_pair_key(vote): _name_preferred(vote) for vote in run.votes}
    for digest, vote in list(imported.votes.items()):
        known = preferred.get(_pair_key(vote))
        if digest in digests or known is None:
            continue
        if known != _name_preferred(vote):
            message = f"{vote.judge} preferred {known} on this pair in {folder}"
            _refuse(imported, digest, f"{message}; remove the wrong label")
        imported.drop_judgments(digest)


def match_known_records(
    imported: ImportedRecords, answers: Sequence[Answer], run: RunRecords, folder: Path
) -> int:
    """Return the number of imported records that the run has already.

    A judgment without a result gives way to one with a result, as after a second run of its judge.
    A file of judgments that the run has is said by name.

    Raises:
        ConfigError: an answer would replace another one.
        InputError: a judgment would replace another one.
    """
    return _match_answers(answers, run, folder) + _match_judgments(imported, run, folder)


def _match_answers(answers: Sequence[Answer], run: RunRecords, folder: Path) -> int:
    existing = {answer.digest: answer for answer in run.answers}
    for answer in answers:
        if existing.get(answer.digest, answer) != answer:
            place = f"question {answer.question_id} of {answer.model}"
            msg = f"{folder}: holds something else for {place}"
            msg_0 = f"{msg}; choose another --run, or --rename {answer.model}=NAME"
            raise ConfigError(msg_0)
    return sum(answer.digest in existing for answer in answers)


def _match_judgments(imported: ImportedRecords, run: RunRecords, folder: Path) -> int:
    existing = {row.digest: row for row in (*run.judgments, *run.votes)}
    known_by_path: Counter[Path | None] = Counter()
    for digest, row in _list_judged(imported):
        held = existing.get(digest, row)
        if digest not in existing or (_has_result(row) and not _has_result(held)):
            continue
        if held != row and _has_result(row):
            place = f"question {row.question_id} of {row.judge}"
            msg = f"{folder} holds something else for {place}; choose another --run"
            _refuse(imported, digest, msg)
        location = imported.locations.get(digest)
        known_by_path[location.path if location else None] += 1
        if held != row:
            imported.drop_judgments(digest)
    _describe_known_files(imported, known_by_path)
    return known_by_path.total()


def refuse_files_of_earlier_versions(
    entry: Mapping[str, Any], run: RunRecords, folder: Path
) -> None:
    """Refuse files that an earlier version imported, which knew the same votes by other keys.

    Args:
        entry: the entry of this import for the manifest.
        run: the run.
        folder: its folder.

    Raises:
        ConfigError: the run holds a file of this import, and nothing of it is recognized.
    """
    hashes = set(entry["files"].values())
    for earlier in run.manifest.get("imported") or ():
        is_old = "rows" not in earlier and earlier["format"] == entry["format"]
        if is_old and not entry["known"] and hashes & set(earlier["files"].values()):
            msg = (
                f"{folder}: an earlier version imported these files and knows their rows by other "
                "keys, so that they would count twice; import them into a new run"
            )
            raise ConfigError(msg)


def describe_new_variants(imported: ImportedRecords, run: RunRecords) -> None:
    """Add a warning about models of the run and of the import that a reader takes for one."""
    held = {answer.model for answer in run.answers} | set(run.config.models)
    held |= {model for each in (*run.judgments, *run.votes) for model in each.models}
    new = {answer.model for answer in imported.answers.values()}
    new |= {model for _, each in _list_judged(imported) for model in each.models}
    for group in find_name_variants(held | new):
        if set(group) & held and set(group) - held:
            imported.warnings.append(
                f"{describe_variants(group, 'models')}: --rename OLD=NEW makes them one"
            )


def _describe_known_files(
    imported: ImportedRecords, known_by_path: Mapping[Path | None, int]
) -> None:
    judged: Counter[Path | None] = Counter(each.path for each in imported.locations.values())
    for path, number in known_by_path.items():
        if path is not None and number == judged[path]:
            imported.warnings.append(
                f"{path}: the run holds all its {number} judgments and votes already; they count once"
            )


def _list_judged(imported: ImportedRecords) -> list[tuple[str, Judgment | Vote]]:
    return [*imported.judgments.items(), *imported.votes.items()]


def _has_result(row: Judgment | Vote) -> bool:
    match row:
        case GradedJudgment():
            return row.score is not None
        case PairwiseJudgment():
            return row.verdict is not None
        case _:
            return row.winner is not None


def _pair_key(vote: Vote) -> tuple[str, int, str, str, tuple[str, ...]]:
    return (vote.question_id, vote.turn, vote.judge, vote.prompt, tuple(sorted(vote.models)))


def _name_preferred(vote: Vote) -> str:
    better = {Winner.MODEL_A: vote.model_a, Winner.MODEL_B: vote.model_b}
    return better.get(vote.winner or Winner.TIE, "neither")


def _refuse(imported: ImportedRecords, digest: str, message: str) -> NoReturn:
    """Refuse a judgment at its place in a file.

    Raises:
        InputError: always.
    """
    location = imported.locations[digest]
    raise InputError(message, path=location.path, line=location.line)
