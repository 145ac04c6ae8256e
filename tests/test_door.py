"""The doors: `__all__` is sorted and complete, every room has its contract.

The arrows themselves are held by import-linter (`make check`); here is what it cannot see.
"""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jkeras"
DOORS = [file for file in sorted(PACKAGE.rglob("__init__.py")) if "__all__" in file.read_text()]


def dotted(file: Path) -> str:
    """The name under which a file of the package is imported."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def door_order(name: str) -> tuple[int, list[str | int]]:
    """Constants, then classes, then functions and modules; each in alphabetical order, numbers in
    names by their size.
    """
    parts = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    if name.isupper() and len(name) > 1:
        return 0, parts
    return (1 if name[0].isupper() else 2), parts


def brought_in(file: Path) -> set[str]:
    """The public names that a door imports from the package when it is itself imported."""
    imports = [
        node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ImportFrom)
    ]
    ours = [node for node in imports if node.level or str(node.module).split(".")[0] == "jkeras"]
    names = {alias.asname or alias.name for node in ours for alias in node.names}
    return {name for name in names if not name.startswith("_")}


def imported_modules(file: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", DOORS, ids=dotted)
def test_all_is_sorted_without_duplicates(file: Path) -> None:
    names = importlib.import_module(dotted(file)).__all__
    assert list(names) == sorted(set(names), key=door_order)


@pytest.mark.parametrize("file", DOORS, ids=dotted)
def test_all_is_complete(file: Path) -> None:
    module = importlib.import_module(dotted(file))
    assert brought_in(file) - set(module.__all__) == set()
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_package_has_a_door() -> None:
    assert PACKAGE / "__init__.py" in DOORS


def test_every_room_is_in_the_contracts() -> None:
    files = [file for file in PACKAGE.glob("*.py") if not file.name.startswith("_")]
    folders = [file.parent for file in PACKAGE.glob("*/__init__.py")]
    rooms = {f"jkeras.{path.stem}" for path in files + folders}
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    forbidding = [contract for contract in contracts if contract["type"] == "forbidden"]
    sources = {name for contract in forbidding for name in contract["source_modules"]}
    core = next(c for c in forbidding if c["source_modules"] == ["jkeras.core"])
    assert sources - {"jkeras.*"} == rooms
    assert set(core["forbidden_modules"]) == rooms - {"jkeras.core"}
