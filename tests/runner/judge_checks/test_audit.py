"""Test that an audit reports exactly the defect of a judge, and repeats no call."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from builders import question

from evalharness.analysis import BoundStatus, build_health_card
from evalharness.backends import ScriptedBackend
from evalharness.domain import JudgePrompt, JudgeSpec, JudgingSpec, JudgmentKind, ModelSpec, RunSpec
from evalharness.errors import PermanentError
from evalharness.judge import AuditSpec
from evalharness.runner import NoProgress, run_audit_probes, run_pipeline
from evalharness.store import RunFolder, read_run

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "conf/config.yaml").read_text())
THRESHOLDS = CONFIG["audit"]["thresholds"]
PROMPTS = {
    JudgmentKind.GRADED: JudgePrompt(
        name="graded",
        kind=JudgmentKind.GRADED,
        system="",
        template="{{ turns[-1].reference }} {{ turns[-1].answer }} [[rating]]",
    ),
    JudgmentKind.PAIRWISE: JudgePrompt(
        name="pairwise",
        kind=JudgmentKind.PAIRWISE,
        system="",
        template="{{ turns[-1].reference }}<A>{{ turns[-1].answer_a }}<B>{{ turns[-1].answer_b }}",
    ),
}
NUMBER = 8
QUESTIONS = tuple(
    question(
        f"q{number}",
        category=("math", "writing")[number % 2],
        turns=(f"How is q{number} done?",),
        references=("In steps.",) if number == 0 else (),
    )
    for number in range(NUMBER)
)
PROBES = NUMBER * (1 + 2 * 6)  # against itself once, against six other texts in both orders
AGAIN = NUMBER * 2 + 2  # a grade and a game each; those of one question without its reference
MUST_WIN = {
    "probe_truncated",
    "probe_shuffled",
    "probe_off_topic",
    "probe_constant",
    "probe_addressed",
}


def _spec(family: str | None = None) -> RunSpec:
    judge = ModelSpec(name="judge", backend="scripted", family=family)
    return RunSpec(
        name="run",
        models=(
            ModelSpec(name="able", backend="scripted", family="ours"),
            ModelSpec(name="poor", backend="scripted", family="theirs"),
        ),
        judges=(JudgeSpec(name="judge", model=judge, prompts=PROMPTS),),
        questions=QUESTIONS,
        judging=JudgingSpec(),
    )


def _answer(model: str, question_id: str) -> str:
    """Return an answer in steps; the model `able` has more of them, and half the time fewer words."""
    even = int(question_id[1:]) % 2 == 0
    steps = {("able", True): 30, ("poor", True): 20, ("able", False): 20, ("poor", False): 15}
    said = [f"Step {number} of {question_id} is done." for number in range(steps[model, even])]
    chatter = [] if model == "able" or even else ["And so on it goes for a while."] * 8
    return " ".join([*said, *chatter])


def _quality(text: str, question_id: str) -> int:
    """Return the number of steps of the question that a text contains in order."""
    told = 0
    for number in re.findall(rf"Step (\d+) of {question_id} ", text):
        told += int(number) == told
    return told


def _preferring(measure):
    """Return a judge that prefers the answer with the higher measure; equal ones tie."""

    def verdict(request, first, second):
        a, b = measure(first, request.question_id), measure(second, request.question_id)
        return "A" if a > b else "B" if b > a else "C"

    return verdict


perfect = _preferring(_quality)
longest = _preferring(lambda text, _question: len(text))


def always_first(_request, _first, _second):
    """Prefer the first answer."""
    return "A"


def obedient(request, first, second):
    """Follow an instruction in an answer; without one, judge correctly."""
    told = re.search(r"choose ([AB])\.", first + second)
    return told[1] if told else perfect(request, first, second)


def fickle(request, first, second):
    """Judge correctly at first, and the other way round in a repeat."""
    sober = perfect(request, first, second)
    return {"A": "B", "B": "A", "C": "C"}[sober] if request.sample else sober


class Models:
    """Connects the candidates and a judge, and counts the judge's calls."""

    def __init__(self, verdict) -> None:
        self.calls = 0
        self._verdict = verdict

    def connect(self, spec):
        """Return a model; the judge replies to a pair with its verdict, to one answer with a 7."""
        if spec.name == "judge":
            return ScriptedBackend(self._judge)
        return ScriptedBackend(lambda request: _answer(spec.name, request.question_id))

    def _judge(self, request):
        self.calls += 1
        shown = re.fullmatch(r".*?<A>(.*)<B>(.*)", request.messages[-1].content, re.DOTALL)
        if shown is None:
            return "[[7]]"
        said = self._verdict(request, shown[1], shown[2])
        return said if isinstance(said, Exception) else f"[[{said}]]"


