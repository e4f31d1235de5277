"""Define the corpus that is searched for the texts of a run."""

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
"""The smallest length of an n-gram. Shorter phrases are so common that they occur everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Files and folders that are searched for the texts of a run.

    Attributes:
        paths: the files and folders.
        words: the length of the n-grams that are compared, in words.

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
    """Return the configured corpus, or None if no corpus is configured.

    Raises:
        ConfigError: a path does not exist, or the n-grams are too short.
    """
    setting = conf["corpus"]
    if setting is None:
        return None
    paths = setting if isinstance(setting, list) else [setting]
    return Corpus(paths=tuple(Path(str(path)) for path in paths), words=conf["words"])
