"""Text drawn for many conversations at once.

A conversation leaves the batch at the token that ends it, and the next one takes its place in the
middle of the others: nobody waits for the longest reply. Every conversation has its own sampling
and its own random numbers, so what is drawn does not depend on who else is in the batch.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
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
from evalharness.domain import Completion, Sampling
from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from transformers import DynamicCache

_MAX_ROWS = 64
_MAX_PREFILL_TOKENS = 8192  # tokens, padding included
_PREFIX_CACHE_SHARE = 0.25  # of the memory for conversations, for those whose next turn is to come
_MIN_LENGTH_RATIO = 0.9  # the shorter of two texts that are read together, as a share of the longer
_STOP_WINDOW_EXTRA_TOKENS = (
    8  # tokens more than a stop text has bytes: room for what decodes only with its neighbors
)


@dataclass(slots=True, kw_only=True, eq=False)
class ReplyInProgress:
    """A reply being written.

    Attributes:
        prompt: the tokens before it.
        sampling: how its tokens are drawn.
        stops: texts that end it.
        end_ids: tokens that end it.
        future: takes the completion.
    """

    prompt: list[int]
    sampling: Sampling
    stops: tuple[str, ...]
    end_ids: frozenset[int]
    future: Future[Completion]
    tokens: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    generator: torch.Generator = field(default_factory=torch.Generator)

    def __post_init__(self) -> None:
        if self.sampling.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(self.sampling.seed)

    @property
    def text(self) -> list[int]:
        """All tokens so far."""
        return self.prompt + self.tokens

    @property
    def longest(self) -> int:
        """The most tokens that it can have."""
        return len(self.prompt) + self.sampling.max_tokens

    def draw(self, logits: Tensor) -> int:
        """Return the next token."""
        if self.sampling.temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self.sampling.temperature, dim=-1)
        if self.sampling.top_p is not None:
            probabilities = apply_top_p(probabilities, self.sampling.top_p)
        return int(torch.multinomial(probabilities, 1, generator=self.generator))


def apply_top_p(probabilities: Tensor, top_p: float) -> Tensor:
    """Return the probabilities with all but the likeliest at zero: as few as add up to `top_p`."""
    # All tokens rarer than this add up to less than what is cut, so they need no sorting.
    common = (probabilities >= (1 - top_p) / len(probabilities)).nonzero()[:, 0]
    ranked, order = probabilities[common].sort(descending=True, stable=True)
    before = ranked.cumsum(dim=-1) - ranked
    before[0] = -1.0  # the likeliest token counts whatever top_p is
    kept = common[order[before < top_p]]
    return torch.zeros_like(probabilities).index_copy(0, kept, probabilities[kept])


class GenerationBatch:
    """The replies being written together; those that wait to join are in `waiting`."""

    def __init__(self, model: CausalModel) -> None:
        self.waiting: list[ReplyInProgress] = []
        self._model = model
        self._most_rows = _MAX_ROWS
        self._most_tokens = int(model.cache_tokens * (1 - _PREFIX_CACHE_SHARE))
        self._prefixes = PrefixCache(model.cache_tokens - self._most_tokens)
        self._reading: list[ReplyInProgress] = []
        self._clear()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is written and nothing waits."""
        return not self._rows and not self.waiting

    def advance(self) -> None:
        """Write one more token of every reply, after taking in those for which there is room."""
        try:
            for group in self._next_groups():
                self._take_in(group)
            self._write()
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
        else:
            return
        # Only now that the failed step's tensors are gone.
        self._give_way()

    def abandon(self) -> list[ReplyInProgress]:
        """Return all replies that are not finished, and forget them."""
        abandoned = [*self._rows, *self.waiting]
        self.waiting = []
        self._prefixes.forget()
        self._clear()
        return abandoned

    def _clear(self) -> None:
        self._rows: list[ReplyInProgress] = []
        self._cache = make_kv_cache()
        self._mask = torch.ones(0, 0, dtype=torch.long)
        self._logits = torch.empty(0)

    def _next_groups(self) -> list[list[ReplyInProgress]]:
        """Return those that can join now, texts of similar length together, longest first."""
        self.waiting = [each for each in self.waiting if not each.future.cancelled()]
        if not self.waiting or len(self._rows) >= self._most_rows:
            return []
        count, width = len(self._rows), max((each.longest for each in self._rows), default=0)
        groups: list[list[ReplyInProgress]] = []
        for each in sorted(self.waiting, key=lambda each: len(each.text), reverse=True):
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

    def _take_in(self, group: list[ReplyInProgress]) -> None:
        """Read the texts of a group and add it to the batch."""
        begun = {each: self._prefixes.take(each.text) for each in group}
        going_on = {each: known for each, known in begun.items() if known is not None}
        if new := [each for each in group if each not in going_on]:
            self._reading = new
            texts = [each.text for each in new]
            mask = make_padding_mask([*map(len, texts)], max(map(len, texts)))
            self._add(*self._model.read(texts), mask)
        if going_on:
            self._reading = list(going_on)
            texts = [each.text for each in going_on]
            self._add(*prefill_remaining(self._model, texts, list(going_on.values())))

    def _add(self, logits: Tensor, cache: DynamicCache, mask: Tensor) -> None:
        """Add rows that were read to the batch."""
        if self._rows:
            width = max(mask.shape[1], self._mask.shape[1])
            join_caches(self._cache, cache)
            masks = [pad_mask_columns(each, width) for each in (self._mask, mask)]
            self._mask, self._logits = torch.cat(masks), torch.cat([self._logits, logits])
        else:
            self._cache, self._mask, self._logits = cache, mask, logits
        self._rows += self._reading
        self.waiting = [each for each in self.waiting if each not in self._reading]
        self._reading = []

    def _write(self) -> None:
        """Add a token to every reply, let those that it ends go, and read it in the others."""
        unfinished = [
            number
            for number, (each, logits) in enumerate(zip(self._rows, self._logits, strict=True))
            if not (each.future.cancelled() or self._is_finished(each, each.draw(logits)))
        ]
        for number in set(range(len(self._rows))).difference(unfinished):
            gone = self._rows[number]
            self._prefixes.keep(gone.text, len(gone.prompt), number, self._mask, self._cache)
        if not unfinished:
            self._clear()
            return
        if len(unfinished) < len(self._rows):
            self._keep(unfinished)
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        ids = torch.tensor([[each.tokens[-1]] for each in self._rows])
        self._logits = self._model.forward(ids, self._mask, self._cache)[:, -1]

    def _is_finished(self, writing: ReplyInProgress, token: int) -> bool:
        """Add a token to a reply; whether that ended it, in which case it is handed over."""
        if token in writing.end_ids:
            self._hand_over(writing, self._model.decode(writing.tokens), "stop", ended_by_token=1)
            return True
        writing.tokens.append(token)
        if (text := self._stopped_text(writing)) is not None:
            self._hand_over(writing, text, "stop")
            return True
        if len(writing.tokens) >= writing.sampling.max_tokens:
            self._hand_over(writing, self._model.decode(writing.tokens), "length")
            return True
        return False

    def _stopped_text(self, writing: ReplyInProgress) -> str | None:
        """Return the reply up to a stop text, if there is one."""
        if not writing.stops:
            return None
        window = max(len(stop.encode()) for stop in writing.stops) + _STOP_WINDOW_EXTRA_TOKENS
        tail = self._model.decode(writing.tokens[-window:])
        if not any(stop in tail for stop in writing.stops):
            return None
        text = self._model.decode(writing.tokens)
        ends = [end for stop in writing.stops if (end := text.find(stop)) >= 0]
        return text[: min(ends)] if ends else None

    def _hand_over(
        self, writing: ReplyInProgress, text: str, reason: str, *, ended_by_token: int = 0
    ) -> None:
        """Give the completion to whoever waits for it.

        White space around a reply is no part of it: templates bring their own.
        """
        completion = Completion(
            text=text.strip(),
            finish_reason=reason,
            prompt_tokens=len(writing.prompt),
            completion_tokens=len(writing.tokens) + ended_by_token,
            seconds=time.perf_counter() - writing.began,
        )
        with suppress(InvalidStateError):  # cancelled meanwhile
            writing.future.set_result(completion)

    def _keep(self, numbers: list[int]) -> None:
        """Drop all other rows, and the columns in which nothing is left."""
        rows = torch.tensor(numbers)
        self._rows = [self._rows[number] for number in numbers]
        self._logits, mask = self._logits[rows], self._mask[rows]
        empty = int(mask.amax(dim=0).argmax())
        self._mask = mask[:, empty:]
        map_cache(self._cache, lambda kept: kept[rows.to(kept.device), :, empty:])

    def _give_way(self) -> None:
        """Start again in batches of half the size, every reply with the tokens that it has."""
        tried = [*self._rows, *self._reading]
        self.waiting += self._rows
        self._reading = []
        self._clear()
        self._prefixes.forget()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(tried) > 1:
            self._most_rows = len(tried) // 2
            return
        msg = f"a conversation of {len(tried[0].text)} tokens does not fit in memory"
        self.waiting.remove(tried[0])
        tried[0].future.set_exception(PermanentError(msg, reason="out_of_memory"))


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether memory was lacking; on processors torch has no error of its own for that."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def _fits_prefill_group(group: list[ReplyInProgress], writing: ReplyInProgress) -> bool:
    longest = len(group[0].text)
    return (
        len(writing.text) >= _MIN_LENGTH_RATIO * longest
        and (len(group) + 1) * longest <= _MAX_PREFILL_TOKENS
    )
