"""Every link of a page to a file, a page or a heading of the repository leads there."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import name_of, pages, without_code

PAGES = {name_of(page): page for page in pages()}
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links, those of other sites aside."""
    text = re.sub(r"\[`([^`]+)`\]", r"[\1]", page.read_text(encoding="utf-8"))
    for target in LINK.findall(without_code(text)):
        if not re.match(r"\w+:", target):
            yield target


@functools.cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that a Git host and the site give to a page's headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings)


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name: str) -> None:
    page = PAGES[name]
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{name}: {target}"
        assert not anchor or anchor in anchors(file), f"{name}: {target}"


def test_links_are_found() -> None:
    assert sum(1 for page in PAGES.values() for _ in links(page)) > 60
