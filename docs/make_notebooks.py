"""Writes notebooks, one for each guide in experiments/guides: the gallery of the site.

    python docs/make_notebooks.py docs/notebooks

`docs/conf.py` calls this before a build, which runs the notebooks on tiny data. In a guide the
docstring is the introduction, and a comment `# -- words` begins a section. The options of the
command line are a cell that the site folds away. Law: the code of a notebook is the code of its
guide, in its order.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

GUIDES = Path(__file__).parents[1] / "experiments" / "guides"
SECTION = re.compile(r"^# -- (.+)$", re.MULTILINE)
OPTIONS = ("parser", "args")
"""The names by which a guide reads its command line."""


def notebook(guide: Path) -> Any:
    """The notebook of a guide, not yet run."""
    source = guide.read_text(encoding="utf-8")
    head, *rest = SECTION.split(source)
    cells = [_introduction(guide, source), *_first_cells(guide, head)]
    for title, code in zip(rest[::2], rest[1::2], strict=True):
        cells.append(nbformat.v4.new_markdown_cell(f"## {title[0].upper()}{title[1:]}"))
        if code.strip():
            cells.append(nbformat.v4.new_code_cell(code.strip()))
    for number, cell in enumerate(cells):
        cell.id = f"{guide.stem.replace('_', '-')}-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _introduction(guide: Path, source: str) -> Any:
    """The docstring, without the command line that runs the script."""
    title, _, text = str(ast.get_docstring(ast.parse(source))).partition("\n")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith("python "))
    name = f"experiments/guides/{guide.name}"
    about = f"Made from [{name}](../../{name}), and run on tiny data when this page was built."
    return nbformat.v4.new_markdown_cell(f"# {title.rstrip('.')}\n\n{text.strip()}\n\n{about}")


def _first_cells(guide: Path, head: str) -> list[Any]:
    """The cells before the first section: imports, options, and what follows."""
    tree = ast.parse(head)
    lines = head.splitlines()
    parts: list[tuple[bool, list[str]]] = []
    end = tree.body[0].end_lineno if ast.get_docstring(tree) is not None else 0
    for statement in tree.body[1 if end else 0 :]:
        code = lines[end or 0 : statement.end_lineno]
        end = statement.end_lineno
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            continue
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        is_option = bool(names & set(OPTIONS))
        if parts and parts[-1][0] == is_option:
            parts[-1][1].extend(code)
        else:
            parts.append((is_option, code))
    return [_cell(guide, "\n".join(code).strip(), is_option) for is_option, code in parts]


def _cell(guide: Path, code: str, is_option: bool) -> Any:
    if not is_option:
        return nbformat.v4.new_code_cell(code)
    told = f'import sys\n\nsys.argv = ["{guide.name}", "--tiny"]  # without it: more data\n\n{code}'
    return nbformat.v4.new_code_cell(told, metadata={"tags": ["hide-cell"]})


def write(folder: Path) -> list[Path]:
    """Writes all notebooks; one that stays the same is left alone.

    Args:
      folder: of the notebooks; those of guides that are gone are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{guide.stem}.ipynb": guide for guide in sorted(GUIDES.glob("*.py"))}
    for old in set(folder.glob("*.ipynb")) - set(files):
        old.unlink()
    for file, guide in files.items():
        text = nbformat.writes(notebook(guide))
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    return sorted(files)


if __name__ == "__main__":
    print(f"wrote {len(write(Path(sys.argv[1])))} notebooks")
