"""The shortest judge prompts that show all there is to judge and ask for a mark."""

from __future__ import annotations

from evalharness.domain import JudgePrompt, Kind

PROMPTS = {
    Kind.GRADED: JudgePrompt(
        name="graded",
        kind=Kind.GRADED,
        system="",
        template="{% for t in turns %}{{ t.question }} {{ t.answer }} {% endfor %} [[rating]]",
    ),
    Kind.PAIRWISE: JudgePrompt(
        name="pairwise",
        kind=Kind.PAIRWISE,
        system="",
        template="{% for t in turns %}{{ t.answer_a }} {{ t.answer_b }} {% endfor %} [[A]] [[B]]",
    ),
}
