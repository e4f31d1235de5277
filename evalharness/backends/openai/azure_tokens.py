"""Tokens of Azure's Active Directory (Entra ID), for Azure models without a key.

The package `azure-identity` finds the user's login (the command line `az`, a managed identity, ...) and
renews its tokens. A token that was made by hand is read from `AZURE_OPENAI_AD_TOKEN`.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain import ModelSpec

_TOKEN_VARIABLE = "AZURE_OPENAI_AD_TOKEN"  # noqa: S105 - the name of a variable
_SCOPE = "https://cognitiveservices.azure.com/.default"


def has_azure_login(spec: ModelSpec) -> bool:
    """Whether tokens may be had for a model: it is Azure's, and has a token or the package."""
    if not spec.get_setting("api_version") or spec.get_setting("api_key_env") == "":
        return False
    return bool(os.environ.get(_TOKEN_VARIABLE, "").strip()) or _is_installed()


def find_token_provider(spec: ModelSpec) -> Callable[[], str] | None:
    """Return a function that returns a token that is valid now; None if the model has no login."""
    if not has_azure_login(spec):
        return None
    if token := os.environ.get(_TOKEN_VARIABLE, "").strip():
        return lambda: token
    identity: Any = importlib.import_module("azure.identity")
    provider: Callable[[], str] = identity.get_bearer_token_provider(
        identity.DefaultAzureCredential(), _SCOPE
    )
    return provider


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:  # nothing of Azure's at all
        return False
