"""The documentation site: built as `make docs` builds it, with warnings as errors."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile

from tests.docs.pages import ROOT
from tests.modules import module_at
from tests.test_experiments import offline

API = module_at(ROOT / "docs" / "make_api.py")


class Page(html.parser.HTMLParser):
    """The links of a page, what it loads, and the anchors that it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors = {""}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the links and the anchors of an element."""
        values = dict(attrs)
        self.anchors |= {values.get("id") or "", values.get("name") or ""}
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        source = values.get("src") or (values.get("href") if tag == "link" else None)
        if source:
            self.loaded.append(source)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    home, built = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    command += ["-d", str(home / "doctrees"), str(ROOT / "docs"), str(built)]
    env = {**offline(home), "XLA_FLAGS": os.environ.get("XLA_FLAGS", "")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return built


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """All pages of the site, by their files."""
    return {file.resolve(): Page(file) for file in sorted(site.rglob("*.html"))}


def test_no_link_of_the_site_is_broken(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for file, page in pages.items():
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = urllib.parse.unquote(parts.path)
            target = (file.parent / path).resolve() if path else file
            there = target.is_file()
            if there and parts.fragment and target in pages:
                there = urllib.parse.unquote(parts.fragment) in pages[target].anchors
            if not there:
                broken.append(f"{file.relative_to(site.resolve())}: {link}")
    assert broken == []


def test_the_site_needs_no_network(pages: dict[Path, Page]) -> None:
    loaded = {source for page in pages.values() for source in page.loaded}
    assert {source for source in loaded if re.match(r"(\w+:)?//", source)} == set()


def test_every_guide_is_a_page_with_what_it_prints(site: Path) -> None:
    for guide in sorted((ROOT / "experiments" / "guides").glob("*.py")):
        text = (site / "notebooks" / f"{guide.stem}.html").read_text(encoding="utf-8")
        assert 'class="cell_output' in text, guide.name
        assert "Traceback" not in text, guide.name


def test_every_public_name_has_an_entry(site: Path) -> None:
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, name: name)
    known = {name for kind, names in inventory.items() if kind[:3] == "py:" for name in names}
    entries = {entry for names in API.entries().values() for entry, _ in names.values()}
    assert len(entries) > 800
    assert entries - known == set()
