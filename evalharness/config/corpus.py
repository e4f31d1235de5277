"""The corpus in which a run's texts are looked for, as configured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.analysis import NGRAM_LENGTH
from evalharness.errors import ConfigError
from evalharness.store import find_corpus_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MIN_NGRAM_WORDS = 8
"""The smallest n: common phrases of fewer words would be found everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Where a run's texts are looked for: files and folders, by n-grams of so many words.

    Raises:
        ConfigError: a path does not exist, or the n-grams are too short.
    """

    paths: tuple[Path, ...]
    words: int = NGRAM_LENGTH

    def __post_init__(self) -> None:
        find_corpus_files(self.paths)
        if self.words < MIN_NGRAM_WORDS:
            msg = f"contamination.words={self.words}: n-grams need {MIN_NGRAM_WORDS} words at least"
            raise ConfigError(msg)


def read_corpus_setting(conf: Mapping[str, Any]) -> Corpus | None:
    """Return where a run's texts are looked for, if anywhere.

    Raises:
        ConfigError: a path does not exist, or the n-grams are too short.
    """
    named = conf["corpus"]
    if named is None:
        return None
    paths = named if isinstance(named, list) else [named]
    return Corpus(paths=tuple(Path(str(path)) for path in paths), words=conf["words"])
