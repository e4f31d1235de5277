"""Whole runs against servers that refuse our defaults: a refusal a rule, and none on resuming."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from background_server import serve_in_background
from server import Server
from server_responses import THOUGHT
from server_rules import SERVER_RULES

from evalharness.config import load_settings
from evalharness.domain import RunStage
from evalharness.runner import Frontend, complete_run

CANDIDATE, JUDGE = "candidate-1", "judge-1"
DEFAULTS = ("temperature", "top_p", "max_tokens", "seed")
RUN = Path("results", "rules")
MANIFEST = RUN / "manifest.json"
STAGES = (RunStage.ANSWER, RunStage.JUDGE)


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder; the default judge's configuration names a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def _settings(url, *more):
    """Return two questions for two candidates; one of them and the judge are to meet the rules."""
    settings = load_settings(
        [
            "models=[vicuna-13b,alpaca-7b]",
            *(f"models.{name}.backend=openai_compatible" for name in ("vicuna-13b", "alpaca-7b")),
            *(f"models.{name}.base_url={url}" for name in ("vicuna-13b", "alpaca-7b")),
            f"models.vicuna-13b.api_name={CANDIDATE}",
            "models.vicuna-13b.system=Be brief.",
            "models.vicuna-13b.sampling.temperature=0.7",
            "models.vicuna-13b.sampling.top_p=0.9",
            f"judge.model.base_url={url}",
            f"judge.model.api_name={JUDGE}",
            "judging.turns=[1]",
            "questions.limit=2",
            "cache=off",
            "run=rules",
            *more,
        ]
    )
    models = [replace(model, default_fields=DEFAULTS) for model in settings.run.models]
    judges = [
        replace(judge, model=replace(judge.model, default_fields=DEFAULTS))
        for judge in settings.run.judges
    ]
    return replace(settings, run=replace(settings.run, models=tuple(models), judges=tuple(judges)))


def _server(row):
    """Return a server with the rules of a row for one of the candidates and for the judge."""

    def refuse(body):
        return SERVER_RULES[row](body) if body["model"] in (CANDIDATE, JUDGE) else None

    return Server(refuse=refuse)


def _run(server, *more):
    outcome = complete_run(_settings(server.url, *more), STAGES, "evalharness run")
    assert outcome.problems == ()
    return outcome


def _read_rules():
    """Return the rules in the manifest: of the candidate, and of the judge."""
    rules = json.loads(MANIFEST.read_text()).get("request_rules", {})
    models, judges = rules.get("models", {}), rules.get("judges", {})
    return models.get("vicuna-13b", {}), next(iter(judges.values()), {})


def _count_rules(tree):
    """Return the number of rules, which is the number of refusals that taught them at most."""
    counted = len(tree.get("left_out", ())) + len(tree.get("renamed", {}))
    steps = {"json_object": 1, "text": 2}.get(tree.get("response_format"), 0)
    single = sum(name in tree for name in ("max_tokens", "top_logprobs", "system_in_user"))
    return counted + steps + single


@pytest.mark.parametrize(
    ("row", "reading", "mode"),
    [
        *((row, "text", "live") for row in SERVER_RULES),
        ("openai_old_reasoning", "json", "batch"),
        ("deepseek", "json", "live"),
        ("no_json", "json", "batch"),
        ("together", "probabilities", "live"),
        ("fireworks", "probabilities", "batch"),
        ("openai_reasoning", "text", "batch"),
        ("anthropic", "text", "batch"),
        ("google", "text", "batch"),
        ("mistral", "json", "batch"),
        ("literal_values", "json", "live"),
    ],
)
def test_each_server_is_asked_what_it_takes(row, reading, mode):
    """The run is complete, each rule cost a call of a model at most, and resuming costs none."""
    judge = f"judge.reading={reading}", f"judge.mode={mode}"
    with serve_in_background(_server(row)) as server:
        _run(server, *judge)
        refused = [(call.model, call.path) for call in server.refused]
        calls, batches = len(server.calls), server.batches.created
        _run(server, *judge)
        assert len(server.calls) == calls

    known = dict(zip((CANDIDATE, JUDGE), _read_rules(), strict=True))
    for name, rules in known.items():
        count = sum(model == name for model, _ in refused)
        assert count <= _count_rules(rules)
        assert bool(rules) == bool(count)
    assert not any(path.startswith("batch") for _, path in refused)
    assert batches == (mode == "batch")


def test_what_was_refused_is_said_where_the_results_are():
    """On the terminal as it is learned, on the page, and as a caution beside the figures."""
    notices = []
    with serve_in_background(_server("anthropic")) as server:
        outcome = complete_run(
            _settings(server.url),
            STAGES,
            "evalharness run",
            frontend=Frontend(print_notice=notices.append),
        )

    caution = "vicuna-13b was asked without temperature, which its server does not take"
    assert any(caution in line for line in outcome.cautions)
    assert sum("requests go without temperature" in line for line in notices) >= 1
    assert "`temperature` is deprecated for this model" in notices[0]
    page = (RUN / "report.html").read_text()
    assert 'id="requests"' in page
    assert "`temperature` is deprecated for this model" in page


def test_a_run_that_goes_on_pays_for_no_refusal_again():
    """More questions later are asked by the rules that the manifest has."""
    with serve_in_background(_server("openai_reasoning")) as server:
        _run(server)
        refused = len(server.refused)
        _run(server, "questions.limit=4")

    assert 0 < refused <= 5
    assert len(server.refused) == refused


def test_what_is_learned_is_in_the_manifest_before_the_next_call():
    """A process that is killed at any moment has paid for no refusal in vain."""
    found = []

    def refuse(body):
        if body["model"] != CANDIDATE:
            return None
        refusal = SERVER_RULES["openai_reasoning"](body)
        found.append((refusal is None, _read_rules()[0] if MANIFEST.exists() else {}))
        return refusal

    with serve_in_background(Server(refuse=refuse)) as server:
        _run(server)

    counts = [_count_rules(rules) for _, rules in found]
    assert counts[:4] == [0, 1, 2, 3]
    assert [accepted for accepted, _ in found[:4]] == [False, False, False, True]


def test_a_field_of_the_user_is_never_left_out():
    """The failure has the server's words, and says how to leave the field out."""
    with serve_in_background(_server("anthropic")) as server:
        settings = _settings(server.url)
        models = [replace(model, default_fields=()) for model in settings.run.models]
        settings = replace(settings, run=replace(settings.run, models=tuple(models)))
        outcome = complete_run(settings, STAGES, "evalharness run")

    assert all("temperature" in call.body for call in server.calls if call.model == CANDIDATE)
    words = " ".join(outcome.problems)
    assert "`temperature` is deprecated for this model" in words
    assert "temperature=null leaves it out" in words


def test_a_judge_and_a_candidate_on_one_model_learn_for_each_other():
    """The server is the same, so its refusals are paid for once."""
    with serve_in_background(_server("openai_reasoning")) as server:
        _run(server, f"judge.model.api_name={CANDIDATE}")

    assert len(server.refused) == 3


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("reading", ["text", "json", "probabilities"])
def test_the_responses_api_is_a_way_to_ask_candidates_and_judges(reading, mode):
    """Some models are served by it only."""
    settings = ["models.vicuna-13b.endpoint=responses", "judge.model.endpoint=responses"]
    settings += ["models.vicuna-13b.stop=[]"]
    with serve_in_background(Server()) as server:
        _run(server, *settings, f"judge.reading={reading}", f"judge.mode={mode}")

    paths = {call.path for call in server.calls if call.model in (CANDIDATE, JUDGE)}
    batched = {"batch /v1/responses"} if mode == "batch" else set()
    assert paths == {"/v1/responses"} | batched
    rows = [json.loads(line) for line in (RUN / "judgments.jsonl").read_text().splitlines()]
    assert all(row["reasoning"] == THOUGHT for row in rows)
    assert {row["unscored"] for row in rows} == {None}
