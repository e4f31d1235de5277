"""Test the three checks of a bundle: its hashes, its decisions, and its tables."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import zipfile
from itertools import combinations, product
from pathlib import Path

import msgspec
import pytest
import yaml
from builders import answer, failure, question

from evalharness.cli import main
from evalharness.domain import (
    GradedJudgment,
    PairwiseJudgment,
    Verdict,
    Vote,
    Winner,
    compute_digest,
)
from evalharness.errors import ConfigError, InputError
from evalharness.exchange import (
    CONTENTS_FILE,
    bundle_signature,
    verify_bundle,
    write_archive,
    write_bundle,
)
from evalharness.exchange.bundle.table_comparison import TableComparison
from evalharness.report import publish_run

EXAMPLE = Path(__file__).parents[3] / "results" / "example"
MODELS = [f"model-{number:02}" for number in range(14)]
QUESTIONS = [question(f"q{number:02}") for number in range(83)]
MARKS = {Verdict.A: "A", Verdict.B: "B", Verdict.TIE: "C"}
CONFIG = {
    "models": {name: {"name": name} for name in MODELS},
    "judge": {
        "name": "judge",
        "reading": "text",
        "prompts": {kind: {"name": kind} for kind in ("graded", "pairwise")},
    },
    "judging": {"graded": True, "pairwise": True},
    "seed": 0,
}


def _verdict(first, second, *rest):
    """Return a verdict that is mostly for the model with the lower number."""
    drawn = int(compute_digest([first, second, *rest]), 16) % 100
    ahead = Verdict.A if first < second else Verdict.B
    behind = Verdict.B if first < second else Verdict.A
    return Verdict.TIE if drawn < 15 else ahead if drawn < 70 else behind


def _game(asked, turn, first, second):
    verdict = _verdict(first, second, asked.question_id, turn)
    return PairwiseJudgment(
        question_id=asked.question_id,
        turn=turn,
        judge="judge",
        prompt="pairwise",
        model_a=first,
        model_b=second,
        verdict=verdict,
        reply=f"I compared them. [[{MARKS[verdict]}]]",
        digest=compute_digest([asked.question_id, turn, first, second]),
    )


def _grade(asked, model):
    score = 1 + int(compute_digest([asked.question_id, model]), 16) % 10
    return GradedJudgment(
        question_id=asked.question_id,
        turn=1,
        judge="judge",
        prompt="graded",
        model=model,
        score=score,
        reply=f"Rating: [[{score}]]",
        digest=compute_digest(["grade", asked.question_id, model]),
    )


def _lay_out(folder, questions, models=MODELS):
    folder.mkdir(parents=True)
    games = [
        _game(asked, turn, *shown)
        for asked, turn in product(questions, (1, 2))
        for pair in combinations(models, 2)
        for shown in (pair, pair[::-1])
    ]
    grades = [_grade(asked, model) for asked in questions for model in models]
    answers = [answer(model, asked.question_id) for asked in questions for model in models]
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    for name, rows in (
        ("questions", questions),
        ("answers", answers),
        ("judgments", [*games, *grades]),
    ):
        lines = [msgspec.json.encode(row) for row in rows]
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return a bundle of 30,212 verdicts."""
    top = tmp_path_factory.mktemp("large")
    return write_bundle(_lay_out(top / "large", QUESTIONS), top / "to")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a bundle of few questions."""
    top = tmp_path_factory.mktemp("small")
    return write_bundle(_lay_out(top / "small", QUESTIONS[:4]), top / "to")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return a bundle of two models and two questions."""
    top = tmp_path_factory.mktemp("tiny")
    return write_bundle(_lay_out(top / "tiny", QUESTIONS[:2], MODELS[:2]), top / "to")


