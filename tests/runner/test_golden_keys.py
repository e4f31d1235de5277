"""Keys of fixed models, answers, judgments and runs, pinned: a release must not move them unseen.

A key that moves means that users are asked to pay again for what they have. Where one has to move,
the changelog says so, and the value here is changed with it.
"""

from __future__ import annotations

from dataclasses import field, make_dataclass, replace

import pytest
from builders import answer, model_spec, question

from evalharness.config import load_settings
from evalharness.config import schema as config_schema
from evalharness.config.run_name import list_set_values
from evalharness.domain import (
    JudgePrompt,
    JudgeSpec,
    JudgmentKind,
    Message,
    Request,
    Role,
    Sampling,
    compute_digest,
)
from evalharness.judge import JudgmentRequest
from evalharness.runner import answer_digest

SERVED = model_spec(
    "openai_compatible",
    name="vicuna-13b",
    base_url=("http://127.0.0.1:8000/v1",),
    stop=("</s>",),
    sampling=Sampling(temperature=0.7, max_tokens=512),
    sampling_by_category={"math": Sampling(max_tokens=512)},
)
LOCAL = model_spec(
    "local_transformers",
    name="smollm2",
    weights="embedded",
    dtype="float32",
    template="tokenizer",
    context_length=8192,
)
PROMPT = JudgePrompt(
    name="short", kind=JudgmentKind.GRADED, system="Grade.", template="{{ turns }}"
)
JUDGE = JudgeSpec(name="gpt-4", model=SERVED, prompts={JudgmentKind.GRADED: PROMPT})


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (SERVED, "b8c97a9b3c6c668a345e05bb63770822"),
        (LOCAL, "e819be7d2b8507a403e7002b7f1ddf82"),
        (model_spec("scripted", name="plain"), "f4a55c9660c553f27e10b55427f892fd"),
    ],
    ids=["server", "weights", "plain"],
)
def test_the_key_of_a_model_stays(model, key):
    """The completion cache uses this key."""
    assert compute_digest(model.identity()) == key


def test_a_fingerprint_is_part_of_every_key_of_a_model():
    """Other files make another model; without files, nothing changes."""
    asked = question("q1", category="writing")
    changed = replace(LOCAL, fingerprint="0a")

    assert changed.identity() == LOCAL.identity() | {"fingerprint": "0a"}
    assert answer_digest(changed, asked, 1, 7) != answer_digest(LOCAL, asked, 1, 7)
    judges = [replace(JUDGE, model=model) for model in (LOCAL, changed)]
    shown = (answer("a", "q1"),)
    keys = [
        JudgmentRequest(judge=judge, question=asked, turn=1, answers=shown).digest()
        for judge in judges
    ]
    assert keys[0] != keys[1]


def test_the_key_of_an_answer_stays():
    """A later release continues the folder of a run."""
    asked = question("q1", category="writing")

    assert answer_digest(SERVED, asked, 0, 0) == "9e23e8430b54c1c4cc60de6200eed7f7"
    assert answer_digest(LOCAL, asked, 1, 7) == "10accad1c1b41e19aeabc286b26f429d"


def test_questions_of_equal_text_have_their_own_keys():
    """Data sets ask the same question twice, and what was answered to each must stay apart."""
    one, other = question("q1"), question("q2")
    keys = {
        JudgmentRequest(judge=JUDGE, question=asked, turn=1, answers=(answer("a", "q"),)).digest()
        for asked in (one, other)
    }

    assert answer_digest(SERVED, one, 0, 0) != answer_digest(SERVED, other, 0, 0)
    assert answer_digest(LOCAL, one, 0, 0) != answer_digest(LOCAL, other, 0, 0)
    assert len(keys) == 2


def test_the_key_of_a_judgment_stays():
    """Judgments are the largest cost of a run."""
    showing = JudgmentRequest(
        judge=JUDGE, question=question("q1"), turn=1, answers=(answer("vicuna-13b", "q1"),)
    )

    assert showing.digest() == "f79488c083a700db42ae56238327e803"


def test_the_key_of_a_request_stays():
    """The cache finds completions by it; thoughts are part of it only where there are some."""
    asked = Request(
        messages=(
            Message(role=Role.SYSTEM, content="Be brief."),
            Message(role=Role.USER, content="Hi"),
        ),
        sampling=Sampling(temperature=0.7, max_tokens=512, seed=3),
        question_id="81",
        turn=2,
        sample=1,
    )
    thought = replace(asked.messages[1], reasoning="Hm.")

    assert compute_digest(["m", asked.key_content()]) == "ab46586af54619a59c70d700d0d42a2e"
    assert replace(asked, messages=(thought,)).key_content()["messages"][0]["reasoning"] == "Hm."
    seedless = replace(asked, sampling=replace(asked.sampling, seedless=True))
    assert seedless.key_content() != asked.key_content()


def test_shown_thoughts_are_part_of_a_judgments_key():
    """And only where there are thoughts to show."""
    plain = answer("vicuna-13b", "q1")
    thought = replace(plain, turns=tuple(replace(turn, reasoning="Hm.") for turn in plain.turns))
    shows = replace(JUDGE, show_reasoning=True)
    keys = {
        name: JudgmentRequest(
            judge=judge, question=question("q1"), turn=1, answers=(shown,)
        ).digest()
        for name, judge, shown in (
            ("plain", JUDGE, plain),
            ("not shown", JUDGE, thought),
            ("nothing to show", shows, plain),
            ("shown", shows, thought),
        )
    }

    assert keys["plain"] == keys["not shown"] == keys["nothing to show"] != keys["shown"]


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["models=[vicuna-13b,alpaca-7b]", "judge=scripted"], "vicuna-13b_alpaca-7b_mt_28513208"),
        (
            ["models=[gpt-4]", "models.gpt-4.base_url=http://127.0.0.1:1/v1", "judge=gpt-4"],
            "gpt-4_mt_5b4645fe",
        ),
    ],
    ids=["two", "server"],
)
def test_the_default_name_of_a_run_stays(overrides, name):
    """The same command resumes."""
    assert load_settings(overrides).run.name == name


def test_a_new_optional_setting_renames_no_run():
    """A release with a new setting resumes the folders of earlier releases."""
    newer = make_dataclass(
        "Newer", [("note", object, field(default=None))], bases=(config_schema.JudgingConf,)
    )
    conf = vars(config_schema.JudgingConf())

    assert list_set_values(conf | {"note": None}, newer) == list_set_values(
        conf, config_schema.JudgingConf
    )
    assert list_set_values(conf | {"note": "x"}, newer)["note"] == "x"
