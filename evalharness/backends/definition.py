"""What a backend declares: its own settings, facts about its models, and how they are connected.

A backend is a module with one object:

    BACKEND = BackendDefinition(connect=..., settings=..., ...)

Our own modules are in this folder. Other packages add theirs through the entry point group
`evalharness.backends` (name: the backend's name, value: such a module, or the object).

When a run is interrupted, tasks that wait in `complete` are cancelled. A backend whose calls cost
money holds `mark_in_flight()` while a server works on one: the run waits for that call and keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evalharness.domain import ModelAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalharness.backends.openai.refusals.learned_rules import LearnedRules
    from evalharness.domain import Backend, Message, ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSettings:
    """The settings of a backend that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAddress:
    """Where a model is asked over a network.

    Attributes:
        urls: the addresses of its servers.
        name: what they call the model.
        is_private: whether all of them are on this machine or in its own network, where tokens have
            no list price.
    """

    urls: tuple[str, ...]
    name: str
    is_private: bool = False


class BatchConnector(Protocol):
    """Connects a model through its server's batch endpoint."""

    def __call__(self, spec: ModelSpec, journal: Path) -> Backend:
        """Return the model, ready to be asked.

        Args:
            spec: the model.
            journal: a file that keeps what was sent.
        """
        ...


class RuledConnector(Protocol):
    """Connects a model with what the servers of a run are known to refuse."""

    def __call__(
        self, spec: ModelSpec, rules: LearnedRules, *, journal: Path | None = None
    ) -> Backend:
        """Return the model, ready to be asked.

        Args:
            spec: the model.
            rules: what was learned so far; the model adds to it.
            journal: for calls through the batch endpoint, a file that keeps what was sent.
        """
        ...


def _return_none(_spec: ModelSpec) -> None:
    return None


def _return_text_access(_spec: ModelSpec) -> ModelAccess:
    return ModelAccess.TEXT


def _accept_settings(_settings: Any, _place: str) -> None:
    return None


def _return_unknown_duration(_spec: ModelSpec, _completion_tokens: float) -> None:
    return None


def _list_no_variables(_spec: ModelSpec) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendDefinition:
    """A way to ask models.

    Attributes:
        connect: returns a model, ready to be asked. Raises `ConfigError` where it cannot.
        settings: a frozen dataclass of the backend's own settings, each with a default. They are
            configured next to the common settings of a model, under their own names. A field with
            `metadata=NOT_IN_IDENTITY` changes speed or access, but no text.
        check_settings: takes the settings and their place in the configuration, and raises
            `ConfigError` for a value that is not allowed.
        explain_missing: returns what prevents that this model is asked (weights, key, server), or
            None. It runs before any work, so it imports nothing heavy.
        name_memory: returns a name for the memory of this machine that the model takes, the same
            name for shared weights; None where it takes none.
        find_benchmark_access: returns what standard benchmarks may use of the model.
        estimate_call_s: returns the seconds that a call usually takes for a number of completion
            tokens; None where nobody can say.
        connect_with_rules: connects with what the servers of a run are known to refuse; None where
            requests are the same for every server. Raises `ConfigError` as `connect` does.
        connect_batch: connects through a batch endpoint; None where there is none.
        render_prompt: returns the exact text of a prompt for a template that comes with the
            model's tokenizer; None where the backend has no tokenizer.
        list_key_variables: returns the names of the environment variables that may hold the
            model's key, so that it can be removed from texts.
        compute_fingerprint: returns a digest of what the model's files on this machine hold, which
            the settings only name: with other content, it is another model. None where it has no
            such files. It runs before any work, so it takes no longer than seconds. Raises
            `InputError` for a file that cannot be read as what it should be.
        describe: returns what a model is called in messages (`a chat endpoint`); None stands for
            the backend's name.
        find_address: returns where the model is asked over a network; None where it is not.
        list_served_models: asks a model's server for the names of the models that it serves, and
            returns None where it has no such list. Raises `BackendError` where the key is refused
            or the server cannot be reached. None where the backend has no server.
        reads_prompts: whether models are sent a prompt at all; recorded answers are not.
        is_self_contained: whether models need no network, no key and no weights, so that settings
            from others can be used without asking the user.
    """

    connect: Callable[[ModelSpec], Backend]
    settings: type = NoSettings
    check_settings: Callable[[Any, str], None] = _accept_settings
    explain_missing: Callable[[ModelSpec], str | None] = _return_none
    name_memory: Callable[[ModelSpec], str | None] = _return_none
    find_benchmark_access: Callable[[ModelSpec], ModelAccess] = _return_text_access
    estimate_call_s: Callable[[ModelSpec, float], float | None] = _return_unknown_duration
    connect_with_rules: RuledConnector | None = None
    connect_batch: BatchConnector | None = None
    render_prompt: Callable[[ModelSpec, Sequence[Message]], str] | None = None
    list_key_variables: Callable[[ModelSpec], tuple[str, ...]] = _list_no_variables
    compute_fingerprint: Callable[[ModelSpec], str | None] = _return_none
    describe: Callable[[ModelSpec], str | None] = _return_none
    find_address: Callable[[ModelSpec], ModelAddress | None] = _return_none
    list_served_models: Callable[[ModelSpec], tuple[str, ...] | None] | None = None
    reads_prompts: bool = True
    is_self_contained: bool = False
