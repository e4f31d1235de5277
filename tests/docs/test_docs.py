"""Commands and code in the documentation work, and give the output that it shows."""

from __future__ import annotations

import re
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from doc_pages import ADDRESS, PageTest, blocks
from llms import make_index
from server import serving

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FOLLOWED = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if any(block.language in {"console", "pycon"} for block in blocks(path))
]


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_can_be_followed(page, tmp_path, monkeypatch):
    """A reader who writes the files and types the commands sees the output on the page."""
    shutil.copytree(ROOT / "results/example", tmp_path / "results/example")
    shutil.copytree(ROOT / "questions", tmp_path / "questions")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none") if ADDRESS in page.read_text() else None
    server = serving() if ADDRESS in page.read_text() else nullcontext(ADDRESS)

    with server as address:
        page_test = PageTest(page, address)
        page_test.run()

    assert page_test.executed


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_a_link_from_the_top_leads_somewhere(name):
    """The build of the site checks its own links; these pages are read in the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text())

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_tutorial_is_followed():
    """A tutorial that no test follows is soon out of date."""
    tutorials = set((DOCS / "tutorials").glob("*.md"))

    assert tutorials
    assert tutorials <= set(FOLLOWED)


def test_coding_agents_read_the_list_of_these_pages():
    """`make llms` writes it again after a page was added or begins with another sentence."""
    assert (ROOT / "llms.txt").read_text() == make_index()
    assert all(f"](docs/{path.relative_to(DOCS)})" in make_index() for path in DOCS.rglob("*/*.md"))
