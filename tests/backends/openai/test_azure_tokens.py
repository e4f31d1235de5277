"""Logins of Azure's Active Directory, with a stand-in for the package that finds them."""

from __future__ import annotations

import sys

import pytest
from endpoint_model import backend_of, model, request
from server import Server

from evalharness.backends.openai_compatible import explain_missing
from evalharness.errors import PermanentError

IDENTITY = """
class DefaultAzureCredential:
    pass

def get_bearer_token_provider(credential, scope):
    assert scope.endswith("/.default")
    tokens = ["second-azure-token", "first-azure-token"]
    return tokens.pop
"""


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    """The user has a login and no key."""
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.delenv(name, raising=False)


async def test_a_login_is_used_where_there_is_no_key_and_its_token_is_renewed(
    tmp_path, monkeypatch
):
    """A token lasts an hour, a run may take longer."""
    (tmp_path / "azure").mkdir()
    (tmp_path / "azure/identity.py").write_text(IDENTITY)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [each for each in sys.modules if each.split(".")[0] == "azure"]:
        monkeypatch.delitem(sys.modules, name)
    async with Server() as server:
        spec = model(server.root, api_version="2024-10-21")
        assert explain_missing(spec) is None
        async with backend_of(spec) as (backend, _):
            for number in range(2):
                await backend.complete(request(str(number)))
            with pytest.raises(PermanentError, match="no token"):
                await backend.complete(request("more"))
    sys.modules.pop("azure.identity", None)
    sys.modules.pop("azure", None)

    sent = [call.headers["Authorization"] for call in server.calls]
    assert sent == ["Bearer first-azure-token", "Bearer second-azure-token"]
    assert all("api-key" not in call.headers for call in server.calls)


async def test_a_token_made_by_hand_is_sent_to_azure_only(monkeypatch):
    """Another server is sent nothing of it."""
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "my-azure-token")
    async with Server() as server:
        for spec in (model(server.root, api_version="2024-10-21"), model(server.url)):
            async with backend_of(spec) as (backend, _):
                await backend.complete(request())

    assert server.calls[0].headers["Authorization"] == "Bearer my-azure-token"
    assert "Authorization" not in server.calls[1].headers


def test_a_login_is_not_sent_unencrypted_over_the_internet(monkeypatch):
    """A token is a key."""
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "my-azure-token")

    found = explain_missing(model("http://models.example.com", api_version="2024-10-21"))
    assert "without encryption" in found
