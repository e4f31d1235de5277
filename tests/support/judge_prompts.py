"""The shortest judge prompts that show a whole conversation and ask for a decision."""

from __future__ import annotations

from evalharness.domain import JudgePrompt, JudgmentKind

PROMPTS = {
    JudgmentKind.GRADED: JudgePrompt(
        name="graded",
        kind=JudgmentKind.GRADED,
        system="",
        template="{% for t in turns %}{{ t.question }} {{ t.answer }} {% endfor %} [[rating]]",
    ),
    JudgmentKind.PAIRWISE: JudgePrompt(
        name="pairwise",
        kind=JudgmentKind.PAIRWISE,
        system="",
        template="{% for t in turns %}{{ t.answer_a }} {{ t.answer_b }} {% endfor %} [[A]] [[B]]",
    ),
}
