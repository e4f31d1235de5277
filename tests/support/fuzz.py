"""Feed changed inputs to the readers of foreign bytes, and keep those on which one falls over.

    python tests/support/fuzz.py TARGET [TARGET ...] --minutes 10 --findings FOLDER

A finding is an exception that is not evalharness' own, more than a second of processor time for each megabyte
(or part of one), or more memory than 20 times the input and 64 MB. `--engine atheris` lets atheris choose the
inputs by coverage, where it is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz_targets import list_targets

from evalharness.errors import EvalHarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz_targets import Target

MEGABYTE = 1_000_000
_ALLOWED_MEMORY = 64 * MEGABYTE
_MEMORY_RATIO = 20
_MINIMISING_S = 15
_PIECES = (
    *(
        b"[[A]]",
        b"[[10]]",
        b"\\(",
        b"\\[",
        b"$$",
        b"`",
        b"```\n",
        b"<think>",
        b"</think>",
        b"{{",
        b"{%",
    ),
    *(
        b'"',
        b"'",
        b"\\",
        b"\n",
        b"\r\n",
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\xef\xbb\xbf",
    ),
    *(
        b"NaN",
        b"-0",
        b"1e999",
        b"9" * 400,
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"&a",
        b"*a",
        b"<<: *a",
        b"!!x",
    ),
    *(
        b"[" * 2000,
        b"{" * 2000,
        b"(" * 2000,
        b"- " * 500,
        b"|" * 500,
        b"\t",
        b"${a}",
        b"=",
        b",",
        b":",
        b"#",
    ),
)
_VALUES = (
    None,
    True,
    -1,
    0,
    0.5,
    2**70,
    10**400,
    1e308,
    "",
    "x",
    "☃",
    "[[A]]",
    [],
    [[]],
    {},
    {"a": 1},
)


def change(data: bytes, others: tuple[bytes, ...], rng: random.Random) -> bytes:
    """Return an input with a few random changes."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        data = rng.choice((_change_bytes, _change_bytes, _insert, _repeat, _splice, _change_json))(
            data, others, rng
        )
    return data[: 2 * MEGABYTE]


def _change_bytes(data: bytes, _: tuple[bytes, ...], rng: random.Random) -> bytes:
    start = rng.randint(0, len(data))
    end = min(len(data), start + rng.choice((0, 1, 1, 4, 30)))
    return data[:start] + rng.randbytes(rng.choice((0, 1, 2, 8))) + data[end:]


def _insert(data: bytes, _: tuple[bytes, ...], rng: random.Random) -> bytes:
    place = rng.randint(0, len(data))
    return data[:place] + rng.choice(_PIECES) * rng.choice((1, 1, 1, 2, 50)) + data[place:]


def _repeat(data: bytes, _: tuple[bytes, ...], rng: random.Random) -> bytes:
    start = rng.randint(0, len(data))
    piece = data[start : start + rng.choice((1, 3, 10, 100))]
    times = rng.choice((2, 10, 1000, 30_000)) if len(piece) < 40 else rng.choice((2, 100))
    return data[:start] + piece * times + data[start:]


def _splice(data: bytes, others: tuple[bytes, ...], rng: random.Random) -> bytes:
    other = rng.choice(others)
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


def _change_json(data: bytes, _: tuple[bytes, ...], rng: random.Random) -> bytes:
    """Replace a value of a line of JSON, or of the whole, by another kind of value."""
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    for text in (lines[place], data.partition(b"\n")[2], data):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            continue
        _replace_value(content, rng)
        return data.replace(text, json.dumps(content).encode()) if text else data
    return data


def _replace_value(content: object, rng: random.Random) -> None:
    while isinstance(content, (dict, list)) and content:
        key = rng.choice([*content]) if isinstance(content, dict) else rng.randrange(len(content))
        inner = content[key]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.3:
            content[key] = rng.choice(_VALUES)
            return
        content = inner


def find_fault(target: Target, data: bytes) -> str | None:
    """Return what is wrong with how a target reads an input, as one line that names the kind."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        target.run(data)
    except EvalHarnessError:
        pass
    except Exception as error:  # noqa: BLE001 - any other is what is looked for
        places = traceback.extract_tb(error.__traceback__)
        own = [each for each in places if "evalharness" in each.filename] or places
        return f"{type(error).__name__} in {Path(own[-1].filename).name}:{own[-1].lineno}"
    seconds = time.process_time() - start
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    if seconds > max(1, len(data) / MEGABYTE):
        return "slow"
    if memory > _MEMORY_RATIO * len(data) + _ALLOWED_MEMORY:
        return "large"
    return None


def minimise(target: Target, data: bytes, fault: str) -> bytes:
    """Return a smaller input with the same fault, found by leaving parts out."""
    size, end = max(1, len(data) // 2), time.monotonic() + _MINIMISING_S
    while size and time.monotonic() < end and fault != "large":
        start = 0
        while start < len(data) and time.monotonic() < end:
            shorter = data[:start] + data[start + size :]
            if find_fault(target, shorter) == fault:
                data = shorter
            else:
                start += size
        size //= 2
    return data


def fuzz(name: str, minutes: float, findings: Path, seed: int) -> None:
    """Feed changed inputs to a target for some minutes; keep one input for each kind of fault."""
    target, rng = list_targets()[name], random.Random(seed)
    pool, found, done = list(target.seeds), Counter(), 0
    for data in target.seeds:
        target.run(data)
    end = time.monotonic() + 60 * minutes
    current = findings / f"{name}.current"  # of a process that was killed
    while time.monotonic() < end:
        data = change(rng.choice(pool), target.seeds, rng)
        current.write_bytes(data)
        fault = find_fault(target, data)
        done += 1
        if fault is None:
            if len(data) < 5000 and rng.random() < 0.02:
                pool.append(data)
            continue
        found[fault] += 1
        if found[fault] == 1:
            small = minimise(target, data, fault)
            digest = hashlib.sha256(small).hexdigest()[:12]
            (findings / f"{name}-{digest}").write_bytes(small)
            _say(f"{name}: {fault}: {findings / f'{name}-{digest}'} ({len(small)} bytes)")
    current.unlink(missing_ok=True)
    _say(f"{name}: {done:,} inputs in {minutes:g} minutes, {len(found)} kinds of faults")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a script prints


def fuzz_by_coverage(run: Callable[[bytes], object], minutes: float) -> None:
    """Let atheris choose the inputs; it ends the process at the first fault."""
    import atheris

    def read(data: bytes) -> None:
        try:
            run(data)
        except EvalHarnessError:
            return

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={int(60 * minutes)}", "-timeout=10"], read)
    atheris.Fuzz()


def main() -> None:
    """Parse the arguments and fuzz one target after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="all, without any")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("random", "atheris"), default="random")
    given = parser.parse_args()
    given.findings.mkdir(parents=True, exist_ok=True)
    for name in given.targets or list_targets():
        if given.engine == "atheris":
            fuzz_by_coverage(list_targets()[name].run, given.minutes)
        else:
            fuzz(name, given.minutes, given.findings, given.seed)


if __name__ == "__main__":
    main()
