"""Test the section of the page on flags: excerpts and links, or one line without flags."""

from __future__ import annotations

from dataclasses import replace

from builders import a_run as judged_run
from random_runs import a_run, prose, with_texts

from evalharness.analysis import (
    NGRAM_LENGTH,
    CorpusScan,
    CorpusSearch,
    build_leaderboard,
    find_flags,
)
from evalharness.domain import Passage
from evalharness.judge import collect_battles
from evalharness.report import render_page


def page_of(records, scan=None):
    """Return the page of a run with its flags."""
    battles = collect_battles(records)
    found = find_flags(records, scan)
    return render_page(records, battles, build_leaderboard(records, battles), flags=found)


def leaked(records, *question_ids):
    """Return a scan that found these questions only."""
    search = CorpusSearch(records, NGRAM_LENGTH)
    texts = [each.turns[0] for each in records.questions if each.question_id in question_ids]
    search.search(Passage(source="<b>crawl</b>.txt", texts=texts, lines=range(len(texts))))
    return CorpusScan(
        corpus=("<b>crawl</b>",),
        files=1,
        size=12_345_678,
        length=NGRAM_LENGTH,
        stamp="",
        finds=tuple(search.list_matches()),
    )


def test_a_search_without_flags_is_described_in_one_line():
    """The page also reports a search without flags."""
    page = page_of(a_run())

    assert "Checked 72 answered turns for: answers that models share" in page
    assert "24 references in the answers" in page
    assert "No corpus was read: report RUN --corpus PATH reads one." in page
    assert "Nothing to look at was found." in page
    assert "A flag is for a reader to judge" not in page


def test_flags_are_shown_with_their_words_as_text():
    """There is one line per pair of models, and third-party text is escaped."""
    said = "<i>I am ChatGPT</i>, trained by OpenAI."
    texts = {("two", f"q{n}", 1): prose(("one", f"q{n}", 1)) for n in range(9)}
    page = page_of(with_texts(a_run(), {**texts, ("three", "q2", 1): said}))

    assert "Models that answer alike" in page
    assert ">38%</td>" in page
    assert "10 flags" in page
    assert '<a href="#q-q2">q2</a>' in page
    assert "&lt;i&gt;I am ChatGPT&lt;/i&gt;, trained by OpenAI." in page
    assert "3 more stand in <code>flags.jsonl</code>" in page


def test_the_table_is_also_shown_without_questions_that_leaked():
    """The table is shown for three or more such questions; the leaderboard counts all questions."""
    texts = a_run(8)
    records = replace(
        judged_run(models=3, questions=8),
        questions=tuple(
            replace(own, question_id=str(81 + number)) for number, own in enumerate(texts.questions)
        ),
    )
    few, many = (page_of(records, leaked(records, *ids)) for ids in (("81",), ("81", "82", "83")))

    assert "Without the questions that leaked" not in few
    assert "Without the questions that leaked" in many
    assert "without the 3 questions whose words" in many
    assert "in &lt;b&gt;crawl&lt;/b&gt; (1 file, 12.3 MB)" in many
    assert "&lt;b&gt;crawl&lt;/b&gt;.txt:1" in many
    assert "<b>crawl</b>" not in many
