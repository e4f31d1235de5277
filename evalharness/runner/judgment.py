"""Request one judgment from a judge, and repair a reply that cannot be read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from evalharness.backends import render_judge_template
from evalharness.judge import build_judgment, needs_repair

if TYPE_CHECKING:
    from evalharness.domain import Backend, Judgment
    from evalharness.judge import JudgmentRequest


async def request_judgment(shown: JudgmentRequest, backend: Backend) -> Judgment:
    """Return the judgment; a reply that cannot be read is unscored, with its reason.

    If the judge's `repairs` allow it, a second request asks for the decision alone, and the
    decision is read from the second reply. Both replies are kept and counted.

    Args:
        shown: what the judge is shown.
        backend: the connection to the judge's model.

    Raises:
        BackendError: a request failed.
        ConfigError: a template of the judge's prompt fails.
    """
    limits = shown.judge.model.template_limits
    request = shown.build_request(partial(render_judge_template, limits=limits))
    completions = [await backend.complete(request)]
    judgment = build_judgment(shown, completions)
    if not needs_repair(shown, judgment):
        return judgment
    repair = shown.build_repair_request(request, completions[0].text)
    completions.append(await backend.complete(repair))
    return build_judgment(shown, completions)
