"""Secrets that a server repeats: replaced wherever they stand, and in whatever form."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from evalharness.backends import Scrubber
from evalharness.domain import Completion
from evalharness.errors import PermanentError

SECRETS = ("12345678", "sk-proj-Ab3_9/x+Y=z", 'pass "word" <&> \\ ünd', "key with spaces")
WRITTEN = {
    "as it is": str,
    "in a URL": lambda secret: quote(secret, safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "in HTML": html.escape,
    "in JSON": lambda secret: json.dumps(secret)[1:-1],
    "in hexadecimal digits": lambda secret: secret.encode().hex(),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", WRITTEN)
def test_a_secret_is_found_in_every_form(secret, form):
    """Whoever reads the file can turn it back."""
    written = WRITTEN[form](secret)

    assert Scrubber([secret]).scrub(f"You sent {written}, twice: {written}{written}") == (
        "You sent ***, twice: ******"
    )


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["", ":", "me", "user:", "Bearer ", "someone:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_found_in_base64_behind_any_text(secret, before, encode):
    """As in the header of Basic authentication, where a name stands before it."""
    for after in ("", "@", "@host"):
        written = encode(f"{before}{secret}{after}".encode()).decode()
        clean = Scrubber([secret]).scrub(f"Basic {written}")

        assert "***" in clean
        # What is left has no more than the characters at either end, which others share.
        assert len(clean) <= len("Basic ***") + len(before) * 4 // 3 + len(after) * 4 // 3 + 8


@pytest.mark.parametrize("value", ["", "EMPTY", "1234567", "not-needed", None, "lm-studio"])
def test_what_is_no_secret_stays(value):
    """Short values are ordinary words, and some stand for the lack of a key."""
    assert Scrubber([value]).scrub("EMPTY 1234567 not-needed lm-studio") == (
        "EMPTY 1234567 not-needed lm-studio"
    )


def test_the_longest_secret_is_replaced_first():
    """Of a key that begins another one, no end is left."""
    assert Scrubber(["12345678", "12345678-90"]).scrub("12345678-90, 12345678") == "***, ***"


def test_every_text_of_a_completion_and_an_error_is_scrubbed():
    """A field that is added later is scrubbed as well."""
    scrubber = Scrubber(["12345678"])
    said = Completion(
        text="a 12345678", reasoning="b 12345678", finish_reason="12345678", served="12345678"
    )
    error = PermanentError("c 12345678", reason="batch_12345678")

    clean = scrubber.scrub_completion(said)
    scrubber.scrub_error(error)

    assert "12345678" not in repr(clean)
    assert (clean.text, clean.reasoning) == ("a ***", "b ***")
    assert (str(error), error.reason) == ("c ***", "batch_***")
    assert scrubber.scrub_completion(clean) is clean
    assert scrubber.scrub_tree({"12345678": ["12345678", 1, None]}) == {"***": ["***", 1, None]}
