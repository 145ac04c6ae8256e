"""The map of the package is what its files say of themselves, and the design names every folder."""

import re
from pathlib import Path
from types import ModuleType

from tests.modules import module_at

ROOT = Path(__file__).parents[2]
DOCS, PACKAGE = ROOT / "docs", ROOT / "jkeras"


def script() -> ModuleType:
    return module_at(DOCS / "make_map.py")


def test_the_map_is_up_to_date() -> None:
    page = (DOCS / "map.md").read_text(encoding="utf-8")
    assert script().page() == page, "Run: python docs/make_map.py"


def test_every_file_says_what_it_holds() -> None:
    silent = [file for file in PACKAGE.rglob("*.py") if not script().sentence(file)]
    assert silent == []


def test_the_design_names_every_folder() -> None:
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    rooms = text[text.index("## Rooms") : text.index("Arrows (")]
    named = set(re.findall(r"([a-z_]+)/ ", rooms))
    assert {path.parent.name for path in PACKAGE.rglob("__init__.py")} - named == {"jkeras"}


def test_the_glossary_names_what_stands_in_the_code() -> None:
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z, ]+) \| .+ \| `(.+\.py)`: `(\w+)` \|$", text, flags=re.MULTILINE)
    assert len(rows) > 15
    for words, file, name in rows:
        source = (PACKAGE / file).read_text(encoding="utf-8")
        assert re.search(rf"\b{name}\b", source), (words, file, name)
        stems = [word.rstrip("s").removesuffix("y") for word in re.split(r"[ ,]+", words)]
        assert all(stem in source.lower() for stem in stems), (words, file)


def test_the_way_of_a_fit_names_files_that_exist() -> None:
    text = (DOCS / "how_a_fit_travels.md").read_text(encoding="utf-8")
    files = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text)
    assert len(files) > 15
    assert [name for name in files if not (PACKAGE / name).exists()] == []
