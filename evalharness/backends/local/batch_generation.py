"""Generate text for many conversations in one batch.

Batching is continuous: a conversation leaves the batch at its end token, and another one takes its
place at once, so no reply waits for the longest one. Every conversation has its own sampling and its
own random generator, so its text does not depend on the rest of the batch.
"""

from __future__ import annotations

import time
from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from evalharness.backends.local.causal_model import (
    CausalModel,
    join_caches,
    make_padding_mask,
    map_cache,
    pad_mask_columns,
)
from evalharness.backends.local.kv_cache import SPARE_COLUMNS, make_kv_cache
from evalharness.backends.local.prefix_cache import PrefixCache, prefill_remaining
from evalharness.backends.local.reply_tokens import DecodedReply, decode_reply
from evalharness.domain import Completion
from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from transformers import DynamicCache

    from evalharness.backends.local.reply_in_progress import ReplyInProgress

_MAX_ROWS = 64
_MAX_PREFILL_TOKENS = 8192  # tokens, padding included
# The share of the memory that holds conversations which wait for their next turn.
_PREFIX_CACHE_SHARE = 0.25
# The length of the shortest text in a prefill group, relative to the longest.
_MIN_LENGTH_RATIO = 0.9
# In addition to the bytes of a stop text, for text that decodes only with its neighbors.
_STOP_WINDOW_EXTRA_TOKENS = 8