def _files(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _sealed_again(path, files):
    """Write an archive as its maker would, so that every hash fits."""
    contents = json.loads(files.pop(CONTENTS_FILE))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    contents |= {"files": hashes}
    contents["signature"] = bundle_signature(contents)
    write_archive(path, {CONTENTS_FILE: json.dumps(contents).encode(), **files})
    return path


def _with_verdict(files, old, new, *, reply):
    """Return the files with the first game of that verdict changed, and its reply as well or not."""
    lines = files["judgments.jsonl"].splitlines()
    place = next(
        number for number, line in enumerate(lines) if f'"verdict":"{old}"'.encode() in line
    )
    lines[place] = lines[place].replace(
        f'"verdict":"{old}"'.encode(), f'"verdict":"{new}"'.encode()
    )
    if reply:
        lines[place] = lines[place].replace(f"[[{old}]]".encode(), f"[[{new}]]".encode())
    return files | {"judgments.jsonl": b"\n".join(lines) + b"\n"}


def test_an_untouched_bundle_is_verified(large):
    """Every decision is read again, every figure is computed again, and all agree."""
    found = verify_bundle(large)

    assert found.differences == ()
    assert "decisions 31,374 of 31,374 derived again from the judge's reply" in found.checked


def test_one_flipped_verdict_of_thirty_thousand_is_found_by_its_hash(large, tmp_path):
    """A change after sealing is found."""
    path = tmp_path / "flipped.zip"
    write_archive(path, _with_verdict(_files(large), "A", "B", reply=False))

    assert any("judgments.jsonl: was changed" in each for each in verify_bundle(path).differences)


def test_one_flipped_verdict_is_found_when_every_hash_fits(large, tmp_path):
    """The judge's reply has the other verdict."""
    files = _with_verdict(_files(large), "A", "B", reply=False)
    differences = verify_bundle(_sealed_again(tmp_path / "flipped.zip", files)).differences

    assert any("kept B, its reply says A" in each for each in differences)
    assert not any("SHA-256" in each for each in differences)


def test_one_flipped_verdict_is_found_when_its_reply_was_changed_too(large, tmp_path):
    """The tables no longer follow from the verdicts."""
    files = _with_verdict(_files(large), "A", "B", reply=True)
    differences = verify_bundle(_sealed_again(tmp_path / "flipped.zip", files)).differences

    assert differences
    assert all(each.startswith("leaderboard.") for each in differences)


def test_a_changed_figure_is_found_when_every_hash_fits(small, tmp_path):
    """A table must follow from the verdicts."""
    files = _files(small)
    rows = json.loads(files["leaderboard.json"])
    rows[0]["rating"] += 0.01
    files["leaderboard.json"] = (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()
    (difference,) = verify_bundle(_sealed_again(tmp_path / "better.zip", files)).differences

    assert difference.startswith("leaderboard.json, row 1, rating: ")


def _with_rows(files, name, change):
    """Return the files with the rows of one of them changed by a function."""
    rows = [json.loads(line) for line in files[name].splitlines()]
    lines = [json.dumps(row) for row in change(rows)]
    return files | {name: "".join(f"{line}\n" for line in lines).encode()}


def _published_again(files, folder):
    """Return the files with tables that follow from them, as their forger would make them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    publish_run(folder)
    made = {name: (folder / name).read_bytes() for name in files if name != CONTENTS_FILE}
    return {CONTENTS_FILE: files[CONTENTS_FILE], **made}


FORGERIES = {
    "probabilities": (
        {"probabilities": {"A": 0.1, "B": 0.8, "tie": 0.1}, "verdict": "B"},
        "holds probabilities, and judge.reading is text",
    ),
    "no verdict": (
        {"verdict": None, "unscored": "no_verdict"},
        "kept None (no_verdict), its reply says A",
    ),
    "cut": (
        {"verdict": None, "unscored": "truncated"},
        "kept None (truncated), its reply says A",
    ),
    "low mass": (
        {"verdict": None, "unscored": "low_mass"},
        "kept None (low_mass), its reply says A",
    ),
    "empty": ({"verdict": None, "unscored": "empty"}, "kept None (empty), its reply says A"),
    "another verdict": ({"verdict": "B"}, "kept B, its reply says A"),
    "strength": ({"strength": 2}, "kept strength 2, its reply says None"),
    "repair": (
        {"repaired": True, "verdict": "B", "reply": "[[A]]\n--- asked again ---\n[[B]]"},
        "holds a repaired reply, and judge.repairs is 0",
    ),
    "prompt": ({"prompt": "pair-v2"}, "has no judge judge with the pairwise prompt pair-v2"),
    "prompt of grades": (
        {"prompt": "graded"},
        "has no judge judge with the pairwise prompt graded",
    ),
    "judge": ({"judge": "gpt-4"}, "has no judge gpt-4 with the pairwise prompt pairwise"),
    "model": ({"model_b": "zzz"}, "config.yaml has no model zzz"),
    "question": ({"question_id": "q99"}, "questions.jsonl has no turn 1 of it"),
    "turn": ({"turn": 3}, "questions.jsonl has no turn 3 of it"),
    "sample": ({"sample": 1}, "answers.jsonl has no answer 1 of model-00 to turn 1"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_judgment_is_found_though_hashes_and_tables_were_made_again(
    forgery, tiny, tmp_path
):
    """Whoever seals a bundle again can make hashes and tables fit, but not the replies."""
    fields, message = FORGERIES[forgery]
    first = next(
        number
        for number, line in enumerate(_files(tiny)["judgments.jsonl"].splitlines())
        if b'"verdict":"A"' in line
    )
    files = _with_rows(
        _files(tiny),
        "judgments.jsonl",
        lambda rows: [row | fields if at == first else row for at, row in enumerate(rows)],
    )
    files = _published_again(files, tmp_path / "forged")
    differences = verify_bundle(_sealed_again(tmp_path / "forged.zip", files)).differences

    assert len(differences) == 1
    assert differences[0].startswith("judgments.jsonl: ")
    assert message in differences[0]


def _without_judge(config):
    return {key: value for key, value in config.items() if key != "judge"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_judge, "config.yaml has no judge judge with the pairwise prompt pairwise"),
        (
            lambda config: config | {"judge": config["judge"] | {"reading": "by feel"}},
            "config.yaml has no reading of judge that this release knows",
        ),
        (
            lambda config: config | {"judge": config["judge"] | {"reading": "json"}},
            ", its reply says None (no_verdict)",
        ),
    ],
    ids=["no judge", "unknown reading", "another reading"],
)
def test_a_judge_that_the_configuration_no_longer_knows_hides_no_judgment(
    change, message, tiny, tmp_path
):
    """Judgments that cannot be derived again are differences, not left out."""
    config = yaml.safe_dump(change(CONFIG)).encode()
    files = _published_again(_files(tiny) | {"config.yaml": config}, tmp_path / "forged")
    differences = verify_bundle(_sealed_again(tmp_path / "forged.zip", files)).differences

    assert len(differences) == 12
    assert any(message in each for each in differences)


ADDED_ROWS = {
    "failures.jsonl": (
        failure("zzz", "q00"),
        "failures.jsonl: config.yaml has no model or judge zzz",
    ),
    "votes.jsonl": (
        Vote(
            question_id="q00",
            judge="human:ann",
            model_a=MODELS[0],
            model_b=MODELS[1],
            winner=Winner.MODEL_A,
            digest="0",
        ),
        "votes.jsonl: human:ann on question q00: no file was imported with it",
    ),
}


@pytest.mark.parametrize("name", ADDED_ROWS)
def test_a_row_of_something_that_the_run_does_not_have_is_found(name, tiny, tmp_path):
    """Answers, failures and votes count in tables as well."""
    row, message = ADDED_ROWS[name]
    files = _files(tiny)
    files[name] = files.get(name, b"") + msgspec.json.encode(row) + b"\n"
    files = _published_again(files, tmp_path / "forged")
    (difference,) = verify_bundle(_sealed_again(tmp_path / "forged.zip", files)).differences

    assert message in difference


def test_an_answer_of_a_model_that_the_configuration_does_not_have_is_refused(tiny, tmp_path):
    """Such a run is read by nothing, so its tables cannot be derived either."""
    files = _files(tiny)
    files["answers.jsonl"] += msgspec.json.encode(answer("zzz", "q00")) + b"\n"

    with pytest.raises(InputError, match="'zzz' has answers here and no model has that name"):
        verify_bundle(_sealed_again(tmp_path / "forged.zip", files))


def test_imported_judgments_are_counted_but_not_derived_by_our_rules(tiny, tmp_path):
    """The prompts of other tools ask for other words; the run keeps what it imported."""
    files = _with_rows(
        _files(tiny),
        "judgments.jsonl",
        lambda rows: [
            row | {"prompt": "single-v1"} if row["prompt"] == "graded" else row for row in rows
        ],
    )
    grades = [
        row
        for line in files["judgments.jsonl"].splitlines()
        if "score" in (row := json.loads(line))
    ]
    kept = [
        {"format": "mt-bench", "kind": "grade", "key": row["digest"], "fields": {}}
        for row in grades
    ]
    files["foreign.jsonl"] = "".join(f"{json.dumps(row)}\n" for row in kept).encode()
    found = verify_bundle(_sealed_again(tmp_path / "imported.zip", files))

    assert found.differences == ()
    assert (
        "decisions 8 of 12 derived again from the judge's reply; "
        "4 imported, which follow other tools' rules, are not"
    ) in found.checked


@pytest.mark.parametrize(
    "changed", [{"run": "best"}, {"versions": {"evalharness": "99"}}, {"python": "4.0"}]
)
def test_what_bundle_json_says_of_the_run_is_covered_by_the_signature(changed, tiny, tmp_path):
    """The run's name and the versions are shown, so they are sealed as well."""
    files = _files(tiny)
    contents = json.loads(files[CONTENTS_FILE]) | changed
    write_archive(tmp_path / "x.zip", files | {CONTENTS_FILE: json.dumps(contents).encode()})

    assert verify_bundle(tmp_path / "x.zip").differences == (
        "bundle.json: the signature is not that of what it says",
    )


def test_a_bundle_of_format_1_has_its_own_signature(tiny, tmp_path):
    """An earlier release sealed the names and hashes of the files only."""
    files = _files(tiny)
    contents = json.loads(files[CONTENTS_FILE]) | {"format": 1}
    text = json.dumps(dict(sorted(contents["files"].items())), separators=(",", ":"))
    contents["signature"] = hashlib.sha256(text.encode()).hexdigest()
    write_archive(tmp_path / "x.zip", files | {CONTENTS_FILE: json.dumps(contents).encode()})

    assert verify_bundle(tmp_path / "x.zip").differences == ()


def _change_answer(folder):
    path = folder / "answers.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    row = json.loads(first)
    row["turns"][0]["text"] = "A better answer than the judge was shown."
    path.write_text(json.dumps(row) + "\n" + "".join(rest))


def _change_text(name, old, new):
    def change(folder):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    "change",
    [
        _change_answer,
        _change_text("questions.jsonl", '"turns":["', '"turns":["Please. '),
        _change_text("config.yaml", "Rate ", "Rate mildly "),
        lambda _: None,
    ],
    ids=["answer", "question", "prompt", "nothing"],
)
def test_judgments_of_other_answers_questions_and_prompts_are_found(change, tmp_path, request):
    """The key of a judgment is a digest of what the judge was shown, which a forger would have to know of."""
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    change(folder)
    publish_run(folder)

    check = verify_bundle(write_bundle(folder, tmp_path))

    (line,) = (each for each in check.checked if each.startswith("requests"))
    if request.node.callspec.id == "nothing":
        assert check.differences == ()
        assert line == "requests  144 of 144 are of these questions, answers, prompts and settings"
    else:
        assert "was made of another question, answer, prompt or setting" in check.differences[0]
        assert "144 of 144" not in line


def test_a_verdict_that_is_called_unreadable_is_found(small, tmp_path):
    """A verdict that is left out changes the tables."""
    files = _files(small)
    lines = files["judgments.jsonl"].splitlines()
    game = json.loads(lines[0]) | {"verdict": None, "unscored": "no_verdict"}
    lines[0] = json.dumps(game).encode()
    files["judgments.jsonl"] = b"\n".join(lines) + b"\n"
    differences = verify_bundle(_sealed_again(tmp_path / "fewer.zip", files)).differences

    assert "kept None (no_verdict), its reply says" in differences[0]
    assert any(each.startswith("leaderboard.json") for each in differences)


def test_a_figure_that_differs_by_rounding_is_the_same(small, tmp_path):
    """Other processors add numbers in another order."""
    files = _files(small)
    rows = json.loads(files["leaderboard.json"])
    rows[0]["rating"] *= 1 + 1e-12
    files["leaderboard.json"] = (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()

    assert verify_bundle(_sealed_again(tmp_path / "rounded.zip", files)).differences == ()


def test_added_and_missing_files_are_named(small, tmp_path):
    """A bundle holds exactly the sealed files."""
    files = _files(small)
    del files["leaderboard.tex"]
    write_archive(tmp_path / "other.zip", files | {"more.json": b"{}"})
    differences = verify_bundle(tmp_path / "other.zip").differences

    assert "leaderboard.tex: is missing" in differences
    assert "more.json: was added after sealing" in differences


def test_another_signature_than_the_published_one_is_reported(small):
    """Another bundle is a difference even if it is valid."""
    own = json.loads(_files(small)[CONTENTS_FILE])["signature"]

    assert verify_bundle(small, own).differences == ()
    assert verify_bundle(small, "0" * 64).differences == (
        f"the signature is {own}, not {'0' * 64}",
    )


def test_equal_runs_make_equal_bundles_and_pages(tmp_path):
    """Two reports of one run are equal byte for byte: no time, no owner, no random order."""
    for place in ("one", "other"):
        write_bundle(_lay_out(tmp_path / place / "run", QUESTIONS[:4]), tmp_path / place)
    folder = tmp_path / "one" / "run"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    publish_run(folder)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert (tmp_path / "one/run.zip").read_bytes() == (tmp_path / "other/run.zip").read_bytes()


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    """Nobody may ever write into it."""
    os.mkfifo(tmp_path / "pipe.zip")

    with pytest.raises(InputError, match="is a pipe, socket or device, not a file"):
        verify_bundle(tmp_path / "pipe.zip")


@pytest.mark.parametrize("name", ["../outside.json", "/etc/outside", "a/../../outside"])
def test_no_name_leads_out_of_the_archive(name, small, tmp_path):
    """An untrusted archive is unpacked only into a temporary folder."""
    write_archive(tmp_path / "evil.zip", _files(small) | {name: b"x"})

    with pytest.raises(InputError, match="is no name in a bundle"):
        verify_bundle(tmp_path / "evil.zip")


def test_a_file_that_is_not_a_bundle_is_refused(tmp_path, small):
    """For example, an interrupted download, and an archive of other files."""
    (tmp_path / "cut.zip").write_bytes(small.read_bytes()[:-100])
    write_archive(tmp_path / "other.zip", {"notes.txt": b"hello"})

    with pytest.raises(InputError, match="not a whole archive"):
        verify_bundle(tmp_path / "cut.zip")
    with pytest.raises(InputError, match=f"no {CONTENTS_FILE}"):
        verify_bundle(tmp_path / "other.zip")


def _without_column(files, *names):
    """Return the files of a bundle as a release without these columns wrote them."""
    rows = json.loads(files["leaderboard.json"])
    kept = [{key: value for key, value in row.items() if key not in names} for row in rows]
    cells = list(csv.reader(io.StringIO(files["leaderboard.csv"].decode())))
    tables = {
        "leaderboard.json": json.dumps(kept, indent=2, ensure_ascii=False) + "\n",
        "leaderboard.csv": _render_csv(_without_cells(cells, cells[0], names)),
    }
    for name, separator in (("leaderboard.md", " | "), ("leaderboard.tex", " & ")):
        lines = files[name].decode().splitlines()
        header = next(line for line in lines if "Model" in line)
        titles = [title.strip("| \\") for title in header.split(separator)]
        tables[name] = "".join(
            f"{separator.join(_without_cells([line.split(separator)], titles, names)[0])}\n"
            if line.count(separator) == header.count(separator)
            else f"{line}\n"
            for line in lines
        )
    return files | {name: text.encode() for name, text in tables.items()}


def _render_csv(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _without_cells(rows, titles, names):
    return [
        [cell for title, cell in zip(titles, row, strict=True) if title not in names]
        for row in rows
    ]


def test_a_column_that_the_bundle_does_not_have_is_no_difference(small, tmp_path):
    """A release with one more column verifies the bundles of the release before it."""
    files = _without_column(_files(small), "elo", "Elo")
    assert b"elo" not in files["leaderboard.json"] + files["leaderboard.csv"]
    assert b"Elo" not in files["leaderboard.md"].splitlines()[0]
    found = verify_bundle(_sealed_again(tmp_path / "older.zip", files))

    assert found.differences == ()
    assert found.checked[-1] == (
        "columns   not in the bundle, so not compared: leaderboard.json: elo; "
        "leaderboard.csv: elo; leaderboard.md: Elo; leaderboard.tex: Elo"
    )


@pytest.mark.parametrize(
    ("name", "separator"), [("csv", ","), ("md", " |"), ("tex", " &")], ids=["csv", "md", "tex"]
)
def test_a_changed_cell_is_found_despite_a_missing_column(small, tmp_path, name, separator):
    """A missing column does not hide what the others say."""
    files = _without_column(_files(small), "elo", "Elo")
    table = files[f"leaderboard.{name}"].decode()
    changed = table.replace(f"{MODELS[0]}{separator}", f"model-99{separator}", 1)
    files[f"leaderboard.{name}"] = changed.encode()
    (difference,) = verify_bundle(_sealed_again(tmp_path / "other.zip", files)).differences

    assert difference.startswith(f"leaderboard.{name}, row ")
    assert difference.endswith(f"model-99, computed again {MODELS[0]}")


def test_rows_columns_and_sentences_that_nothing_computes_are_found(small, tmp_path):
    """What a bundle adds to its tables, or leaves out of them, does not follow from its records."""
    files = _files(small)
    rows = json.loads(files["leaderboard.json"])
    rows[0]["prize"] = 1
    files["leaderboard.json"] = json.dumps(rows[:-1]).encode()
    files["leaderboard.md"] += b"\nThe first model is the best by far.\n"
    files["leaderboard.tex"] = b"\n".join(files["leaderboard.tex"].splitlines()[1:]) + b"\n"
    differences = verify_bundle(_sealed_again(tmp_path / "other.zip", files)).differences

    assert "leaderboard.json: nothing computes the column prize" in differences
    assert "leaderboard.json, number of rows: 13, computed again 14" in differences
    assert "leaderboard.md: does not follow: The first model is the best by far." in differences
    assert any(each.startswith("leaderboard.tex: is missing: % Ratings") for each in differences)


def test_a_column_that_is_repeated_hides_no_figure(small, tmp_path):
    """Of two columns with one name, a reader sees the first and a program the last."""
    files = _files(small)
    files["leaderboard.json"] = files["leaderboard.json"].replace(
        b'"rank": 1,', b'"rank": 9,\n    "rank": 1,', 1
    )
    differences = verify_bundle(_sealed_again(tmp_path / "twice.zip", files)).differences

    assert "leaderboard.json, row 1, rank: 9, computed again 1" in differences
    assert "leaderboard.json: nothing computes the column rank (2)" in differences


def test_a_table_without_cautions_is_of_an_older_release_and_no_difference():
    """Rows of leaderboard.json have had the cautions of the table since they were added to them."""
    row = {"model": "a", "rating": 1000.0}
    caution = {"source": "run", "sentence": "STOPPED: 3 of 8 battles"}
    new = json.dumps([row | {"cautions": [caution]}])

    tables = TableComparison(is_same_release=True)
    assert list(tables.compare_table("leaderboard.json", json.dumps([row]), new)) == []
    assert tables.absent == ["leaderboard.json: cautions"]
    (changed,) = TableComparison(is_same_release=True).compare_table(
        "leaderboard.json", new.replace("3 of 8", "8 of 8"), new
    )
    assert "8 of 8 battles, computed again STOPPED: 3 of 8 battles" in changed


def test_the_words_of_another_release_are_no_difference_but_its_figures_are(small, tmp_path):
    """A sentence that is worded better later says nothing about the figures."""
    files = _files(small)
    contents = json.loads(files[CONTENTS_FILE])
    contents["versions"]["evalharness"] = "0.0.1"
    files[CONTENTS_FILE] = json.dumps(contents).encode()
    text = files["leaderboard.md"]
    reworded = files | {"leaderboard.md": text.replace(b"Intervals in brackets", b"Intervals")}
    changed = files | {"leaderboard.md": text.replace(b"brackets: 95%", b"brackets: 99%")}
    found = verify_bundle(_sealed_again(tmp_path / "reworded.zip", reworded))
    (difference,) = verify_bundle(_sealed_again(tmp_path / "changed.zip", changed)).differences

    assert found.differences == ()
    assert found.checked[-1] == "sentences 1 with other words in this release, so not compared"
    assert difference.startswith("leaderboard.md: Ratings: ")


def test_a_table_that_is_no_table_is_a_difference(small, tmp_path):
    """A bundle without its leaderboard, or with a broken one, is not verified."""
    files = _files(small)
    del files["leaderboard.json"]
    files |= {"leaderboard.csv": b"model,rank\nmodel-00\n", "robustness.json": b'{"a": '}
    differences = verify_bundle(_sealed_again(tmp_path / "broken.zip", files)).differences

    assert [each.partition(": ")[0] for each in differences] == [
        "leaderboard.csv",
        "robustness.json",
        "leaderboard.json",
    ]


@pytest.mark.parametrize(("number", "words"), [(3, "of format 3, and this"), (0, "of format 2")])
def test_a_format_that_this_release_does_not_read_is_refused(small, tmp_path, number, words):
    """A later release may seal in another way; its bundles are neither verified nor refuted."""
    files = _files(small)
    contents = json.loads(files[CONTENTS_FILE]) | {"format": number}
    write_archive(tmp_path / "x.zip", files | {CONTENTS_FILE: json.dumps(contents).encode()})

    with pytest.raises(InputError, match=words):
        verify_bundle(tmp_path / "x.zip")


def test_a_folder_is_refused_and_not_called_unverified(tmp_path, capsys):
    """Exit code 2: nothing was checked. Exit code 1 would say that figures are wrong."""
    folder = _lay_out(tmp_path / "run", QUESTIONS[:4])

    assert main(["verify", str(folder)]) == 2
    assert "is a folder, not a bundle" in capsys.readouterr().err


def test_the_command_line_exports_and_verifies(tmp_path, capsys):
    """Exit code 0 means verified, 1 not verified; an existing bundle is not overwritten."""
    folder = _lay_out(tmp_path / "run", QUESTIONS[:4])
    export = ["export", "bundle", str(folder), "--to", str(tmp_path / "to")]
    path = tmp_path / "to" / "run.zip"

    assert main(export) == 0
    assert main(["verify", str(path)]) == 0
    assert main(["verify", str(path), "--signature", "0"]) == 1
    assert "1 differences: not verified" in capsys.readouterr().err
    assert main(export) == 2
    with pytest.raises(ConfigError, match="is there already"):
        write_bundle(folder, tmp_path / "to")
