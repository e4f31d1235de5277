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

__all__ = [
    "NAMES",
    "HealthCard",
    "JudgeHealth",
    "Measure",
    "Side",
    "Status",
    "amount",
    "bound",
    "cautions",
    "examine",
    "interval",
    "lines",
]
