"""Decode the saved configuration of a run into records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeVar

import msgspec

from evalharness.domain.prices import Prices
from evalharness.domain.specs import JudgingSpec
from evalharness.domain.vocabulary import DEFAULT_RATING, Reading

Section = TypeVar("Section", JudgingSpec, Prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """A model of a saved configuration.

    Attributes:
        name: the name in tables.
        families: the families that the model belongs to.
        api_name: the server's name for the model.
        thinks: whether it usually writes a thought before its reply.
        prices: the prices of its tokens.
        tree: all settings, as saved.
    """

    name: str
    families: frozenset[str] = frozenset()
    api_name: str | None = None
    thinks: bool = False
    prices: Prices = field(default_factory=Prices)
    tree: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedJudge:
    """A judge of a saved configuration.

    Attributes:
        name: the name in judgments.
        place: its key in the configuration, `judge` or `panel.NAME`.
        model: the model that judges.
        reading: how its decisions are read; None for a reading that this version does not know.
        prompts: the names of its prompts by the kind of judgment.
        repairs: the number of repair requests after an unreadable reply.
        tree: all settings, as saved.
    """

    name: str
    place: str
    model: SavedModel
    reading: Reading | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    repairs: int = 0
    tree: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """The saved configuration of a run; a setting that was not saved has its default.

    Attributes:
        models: the candidates by name, in the order of the configuration.
        judges: the judge, or the judges of the panel.
        judging: what was judged.
        question_set: the name of the question set.
        seed: the seed of the run.
        rating: the name of the leaderboard's rating model.
        tree: all settings as saved, to be shown, compared, or built into specs.
    """

    models: Mapping[str, SavedModel] = field(default_factory=dict)
    judges: tuple[SavedJudge, ...] = ()
    judging: JudgingSpec = field(default_factory=JudgingSpec)
    question_set: str | None = None
    seed: int = 0
    rating: str = DEFAULT_RATING
    tree: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> Self:
        """Return the configuration that a tree of settings holds.

        Sections and settings that this version does not know are kept only in `tree`.

        Args:
            tree: the settings, as plain JSON-like content.

        Raises:
            ValueError: a value that is used here is wrong.
        """
        models = [
            _decode_model(conf, f"models.{key}", str(key))
            for key, conf in _get_section(tree, "models").items()
        ]
        judges = {"judge": tree.get("judge")}
        judges |= {f"panel.{key}": conf for key, conf in _get_section(tree, "panel").items()}
        seed = tree.get("seed")
        return cls(
            models={model.name: model for model in models},
            judges=tuple(
                _decode_judge(conf, place)
                for place, conf in judges.items()
                if isinstance(conf, Mapping) and _get_text(conf, "name")
            ),
            judging=_convert(_get_section(tree, "judging"), JudgingSpec, "judging"),
            question_set=_get_text(_get_section(tree, "questions"), "name"),
            seed=seed if isinstance(seed, int) else 0,
            rating=_get_text(tree, "rating") or DEFAULT_RATING,
            tree=tree,
        )


_SECTIONS = (
    *("models", "panel", "judge", "questions", "judging", "benchmarks", "engine", "budget"),
    *("plan", "audit", "contamination"),
)


def check_config_sections(tree: Mapping[str, Any]) -> None:
    """Refuse settings whose sections are no sections, or whose cautions are no list of texts.

    Args:
        tree: the settings, as plain JSON-like content.

    Raises:
        ValueError: the message names the setting.
    """
    sections = {name: tree.get(name) for name in _SECTIONS}
    for name in ("models", "panel"):
        named = _get_section(tree, name)
        sections |= {f"{name}.{key}": conf for key, conf in named.items()}
    for place, judge in [("judge", tree.get("judge")), *_get_section(tree, "panel").items()]:
        if isinstance(judge, Mapping):
            sections |= {f"{place}.{name}": judge.get(name) for name in ("model", "prompts")}
    for place, section in sections.items():
        if section is not None and not isinstance(section, Mapping):
            msg = f"{place}: keys with values are expected, not {_name_type(section)}"
            raise ValueError(msg)
    cautions = tree.get("cautions")
    if cautions is not None and not isinstance(cautions, list):
        msg = f"cautions: a list of sentences is expected, not {_name_type(cautions)}"
        raise ValueError(msg)


def _name_type(value: Any) -> str:
    return f"a {type(value).__name__} ({str(value)[:40]!r})"


def _decode_model(conf: Any, place: str, default_name: str = "") -> SavedModel:
    tree = conf if isinstance(conf, Mapping) else {}
    return SavedModel(
        name=_get_text(tree, "name") or default_name,
        families=_get_families(tree),
        api_name=_get_text(tree, "api_name"),
        thinks=tree.get("thinks") is True,
        prices=_convert(_get_section(tree, "prices"), Prices, f"{place}.prices"),
        tree=tree,
    )


def _get_families(tree: Mapping[str, Any]) -> frozenset[str]:
    value = tree.get("family")
    names = value if isinstance(value, (list, tuple)) else [value]
    return frozenset(name for name in names if isinstance(name, str))


def _decode_judge(tree: Mapping[str, Any], place: str) -> SavedJudge:
    reading = _get_text(tree, "reading")
    prompts, repairs = _get_section(tree, "prompts"), tree.get("repairs")
    return SavedJudge(
        name=_get_text(tree, "name") or "",
        place=place,
        model=_decode_model(tree.get("model"), f"{place}.model"),
        reading=Reading(reading) if reading in set(Reading) else None,
        prompts={
            str(kind): name
            for kind in prompts
            if (name := _get_text(_get_section(prompts, kind), "name"))
        },
        repairs=repairs if type(repairs) is int else 0,
        tree=tree,
    )


def _convert(section: Mapping[str, Any], kind: type[Section], place: str) -> Section:
    """Return a section as a record, without settings that are null or unknown."""
    names = {each.name for each in fields(kind)}
    known = {name: value for name, value in section.items() if name in names and value is not None}
    try:
        return msgspec.convert(known, kind)
    except msgspec.ValidationError as error:
        msg = f"{place}: {error}"
        raise ValueError(msg) from error


def _get_section(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = tree.get(name)
    return section if isinstance(section, Mapping) else {}


def _get_text(tree: Mapping[str, Any], name: str) -> str | None:
    text = tree.get(name)
    return text if isinstance(text, str) else None
