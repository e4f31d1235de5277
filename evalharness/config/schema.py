"""Define the keys, types and defaults of the configuration, as Hydra checks them.

Hydra needs mutable classes without slots, and supports neither literals nor unions with lists. A
setting that is one value or a list is `Any` here, and is checked when the specs are built.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Optional

from omegaconf import MISSING

from evalharness.config.model_schema import NOT_IN_RUN_NAME, ModelConf
from evalharness.config.saved_run import upgrade_saved_model
from evalharness.domain import DEFAULT_RATING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Hydra reads these annotations at run time and knows Optional[X], not every form of X | None.
# ruff: noqa: UP045


@dataclass
class PromptConf:
    """The prompt of a judge."""

    name: str = MISSING
    kind: str = MISSING  # graded | pairwise
    system: str = ""
    template: str = MISSING
    prefill: str = ""
    language: str = "en"  # of the reasons: a code such as de or pt-BR
    five_levels: bool = False  # a verdict from A>>B to B>>A


@dataclass
class JudgeSamplingConf:
    """How a judge is sampled where the user and its model's file leave it open."""

    temperature: Optional[float] = 0.0
    max_tokens: Optional[int] = 1024
    thinking_max_tokens: int = 16384  # at least, for a model that thinks


@dataclass
class JudgeConf:
    """A judge: a model, its prompts by kind, and how its decisions are read."""

    name: Optional[str] = None  # null: its model's
    model: ModelConf = field(default_factory=ModelConf)
    sampling: JudgeSamplingConf = field(default_factory=JudgeSamplingConf)
    prompts: dict[str, PromptConf] = field(default_factory=dict)
    reading: str = "text"  # text | json | probabilities
    mode: str = "live"  # live | batch
    repairs: int = 0  # 1: ask once more for a verdict that cannot be read
    caution: Optional[str] = None
    # Whether a judge behind an endpoint is asked for one verdict before answers are paid for.
    trial: bool = field(default=True, metadata=NOT_IN_RUN_NAME)


@dataclass
class QuestionsConf:
    """The questions of a run."""

    name: str = MISSING
    path: str = MISSING
    ids: Optional[list[str]] = None
    categories: Optional[list[str]] = None
    limit: Optional[int] = None


@dataclass
class JudgingConf:
    """The judgments of a run: grades, and which pairs are compared."""

    name: str = MISSING
    graded: bool = True
    pairwise: bool = True
    baseline: Optional[str] = None
    turns: Optional[list[int]] = None
    samples: int = 1
    pairs: Optional[str] = None  # all | baseline | chain | random | adaptive
    budget_pairs: Optional[int] = None  # pairs per question
    exclude_own_family: bool = False
    panel: str = "aggregate"  # aggregate | rater
    show_reasoning: bool = False  # judges see the thoughts before the answers


@dataclass
class BenchmarkConf:
    """A task or group of lm-eval, and how its score is computed."""

    task: Optional[str] = None  # null: the name of the benchmark
    few_shot: Optional[int] = None  # null: the default of the task
    metrics: list[str] = field(default_factory=list)
    tasks: Optional[int] = None  # the number of tasks that must be loaded
    mean: str = "group"  # tasks | group
    lower_bound: Optional[float] = None
    lower_bounds: dict[str, float] = field(default_factory=dict)  # by task
    chat_template: Optional[bool] = None


@dataclass
class BenchmarksConf:
    """The standard benchmarks of a run."""

    name: str = MISSING
    tasks: dict[str, BenchmarkConf] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # tasks with their own defaults
    average: bool = False
    data_dir: Optional[str] = None
    folders: list[str] = field(default_factory=list)
    limit: Optional[int] = None
    few_shot: Optional[int] = None  # for all of them
    chat_template: bool = False
    batch_size: Optional[int] = None
    published: bool = False


@dataclass
class EngineConf:
    """Where local models run."""

    name: str = MISSING  # local | ray
    address: Optional[str] = None
    replicas: Optional[int] = None
    num_gpus: Optional[float] = None
    num_cpus: float = 1.0
    resources: dict[str, float] = field(default_factory=dict)
    in_flight: int = 64
    models_at_once: int = 1


@dataclass
class BudgetConf:
    """The limits at which a run stops; null is no limit."""

    usd: Optional[float] = None
    calls: Optional[int] = None
    minutes: Optional[float] = None


@dataclass
class PlanConf:
    """The differences between two models that a run should detect, in points; null is none."""

    rating: Optional[float] = None
    score: Optional[float] = None


@dataclass
class ThresholdsConf:
    """The bounds of a judge's rates, as proportions from 0 to 1, or kappas; null is no bound."""

    unscored: Optional[float] = None
    consistency: Optional[float] = None
    first_of_flips: Optional[float] = None
    place: Optional[float] = None
    ties: Optional[float] = None
    length: Optional[float] = None
    own_family: Optional[float] = None
    human_agreement: Optional[float] = None
    human_decided: Optional[float] = None
    human_kappa: Optional[float] = None
    gold_agreement: Optional[float] = None
    gold_decided: Optional[float] = None
    gold_kappa: Optional[float] = None
    repeatability: Optional[float] = None
    without_reference: Optional[float] = None
    probe_same: Optional[float] = None
    probe_truncated: Optional[float] = None
    probe_shuffled: Optional[float] = None
    probe_off_topic: Optional[float] = None
    probe_padded: Optional[float] = None
    probe_constant: Optional[float] = None
    probe_addressed: Optional[float] = None


@dataclass
class DriftCheckConf:
    """How a judge is compared with its earlier judgments."""

    limit: int = 100  # the number of judgments of each judge that are repeated
    alpha: float = 0.05


@dataclass
class AuditConf:
    """How a judge is audited."""

    questions: int = 16
    against: DriftCheckConf = field(default_factory=DriftCheckConf)
    thresholds: ThresholdsConf = field(default_factory=ThresholdsConf)


@dataclass
class ContaminationConf:
    """The corpus that is searched for the questions, references and answers of the run."""

    corpus: Any = None  # a file or a folder, or a list of them
    words: int = 13  # of an n-gram


@dataclass
class RootConf:
    """The whole configuration of a run."""

    models: dict[str, ModelConf] = field(default_factory=dict)
    judge: JudgeConf = field(default_factory=JudgeConf)
    panel: dict[str, JudgeConf] = field(default_factory=dict)
    questions: QuestionsConf = field(default_factory=QuestionsConf)
    judging: JudgingConf = field(default_factory=JudgingConf)
    benchmarks: BenchmarksConf = field(default_factory=BenchmarksConf)
    engine: EngineConf = field(default_factory=EngineConf)
    budget: BudgetConf = field(default_factory=BudgetConf)
    plan: PlanConf = field(default_factory=PlanConf)
    audit: AuditConf = field(default_factory=AuditConf)
    contamination: ContaminationConf = field(default_factory=ContaminationConf)
    run: Optional[str] = None
    results: str = "results"
    cache: str = "on"  # on | off | read
    seed: int = 0
    rating: str = DEFAULT_RATING
    cautions: list[str] = field(default_factory=list)


def complete_saved_model(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored model, with the defaults of settings that are newer than the run."""
    return asdict(ModelConf()) | upgrade_saved_model(conf)


def complete_saved_judge(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored judge, with the defaults of settings that are newer than the run."""
    completed = asdict(JudgeConf()) | dict(conf) | {"model": complete_saved_model(conf["model"])}
    completed.pop("sampling")  # a saved judge has its sampling in its model
    return completed