class GenerationBatch:
    """The replies that are generated together; those that wait to join are in `waiting`."""

    def __init__(self, model: CausalModel) -> None:
        self.waiting: list[ReplyInProgress] = []
        self._model = model
        self._most_rows = _MAX_ROWS
        self._most_tokens = int(model.cache_tokens * (1 - _PREFIX_CACHE_SHARE))
        self._prefixes = PrefixCache(model.cache_tokens - self._most_tokens)
        self._prefilling: list[ReplyInProgress] = []
        self._clear()

    @property
    def is_idle(self) -> bool:
        """Whether no reply is being generated or waiting."""
        return not self._rows and not self.waiting

    def advance(self) -> None:
        """Generate one token of every reply, after adding waiting replies that fit."""
        try:
            for group in self._choose_groups():
                self._prefill_group(group)
            self._generate_token()
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
        else:
            return
        # Only now, as the tensors of the failed step are freed.
        self._shrink()

    def remove_all(self) -> list[ReplyInProgress]:
        """Remove and return all unfinished replies."""
        abandoned = [*self._rows, *self.waiting]
        self.waiting = []
        self._prefixes.clear()
        self._clear()
        return abandoned

    def _clear(self) -> None:
        self._rows: list[ReplyInProgress] = []
        self._cache = make_kv_cache()
        self._mask = torch.ones(0, 0, dtype=torch.long)
        self._logits = torch.empty(0)

    def _choose_groups(self) -> list[list[ReplyInProgress]]:
        """Return the replies that can join now, in groups of similar length, longest first.

        They are the first that wait, those that continue a conversation before the others: so a run
        is answered in its own order, and what is there when it stops is a sample of its questions.
        """
        self.waiting = [each for each in self.waiting if not each.future.cancelled()]
        if not self.waiting or len(self._rows) >= self._most_rows:
            return []
        count, width = len(self._rows), max((each.longest for each in self._rows), default=0)
        groups: list[list[ReplyInProgress]] = []
        free = self._most_rows - count
        first = sorted(self.waiting, key=lambda each: not (each.tokens or each.continues))[:free]
        for each in sorted(first, key=lambda each: len(each.text), reverse=True):
            wider = max(width, each.longest)
            fits = (
                count < self._most_rows
                and (count + 1) * (wider + SPARE_COLUMNS) <= self._most_tokens
            )
            if count > 0 and not fits:
                continue
            count, width = count + 1, wider
            if groups and _fits_prefill_group(groups[-1], each):
                groups[-1].append(each)
            else:
                groups.append([each])
        return groups

    def _prefill_group(self, group: list[ReplyInProgress]) -> None:
        """Prefill the texts of a group and add it to the batch."""
        known_prefixes = {each: self._prefixes.pop(each.text) for each in group}
        continued = {each: known for each, known in known_prefixes.items() if known is not None}
        if new := [each for each in group if each not in continued]:
            self._prefilling = new
            texts = [each.text for each in new]
            mask = make_padding_mask([*map(len, texts)], max(map(len, texts)))
            self._add(*self._model.read(texts), mask)
        if continued:
            self._prefilling = list(continued)
            texts = [each.text for each in continued]
            self._add(*prefill_remaining(self._model, texts, list(continued.values())))

    def _add(self, logits: Tensor, cache: DynamicCache, mask: Tensor) -> None:
        """Add prefilled rows to the batch."""
        if self._rows:
            width = max(mask.shape[1], self._mask.shape[1])
            join_caches(self._cache, cache)
            masks = [pad_mask_columns(each, width) for each in (self._mask, mask)]
            self._mask, self._logits = torch.cat(masks), torch.cat([self._logits, logits])
        else:
            self._cache, self._mask, self._logits = cache, mask, logits
        self._rows += self._prefilling
        self.waiting = [each for each in self.waiting if each not in self._prefilling]
        self._prefilling = []

    def _generate_token(self) -> None:
        """Sample a token of every reply, remove finished replies, and run the model on the others."""
        unfinished = [
            number
            for number, (each, logits) in enumerate(zip(self._rows, self._logits, strict=True))
            if not (each.future.cancelled() or self._is_finished(each, each.draw(logits)))
        ]
        for number in set(range(len(self._rows))).difference(unfinished):
            gone = self._rows[number]
            self._prefixes.put(gone.text, len(gone.prompt), number, self._mask, self._cache)
        if not unfinished:
            self._clear()
            return
        if len(unfinished) < len(self._rows):
            self._keep_rows(unfinished)
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        ids = torch.tensor([[each.tokens[-1]] for each in self._rows])
        self._logits = self._model.forward(ids, self._mask, self._cache)[:, -1]

    def _is_finished(self, reply: ReplyInProgress, token: int) -> bool:
        """Add a token to a reply; complete the reply and return True if the token ends it."""
        if token in reply.end_ids:
            self._complete(reply, self._decode(reply), "stop", ended_by_token=1)
            return True
        reply.tokens.append(token)
        if (stopped := self._find_stopped_reply(reply)) is not None:
            self._complete(reply, stopped, "stop")
            return True
        if len(reply.tokens) >= reply.sampling.assumed_max_tokens:
            self._complete(reply, self._decode(reply), "length")
            return True
        return False

    def _decode(self, reply: ReplyInProgress) -> DecodedReply:
        return decode_reply(self._model.tokenizer, reply.tokens, opened=reply.opened)

    def _find_stopped_reply(self, reply: ReplyInProgress) -> DecodedReply | None:
        """Return the reply up to the first stop text; None without one. A thought has none."""
        if not reply.stops:
            return None
        window = max(len(stop.encode()) for stop in reply.stops) + _STOP_WINDOW_EXTRA_TOKENS
        tail = self._model.decode(reply.tokens[-window:])
        if not any(stop in tail for stop in reply.stops):
            return None
        return self._decode(reply).cut_at(reply.stops)

    def _complete(
        self, reply: ReplyInProgress, decoded: DecodedReply, reason: str, *, ended_by_token: int = 0
    ) -> None:
        # Without white space around it, as templates add their own.
        completion = Completion(
            text=decoded.text.strip(),
            reasoning=decoded.reasoning,
            finish_reason=reason,
            prompt_tokens=len(reply.prompt),
            completion_tokens=len(reply.tokens) + ended_by_token,
            reasoning_tokens=decoded.reasoning_tokens,
            seconds=time.perf_counter() - reply.began,
        )
        with suppress(InvalidStateError):  # it was cancelled
            reply.future.set_result(completion)

    def _keep_rows(self, numbers: list[int]) -> None:
        """Keep these rows only, and drop the columns that are empty in all of them."""
        rows = torch.tensor(numbers)
        self._rows = [self._rows[number] for number in numbers]
        self._logits, mask = self._logits[rows], self._mask[rows]
        empty = int(mask.amax(dim=0).argmax())
        self._mask = mask[:, empty:]
        map_cache(self._cache, lambda kept: kept[rows.to(kept.device), :, empty:])

    def _shrink(self) -> None:
        """Restart with batches of half the size; every reply keeps its tokens."""
        tried = [*self._rows, *self._prefilling]
        self.waiting = [*self._rows, *self.waiting]
        self._prefilling = []
        self._clear()
        self._prefixes.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(tried) > 1:
            self._most_rows = len(tried) // 2
            return
        msg = f"a conversation of {len(tried[0].text)} tokens does not fit in memory"
        self.waiting.remove(tried[0])
        tried[0].future.set_exception(PermanentError(msg, reason="out_of_memory"))


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error means out of memory; torch has no error class for this on processors."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def _fits_prefill_group(group: list[ReplyInProgress], reply: ReplyInProgress) -> bool:
    longest = len(group[0].text)
    return (
        len(reply.text) >= _MIN_LENGTH_RATIO * longest
        and (len(group) + 1) * longest <= _MAX_PREFILL_TOKENS
    )
