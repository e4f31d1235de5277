"""Configured models are known by other names, and found at their provider."""

from __future__ import annotations

import pytest

from evalharness.config.names.catalogue import (
    CatalogueEntry,
    find_alias,
    find_served_entry,
    read_catalogue,
)
from evalharness.errors import ConfigError

URL = "https://api.example/v1"
MODELS = (
    CatalogueEntry(option="big-1_5", name="big-1.5", base_url=URL, api_name="big-1.5-2026-11-01"),
    CatalogueEntry(option="tune-a", name="tune-a", weights="Org/Tune"),
    CatalogueEntry(option="tune-b", name="tune-b", weights="Org/Tune"),
)


@pytest.mark.parametrize("name", ["big-1.5", "big-1.5-2026-11-01", "BIG-1.5"])
def test_a_model_is_found_by_its_other_names(name):
    """In tables, at its server, and in other letters."""
    assert find_alias(name, MODELS, "models") is MODELS[0]


def test_a_name_of_several_models_is_refused_with_all_of_them():
    """Nobody can say which is meant."""
    with pytest.raises(ConfigError, match=r"Org/Tune: several models.*tune-a, tune-b"):
        find_alias("Org/Tune", MODELS, "models")


@pytest.mark.parametrize("model_id", ["big-1.5-2026-11-01", "big-1.5"])
def test_a_providers_model_is_found_by_its_id_and_by_its_name(model_id):
    """At that provider's address only, with or without a slash at its end."""
    assert find_served_entry(f"{URL}/", model_id, MODELS) is MODELS[0]
    assert find_served_entry("https://other.example/v1", model_id, MODELS) is None


def test_no_two_of_our_models_have_the_same_name_in_tables():
    """A name in tables is enough to choose a model."""
    names = [entry.name for entry in read_catalogue()]

    assert len(names) == len(set(names))
