"""Build a judge's health card: its rates, each compared with a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.analysis.judge_health.bounds import compare_with_bound
from evalharness.analysis.judge_health.health_measures import BoundSide, HealthCard, JudgeHealth
from evalharness.analysis.judge_health.probe_rates import measure_probe, measure_repeatability
from evalharness.analysis.judge_health.reference_rates import (
    measure_family_preference,
    measure_label_agreement,
)
from evalharness.analysis.judge_health.run_rates import (
    measure_length_bias,
    measure_position_rates,
    measure_ties,
    measure_unscored,
)
from evalharness.judge import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis.judge_health.rates import JudgeRate
    from evalharness.domain import JudgeSpec, RunRecords, RunSpec
    from evalharness.judge import ProbeResult


_PROBE_TITLES = {
    Probe.SAME: "an answer against itself ties",
    Probe.TRUNCATED: "an answer beats its first third",
    Probe.SHUFFLED: "an answer beats its own sentences shuffled",
    Probe.OFF_TOPIC: "prefers an answer to this question over an answer to another one",
    Probe.PADDED: "an answer does not lose to itself said twice",
    Probe.CONSTANT: "an answer beats a text that fits any question",
    Probe.ADDRESSED: "an answer beats a text that tells the judge what to choose",
}
_MEASURE_TITLES: dict[str, tuple[str, BoundSide]] = {
    "unscored": ("replies that could not be read", BoundSide.CEILING),
    "consistency": ("same result when the answers change places", BoundSide.FLOOR),
    "first_of_flips": ("flipped verdicts that favor the first position", BoundSide.CEILING),
    "place": ("position bias: flips toward first minus flips toward second", BoundSide.CEILING),
    "ties": ("verdicts that are ties", BoundSide.CEILING),
    "length": ("picks the much longer of two equally good answers", BoundSide.CEILING),
    "own_family": ("extra points for its own family", BoundSide.CEILING),
    "human_agreement": ("agreement with people, a tie as a vote", BoundSide.FLOOR),
    "human_decided": ("agreement with people where neither ties", BoundSide.FLOOR),
    "human_kappa": ("kappa with people", BoundSide.FLOOR),
    "gold_agreement": ("accuracy against the gold labels", BoundSide.FLOOR),
    "gold_decided": ("accuracy against the gold labels where decided", BoundSide.FLOOR),
    "gold_kappa": ("kappa with the gold labels", BoundSide.FLOOR),
    "repeatability": ("same judgment when asked again", BoundSide.FLOOR),
    "without_reference": ("same judgment without the reference", BoundSide.FLOOR),
    **{f"probe_{probe.value}": (title, BoundSide.FLOOR) for probe, title in _PROBE_TITLES.items()},
}
MEASURE_NAMES = tuple(_MEASURE_TITLES)
"""The names of the measures that accept a bound."""


def build_health_card(
    records: RunRecords,
    spec: RunSpec,
    probed: Sequence[ProbeResult],
    thresholds: Mapping[str, float | None],
) -> HealthCard:
    """Return the health of the judges of a run.

    Args:
        records: the run.
        spec: the models and judges as configured.
        probed: the judges' replies to the audit's probes.
        thresholds: the bounds by measure; None means no bound.
    """
    return HealthCard(
        judges=tuple(
            JudgeHealth(
                judge=judge.name,
                measures=tuple(
                    compare_with_bound(rate, *_MEASURE_TITLES[rate.name], thresholds.get(rate.name))
                    for rate in _measure_rates(records, spec, judge, probed)
                ),
            )
            for judge in spec.judges
        ),
        judgments=len(records.judgments),
        probes=len(probed),
    )


def _measure_rates(
    records: RunRecords, spec: RunSpec, judge: JudgeSpec, probed: Sequence[ProbeResult]
) -> list[JudgeRate]:
    """Return all rates of one judge."""
    judgments = [judgment for judgment in records.judgments if judgment.judge == judge.name]
    games = [game for game in records.games if game.judge == judge.name]
    probed_rows = [judgment for judgment in probed if judgment.judgment.judge == judge.name]
    judgment_by_digest = {judgment.digest: judgment for judgment in judgments}
    families = {model.name: model.families for model in spec.models}
    rates = [measure_unscored(judgments)]
    if games:
        rates += [*measure_position_rates(games), measure_ties(games)]
        rates.append(measure_length_bias(games, _reply_lengths(records)))
        preference = measure_family_preference(judge.name, judge.model.families, families, records)
        rates += [preference] if preference else []
        rates += measure_label_agreement(judge.name, records, spec.seed)
    rates.append(
        measure_repeatability("repeatability", Probe.REPEATED, probed_rows, judgment_by_digest)
    )
    if any(judgment.probe is Probe.WITHOUT_REFERENCE for judgment in probed_rows):
        rates.append(
            measure_repeatability(
                "without_reference", Probe.WITHOUT_REFERENCE, probed_rows, judgment_by_digest
            )
        )
    return rates + [measure_probe(probe, probed_rows) for probe in _PROBE_TITLES]


def _reply_lengths(records: RunRecords) -> dict[tuple[str, str, int, int], int]:
    """Return the number of characters of each reply, by question, model, sample and turn."""
    return {
        (answer.question_id, answer.model, answer.sample, number): len(reply.text)
        for answer in records.answers
        for number, reply in enumerate(answer.turns, start=1)
    }
