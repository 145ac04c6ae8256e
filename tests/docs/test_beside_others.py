"""The page that compares libraries counts the lines of its own programs."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "beside_others.md").read_text(encoding="utf-8")
LIBRARIES = ("jkeras", "Keras", "scikit-learn", "fastai")


def counted() -> dict[str, list[str]]:
    """For each task the lines of each library's program, in the form of the table."""
    table = {}
    for section in PAGE.partition("## What it takes to write")[2].split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        programs = re.findall(
            r"^(\S[^\n]*)\n\n```python[^\n]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
        )
        lines = {
            re.split(r"[:,]", label)[0]: sum(bool(line.strip()) for line in code.splitlines())
            for label, code in programs
        }
        table[title] = [str(lines.get(library, "–")) for library in LIBRARIES]
    return table


def test_the_table_says_how_long_the_programs_are() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d–]+) \| ([\d–]+) \| ([\d–]+) \| ([\d–]+) \|$", PAGE, re.M)
    told = {title: cells for title, *cells in rows}
    assert {title.lower(): cells for title, cells in counted().items()} == told
