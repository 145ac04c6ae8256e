"""The notebooks of the gallery hold the code of the guides, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.docs.pages import ROOT
from tests.modules import module_at

SCRIPT = module_at(ROOT / "docs" / "make_notebooks.py")
GUIDES = sorted((ROOT / "experiments" / "guides").glob("*.py"))


def statements(code: str) -> list[str]:
    """The statements of a script, without its docstring and the lines that a notebook adds."""
    tree = ast.parse(code)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    written = [ast.unparse(statement) for statement in body]
    added = ("from __future__", "import sys", "sys.argv =")
    return [text for text in written if not text.startswith(added)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_notebook_has_the_code_of_its_guide(guide: Path) -> None:
    notebook: Any = SCRIPT.notebook(guide)
    nbformat.validate(notebook)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert statements(code) == statements(guide.read_text(encoding="utf-8"))
    titles = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert titles[0].startswith("# ") and len(titles) > 2
    assert all(title.startswith("## ") for title in titles[1:])
    hidden = [cell.source for cell in notebook.cells if cell.metadata.get("tags") == ["hide-cell"]]
    assert len(hidden) <= 1 and all('"--tiny"' in source for source in hidden)


def test_a_notebook_is_equal_each_time(tmp_path: Path) -> None:
    files = SCRIPT.write(tmp_path)
    before = [file.read_text(encoding="utf-8") for file in files]
    (tmp_path / "gone.ipynb").write_text("{}", encoding="utf-8")
    assert SCRIPT.write(tmp_path) == files == sorted(tmp_path.iterdir())
    assert [file.read_text(encoding="utf-8") for file in files] == before
