"""Settings of an imported run choose no address, variable, file, template or code by themselves."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import pytest
import yaml

from evalharness.cli import main
from evalharness.config import (
    SavedModelSettings,
    Trust,
    compose_config,
    load_settings,
    refuse_unconfirmed_settings,
)
from evalharness.errors import ConfigError
from evalharness.runner import prepare_drift_check
from evalharness.store import mark_imported_run

SERVER = "http://127.0.0.1:9/v1"
HOSTILE = {
    "base_url": SERVER,
    "api_key_env": "AWS_SECRET_ACCESS_KEY",
    "headers": {"X-Home": "${oc.env:HOME}"},
    "template": "{{ messages[0].content }}",
}


@cache
def _tree():
    return compose_config(["models=vicuna-13b", "judge=scripted"])


def _conf(**changes):
    """Return the settings of a judge's model as a run saves them, with changes."""
    return deepcopy(_tree()["judge"]["model"]) | changes


def _list_choices(conf, folder, *given):
    """Return what a model's settings would choose."""
    settings = SavedModelSettings(place="judge.model", conf=conf, given=frozenset(given))
    return list(settings.list_choices(folder))


def test_every_address_variable_file_and_code_is_listed(tmp_path):
    """With the values, so that the user sees what would be allowed."""
    remote = _conf(backend="openai_compatible", **HOSTILE)
    assert _list_choices(remote, tmp_path) == [
        "judge.model.api_key_env=AWS_SECRET_ACCESS_KEY",
        "judge.model.backend=openai_compatible",
        f"judge.model.base_url={SERVER}",
        "judge.model.headers.X-Home=${oc.env:HOME}",
        "judge.model.template={{ messages[0].content }}",
    ]
    local = _conf(backend="local_transformers", weights="evil/model", trust_remote_code=True)
    assert _list_choices(local, tmp_path) == [
        "judge.model.backend=local_transformers",
        "judge.model.trust_remote_code=true",
        "judge.model.weights=evil/model",
    ]
    outside = _conf(backend="recorded", answers="/etc/passwd")
    assert _list_choices(outside, tmp_path) == ["judge.model.answers=/etc/passwd"]


def test_a_key_that_no_setting_names_is_listed(tmp_path):
    """The backend chooses the variable by the address, or by the version of Azure."""
    openai = _conf(backend="openai_compatible", name="gpt")
    assert {
        "judge.model.backend=openai_compatible",
        "judge.model: may send the environment variable OPENAI_API_KEY",
    } <= set(_list_choices(openai, tmp_path))
    azure = _conf(backend="openai_compatible", base_url=SERVER, api_version="2026-01-01")
    assert "judge.model: may send the environment variable AZURE_OPENAI_API_KEY" in (
        _list_choices(azure, tmp_path)
    )


def test_what_reaches_nothing_and_what_the_user_gives_is_not_asked_for(tmp_path):
    """Recorded answers in the run's own folder, scripted judges, and values of this command."""
    assert _list_choices(_conf(), tmp_path) == []
    own = _conf(backend="recorded", answers=str(tmp_path / "answers.jsonl"))
    assert _list_choices(own, tmp_path) == []
    remote = _conf(backend="openai_compatible", **HOSTILE)
    given = [f"judge.model.{name}" for name in HOSTILE if name != "headers"]
    assert _list_choices(remote, tmp_path, *given, "judge.model.headers.X-Home") == []
    withheld = _conf(backend="openai_compatible", withholds_key=True, **HOSTILE)
    assert not [line for line in _list_choices(withheld, tmp_path) if "AWS" in line]


def test_values_cannot_forge_lines_or_hide_their_end(tmp_path):
    """They are escaped, and a long one says its length."""
    conf = _conf(backend="recorded", answers="/x\n" + "y" * 200)
    (line,) = _list_choices(conf, tmp_path)
    assert line == f"judge.model.answers=/x\\n{'y' * 97}... (203 characters)"
    with pytest.raises(ConfigError, match=r"--trust-config if all of this may be"):
        refuse_unconfirmed_settings([SavedModelSettings(place="m", conf=conf)], tmp_path)


def _write_run(folder, **sections):
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(sections))
    (folder / "questions.jsonl").write_text('{"question_id":"1","category":"a","turns":["Why?"]}\n')


def test_a_model_that_is_more_than_imported_answers_needs_confirmation(
    tmp_path, monkeypatch, capsys
):
    """It stands in the run's folder as if its answers had been imported; `run` would call it."""
    monkeypatch.chdir(tmp_path)
    answers = {"name": "m1", "answers": "results/theirs/answers.jsonl"}
    model = _conf(**answers, backend="openai_compatible", base_url=SERVER)
    _write_run(tmp_path / "results/theirs", models={"m1": model}, questions={"path": "/etc/hosts"})

    for verb in ("run", "judge", "audit"):
        assert main([verb, "run=theirs", "judge=scripted"]) == 2
        said = capsys.readouterr().err
        assert f"models.m1.base_url={SERVER}\n" in said
        assert "--trust-config" in said
    settings = load_settings(["run=theirs", "judge=scripted"], trust=Trust(config=True))
    assert settings.run.models[0].settings.base_url == (SERVER,)
    assert settings.tree["questions"]["path"] == "results/theirs/questions.jsonl"
    assert main(["plan", "run=theirs", "judge=scripted", "--trust-config"]) == 1
    assert "there is no server" not in capsys.readouterr().err


def test_a_drift_check_of_an_imported_run_needs_confirmation(tmp_path, monkeypatch, capsys):
    """A run of one's own does not; neither does a judge that the user names anew."""
    monkeypatch.chdir(tmp_path)
    tree = _tree()
    model = _conf(backend="openai_compatible", **HOSTILE)
    folder = tmp_path / "results/theirs"
    _write_run(folder, judge=tree["judge"] | {"model": model}, panel={}, judging=tree["judging"])
    with pytest.raises(ConfigError, match="judgments"):  # there are none to repeat
        prepare_drift_check("theirs", [])

    mark_imported_run(folder, folder)
    assert main(["audit", "--against", "theirs"]) == 2
    assert "judge.model.api_key_env=AWS_SECRET_ACCESS_KEY" in capsys.readouterr().err
    assert main(["audit", "--against", "theirs", "--trust-config"]) == 2
    assert "trust-config" not in capsys.readouterr().err
    with pytest.raises(ConfigError, match="template") as raised:
        prepare_drift_check("theirs", ["judge.model.base_url=http://127.0.0.1:8/v1"])
    assert not {"AWS", "base_url=http"} & set(str(raised.value).split())
    with pytest.raises(ConfigError, match=r"judgments|asked in other words"):
        prepare_drift_check("theirs", ["judge=scripted"])
