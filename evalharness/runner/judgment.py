"""Ask a judge for one judgment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.judge import build_judgment, needs_repair

if TYPE_CHECKING:
    from evalharness.domain import Backend, Judgment
    from evalharness.judge import JudgmentRequest


async def request_judgment(shown: JudgmentRequest, backend: Backend) -> Judgment:
    """Return the judgment; a reply that cannot be read is unscored, with its reason.

    Where the judge's `repairs` allow it, a second request asks for the decision alone, and the
    decision is read from the second reply. Both replies are kept and both are counted.

    Args:
        shown: what the judge is shown.
        backend: the judge's model.

    Raises:
        BackendError: the judge could not be asked.
    """
    request = shown.build_request()
    completions = [await backend.complete(request)]
    judgment = build_judgment(shown, completions)
    if not needs_repair(shown, judgment):
        return judgment
    repair = shown.build_repair_request(request, completions[0].text)
    completions.append(await backend.complete(repair))
    return build_judgment(shown, completions)
