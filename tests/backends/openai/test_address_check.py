"""Addresses of servers hold no keys: they stand in the configuration, the manifest and the page."""

from __future__ import annotations

import pytest

from evalharness.backends import build_backend_settings
from evalharness.backends.openai.address_check import check_server_address
from evalharness.config import load_settings
from evalharness.errors import ConfigError

PLANTED = "planted4f3a9c2b"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"https://host/v1?api_key={PLANTED}", "has the parameter 'api_key'; addresses are kept"),
        (f"https://host/v1?api-version=1&x={PLANTED}", "has the parameter 'x'"),
        (f"https://host/v1?{PLANTED}", "has a parameter; "),
        (f"https://user:{PLANTED}@host/v1", "must not hold a password"),
        (f"https://{PLANTED}@host/v1", "must not hold a password"),
        (f"https://host/v1#key={PLANTED}", "has a part after #"),
        (f"ftp://user:{PLANTED}@host/v1?k={PLANTED}", "ftp://host/v1: must start with http://"),
        ("http:///v1", "must start with http://"),
        ("http://[::1/v1", "no address"),
        ("http://127.0.0.1:99999/v1", "no port"),
        (f"http://host:{PLANTED}", "no port"),
        ("http://host:0/v1", "no port"),
    ],
)
def test_an_address_with_a_key_is_refused_and_the_key_not_repeated(address, words):
    """A parameter may have any name, so only Azure's version is allowed."""
    with pytest.raises(ConfigError, match=words) as caught:
        check_server_address(address, "m.base_url")
    assert PLANTED not in str(caught.value)


def test_plain_addresses_are_taken():
    """A port, a path, an address of IPv6, the version of Azure."""
    for address in ("http://127.0.0.1:8000/v1", "https://[::1]:1/v1", "https://h/v1?api-version=1"):
        check_server_address(address, "m.base_url")


def test_every_way_to_name_an_address_is_checked():
    """A setting, a list, a variant in a name, and the address of LiteLLM."""
    server = f"http://127.0.0.1:9/v1?api_key={PLANTED}"
    for override in (
        f"models.vicuna-13b.base_url='{server}'",
        f"models.vicuna-13b.base_url=['http://127.0.0.1:9/v1','{server}']",
        f"judge.model.base_url='{server}'",
    ):
        with pytest.raises(ConfigError, match="has the parameter 'api_key'"):
            load_settings(["models=vicuna-13b", "judge=scripted", override])
    with pytest.raises(ConfigError, match="has the parameter 'api_key'"):
        load_settings([f"models=['vicuna-13b?base_url={server}']", "judge=scripted"])
    with pytest.raises(ConfigError, match=r"m\.api_base: the address has the parameter"):
        build_backend_settings("litellm", {"api_base": server}, "m")
