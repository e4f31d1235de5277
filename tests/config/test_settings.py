"""Overrides that users type work, and invalid ones are refused with a helpful message."""

from __future__ import annotations

import json

import pytest

from evalharness.config import add_default_overrides, list_choices, load_settings
from evalharness.domain import JudgmentKind, Reading
from evalharness.errors import ConfigError, InputError


@pytest.mark.parametrize(
    "spelling", ["+models=[vicuna-13b,alpaca-7b]", "models=[vicuna-13b,alpaca-7b]"]
)
def test_models_are_named_with_or_without_a_plus(spelling):
    """The command of the README works as typed, the models keep their order, and the default judges."""
    settings = load_settings([spelling])

    assert [model.name for model in settings.run.models] == ["vicuna-13b", "alpaca-7b"]
    assert [judge.name for judge in settings.run.judges] == ["gpt-6.1-sol"]
    assert len(settings.run.questions) == 80


def test_one_field_of_one_model_is_overridden():
    """The other model keeps its own."""
    settings = load_settings(
        [
            "models=[vicuna-13b,alpaca-7b]",
            "models.vicuna-13b.sampling.temperature=0.25",
            "models.vicuna-13b.base_url=http://127.0.0.1:8000/v1",
            "models.vicuna-13b.backend=openai_compatible",
            "models.alpaca-7b.backend=openai_compatible",
            "models.alpaca-7b.base_url=[http://127.0.0.1:1/v1,http://127.0.0.1:2/v1]",
        ]
    )
    vicuna, alpaca = settings.run.models

    assert (vicuna.sampling.temperature, alpaca.sampling.temperature) == (0.25, 0.7)
    assert vicuna.settings.base_url == ("http://127.0.0.1:8000/v1",)
    assert len(alpaca.settings.base_url) == 2


def test_sampling_by_category_fills_in_from_the_models_own():
    """Math is greedy, and keeps the length limit of all categories."""
    (model,) = load_settings(
        ["models=[vicuna-13b]", "models.vicuna-13b.sampling.max_tokens=99"]
    ).run.models

    assert model.sampling_for("math").temperature == 0
    assert model.sampling_for("math").max_tokens == 99
    assert model.sampling_for("writing").temperature == 0.7


def test_an_override_of_the_sampling_holds_in_every_category():
    """`temperature=0` on the command line means greedy, also against the model's file."""
    (model,) = load_settings(
        [
            "models=[vicuna-13b]",
            "models.vicuna-13b.sampling.temperature=0",
            "models.vicuna-13b.sampling.by_category.stem.temperature=0.3",
        ]
    ).run.models

    assert model.sampling_for("writing").temperature == 0
    assert model.sampling_for("stem").temperature == 0.3


def test_judges_use_temperature_zero_in_every_category():
    """A judge that is also a candidate does not use the sampling of the candidate."""
    overrides = ["models=[vicuna-13b]", "judge=gpt-4", "models@judge.model=vicuna-13b"]
    (judge,) = load_settings(overrides).run.judges

    assert judge.model.name == "vicuna-13b"
    assert {judge.model.sampling_for(category).temperature for category in ("writing", "x")} == {0}


def test_several_judges_keep_their_own_settings():
    """A panel's judges are named in one list."""
    settings = load_settings(["models=[vicuna-13b]", "judge=[gpt-4,gpt-4o]"])

    assert [judge.name for judge in settings.run.judges] == ["gpt-4", "gpt-4o"]
    assert [
        judge.model.get_setting("api_name") or judge.model.name for judge in settings.run.judges
    ] == [
        "gpt-4",
        "gpt-4o",
    ]


def test_how_verdicts_are_asked_for_and_read_is_chosen_by_overrides():
    """As in the table of the README, for any judge."""
    settings = load_settings(
        [
            "models=[vicuna-13b]",
            "judge=gpt-4o",
            "judge.reading=json",
            "judge.repairs=1",
            "prompts@judge.prompts.graded=rubric",
            "prompts@judge.prompts.pairwise=pairwise_five_levels",
            "judge.prompts.graded.language=pt-BR",
        ]
    )
    [judge] = settings.run.judges

    assert (judge.reading, judge.repairs) == (Reading.JSON, 1)
    assert judge.prompts[JudgmentKind.GRADED].name == "rubric"
    assert judge.prompts[JudgmentKind.GRADED].language == "pt-BR"
    assert judge.prompts[JudgmentKind.PAIRWISE].five_levels