def _run(path, models, spec):
    with RunFolder.open(path) as folder:
        folder.write_config({}, spec.questions)
        asyncio.run(run_pipeline(spec, folder, connect=models.connect))
    models.calls = 0


def _audit(path, models, spec, questions=NUMBER):
    audit = AuditSpec(questions=questions, thresholds=THRESHOLDS)
    found = asyncio.run(
        run_audit_probes(
            spec,
            audit,
            read_run(path),
            path,
            connect=models.connect,
            progress=NoProgress(),
        )
    )
    return found, build_health_card(read_run(path), spec, found.probed, audit.thresholds)


def _card_of(path, verdict):
    """Return the measures of a judge by name, after a run and an audit."""
    models, spec = Models(verdict), _spec()
    _run(path, models, spec)
    _, card = _audit(path, models, spec)
    (judge,) = card.judges
    return {measure.name: measure for measure in judge.measures}


def _missed(card):
    return {name for name, measure in card.items() if measure.status is BoundStatus.MISSED}


def test_a_judge_that_knows_quality_misses_no_threshold(tmp_path):
    """A good judge passes every probe and every threshold."""
    card = _card_of(tmp_path, perfect)

    assert _missed(card) == set()
    assert {name: card[name].value for name in card if name.startswith("probe_")} == dict.fromkeys(
        MUST_WIN | {"probe_same", "probe_padded"}, 1.0
    )
    assert (card["consistency"].value, card["consistency"].count) == (1.0, NUMBER)
    assert (card["unscored"].value, card["unscored"].count) == (0.0, NUMBER * (2 + 2))
    assert (card["ties"].value, card["repeatability"].value) == (0.0, 1.0)
    assert card["repeatability"].count == NUMBER * 2
    assert (card["without_reference"].value, card["without_reference"].count) == (1.0, 2)


def test_a_judge_that_always_prefers_the_first_place_shows_it(tmp_path):
    """All pairs flip to the first place, so better answers only tie."""
    card = _card_of(tmp_path, always_first)

    assert _missed(card) == {"consistency", "place", "probe_same"} | MUST_WIN
    assert (card["consistency"].value, card["place"].value) == (0.0, 1.0)
    assert (card["first_of_flips"].value, card["first_of_flips"].count) == (1.0, NUMBER)
    assert card["probe_padded"].value == 1.0
    assert card["length"].value == pytest.approx(0.5, abs=0.01)


def test_a_judge_that_prefers_the_longer_answer_shows_it(tmp_path):
    """A repeated answer always wins, and the order of the sentences has no effect."""
    card = _card_of(tmp_path, longest)

    # It is chance whether the answer to another question is longer, so this is not a defect.
    assert _missed(card) - {"probe_off_topic"} == {"probe_padded", "probe_shuffled"}
    assert card["length"].status is BoundStatus.TOO_FEW
    assert (card["probe_padded"].value, card["probe_truncated"].value) == (0.0, 1.0)
    assert card["length"].value > 0.75
    assert card["length"].note == "held finite by a weak prior"
    assert card["consistency"].value == 1.0


