"""Let lm-eval ask a loaded model, without a second copy of the weights in memory.

lm-eval's own transformers model does the computation. Only the size of the batches and the chat
template are ours.
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

_MAX_ROWS = 64  # the start of lm-eval's own search
_MAX_LOGITS_BYTES = 1 << 30


class LocalLM(HFLM):  # type: ignore[misc]
    """A loaded model as lm-eval asks it.

    Attributes:
        used_sizes: the sizes of the batches, whether given or found.
    """

    def __init__(
        self,
        spec: ModelSpec,
        loaded: LoadedModel,
        *,
        batch_size: int | None,
        progress: BenchmarkProgress,
    ) -> None:
        """Take a loaded model.

        Args:
            spec: the model's configuration.
            loaded: the model. lm-eval changes only a copy of its tokenizer.
            batch_size: the size of the batches; None finds a size that fits in memory.
            progress: receives the progress.
        """
        super().__init__(
            pretrained=loaded.module,
            tokenizer=deepcopy(loaded.tokenizer),
            batch_size=batch_size or "auto",
            max_batch_size=_MAX_ROWS,
            max_length=spec.context_length,
        )
        self.used_sizes: set[int] = {batch_size} if batch_size else set()
        self.cache_hook = _ProgressHook(progress)
        self._progress = progress
        self._spec = spec
        self._finds_size = batch_size is None
        self._cache_tokens = loaded.cache_tokens

    def generate_until(self, requests: Any, disable_tqdm: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return lm-eval's replies, in batches whose conversations fit in memory."""
        self._progress.expect(len(requests))
        max_prompt_tokens = max(len(self.tok_encode(request.args[0])) for request in requests)
        max_reply_tokens = max(
            int(request.args[1].get("max_gen_toks", self.max_gen_toks)) for request in requests
        )
        with self._batches_of(
            _power_of_two(self._cache_tokens // (max_prompt_tokens + max_reply_tokens))
        ):
            replies: list[str] = super().generate_until(requests, disable_tqdm=disable_tqdm)
        return replies

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> list[float]:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return lm-eval's log-likelihoods of whole texts, which may fill the model's context."""
        self._progress.expect(len(requests))
        with self._batches_of(self._detect_batch_size()):
            log_likelihoods: list[float] = super().loglikelihood_rolling(
                requests, disable_tqdm=disable_tqdm
            )
        return log_likelihoods

    @contextmanager
    def _batches_of(self, rows: int) -> Iterator[None]:
        """Set the size of the batches, unless it was given; lm-eval would print the size it finds."""
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
        """Return lm-eval's log-likelihoods, without its progress bars, which would disturb ours."""
        self._progress.expect(len(requests))
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def _batch_scheduler(self, pos: int, n_reordered_requests: Sequence[Any]) -> int:
        """Return the size of the next batch, without printing it as lm-eval does."""
        schedule = pos // int(len(n_reordered_requests) / self.batch_schedule)
        if schedule not in self.batch_sizes:
            self.batch_sizes[schedule] = self._detect_batch_size(n_reordered_requests, pos)
            self.used_sizes.add(self.batch_sizes[schedule])
        return int(self.batch_sizes[schedule])

    def _detect_batch_size(self, requests: Sequence[Any] | None = None, pos: int = 0) -> int:
        """Return how many rows fit in memory.

        On an accelerator, lm-eval tries sizes until one fits. On a CPU this would exhaust the memory
        and end the process, so the size is computed.
        """
        if self.device.type != "cpu":
            return int(super()._detect_batch_size(requests, pos))
        length = self.max_length
        if requests:
            _, context, continuation = requests[pos]
            length = min(self.max_length, len(context) + len(continuation))
        vocabulary = self.model.config.get_text_config().vocab_size
        return _power_of_two(_MAX_LOGITS_BYTES // (4 * vocabulary * length))

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,  # noqa: FBT001, FBT002 - lm-eval's signature
    ) -> str:
        """Return the prompt that the model's chat template makes, followed by the reply's prefix."""
        messages, reply_prefix = convert_history(chat_history, reply_follows=add_generation_prompt)
        return render_prompt_with_tokenizer(self._spec, self.tokenizer, messages) + reply_prefix

    @property
    def tokenizer_name(self) -> str:
        """The name under which lm-eval would cache prompts."""
        return self._spec.name

    def chat_template(self, chat_template: bool | str = False) -> str:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return the text of the chat template; no text if it is not applied."""
        return self._spec.template or "" if chat_template else ""

    def get_model_info(self) -> dict[str, Any]:
        """Return nothing: the manifest describes the model, and lm-eval would ask the hub."""
        return {}


class _ProgressHook:
    """Receives each finished request from lm-eval."""

    def __init__(self, progress: BenchmarkProgress) -> None:
        self._progress = progress

    def add_partial(self, _kind: str, _request: Any, _result: Any) -> None:
        """Count one finished request."""
        self._progress.advance()


def _power_of_two(rows: int) -> int:
    """Return the largest power of two that is at most `rows`, from 1 to the maximum."""
    return 1 << (min(max(rows, 1), _MAX_ROWS).bit_length() - 1)