def test_no_models_named_means_the_embedded_demo():
    """`run` alone works, and other overrides still apply."""
    run = load_settings(add_default_overrides(["seed=5", "questions.limit=8"], "run")).run

    assert len(run.models) == 3
    assert {model.settings.weights for model in run.models} == {"embedded"}
    assert run.judges[0].reading is Reading.PROBABILITIES
    assert set(run.judges[0].prompts) == set(JudgmentKind)
    assert (run.seed, len(run.questions)) == (5, 8)
    assert len({question.category for question in run.questions}) == 8
    assert any("too weak" in caution for caution in run.cautions)


def test_a_path_chooses_a_file_of_questions(tmp_path):
    """A file of questions needs no configuration file."""
    path = tmp_path / "it's mine.jsonl"
    path.write_text(json.dumps({"question_id": "x", "category": "c", "turns": ["?"]}) + "\n")

    settings = load_settings(["models=[vicuna-13b]", f"questions={path}"])

    assert [question.question_id for question in settings.run.questions] == ["x"]


def test_a_folder_of_configurations_adds_models(tmp_path):
    """--config-dir adds models to the built-in ones."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/mine.yaml").write_text(
        "# @package models.mine\nname: mine\nbackend: scripted\n"
    )

    settings = load_settings(["models=[mine,vicuna-13b]"], tmp_path)

    assert [model.name for model in settings.run.models] == ["mine", "vicuna-13b"]
    assert "mine" in list_choices("models", tmp_path)


def test_the_same_settings_make_the_same_folder():
    """The same command resumes a run; another one starts another run."""
    names = [
        load_settings(["models=[vicuna-13b]", *more]).run.name
        for more in ([], [], ["seed=2"], ["questions.limit=3"])
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["models=[vicuna-13x]"], "models=vicuna-13x.*did you mean vicuna-13b"),
        (["models=[vicuna-13b]", "judge=gpt4"], "judge=gpt4.*did you mean gpt-4"),
        (["models=[vicuna-13b]", "questions=mtt"], "questions=mtt.*did you mean mt"),
        (
            ["models=[vicuna-13b]", "models.vicuna-13b.temprature=0"],
            "models.vicuna-13b.temprature: unknown key 'temprature'",
        ),
        (
            ["models=[vicuna-13b]", "+models.vicuna-13b.sampling.temprature=0"],
            "models.vicuna-13b.sampling.temprature.*did you mean temperature",
        ),
        (["models=[vicuna-13b]", "+sead=1"], "sead.*did you mean seed"),
        (["models=[vicuna-13b]", "seed=many"], "^seed=many: must be a whole number$"),
        (["seed=1.5"], "^seed=1.5: must be a whole number$"),
        (["budget.usd=ten"], "^budget.usd=ten: must be a number$"),
        (["judge.trial=perhaps"], "^judge.trial=perhaps: must be true or false$"),
        (["run=[x]"], "^run=.x.: must be one text$"),
        (["run=a,b"], "^run=a,b: write a list as 'run=.a,b.', and one text as run='\"a,b\"'$"),
        (["questions.limit=[4]"], "^questions.limit=.4.: must be a whole number$"),
        (["questions.categories=math"], "must be a list; write 'questions.categories=.math.'"),
        (["limit=4"], "^limit: unknown key 'limit'; did you mean questions.limit"),
        (
            ["models=[vicuna-13b]", "models.vicuna-13b.temperature=0"],
            "unknown key 'temperature'; did you mean sampling.temperature",
        ),
        (
            ["models=[vicuna-13b]", "models.alpaca-7b.backend=vllm"],
            "^models.alpaca-7b.backend: 'alpaca-7b' is not among the chosen models",
        ),
        (["panel.second.repairs=1"], "'second' is not among the chosen judges"),
        (["models=[]"], r"^models=\[\]: name at least one model"),
        (["+models=[]"], r"^models=\[\]: name at least one model"),
        (["run=" + "日" * 67], "name of one folder in results/, of at most 200 bytes"),
        (["models=[vicuna-13b]", "models.vicuna-13b.sampling.temperature=-1"], "at least 0"),
        (["models=[vicuna-13b]", "models.vicuna-13b.sampling.top_p=0"], "top_p=0.*above 0"),
        (["models=[vicuna-13b]", "models.vicuna-13b.sampling.max_tokens=0"], "at least 1"),
        (["models=[vicuna-13b]", "models.vicuna-13b.endpoint=chatt"], "did you mean chat"),
        (["models=[vicuna-13b]", "models.vicuna-13b.base_url=127.0.0.1:80"], "http://"),
        (["models=[vicuna-13b]", "models.vicuna-13b.base_url=http://me:pw@x/v1"], "password"),
        (["models=[vicuna-13b]", "judging.baseline=vicuna-7b"], "judging.baseline=vicuna-7b"),
        (["models=[vicuna-13b]", "judging.turns=[0]"], "counted from 1"),
        (["models=[vicuna-13b]", "cache=maybe"], "one of on, off, read"),
        (["models=[vicuna-13b]", "run=../elsewhere"], "one folder"),
        (["models=[vicuna-13b]", "questions=/no/such.jsonl"], "no such file"),
        (["models=[vicuna-13b]", "questions.categories=[maths]"], "did you mean math"),
        (["models=[vicuna-13b]", "judging=graded", "judge.reading=guess"], "one of text"),
        (["models=[vicuna-13b]", "judge.repairs=2"], "judge.repairs=2: must be 0 or 1"),
        (["judge=embedded", "judge.repairs=1"], "probabilities hold no words.*judge.repairs=0"),
        (
            ["judge=embedded", "prompts@judge.prompts.pairwise=pairwise_five_levels"],
            "reading=probabilities: pairwise_five_levels.*reading=text",
        ),
        (["judge=embedded", "judge.reading=json"], "graded_short.*{{ form }}"),
        (["models=[vicuna-13b]", "judge.prompts.graded.language=de_DE"], "such as de"),
        (["models=[vicuna-13b]", "models.vicuna-13b.template='{% for %}'"], "template: "),
        (["models=[vicuna-13b]", "judge.prompts.graded.template=no-answer"], "does not show"),
        (["vicuna-13b"], "key=value"),
        (["models=[vicuna-13b"], "models"),
    ],
)
def test_invalid_overrides_are_refused_with_a_suggestion(overrides, words):
    """Before any work, with the key and a suggestion, in at most two lines."""
    with pytest.raises(ConfigError, match=f"(?s){words}") as refusal:
        load_settings(overrides)

    assert len(str(refusal.value).splitlines()) <= 2


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("run=日本", ["run"], "日本"),
        ("run=Prüfung 1", ["run"], "Prüfung 1"),
        ("run='Prüfung 1'", ["run"], "Prüfung 1"),
        ("run=a=b", ["run"], "a=b"),
        ("run=" + "日" * 66, ["run"], "日" * 66),
        ("results=Übung/Läufe", ["results"], "Übung/Läufe"),
        (
            "cautions=[Größe, 'ein, zwei', \"drei'é\"]",
            ["cautions"],
            ["Größe", "ein, zwei", "drei'é"],
        ),
        (
            "judge.model.system=Sei höflich: 5 + 5",
            ["judge", "model", "system"],
            "Sei höflich: 5 + 5",
        ),
    ],
)
def test_values_may_have_letters_of_any_language(override, path, value):
    """Hydra's own grammar knows ASCII alone; quotes for a shell's sake are not enough for it."""
    found = load_settings([override]).tree
    for key in path:
        found = found[key]

    assert found == value


def test_a_misspelt_key_in_a_file_is_refused_with_the_file(tmp_path):
    """A model file of the user is checked like an override."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/mine.yaml").write_text(
        "# @package models.mine\nname: mine\nbackend: scripted\nwieghts: x\n"
    )

    with pytest.raises(ConfigError, match=r"models/mine\.yaml: unknown key 'wieghts'.*weights"):
        load_settings(["models=[mine]"], tmp_path)


