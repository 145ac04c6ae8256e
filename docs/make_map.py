"""Writes map.md: every folder and file of the package, with the first sentence of its docstring.

    python docs/make_map.py

Nothing is imported: the files are read as text, so the page says what the files themselves say.
"""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "jkeras"

HEAD = """# The map of the package

Every file with the first sentence of its docstring, folder by folder; `python docs/make_map.py`
writes this page, and a test compares it with the folders. [design.md](design.md) says which folder
may import which, and [how_a_fit_travels.md](how_a_fit_travels.md) walks through the trainer.
"""


def page() -> str:
    """The text of map.md."""
    return "\n".join([HEAD, *_folder(PACKAGE)])


def _folder(folder: Path) -> list[str]:
    name = folder.relative_to(PACKAGE.parent).as_posix()
    lines = [f"## {name}/", "", sentence(folder / "__init__.py"), ""]
    files = [file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    if files:
        lines += ["| file | what it holds |", "|---|---|"]
        lines += [f"| `{file.name}` | {sentence(file)} |" for file in files] + [""]
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        lines += _folder(inner)
    return lines


def sentence(file: Path) -> str:
    """The first paragraph of a file's docstring up to the end of a sentence, on one line."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")
    head, dot, _ = first.partition(". ")
    return head + dot.strip()


def main() -> None:
    """Writes map.md."""
    HERE.joinpath("map.md").write_text(page(), encoding="utf-8")
    print("wrote map.md")


if __name__ == "__main__":
    main()
