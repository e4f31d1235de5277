"""Define the keys of a model's configuration: the common ones, and those of every backend."""

from __future__ import annotations

import types
from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Any, Optional, Union, get_args, get_origin

from omegaconf import MISSING

from evalharness.backends import is_tuple_type, list_nameless_settings, list_setting_types

# Hydra reads these annotations at run time and knows Optional[X], not every form of X | None.
# ruff: noqa: UP007, UP045

RUN_SEED = "run"
"""The value of `sampling.seed` that derives a seed for random sampling from the run's."""

UNSET_BY_DEFAULT = {"unset_by_default": True}
"""The `metadata` of a setting that counts as not set where it has its default, which is not empty."""

NOT_IN_RUN_NAME = {"in_run_name": False}
"""The `metadata` of a setting that says something about a model and changes no run's default name."""


@dataclass
class CategorySamplingConf:
    """The sampling in one category; a null setting has the value of the other categories."""

    temperature: Optional[float] = None
    top_p: Optional[float] = None
    max_tokens: Optional[int] = None
    seed: Any = None  # a number, or `run`


@dataclass
class SamplingConf:
    """How tokens are sampled; null is not sent, so that the server decides."""

    temperature: Optional[float] = 0.0
    top_p: Optional[float] = None
    max_tokens: Optional[int] = 1024
    # A number; `run` derives one for random sampling from the run's seed.
    seed: Any = field(default=RUN_SEED, metadata=UNSET_BY_DEFAULT)
    by_category: dict[str, CategorySamplingConf] = field(default_factory=dict)


@dataclass
class PricesConf:
    """US dollars for a million tokens."""

    input: float = 0.0
    cached_input: Optional[float] = None
    output: float = 0.0
    batch: float = 0.5  # the fraction of these prices that a batch costs


@dataclass
class TemplateLimitsConf:
    """What rendering one prompt from a template may take."""

    seconds: float = 10.0
    memory_mb: int = 512
    characters: int = 10_000_000


@dataclass
class CommonModelConf:
    """The settings of every model, with any backend."""

    name: str = MISSING
    family: Any = None  # a name, or a list of them
    backend: str = MISSING
    system: Optional[str] = None
    template: Optional[str] = None  # Jinja text, or `tokenizer`
    template_options: dict[str, Any] = field(default_factory=dict)  # e.g. enable_thinking: false
    template_limits: TemplateLimitsConf = field(
        default_factory=TemplateLimitsConf, metadata=NOT_IN_RUN_NAME
    )
    stop: list[str] = field(default_factory=list)
    context_length: Optional[int] = None
    sampling: SamplingConf = field(default_factory=SamplingConf)
    prices: PricesConf = field(default_factory=PricesConf)
    concurrency: Optional[int] = None  # the largest number of calls in flight
    batch: bool = False  # through the server's batch endpoint; judge.mode sets it
    # The day on which its provider ends it, as YYYY-MM-DD, and the name of what takes its place.
    retired: Optional[str] = field(default=None, metadata=NOT_IN_RUN_NAME)
    successor: Optional[str] = field(default=None, metadata=NOT_IN_RUN_NAME)
    # Whether it usually writes a thought before its reply.
    thinks: bool = field(default=False, metadata=NOT_IN_RUN_NAME)
    # Composing fills in the next two. The key that `api_key_env` names belongs to another server:
    withholds_key: bool = field(default=False, metadata=NOT_IN_RUN_NAME)
    # The fields of `sampling` that the user did not set.
    default_fields: list[str] = field(default_factory=list, metadata=NOT_IN_RUN_NAME)
    # Loading fills in a digest of what the files of its weights or recorded answers hold.
    fingerprint: Optional[str] = field(default=None, metadata=NOT_IN_RUN_NAME)


def _add_backend_settings(common: type) -> type:
    """Return a dataclass with the fields of another one and the settings of all backends."""
    nameless = list_nameless_settings()
    own = [
        (name, *_describe_field(kind, default, is_nameless=name in nameless))
        for name, (kind, default) in list_setting_types().items()
    ]
    made = make_dataclass("ModelConf", own, bases=(common,))
    made.__module__ = __name__
    made.__doc__ = "A model: a candidate, or what a judge runs on."
    return made


def _describe_field(kind: Any, default: Any, *, is_nameless: bool) -> tuple[Any, Any]:
    """Return the type and the default with which Hydra can check a setting.

    Hydra has no type for "one value or a list", so such a setting is `Any` here and checked later.
    """
    if is_nameless:
        return kind, field(default=default, metadata=NOT_IN_RUN_NAME)
    if is_tuple_type(kind):
        return Any, list(default) or None
    if get_origin(kind) in (Union, types.UnionType):
        return Union[get_args(kind)], default
    if isinstance(default, (dict, list)):
        return kind, field(default_factory=default.copy)
    return kind, default


if TYPE_CHECKING:
    ModelConf = CommonModelConf
else:
    ModelConf = _add_backend_settings(CommonModelConf)
