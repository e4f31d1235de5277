"""Check that a run's folder can be continued with given settings: a run may grow, not change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.config import (
    FINGERPRINT,
    iterate_settings,
    list_neutral_names,
    upgrade_saved_config,
)
from evalharness.errors import RunConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalharness.domain import Question
    from evalharness.store import RunFolder

_MAX_SHOWN = 4
# Settings that affect neither the requests nor the reading of replies.
_IGNORED_SECTIONS = {
    "results",
    "run",
    "cache",
    "budget",
    "plan",
    "engine",
    "questions",
    "cautions",
    "benchmarks",
    "template_date",  # that of the folder holds
}
_IGNORED_SECTIONS |= {"audit", "contamination", "rating"}
# Sections that may grow: new models and judges are called as well.
_EXTENSIBLE_SECTIONS = {"models", "panel"}
_IGNORED_PATHS = {("judging", "name"), ("judging", "panel")}
_SWITCHES = {("judging", "graded"), ("judging", "pairwise")}


def merge_benchmark_config(
    folder: RunFolder, tree: Mapping[str, Any], questions: Sequence[Question]
) -> tuple[Mapping[str, Any], Sequence[Question]]:
    """Return the configuration and questions of a folder to which only benchmarks are added.

    Benchmarks use no judge and no question, so those of the folder stay as they are.

    Raises:
        RunConflictError: the settings of a model differ from the folder's.
    """
    before = folder.read_config()
    if before is None:
        return tree, questions
    before = upgrade_saved_config(before)
    ours = {"models": tree["models"]}
    _refuse_differences(
        folder, list(_config_differences({"models": before.get("models", {})}, ours, kept=True))
    )
    models = before.get("models", {}) | tree["models"]
    merged = dict(before) | {"models": models, "benchmarks": tree["benchmarks"]}
    merged |= {"template_date": tree.get("template_date")}
    return merged, folder.questions


def refuse_run_conflict(
    folder: RunFolder, tree: Mapping[str, Any], questions: Sequence[Question]
) -> None:
    """Refuse settings that would give results other than those in the folder.

    Raises:
        RunConflictError: the message lists the differences.
    """
    before = folder.read_config()
    if before is None:
        return
    before = upgrade_saved_config(before)
    _refuse_differences(
        folder, [*_config_differences(before, tree), *_changed_questions(folder, questions)]
    )


def _refuse_differences(folder: RunFolder, differences: Sequence[str]) -> None:
    if differences:
        more = f" (+{len(differences) - _MAX_SHOWN} more)" if len(differences) > _MAX_SHOWN else ""
        msg = (
            f"{folder.path} was made with other settings: {'; '.join(differences[:_MAX_SHOWN])}{more}\n"
            "choose another folder with run=NAME, or the settings it was made with"
        )
        raise RunConflictError(msg)


def _config_differences(
    before: Mapping[str, Any], now: Mapping[str, Any], *, kept: bool = False
) -> Iterator[str]:
    """Yield the differences; with `kept`, models that are not named now are not compared."""
    neutral = list_neutral_names()
    old, new = dict(iterate_settings(before, ())), dict(iterate_settings(now, ()))
    for path in sorted(old.keys() | new.keys(), key=lambda path: (len(path), path)):
        was, is_now = old.get(path), new.get(path)
        if was == is_now or path[0] in _IGNORED_SECTIONS or neutral & set(path):
            continue
        if path[0] not in before:  # an imported run has no settings of judges
            continue
        if path[0] in _EXTENSIBLE_SECTIONS and path[1] not in before.get(path[0], {}):
            continue
        if kept and path[1] not in now["models"]:
            continue
        if path[:2] in _SWITCHES and is_now:
            continue
        if path in _IGNORED_PATHS:
            continue
        if (
            was is None and not is_now
        ):  # an unset setting that did not exist when the folder was made
            continue
        if path[-1] == FINGERPRINT:
            yield f"{'.'.join(path[:-1])}: {_describe_changed_files(path[:-1], new)}"
            continue
        yield f"{'.'.join(path)} was {_shorten(was)}, now {_shorten(is_now)}"


def _describe_changed_files(place: tuple[str, ...], settings: Mapping[Any, Any]) -> str:
    """Return that the content of a model's files has changed since the run was made."""
    paths = [settings.get((*place, name)) for name in ("answers", "weights", "adapter")]
    return f"{' or '.join(filter(None, paths))} holds something else than when the run was made"


def _changed_questions(folder: RunFolder, questions: Sequence[Question]) -> Iterator[str]:
    now = {question.question_id: question for question in questions}
    for question in folder.questions:
        if question.question_id not in now:
            yield f"question {question.question_id} is no longer asked"
        elif question != now[question.question_id]:
            yield f"question {question.question_id} has changed"


def _shorten(value: Any) -> str:
    text = repr(value) if value is not None else "not set"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - one line stays readable