def test_a_bad_question_file_is_refused_with_its_line(tmp_path):
    """The error of the reader reaches the user unchanged."""
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question_id": "x"}\n')

    with pytest.raises(InputError, match=r"mine\.jsonl:1: "):
        load_settings(["models=[vicuna-13b]", f"questions={path}"])


def test_no_key_is_ever_in_the_settings(monkeypatch):
    """The stored configuration names the variable of a key, and never holds the key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    settings = load_settings(["models=[chatgpt]"])

    assert "sk-very-secret" not in json.dumps(settings.tree) + repr(settings)
    assert settings.run.models[0].settings.api_key_env == "OPENAI_API_KEY"


def test_the_day_of_a_models_end_is_checked():
    """A day that cannot be compared would never come."""
    with pytest.raises(ConfigError, match=r"models.gpt-4.retired=soon: must be a day"):
        load_settings(["models=[gpt-4]", "models.gpt-4.retired=soon"])


def test_names_of_models_and_judges_are_read_in_one_spelling():
    """Outer spaces and the Unicode form of a name cannot be seen in a table."""
    overrides = [
        "models=[vicuna-13b]",
        "models.vicuna-13b.backend=scripted",
        "judge=scripted",
        "models.vicuna-13b.name=' mode\u0300le '",
        "judge.name='judge '",
    ]

    settings = load_settings(overrides)

    assert [model.name for model in settings.run.models] == ["mod\u00e8le"]
    assert [judge.name for judge in settings.run.judges] == ["judge"]
