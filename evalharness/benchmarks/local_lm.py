"""lm-eval's own transformers model over weights that are loaded already: no second copy in memory.

What it computes is lm-eval's; only the size of batches and the chat template are ours.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lm_eval.models.huggingface import HFLM

from evalharness.backends import render_prompt_with_tokenizer
from evalharness.benchmarks.conversations import convert_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.benchmarks.progress import BenchmarkProgress
    from evalharness.domain import LoadedModel, ModelSpec

_MAX_ROWS = 64  # as lm-eval's own search begins with
_LOGITS_BYTES = 1 << 30


class LocalLM(HFLM):  # type: ignore[misc]
    """A loaded model as lm-eval asks it.

    Attributes:
        used_sizes: the sizes of batches that were found or given.
    """

    def __init__(
        self,
        spec: ModelSpec,
        loaded: LoadedModel,
        *,
        batch_size: int | None,
        watch: BenchmarkProgress,
    ) -> None:
        """Take the model as it is.

        Args:
            spec: the model's configuration.
            loaded: the model; lm-eval changes only its own copy of the tokenizer.
            batch_size: None finds one that fits in memory.
            watch: is told how far it is.
        """
        super().__init__(
            pretrained=loaded.module,
            tokenizer=deepcopy(loaded.tokenizer),
            batch_size=batch_size or "auto",
            max_batch_size=_MAX_ROWS,
            max_length=spec.context_length,
        )
        self.used_sizes: set[int] = {batch_size} if batch_size else set()
        self.cache_hook = _ProgressHook(watch)
        self._watch = watch
        self._spec = spec
        self._finds_size = batch_size is None
        self._cache_tokens = loaded.cache_tokens

    def generate_until(self, requests: Any, disable_tqdm: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return lm-eval's replies, in batches for whose conversations there is memory."""
        self._watch.expect(len(requests))
        longest = max(len(self.tok_encode(request.args[0])) for request in requests)
        written = max(
            int(request.args[1].get("max_gen_toks", self.max_gen_toks)) for request in requests
        )
        with self._batches_of(_power_of_two(self._cache_tokens // (longest + written))):
            replies: list[str] = super().generate_until(requests, disable_tqdm=disable_tqdm)
        return replies

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> list[float]:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return lm-eval's log-likelihoods of whole texts, which fill the model's context."""
        self._watch.expect(len(requests))
        with self._batches_of(self._detect_batch_size()):
            found: list[float] = super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)
        return found

    @contextmanager
    def _batches_of(self, rows: int) -> Iterator[None]:
        """Set the size of batches, unless one was given; lm-eval would print what it finds."""
        if not self._finds_size:
            yield
            return
        self.batch_size_per_gpu: Any = rows
        self.used_sizes.add(rows)
        try:
            yield
        finally:
            self.batch_size_per_gpu = "auto"

    def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> Any:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return lm-eval's log-likelihoods; its bars would draw over the run's own."""
        self._watch.expect(len(requests))
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def _batch_scheduler(self, pos: int, n_reordered_requests: Sequence[Any]) -> int:
        """Return the size of the next batch; lm-eval would also print it."""
        schedule = pos // int(len(n_reordered_requests) / self.batch_schedule)
        if schedule not in self.batch_sizes:
            self.batch_sizes[schedule] = self._detect_batch_size(n_reordered_requests, pos)
            self.used_sizes.add(self.batch_sizes[schedule])
        return int(self.batch_sizes[schedule])

    def _detect_batch_size(self, requests: Sequence[Any] | None = None, pos: int = 0) -> int:
        """Return how many rows fit in memory.

        On an accelerator lm-eval tries it out; a processor without memory would end the process.
        """
        if self.device.type != "cpu":
            return int(super()._detect_batch_size(requests, pos))
        length = self.max_length
        if requests:
            _, context, continuation = requests[pos]
            length = min(self.max_length, len(context) + len(continuation))
        vocabulary = self.model.config.get_text_config().vocab_size
        return _power_of_two(_LOGITS_BYTES // (4 * vocabulary * length))

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,  # noqa: FBT001, FBT002 - lm-eval's signature
    ) -> str:
        """Return the prompt as this model's template makes it, a begun reply behind it."""
        messages, begun = convert_history(chat_history, reply_follows=add_generation_prompt)
        return render_prompt_with_tokenizer(self._spec, self.tokenizer, messages) + begun

    @property
    def tokenizer_name(self) -> str:
        """The name under which lm-eval would keep prompts."""
        return self._spec.name

    def chat_template(self, chat_template: bool | str = False) -> str:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return the text of the template."""
        return self._spec.template or "" if chat_template else ""

    def get_model_info(self) -> dict[str, Any]:
        """Return nothing: what was asked is described elsewhere, and lm-eval would ask the hub."""
        return {}


class _ProgressHook:
    """What lm-eval tells about each finished request."""

    def __init__(self, watch: BenchmarkProgress) -> None:
        self._watch = watch

    def add_partial(self, _kind: str, _request: Any, _result: Any) -> None:
        """Count one."""
        self._watch.advance()


def _power_of_two(rows: int) -> int:
    """Return the largest power of two up to a number of rows, from 1 to what is sensible."""
    return 1 << (min(max(rows, 1), _MAX_ROWS).bit_length() - 1)
