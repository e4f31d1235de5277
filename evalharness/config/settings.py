"""Load the settings of a run from overrides, and check every value before work begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.config.benchmark_suite import build_suite_spec
from evalharness.config.composition import compose_config
from evalharness.config.corpus import read_corpus_setting
from evalharness.config.engine import build_engine_spec
from evalharness.config.fingerprints import add_fingerprints
from evalharness.config.judgments import (
    build_judging_spec,
    list_self_judging_cautions,
    refuse_unjudged_models,
)
from evalharness.config.plan_targets import build_plan_targets
from evalharness.config.resource_folders import find_resource_folder
from evalharness.config.run_name import derive_run_name
from evalharness.config.saved_run import add_imported_models, names_imported_run
from evalharness.config.specs import (
    build_audit_spec,
    build_budget,
    build_judge_spec,
    build_model_spec,
)
from evalharness.config.trust.confirmation import NO_TRUST
from evalharness.config.trust.imported_settings import (
    SavedModelSettings,
    refuse_unconfirmed_settings,
)
from evalharness.config.trust.task_folders import refuse_unconfirmed_code
from evalharness.domain import (
    DEFAULT_RATING,
    Budget,
    ModelSpec,
    PanelRule,
    PlanTargets,
    Question,
    RunRecords,
    RunSpec,
    require_one_of,
)
from evalharness.errors import ConfigError
from evalharness.judge import check_adaptive_design, list_design_cautions
from evalharness.store import (
    CONFIG_FILE,
    current_timestamp,
    read_questions,
    read_run,
    read_run_config,
    refuse_special_file,
    select_questions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.backends import EngineSpec
    from evalharness.config.corpus import Corpus
    from evalharness.config.trust.confirmation import Trust
    from evalharness.domain import JudgingSpec
    from evalharness.judge import AuditSpec

DEMO_EXPERIMENT = "+experiment=demo"
CACHE_MODES = ("on", "off", "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings of a command.

    Attributes:
        run: what is run: models, judges, questions, benchmarks.
        results: the folder that holds the folders of runs.
        cache: how completions of earlier runs are used: on, off, or read.
        audit: how the judges are audited.
        budget: the limits at which the run stops.
        targets: the differences that a plan should be able to detect.
        engine: where local models run.
        tree: the composed configuration as plain dicts and lists, as the run's folder stores it. It
            has the names of the variables that hold API keys, and never a key.
        corpus: the texts that are searched for those of the run.
        retry_failed: whether only the calls that failed are repeated.
    """

    run: RunSpec
    results: Path
    cache: str
    audit: AuditSpec
    budget: Budget
    targets: PlanTargets
    engine: EngineSpec
    tree: Mapping[str, Any]
    corpus: Corpus | None = None
    retry_failed: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.results / self.run.name

    def records(self) -> RunRecords | None:
        """Return the records in the run's folder, or None if there is no such folder yet."""
        return read_run(self.folder) if (self.folder / CONFIG_FILE).is_file() else None


def add_default_overrides(overrides: Sequence[str], verb: str) -> list[str]:
    """Return the overrides, completed with the embedded demo if they name no models.

    The verb `benchmark` also gets a small suite if the overrides name no benchmarks.
    """
    named = {override.partition("=")[0].lstrip("+").partition("@")[0] for override in overrides}
    completed = list(overrides)
    if verb == "benchmark" and "benchmarks" not in named:
        completed.append("benchmarks=smoke")
    if named & {"models", "experiment"} or names_imported_run(overrides):
        return completed
    return [DEMO_EXPERIMENT, *completed]


