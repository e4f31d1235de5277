"""How long flags take on many answers, and how fast a corpus passes.

python tests/performance/contamination.py [--answers 30000] [--corpus-mb 200]

Answers are of 20 models to two turns of each question, of 250 words drawn by their frequencies
(Zipf), so that common phrases come as they do. Seconds are of one core's time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from builders import answer, question

from evalharness.analysis import find_flags
from evalharness.config import Corpus
from evalharness.domain import RunRecords
from evalharness.report import scan_corpus

MODELS = [f"model-{number:02}" for number in range(20)]
WORDS = 250


def main() -> None:
    """Print seconds, and megabytes a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=30_000)
    parser.add_argument("--corpus-mb", type=int, default=200)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    vocabulary = np.array([_word(rng) for _ in range(30_000)])
    records = _run(rng, vocabulary, given.answers // len(MODELS) // 2)
    texts = sum(len(each.turns) for each in records.answers)
    letters = sum(len(turn.text) for each in records.answers for turn in each.turns)
    begun = time.process_time()
    found = find_flags(records)
    took = time.process_time() - begun
    _say(f"flags     {texts:,} answered turns, {letters / 1e6:.0f} MB: {took:.1f} s")
    _say(f"          {len(found.flags)} flags, {len(found.twins)} pairs of models alike")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "corpus.txt")
        _write(path, rng, vocabulary, given.corpus_mb)
        begun = time.process_time()
        scan = scan_corpus(Path(place, "run"), records, Corpus(paths=(path,)))
        took = time.process_time() - begun
        _say(
            f"corpus    {scan.size / 1e6:.0f} MB in {took:.1f} s: {scan.size / 1e6 / took:.0f} MB/s"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _say(f"memory    {peak:.0f} MiB at the most")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list("etaoinshrdlu"), size=rng.integers(2, 9)))


def _texts(rng: np.random.Generator, vocabulary: np.ndarray, number: int) -> list[str]:
    drawn = np.minimum(rng.zipf(1.3, size=(number, WORDS)), len(vocabulary)) - 1
    return [" ".join(row) for row in vocabulary[drawn]]


def _run(rng: np.random.Generator, vocabulary: np.ndarray, questions: int) -> RunRecords:
    asked = [
        question(str(number), turns=tuple(_texts(rng, vocabulary, 2)), references=("Yes.",))
        for number in range(questions)
    ]
    pairs = list(product(asked, MODELS))
    texts = _texts(rng, vocabulary, 2 * len(pairs))
    answers = [
        answer(model, each.question_id, texts=texts[2 * place : 2 * place + 2])
        for place, (each, model) in enumerate(pairs)
    ]
    return RunRecords(name="large", questions=tuple(asked), answers=tuple(answers))


def _write(path: Path, rng: np.random.Generator, vocabulary: np.ndarray, megabytes: int) -> None:
    with path.open("w") as file:
        while file.tell() < megabytes * 1_000_000:
            file.write("\n".join(_texts(rng, vocabulary, 500)) + "\n")


if __name__ == "__main__":
    main()
