"""Whether a judge can be believed: its rates in a run and in an audit, beside their bounds."""

from evalharness.health._card import (
    NAMES,
    HealthCard,
    JudgeHealth,
    Measure,
    Side,
    Status,
    amount,
    bound,
    cautions,
    examine,
    interval,
    lines,
)
from evalharness.health._drift import (
    Drift,
    DriftTest,
    Finding,
    JudgeDrift,
    drift_cautions,
    drift_lines,
    sentence,
    size,
)
from evalharness.health._drift_tests import Asked, drift

__all__ = [
    "NAMES",
    "Asked",
    "Drift",
    "DriftTest",
    "Finding",
    "HealthCard",
    "JudgeDrift",
    "JudgeHealth",
    "Measure",
    "Side",
    "Status",
    "amount",
    "bound",
    "cautions",
    "drift",
    "drift_cautions",
    "drift_lines",
    "examine",
    "interval",
    "lines",
    "sentence",
    "size",
]
