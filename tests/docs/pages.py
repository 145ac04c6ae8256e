"""The Markdown pages of the repository, and their blocks of code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
WRITTEN = ("_build", "api", "notebooks")
"""Folders in docs/ that a build of the site writes."""


class Block(NamedTuple):
    """A block of Python, the words behind its language, and the number of its first line."""

    code: str
    words: str
    line: int


def pages() -> list[Path]:
    """Every page that people read, on a Git host or on the site."""
    docs = [
        page
        for page in (ROOT / "docs").rglob("*.md")
        if page.relative_to(ROOT / "docs").parts[0] not in WRITTEN
    ]
    return sorted([*ROOT.glob("*.md"), *docs, *(ROOT / "experiments").rglob("*.md")])


def name_of(page: Path) -> str:
    """The path of a page from the root, which is its name in tests."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The blocks of Python of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[2], match[1].strip(), text[: match.start(2)].count("\n"))
        for match in re.finditer(
            r"^```python\b([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
        )
    ]


def without_code(text: str) -> str:
    """A page without its blocks and spans of code."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]+`", "", text)
