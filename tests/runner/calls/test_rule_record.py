"""What servers refuse stands in the manifest under the names of the run, and nothing else does."""

from __future__ import annotations

import json

import pytest
from endpoint_model import model, request

from evalharness.domain import Sampling, compute_digest
from evalharness.runner.calls.rule_record import open_rule_record

DEFAULTS = ("temperature",)
REFUSAL = b'{"error": {"message": "temperature is not supported", "param": "temperature"}}'
KNOWN = {"left_out": ["temperature"], "said": ["no temperature"]}


def _judge(**settings):
    return model("http://127.0.0.1/v1", name="judge", default_fields=DEFAULTS, **settings)


def _write(folder, identity, rules):
    manifest = {
        "command": "evalharness run",
        "judges": {"judge": {"identity": identity}},
        "request_rules": rules,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _learn(rules, spec):
    opened = rules.open(spec)
    asked = request(sampling=Sampling())
    return opened.learn(400, REFUSAL, opened.build_body(asked), asked)


def test_a_rule_is_added_to_what_the_manifest_has(tmp_path):
    """Other entries, and the rules of models that are not called now, stay."""
    _write(tmp_path, compute_digest(_judge().identity()), {"models": {"other": KNOWN}})
    notices = []
    rules = open_rule_record(tmp_path, {"judges": {"judge": _judge()}}, notices.append)

    assert _learn(rules, _judge())

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["command"] == "evalharness run"
    assert manifest["request_rules"]["models"] == {"other": KNOWN}
    assert manifest["request_rules"]["judges"]["judge"]["left_out"] == ["temperature"]
    assert len(notices) == 1


@pytest.mark.parametrize("settings", [{}, {"api_name": "another-model"}])
def test_rules_are_restored_for_the_model_that_learned_them(tmp_path, settings):
    """A check that asks another model under a judge's name neither takes nor changes its rules."""
    _write(tmp_path, compute_digest(_judge().identity()), {"judges": {"judge": KNOWN}})
    spec = _judge(**settings)
    rules = open_rule_record(tmp_path, {"judges": {"judge": spec}}, lambda _line: None)

    found = rules.find(spec)
    assert (found is not None) == (not settings)
    if settings:
        _learn(rules, spec)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["request_rules"] == {"judges": {"judge": KNOWN}}


def test_a_folder_without_a_manifest_gets_one_with_the_first_rule(tmp_path):
    """A run that is killed before its end has no other entry."""
    rules = open_rule_record(tmp_path, {"models": {"judge": _judge()}}, lambda _line: None)
    assert not (tmp_path / "manifest.json").exists()

    _learn(rules, _judge())

    assert list(json.loads((tmp_path / "manifest.json").read_text())) == ["request_rules"]