def load_settings(
    overrides: Sequence[str], config_dir: Path | None = None, trust: Trust = NO_TRUST
) -> Settings:
    """Return the checked settings for these overrides.

    Args:
        overrides: as `compose_config` takes them.
        config_dir: a folder with the user's own configuration files.
        trust: what the user has confirmed of files that came from others.

    Raises:
        ConfigError: a key, a name, a type or a value is wrong.
        InputError: the file of questions, or one of recorded answers, is malformed.
    """
    composed = compose_config(overrides, config_dir)
    tree = add_imported_models(composed, overrides)
    if not trust.config:
        _refuse_unconfirmed_models(composed, tree)
    models = tuple(build_model_spec(conf, f"models.{key}") for key, conf in tree["models"].items())
    judges = (
        build_judge_spec(tree["judge"], "judge"),
        *(build_judge_spec(conf, f"panel.{key}") for key, conf in tree["panel"].items()),
    )
    _refuse_duplicates([model.name for model in models], "models")
    _refuse_duplicates([judge.name for judge in judges], "judge")
    judging = build_judging_spec(tree["judging"], [model.name for model in models])
    spec = RunSpec(
        name="",
        models=models,
        judges=tuple(replace(each, show_reasoning=judging.show_reasoning) for each in judges),
        questions=_load_questions(tree["questions"]),
        judging=judging,
        suite=build_suite_spec(tree["benchmarks"], find_resource_folder("conf")),
        seed=tree["seed"],
        cautions=(
            *tree["cautions"],
            *list_design_cautions(judging),
            *(judge.caution for judge in judges if judge.caution),
            *list_self_judging_cautions(judging, judges, models),
        ),
    )
    if not trust.code:
        refuse_unconfirmed_code(spec.suite.folders, find_resource_folder("conf"))
    refuse_unjudged_models(spec.judging, spec.judges, spec.models)
    check_adaptive_design(spec.judging, spec.judges)
    name = derive_run_name(tree, spec)
    folder = Path(tree["results"]) / name
    saved = read_run_config(folder)
    spec, tree = add_fingerprints(spec, tree, saved, folder)
    date = saved.get("template_date") or current_timestamp()[:10]
    require_one_of(tree["cache"], CACHE_MODES, "cache")
    _check_rating(tree["rating"], judging)
    return Settings(
        run=replace(spec, name=name).with_template_date(str(date)),
        results=Path(tree["results"]),
        cache=tree["cache"],
        audit=build_audit_spec(tree["audit"]),
        engine=build_engine_spec(tree["engine"]),
        corpus=read_corpus_setting(tree["contamination"]),
        budget=build_budget(tree["budget"], [*models, *(judge.model for judge in judges)]),
        targets=build_plan_targets(tree["plan"]),
        tree=tree | {"run": name},
    )


def _refuse_unconfirmed_models(composed: Mapping[str, Any], tree: Mapping[str, Any]) -> None:
    """Refuse models of the run's folder that are more than answers that were imported into it.

    Raises:
        ConfigError: with every address, variable, file and code that they choose.
    """
    refuse_unconfirmed_settings(
        [
            SavedModelSettings(place=f"models.{key}", conf=conf)
            for key, conf in tree["models"].items()
            if key not in composed["models"]
        ],
        Path(tree["results"]) / str(tree["run"]),
    )


def _check_rating(name: str, judging: JudgingSpec) -> None:
    """Refuse a rating model that does not exist, or that cannot weigh judges as requested."""
    if name == DEFAULT_RATING:
        return
    from evalharness.stats import list_rating_models

    require_one_of(name, [model.name for model in list_rating_models()], "rating")
    if judging.panel is PanelRule.RATER:
        msg = (
            f"rating={name}: judging.panel=rater weighs judges with {DEFAULT_RATING} only; choose "
            "judging.panel=aggregate, or leave rating out"
        )
        raise ConfigError(msg)


def load_model_spec(
    name: str, overrides: Sequence[str], config_dir: Path | None = None
) -> ModelSpec:
    """Return the specification of one configured model.

    Raises:
        ConfigError: there is no such model, or an override is wrong.
    """
    tree = compose_config([f"models=[{name}]", *overrides], config_dir)
    key, conf = next(iter(tree["models"].items()))
    spec = build_model_spec(conf, f"models.{key}")
    return replace(spec, template_date=current_timestamp()[:10])


def _load_questions(conf: Mapping[str, Any]) -> tuple[Question, ...]:
    path = Path(conf["path"])
    if not path.exists() and not path.is_absolute():
        path = find_resource_folder("questions") / path
    refuse_special_file(path)
    if not path.is_file():
        msg = f"questions.path={conf['path']}: there is no such file"
        raise ConfigError(msg)
    return select_questions(
        read_questions(path),
        ids=conf["ids"],
        categories=conf["categories"],
        limit=conf["limit"],
    )


def _refuse_duplicates(names: Sequence[str], place: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"{place}: two have the name {twice[0]!r}; names must differ"
        raise ConfigError(msg)
