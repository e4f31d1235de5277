"""Write llms.txt, the list of the documentation that coding agents read (https://llmstxt.org).

Titles and descriptions are those of the pages: a page's heading and its first sentence. The order is that of
the site. Run by `make llms`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def describe(page: Path) -> tuple[str, str]:
    """Return the heading of a page and the first sentence below it, without links."""
    heading, prose, *_ = re.split(r"\n{2,}", page.read_text(encoding="utf-8").strip())
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(prose.split()))
    sentence = re.match(r".+?[.?!](?= [A-Z`]|$)", text)
    if sentence is None:
        sys.exit(f"{page}: begins with no sentence that says what it is about")
    return heading.removeprefix("# "), sentence[0]


def make_index() -> str:
    """Return the whole text of llms.txt."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text().partition("\ntheme:")[0])
    title, about = describe(ROOT / "README.md")
    lines = [f"# {title}", "", f"> {about}", ""]
    lines += [
        "A Python package and a command line, `python -m evalharness`. `python -m evalharness plan` shows",
        "calls, cost and what is missing, and spends nothing. A run that stopped goes on with the same command.",
    ]
    for section in site["nav"]:
        [(name, pages)] = section.items()
        if isinstance(pages, str):
            continue
        lines += ["", f"## {name}", ""]
        for page in pages:
            heading, sentence = describe(DOCS / page)
            lines.append(f"- [{heading}](docs/{page}): {sentence}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "llms.txt").write_text(make_index(), encoding="utf-8")
