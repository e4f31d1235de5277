"""Describe what the records of an import lack, for the person who imports them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Answer, Judgment, Question, Vote

    AnswersByKey = Mapping[tuple[str, str, int], Answer]

_MAX_LISTED = 3


def describe_unknown_names(
    questions: Mapping[str, Question], answers: AnswersByKey, judged: Sequence[Judgment | Vote]
) -> list[str]:
    """Return sentences about judged models without answers, and ids that no question has."""
    sentences = []
    answering = {answer.model for answer in answers.values()}
    if answering:
        models = dict.fromkeys(model for each in judged for model in each.models)
        unknown_models = [model for model in models if model not in answering]
        if unknown_models:
            sentences.append(
                f"judged, but without answers here: {list_names(unknown_models)}"
                f"; answers here are of {list_names(sorted(answering))}"
                " (--rename OLD=NEW joins two names of one model)"
            )
    if questions:
        ids = [answer.question_id for answer in answers.values()]
        ids += [each.question_id for each in judged]
        unknown_ids = [name for name in dict.fromkeys(ids) if name not in questions]
        if unknown_ids:
            sentences.append(f"no question has the id {list_names(unknown_ids)}")
    return sentences


def describe_missing_rows(
    questions: Mapping[str, Question], answers: AnswersByKey, judged: Sequence[Judgment | Vote]
) -> list[str]:
    """Return sentences about missing answers and judgments; people may judge any part."""
    ids_by_label: dict[str, set[str]] = {}
    for model, question_id, _ in answers:
        ids_by_label.setdefault(f"{model}: no answer to", set()).add(question_id)
    for each in judged:
        if not each.judge.startswith(HUMAN_PREFIX):
            models = " and ".join(sorted(each.models))
            ids_by_label.setdefault(f"{models}: no judgment of", set()).add(each.question_id)
    missing_by_label = {
        label: [key for key in questions if key not in ids] for label, ids in ids_by_label.items()
    }
    return [
        f"{label} {len(missing)} of {len(questions)} questions ({list_names(missing)})"
        for label, missing in missing_by_label.items()
        if missing
    ]


def describe_thoughts(answers: AnswersByKey) -> list[str]:
    """Return a sentence about answers that began with the model's thought."""
    thoughtful = [
        answer
        for answer in answers.values()
        if any(turn.reasoning is not None for turn in answer.turns)
    ]
    if not thoughtful:
        return []
    models = list(dict.fromkeys(answer.model for answer in thoughtful))
    whose = f"{len(thoughtful)} answers of {list_names(models)}"
    return [
        f"{whose} began with a thought: it is kept as `reasoning`, and judges see the answer only"
    ]


def list_names(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more
