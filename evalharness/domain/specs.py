"""Define the checked configuration of a run: models, judges, prompts, what is judged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evalharness.domain.benchmarks import SuiteSpec
from evalharness.domain.calls import Sampling
from evalharness.domain.identity import NOT_IN_IDENTITY, list_set_fields
from evalharness.domain.prices import Prices
from evalharness.domain.vocabulary import JudgmentKind, PairDesign, PanelRule, Question, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain.calls import Usage

DEFAULT_CONCURRENCY = 64
"""The default of `ModelSpec.concurrency`: the maximum number of calls in flight."""

TOKENIZER_TEMPLATE = "tokenizer"
"""The value of `ModelSpec.template` that selects the tokenizer's own chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run, or of each command for `minutes`; None means no limit."""

    usd: float | None = None
    calls: int | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTargets:
    """The differences between models that a run should detect, in points; None means no target."""

    rating: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLimits:
    """What rendering one prompt from a template may take.

    Attributes:
        seconds: the time.
        memory_mb: the memory, in megabytes.
        characters: the length of the text.
    """

    seconds: float = 10.0
    memory_mb: int = 512
    characters: int = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model as configured: a candidate, or the model of a judge.

    Attributes:
        name: the name in tables.
        backend: the name of the backend that calls the model.
        settings: the backend's own settings, an instance of the dataclass that it declares.
        family: the family that the model belongs to; several for a model that was distilled from
            one into the weights of another.
        system: a system message before every conversation.
        template: Jinja text (the prompt exactly as the model was trained), the word `tokenizer`
            (the tokenizer's own chat template), or None if the server applies one.
        template_options: variables that the chat template reads, such as `enable_thinking`; a chat
            endpoint is sent them as `chat_template_kwargs`.
        template_limits: what rendering a prompt may take.
        stop: texts that end a reply.
        context_length: the context length in tokens.
        sampling: the settings of text generation.
        sampling_by_category: settings for the questions of a category, in place of `sampling`.
        prices: the prices of its tokens.
        concurrency: the maximum number of calls in flight; None means the default.
        batch: whether calls go through the server's batch endpoint.
        thinks: whether the model usually writes a thought before its reply.
        retired: the day on which the model's provider ends it, as YYYY-MM-DD.
        successor: the name of the model that takes its place.
        template_date: the day that chat templates write, in ISO 8601; a run fixes it.
        default_fields: the fields of `sampling` that the user did not set. A server that refuses
            one of them is asked without it; any other is never left out.
        fingerprint: a digest of what the model's files hold, such as weights or recorded answers;
            None where it has none, or where they are not on this machine.
    """

    name: str
    backend: str
    settings: Any = field(default=None, metadata=NOT_IN_IDENTITY)  # `identity` adds its fields
    family: str | tuple[str, ...] | None = None
    system: str | None = None
    template: str | None = None
    template_options: Mapping[str, Any] = field(default_factory=dict)
    template_limits: TemplateLimits = field(
        default_factory=TemplateLimits, metadata=NOT_IN_IDENTITY
    )
    stop: tuple[str, ...] = ()
    context_length: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    sampling_by_category: Mapping[str, Sampling] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices, metadata=NOT_IN_IDENTITY)
    concurrency: int | None = field(default=None, metadata=NOT_IN_IDENTITY)
    batch: bool = field(default=False, metadata=NOT_IN_IDENTITY)
    thinks: bool = field(default=False, metadata=NOT_IN_IDENTITY)
    retired: str | None = field(default=None, metadata=NOT_IN_IDENTITY)
    successor: str | None = field(default=None, metadata=NOT_IN_IDENTITY)
    template_date: str | None = field(default=None, metadata=NOT_IN_IDENTITY)
    default_fields: tuple[str, ...] = field(default=(), metadata=NOT_IN_IDENTITY)
    fingerprint: str | None = None

    @property
    def families(self) -> frozenset[str]:
        """The families that the model belongs to; empty if none is known."""
        return list_families(self.family)

    @property
    def max_concurrency(self) -> int:
        """The maximum number of calls in flight."""
        return self.concurrency or DEFAULT_CONCURRENCY

    def get_setting(self, name: str) -> Any:
        """Return a setting of the backend; None if it has no setting of this name.

        Args:
            name: the name of the setting.
        """
        return getattr(self.settings, name, None)

    def sampling_for(self, category: str) -> Sampling:
        """Return the sampling for questions of a category.

        Args:
            category: the category of the question.
        """
        return self.sampling_by_category.get(category, self.sampling)

    def usd_for_usage(self, usage: Usage) -> float:
        """Return the price of a call in US dollars; tokens that were not counted cost nothing.

        Args:
            usage: the tokens of the call.
        """
        return self.prices.usd_for_usage(usage)

    def usd_for_tokens(self, prompt: float, completion: float) -> float:
        """Return the price of a call's tokens in US dollars, at batch prices if `batch` is set.

        Args:
            prompt: the number of tokens read.
            completion: the number of tokens generated.
        """
        return self.prices.usd_for_tokens(prompt, completion, batch=self.batch)

    def identity(self) -> dict[str, Any]:
        """Return the settings that affect the model's text, without speed, price and access."""
        return list_set_fields(self) | self.settings_identity()

    def settings_identity(self) -> dict[str, Any]:
        """Return the set settings of the backend that affect the model's text."""
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
    trial: bool = True
    """Whether a judge behind an endpoint is asked for one verdict before anything is paid for."""
    caution: str | None = None
    """A caution shown with every result of this judge, for example that it is too weak to trust."""
    show_reasoning: bool = False
    """Whether the judge is shown the thoughts before the answers: `judging.show_reasoning`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingSpec:
    """What is judged: which kinds, which pairs, which turns.

    `baseline` restricts pairs to those with that model. `turns` None means every turn. `pairs` None
    means the pairs with the baseline if there is one, else all pairs. `budget_pairs` is the number
    of pairs per question of a chain or of random pairs, and the highest average number of adaptive
    pairs. With `exclude_own_family`, a judge does not judge models of its own family. `panel` is
    how several judges are combined. With `show_reasoning`, judges are shown the thoughts before the
    answers.
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
    show_reasoning: bool = False

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
    template_date: str | None = None
    """The day that chat templates write, in ISO 8601: that on which the run's folder was made."""

    def with_template_date(self, date: str) -> RunSpec:
        """Return the run with this day in the chat templates of its models and judges.

        Args:
            date: the day, in ISO 8601.
        """
        judges = (
            replace(judge, model=replace(judge.model, template_date=date)) for judge in self.judges
        )
        return replace(
            self,
            models=tuple(replace(model, template_date=date) for model in self.models),
            judges=tuple(judges),
            template_date=date,
        )


def list_families(family: str | Sequence[str] | None) -> frozenset[str]:
    """Return the families that a configured value names: one, several, or none."""
    if family is None:
        return frozenset()
    return frozenset((family,) if isinstance(family, str) else family)


def override_sampling(spec: ModelSpec, sampling: Sampling) -> ModelSpec:
    """Return the model with one sampling for all categories."""
    return replace(spec, sampling=sampling, sampling_by_category={})
