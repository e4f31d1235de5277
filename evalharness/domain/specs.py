"""Define the checked configuration of a run: models, judges, prompts, what is judged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evalharness.domain.benchmarks import SuiteSpec
from evalharness.domain.calls import Sampling
from evalharness.domain.identity import NOT_IN_IDENTITY, list_set_fields
from evalharness.domain.vocabulary import JudgmentKind, PairDesign, PanelRule, Question, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.domain.calls import Usage

DEFAULT_CONCURRENCY = 64
"""The most calls in flight at a time, where the settings do not say."""

TOKENIZER_TEMPLATE = "tokenizer"
"""The value of `ModelSpec.template` that means: the tokenizer's own chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars for a million tokens.

    Attributes:
        input: read.
        output: written.
        cached_input: read, that the server had; None means the price of `input`.
        batch: the share of these prices that the batch endpoint takes.
    """

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None
    batch: float = 0.5

    @property
    def is_known(self) -> bool:
        """Whether a call costs anything, as far as is known."""
        return bool(self.input or self.output)

    def usd(self, usage: Usage) -> float:
        """Return the US dollars for a call's tokens; tokens that were not counted cost nothing.

        Args:
            usage: of the call.
        """
        return self.usd_of(
            usage.prompt_tokens or 0,
            usage.completion_tokens or 0,
            usage.cached_tokens or 0,
            batch=usage.batch,
        )

    def usd_of(
        self, prompt: float, completion: float, cached: float = 0, *, batch: bool = False
    ) -> float:
        """Return the US dollars for numbers of tokens.

        Args:
            prompt: tokens read, those that the server had cached included.
            completion: tokens written.
            cached: the part of `prompt` that the server had cached.
            batch: whether the calls go through a batch endpoint.
        """
        cached_price = self.input if self.cached_input is None else self.cached_input
        full = (prompt - cached) * self.input + cached * cached_price + completion * self.output
        return full * (self.batch if batch else 1.0) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run; None means no limit. `minutes` applies to each command, the others to the run."""

    usd: float | None = None
    calls: int | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTargets:
    """The differences between two models that a run should detect, in points; None means no target."""

    rating: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as configured: a candidate, or the model of a judge.

    Attributes:
        name: as in tables.
        backend: the name of the backend that asks the model.
        settings: the backend's own settings, an instance of the dataclass that it declares.
        family: the family that the model belongs to.
        system: a system message before every conversation.
        template: Jinja text (the prompt exactly as the model was trained), the word `tokenizer`
            (the tokenizer's own chat template), or None where the server applies one.
        stop: texts that end a reply.
        context_length: in tokens.
        sampling: how text is drawn.
        sampling_by_category: the same, for the questions of a category.
        prices: of its tokens.
        concurrency: the most calls in flight at a time; None takes the default.
        batch: whether calls go through the server's batch endpoint.
    """

    name: str
    backend: str
    settings: Any = field(default=None, metadata=NOT_IN_IDENTITY)  # `identity` adds its fields
    family: str | None = None
    system: str | None = None
    template: str | None = None
    stop: tuple[str, ...] = ()
    context_length: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    sampling_by_category: Mapping[str, Sampling] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices, metadata=NOT_IN_IDENTITY)
    concurrency: int | None = field(default=None, metadata=NOT_IN_IDENTITY)
    batch: bool = field(default=False, metadata=NOT_IN_IDENTITY)

    @property
    def max_concurrency(self) -> int:
        """The most calls in flight at a time."""
        return self.concurrency or DEFAULT_CONCURRENCY

    def get_setting(self, name: str) -> Any:
        """Return one of the backend's own settings; None where the backend has none of that name.

        Args:
            name: of the setting.
        """
        return getattr(self.settings, name, None)

    def sampling_for(self, category: str) -> Sampling:
        """Return the sampling for questions of a category.

        Args:
            category: of a question.
        """
        return self.sampling_by_category.get(category, self.sampling)

    def usd(self, usage: Usage) -> float:
        """Return the US dollars for a call's tokens; tokens that were not counted cost nothing.

        Args:
            usage: of the call.
        """
        return self.prices.usd(usage)

    def usd_of(self, prompt: float, completion: float) -> float:
        """Return the US dollars for numbers of tokens, at the price of the model's kind of calls.

        Args:
            prompt: tokens read.
            completion: tokens written.
        """
        return self.prices.usd_of(prompt, completion, batch=self.batch)

    def identity(self) -> dict[str, Any]:
        """Return what the model's text depends on: all that is set, but speed, price and key."""
        return list_set_fields(self) | self.settings_identity()

    def settings_identity(self) -> dict[str, Any]:
        """Return the backend's own settings on which the model's text depends, where set."""
        return {} if self.settings is None else list_set_fields(self.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePrompt:
    """A judge's instruction, as Jinja templates.

    The variables of the templates are those of `judge.render_judge_prompt`. `prefill` starts the
    judge's reply when probabilities are read. With `five_levels`, a verdict includes its strength,
    from `A>>B` to `B>>A`.
    """

    name: str
    kind: JudgmentKind
    system: str
    template: str
    prefill: str = ""
    language: str = "en"
    five_levels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """A judge as configured: a model, its prompts, and how its decision is read.

    `repairs` is the number of repair requests after an unreadable reply: 0 or 1.
    """

    name: str
    model: ModelSpec
    prompts: Mapping[JudgmentKind, JudgePrompt]
    reading: Reading = Reading.TEXT
    repairs: int = 0
    caution: str | None = None
    """A caution shown with every result of this judge, for example that it is too weak to trust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingSpec:
    """What is judged: which kinds, which pairs, which turns.

    `baseline` restricts pairs to those with that model. `turns` None means every turn. `pairs` None
    means the pairs with the baseline if there is one, else all pairs. `budget_pairs` is the number
    of pairs per question of a chain or of random pairs, and the highest average number of adaptive
    pairs. With `exclude_own_family`, a judge does not judge models of its own family. `panel` is how
    several judges are combined.
    """

    graded: bool = True
    pairwise: bool = True
    baseline: str | None = None
    turns: tuple[int, ...] | None = None
    samples: int = 1
    pairs: PairDesign | None = None
    budget_pairs: int | None = None
    exclude_own_family: bool = False
    panel: PanelRule = PanelRule.AGGREGATE

    @property
    def pair_design(self) -> PairDesign:
        """The pairs that are compared: the setting, or its default."""
        if self.pairs is not None:
            return self.pairs
        return PairDesign.ALL if self.baseline is None else PairDesign.BASELINE


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """The whole checked configuration of a run."""

    name: str
    models: tuple[ModelSpec, ...]
    judges: tuple[JudgeSpec, ...]
    questions: tuple[Question, ...]
    judging: JudgingSpec
    suite: SuiteSpec = field(default_factory=SuiteSpec)
    seed: int = 0
    cautions: tuple[str, ...] = ()


def override_sampling(spec: ModelSpec, sampling: Sampling) -> ModelSpec:
    """Return the model with one sampling for all categories."""
    return replace(spec, sampling=sampling, sampling_by_category={})
