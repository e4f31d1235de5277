"""Test that a corpus search finds the texts of a run, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace

import pyarrow as pa
import pytest
from builders import answer, question
from pyarrow import parquet
from random_runs import a_run, prose, with_texts

from evalharness.analysis import FlagKind, find_flags
from evalharness.cli import main
from evalharness.config import Corpus
from evalharness.domain import RunRecords
from evalharness.errors import ConfigError, InputError
from evalharness.report import CORPUS_SCAN_FILE, load_run, scan_corpus

COPY = prose("a text that stands in the corpus", 60)
RECORDS = with_texts(a_run(), {("two", "q3", 2): f"Well. {COPY} That is all."})
FILLING = [prose(("corpus", number), 100) for number in range(50)]


def found_in(tmp_path, *paths, records=RECORDS, words=13):
    """Return the flags of a search in these files."""
    found = scan_corpus(tmp_path / "run", records, Corpus(paths=paths, words=words))
    return find_flags(records, found).flags


def as_text(path, lines):
    """Write one text per line."""
    path.write_text("\n".join(lines))


def as_jsonl(path, lines):
    """Write records with nested texts."""
    rows = ({"id": 1, "meta": {"tags": ["x", None]}, "turns": [{"text": line}]} for line in lines)
    path.write_text("\n".join(json.dumps(row) for row in rows))


def as_gzip(path, lines):
    """Write a compressed file."""
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines))


def as_parquet(path, lines):
    """Write a table."""
    parquet.write_table(pa.table({"n": range(len(lines)), "text": lines}), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("corpus.txt", as_text),
        ("README", as_text),
        ("corpus.jsonl", as_jsonl),
        ("corpus.txt.gz", as_gzip),
        ("corpus.parquet", as_parquet),
    ],
)
def test_an_answer_is_found_with_file_and_line(tmp_path, name, write):
    """Text files and records are searched, compressed or not."""
    path = tmp_path / name
    write(path, [*FILLING[:20], f"{FILLING[20]} {COPY.upper()}", *FILLING[21:]])
    (flag,) = found_in(tmp_path, path)

    assert (flag.kind, flag.model, flag.question_id, flag.turn) == (
        FlagKind.ANSWER_IN_CORPUS,
        "two",
        "q3",
        2,
    )
    assert (flag.words, flag.source) == (60, f"{path}:21")
    assert flag.excerpt == f"{COPY[:237]}..."
    assert flag.share == pytest.approx(48 / 52)  # its n-grams, of all those of 64 words


def test_a_corpus_without_the_texts_raises_no_flag(tmp_path):
    """The report says that the corpus was read."""
    as_text(tmp_path / "corpus.txt", FILLING)
    found = scan_corpus(tmp_path / "run", RECORDS, Corpus(paths=(tmp_path / "corpus.txt",)))

    assert found.finds == ()
    assert found.files == 1
    assert found.size == (tmp_path / "corpus.txt").stat().st_size


def test_a_run_of_words_may_be_wrapped_into_lines(tmp_path):
    """The reported line is the one in which the match begins."""
    wrapped = "\n".join(COPY.split())
    as_text(tmp_path / "corpus.txt", ["one", "two", wrapped, "end"])
    (flag,) = found_in(tmp_path, tmp_path / "corpus.txt")

    assert (flag.words, flag.source) == (60, f"{tmp_path}/corpus.txt:3")


@pytest.mark.parametrize("before", [1 << 20, (1 << 20) - 200, (1 << 20) - 32_768, (1 << 21) - 99])
def test_a_run_of_words_may_cross_what_is_in_memory_at_a_time(tmp_path, before):
    """Files are read in blocks of 2^20 characters; a match may cross the end of a block."""
    filling = " ".join(FILLING * 50)
    text = f"{filling[: before - 100]}\n{COPY} {filling[:60_000]}"
    (tmp_path / "corpus.txt").write_text(text)
    (flag,) = found_in(tmp_path, tmp_path / "corpus.txt")

    assert (flag.words, flag.source) == (60, f"{tmp_path}/corpus.txt:2")


def test_questions_and_references_are_found_also_where_they_are_short(tmp_path):
    """A question of eight words must match as a whole; shorter ones are not searched."""
    short = "Write a poem about the sea in winter!"
    asked = (
        *a_run(2).questions,
        question("short", turns=(short, "Now shorter."), references=("Now shorter.",)),
    )
    records = RunRecords(name="r", questions=asked, answers=(answer("one", "short"),))
    (tmp_path / "a").mkdir()
    as_jsonl(tmp_path / "a" / "x.jsonl", [f"User: {short} - now shorter.", asked[0].turns[0]])
    as_text(tmp_path / "a" / "y.txt", ["", str(asked[1].references[0])])
    found = found_in(tmp_path, tmp_path / "a", records=records)

    assert [(flag.kind, flag.question_id, flag.source) for flag in found] == [
        (FlagKind.QUESTION_IN_CORPUS, "q0", f"{tmp_path}/a/x.jsonl:2"),
        (FlagKind.REFERENCE_IN_CORPUS, "q1", f"{tmp_path}/a/y.txt:2"),
        (FlagKind.QUESTION_IN_CORPUS, "short", f"{tmp_path}/a/x.jsonl:1"),
    ]


def test_a_phrase_in_common_is_no_flag(tmp_path):
    """Twenty shared words in one of many answers, or words of the question, raise no flag."""
    asked = RECORDS.questions[0]
    answers = {("one", "q0", 1): f"{asked.turns[0]} {prose('x')}", ("one", "q1", 1): COPY[:110]}
    as_text(tmp_path / "corpus.txt", [prose("x", 20), COPY[:110]])
    records = with_texts(a_run(), answers)

    assert not found_in(tmp_path, tmp_path / "corpus.txt", records=records)


def test_the_same_files_are_not_read_again_and_changed_ones_are(tmp_path):
    """A large corpus is read once per run, not once per report."""
    path, run = tmp_path / "corpus.txt", tmp_path / "run"
    as_text(path, FILLING)
    first = scan_corpus(run, RECORDS, Corpus(paths=(path,)))
    kept = (run / CORPUS_SCAN_FILE).stat().st_mtime_ns
    scan_corpus(run, RECORDS, Corpus(paths=(path,)))
    assert (run / CORPUS_SCAN_FILE).stat().st_mtime_ns == kept

    as_text(path, [*FILLING, COPY])
    assert first.finds == ()
    assert len(scan_corpus(run, RECORDS, Corpus(paths=(path,))).finds) == 1
    assert len(scan_corpus(run, RECORDS, Corpus(paths=(path,), words=9)).finds) == 1


def test_a_file_that_keeps_its_size_and_its_time_is_read_again(tmp_path):
    """As a copy that keeps times leaves it: other content, other results."""
    path, run = tmp_path / "corpus.txt", tmp_path / "run"
    as_text(path, [COPY.swapcase()[::-1]])
    assert scan_corpus(run, RECORDS, Corpus(paths=(path,))).finds == ()
    times = path.stat()

    as_text(path, [COPY])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert path.stat().st_size == times.st_size
    assert len(scan_corpus(run, RECORDS, Corpus(paths=(path,))).finds) == 1


def test_matches_of_an_earlier_answer_are_not_shown(tmp_path):
    """An answer that was requested again is a different answer."""
    as_text(tmp_path / "corpus.txt", [COPY])
    found = scan_corpus(tmp_path / "run", RECORDS, Corpus(paths=(tmp_path / "corpus.txt",)))
    changed = replace(RECORDS, answers=a_run().answers)

    assert len(find_flags(RECORDS, found).flags) == 1
    assert find_flags(changed, found).flags == ()


def test_what_cannot_be_read_is_refused(tmp_path):
    """The message names the file and, if possible, the line."""
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n{"text": \n')
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "bad.gz").write_bytes(b"not packed")
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError, match=r"bad\.jsonl:2"):
        found_in(tmp_path, tmp_path / "bad.jsonl")
    for name in ("bad.parquet", "bad.gz"):
        with pytest.raises(InputError, match=name):
            found_in(tmp_path, tmp_path / name)
    with pytest.raises(ConfigError, match="there is no such file or folder"):
        Corpus(paths=(tmp_path / "gone",))
    with pytest.raises(ConfigError, match="is empty"):
        Corpus(paths=(tmp_path / "empty",))
    with pytest.raises(ConfigError, match="8 words at least"):
        Corpus(paths=(tmp_path,), words=7)


def a_folder(tmp_path):
    """Return the folder of a finished run of three scripted models, with one answer planted."""
    assert main(["run", *SCRIPTED, f"results={tmp_path}/results"]) == 0
    folder = tmp_path / "results" / "mine"
    path = folder / "answers.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["turns"][0]["text"] = COPY
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder, rows[0]


SCRIPTED = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "questions.limit=4",
    "cache=off",
    "run=mine",
)


def test_report_reads_a_corpus_and_later_ones_remember_it(tmp_path, capsys):
    """Ratings do not change; the page, the flags and data frames show the result."""
    folder, planted_row = a_folder(tmp_path)
    assert main(["report", str(folder)]) == 0
    board = (folder / "leaderboard.json").read_bytes()
    (tmp_path / "corpus").mkdir()
    as_text(tmp_path / "corpus" / "a.txt", [*FILLING, COPY])
    assert main(["report", str(folder), "--corpus", str(tmp_path / "corpus")]) == 0
    assert main(["report", str(folder)]) == 0

    assert (folder / "leaderboard.json").read_bytes() == board
    rows = [json.loads(line) for line in (folder / "flags.jsonl").read_text().splitlines()]
    (row,) = [row for row in rows if row["kind"] == "answer_in_corpus"]
    assert (row["model"], row["question_id"]) == (planted_row["model"], planted_row["question_id"])
    assert row["source"] == f"{tmp_path}/corpus/a.txt:51"
    frame = load_run(folder).flags
    assert frame[frame.kind == "answer_in_corpus"].source.tolist() == [row["source"]]
    assert f"{tmp_path}/corpus/a.txt:51" in (folder / "report.html").read_text()
    assert main(["report", str(folder), "--corpus", str(tmp_path / "gone")]) == 2
    assert "there is no such file or folder" in capsys.readouterr().err


def test_a_run_may_name_a_corpus_and_is_refused_where_there_is_none(tmp_path, capsys):
    """The refusal precedes all calls; the corpus changes neither the name nor the records of a run."""
    as_text(tmp_path / "corpus.txt", FILLING)
    named = f"contamination.corpus={tmp_path}/corpus.txt"
    given = (*SCRIPTED, f"results={tmp_path}/results")

    assert main(["run", *given, "contamination.corpus=gone"]) == 2
    assert "gone: there is no such file or folder" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
    assert main(["run", *given, named]) == 0
    assert json.loads((tmp_path / "results/mine" / CORPUS_SCAN_FILE).read_text())["files"] == 1
    assert main(["run", *given]) == 0
    listed = f"contamination.corpus=[{tmp_path}/corpus.txt,{tmp_path}/corpus.txt]"
    assert main(["run", *given, listed, "contamination.words=8"]) == 0
    assert json.loads((tmp_path / "results/mine" / CORPUS_SCAN_FILE).read_text())["length"] == 8


def test_a_damaged_scan_is_refused_with_its_remedy(tmp_path):
    """The message names the command that writes the file again."""
    folder, _ = a_folder(tmp_path)
    (folder / CORPUS_SCAN_FILE).write_text("{")

    with pytest.raises(InputError, match=r"contamination.json.*--corpus PATH` writes it again"):
        load_run(folder)


def test_the_questions_of_mt_bench_that_alpaca_eval_holds_are_found(data_file, tmp_path):
    """Two of 80 published questions match, both as a whole, and none of 960 answers."""
    folder = tmp_path / "results" / "mt"
    assert main(["import", "mt-bench", str(data_file("mt_bench")), "--run", str(folder)]) == 0
    assert main(["report", str(folder), "--corpus", str(data_file("alpaca_eval"))]) == 0
    rows = [json.loads(line) for line in (folder / "flags.jsonl").read_text().splitlines()]

    assert [(row["kind"], row["question_id"], row["turn"], row["model"]) for row in rows] == [
        ("question_in_corpus", "81", 1, None),
        ("question_in_corpus", "130", 1, None),
        ("empty", "127", 1, "llama-13b"),
    ]
    assert "2 of 80 questions stand in" in (folder / "leaderboard.md").read_text()


def test_the_answers_to_alpaca_eval_that_name_their_model_are_found(data_file, tmp_path):
    """Five of 3,220 answers do; many others mention ChatGPT, OpenAI or Claude."""
    folder = tmp_path / "results" / "ae"
    assert main(["import", "alpaca-eval", str(data_file("alpaca_eval")), "--run", str(folder)]) == 0
    found = load_run(folder).flags
    named = found[found.kind.str.startswith("names_")]

    assert sorted(named.source) == ["OpenAI"] * 4 + ["Vicuna"]
    assert set(named.model[named.source == "OpenAI"]) == {"gpt4_1106_preview"}
    assert set(named.kind) == {"names_itself"}
    (said,) = named.excerpt[named.model == "vicuna-13b"]
    assert said.startswith("You can call me Vicuna, as I was trained by researchers from Victoria")
