"""Test the spelling of names."""

from __future__ import annotations

from evalharness.domain import describe_name_variants, find_name_variants, normalize_name


def test_outer_spaces_and_the_unicode_form_are_normalized():
    """Inner spaces and case are part of a name; what cannot be seen is not."""
    assert normalize_name("gpt\u200b-4\ufeff") == "gpt-4"
    assert normalize_name(" e\u0301t\u00e9 B\u00a0") == "\u00e9t\u00e9 B"
    assert normalize_name("Llama 2") == "Llama 2"


def test_names_that_differ_only_in_case_are_grouped():
    """Case is folded as Unicode says, and the groups are sorted."""
    assert find_name_variants(["b", "GPT", "gpt", "Gpt", "STRASSE", "straße"]) == (
        ("GPT", "Gpt", "gpt"),
        ("STRASSE", "straße"),
    )
    assert describe_name_variants(["x", "X"], "models") == (
        "X and x differ only in case and count as 2 models",
    )


def test_names_that_look_alike_are_grouped():
    """A dash that does not break, and a full-width letter, are other characters."""
    assert find_name_variants(["gpt-4", "gpt\u20114", "o3", "\uff4f3", "gpt_4"]) == (
        ("gpt-4", "gpt\u20114"),
        ("o3", "\uff4f3"),
    )
    assert describe_name_variants(["a\u2013b", "a-b"], "models") == (
        "a-b and a\u2013b look alike and count as 2 models",
    )
