"""A key and secret headers that a file names stay at the server that the file names."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings

HOME = "http://127.0.0.1:18108/v1"
OTHER = "http://127.0.0.1:18109/v1"  # another port is another server
REFERENCE = "${oc.env:GATE_HEAD}"
ACCESS = f"base_url: {HOME}\napi_key_env: GATE_KEY\nheaders: {{X-Gateway: '{REFERENCE}', X-Title: eval}}\n"
BOTH, NEITHER = ("GATE_KEY", REFERENCE), (None, None)


@pytest.fixture
def folder(tmp_path):
    """A folder of the user's with a provider, a model and a judge at one server."""
    _write(tmp_path / "providers/gate.yaml", ACCESS)
    model = "defaults:\n  - /sampling@sampling: mt_bench\n  - _self_\nbackend: openai_compatible\n"
    _write(tmp_path / "models/gm.yaml", f"# @package models.gm\n{model}name: gm\n{ACCESS}")
    _write(
        tmp_path / "models/moved.yaml",
        f"# @package models.moved\ndefaults:\n  - gm@_here_\n  - _self_\nname: moved\nbase_url: {OTHER}\n",
    )
    judge = (
        "# @package judge\ndefaults:\n  - /models@model: gm\n  - /prompts@prompts.graded: graded\n"
        "  - /prompts@prompts.pairwise: pairwise\n  - _self_\n"
    )
    _write(tmp_path / "judge/gj.yaml", f"{judge}model:\n  base_url: {OTHER}\n")
    _write(
        tmp_path / "judge/gk.yaml",
        f"{judge}model:\n  base_url: {OTHER}\n  api_key_env: GATE_KEY\n",
    )
    return tmp_path


def _write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def _access(spec):
    headers = dict(spec.settings.headers)
    assert headers.pop("X-Title", "eval") == "eval"
    return spec.settings.api_key_env, headers.get("X-Gateway")


def _model(folder, *overrides):
    (spec,) = load_settings([*overrides, "judge=scripted"], config_dir=folder).run.models
    assert spec.settings.headers["X-Title"] == "eval"  # it is no secret
    return spec.settings.base_url[0], *_access(spec)


def _judge(folder, *overrides):
    run = load_settings(["models=[vicuna-13b]", *overrides], config_dir=folder).run
    return _access(run.judges[0].model)


@pytest.mark.parametrize("name", ["gate/e", "gm"])
def test_a_users_file_sends_its_secrets_to_its_own_server_only(folder, name):
    """An override, and the settings of a variant, lie above the file."""
    key = name.replace("/", "_")
    assert _model(folder, f"models=[{name}]") == (HOME, *BOTH)
    assert _model(folder, f"models=[{name}]", f"models.{key}.base_url={OTHER}") == (OTHER, *NEITHER)
    assert _model(folder, f"models=[{name}?base_url={OTHER}]") == (OTHER, *NEITHER)


@pytest.mark.parametrize("judge", ["gate/e", "gm"])
def test_the_same_holds_for_judges(folder, judge):
    """And for those of a panel."""
    assert _judge(folder, f"judge={judge}") == BOTH
    assert _judge(folder, f"judge={judge}", f"judge.model.base_url={OTHER}") == NEITHER
    assert _judge(folder, f"judge={judge}?base_url={OTHER}") == NEITHER
    run = load_settings(
        [
            "models=[vicuna-13b]",
            f"judge=[scripted,{judge}]",
            f"panel.{judge}.model.base_url={OTHER}",
        ],
        config_dir=folder,
    ).run
    assert _access(run.judges[1].model) == NEITHER


def test_a_later_file_is_another_layer(folder):
    """One that names an address alone has no right to the key of the file that it builds on."""
    assert _model(folder, "models=[moved]") == (OTHER, *NEITHER)
    assert _judge(folder, "judge=gj") == NEITHER
    assert _judge(folder, "judge=gk") == ("GATE_KEY", None)


@pytest.mark.parametrize(
    ("settings", "access"),
    [
        (["api_key_env=GATE_KEY"], ("GATE_KEY", None)),
        (["api_key_env=OTHER_KEY"], ("OTHER_KEY", None)),
        (["headers.X-Gateway='${oc.env:GATE_HEAD}'"], (None, REFERENCE)),
        (["headers.X-Else=1"], NEITHER),
        (["api_key_env=GATE_KEY", "headers.X-Gateway='${oc.env:GATE_HEAD}'"], BOTH),
    ],
)
def test_what_is_named_beside_the_address_is_sent_there(folder, settings, access):
    """Each header is named on its own."""
    overrides = [f"models.gm.{each}" for each in settings]
    found = _model(folder, "models=[gm]", f"models.gm.base_url={OTHER}", *overrides)
    assert found == (OTHER, *access)


@pytest.mark.parametrize(
    ("url", "access"),
    [
        ("http://127.0.0.1:18108/other", BOTH),
        ("https://127.0.0.1:18108/v1", NEITHER),
        ("http://127.0.0.1/v1", NEITHER),
        ("http://localhost:18108/v1", NEITHER),
        (f"[{HOME},{OTHER}]", NEITHER),
        ("null", NEITHER),  # OpenAI
    ],
)
def test_a_server_is_a_scheme_a_host_and_a_port(folder, url, access):
    """The path is the server's own."""
    settings = load_settings(
        ["models=[gm]", f"models.gm.base_url={url}", "judge=scripted"], config_dir=folder
    )
    assert _access(settings.run.models[0]) == access


@pytest.mark.parametrize("form", ["{base_url: '%s'}", "{base_url: ['%s']}"])
def test_an_address_in_a_mapping_counts(folder, form):
    """The other way to write an override."""
    assert _judge(folder, "judge=gm", f"judge.model={form % OTHER}") == NEITHER


@pytest.mark.parametrize(
    ("url", "variable"),
    [("https://mine.openai.azure.com", "AZURE_OPENAI_API_KEY"), (OTHER, "")],
)
def test_azures_key_stays_with_azure(url, variable):
    """An empty name is no key, where `api_version` alone would mean Azure's."""
    (spec,) = load_settings([f"models=[azure/x?base_url={url}]", "judge=scripted"]).run.models

    assert spec.settings.api_key_env == variable