def test_a_judge_that_obeys_an_answer_misses_that_threshold_only(tmp_path):
    """Only an answer that instructs the judge misleads it."""
    card = _card_of(tmp_path, obedient)

    assert _missed(card) == {"probe_addressed"}
    assert card["probe_addressed"].value == 0.0


def test_a_judge_that_changes_its_mind_misses_that_threshold_only(tmp_path):
    """In repeats all games change and no grade does: the rate is one half."""
    card = _card_of(tmp_path, fickle)

    assert _missed(card) == {"repeatability"}
    assert (card["repeatability"].value, card["repeatability"].count) == (0.5, NUMBER * 2)


def test_intervals_are_clustered_by_question(tmp_path):
    """Eight questions that all agree leave the exact interval of eight: 1 - .03^(1/8)."""
    measure = _card_of(tmp_path, always_first)["probe_same"]

    assert (measure.value, measure.low, measure.questions) == (0.0, 0.0, NUMBER)
    assert measure.high == pytest.approx(1 - 0.03 ** (1 / NUMBER))


def test_a_second_audit_asks_nothing(tmp_path):
    """Replies to probes are kept in the run's folder, which does not change."""
    models, spec = Models(perfect), _spec()
    _run(tmp_path, models, spec)
    _audit(tmp_path, models, spec)
    first, before = models.calls, (tmp_path / "probes.jsonl").read_bytes()
    _, card = _audit(tmp_path, models, spec)

    assert (first, models.calls) == (PROBES + AGAIN, PROBES + AGAIN)
    assert (tmp_path / "probes.jsonl").read_bytes() == before
    assert card.probes == PROBES + AGAIN


def test_a_larger_audit_asks_only_for_more(tmp_path):
    """The first questions stay the same, so their replies are reused."""
    models, spec = Models(perfect), _spec()
    _run(tmp_path, models, spec)
    _audit(tmp_path, models, spec, questions=3)
    _audit(tmp_path, models, spec)

    assert models.calls == PROBES + AGAIN


def test_what_failed_is_listed_and_asked_again(tmp_path):
    """The same command repeats failed calls only."""
    models, spec = Models(perfect), _spec()
    _run(tmp_path, models, spec)
    failing = Models(
        lambda request, *texts: (
            PermanentError("no", reason="http_400")
            if request.question_id == "q3"
            else perfect(request, *texts)
        )
    )
    found, card = _audit(tmp_path, failing, spec)
    lost = len(found.failures)
    again, _ = _audit(tmp_path, models, spec)

    assert lost == 1 + 2 * 6 + 1  # its probes, and its game again
    assert {row.reason for row in found.failures} == {"http_400"}
    assert {m.count for m in card.judges[0].measures if m.name == "probe_padded"} == {NUMBER - 1}
    assert (models.calls, again.failures) == (lost, ())


def test_a_judge_that_cannot_be_connected_fails_in_every_probe(tmp_path):
    """Broken weights are listed as failures, without a traceback or a rate."""
    models, spec = Models(perfect), _spec()
    _run(tmp_path, models, spec)

    class Broken:
        def connect(self, _spec):
            msg = "config.json is missing"
            raise PermanentError(msg, reason="load")

    found, card = _audit(tmp_path, Broken(), spec)

    assert len(found.failures) == PROBES + AGAIN
    assert {m.value for m in card.judges[0].measures if m.name.startswith("probe_")} == {None}


def test_an_interrupted_audit_is_resumed(tmp_path):
    """Every reply is written as soon as it arrives."""
    models, spec = Models(perfect), _spec()
    _run(tmp_path, models, spec)

    def dying(request, first, second):
        if dies.calls > 40:
            raise MemoryError
        return perfect(request, first, second)

    dies = Models(dying)
    with pytest.raises(ExceptionGroup):
        _audit(tmp_path, dies, spec)
    kept = len((tmp_path / "probes.jsonl").read_text().splitlines())
    _audit(tmp_path, models, spec)

    assert 0 < kept < PROBES + AGAIN
    assert models.calls == PROBES + AGAIN - kept
