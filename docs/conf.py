"""The documentation site: `make docs` builds it into docs/_build/html, without a network.

The pages in docs/ are plain Markdown, which a Git host shows as it is; what the site adds to them
(the order of the pages, the text of files outside of this folder) is here. Two folders are written
anew before each build: `api` by make_api.py, `notebooks` by make_notebooks.py.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import docstrings
import make_api
import make_notebooks

import jkeras

# Notebooks run on the CPU; most of their time is compilation, shorter without LLVM's passes.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

HERE = Path(__file__).parent

project, author = "jkeras", "the authors of jkeras"
project_copyright = "the authors of jkeras, Apache-2.0"
version = release = jkeras.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
nitpicky = True

html_theme = "sphinx_book_theme"
html_title = "jkeras"
html_show_sourcelink = False
html_theme_options = {
    "home_page_in_toc": True,
    "navigation_with_keys": False,
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
}

myst_heading_anchors = 4

nb_execution_mode = "cache"  # a notebook whose code stays the same is not run again
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_merge_streams = True

autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "alphabetical"

CHAPTERS = {
    "First steps": ["workflow", "functions", "gallery"],
    "Recipes": [
        "recipes/tabular",
        "recipes/text",
        "recipes/images",
        "recipes/augmentation",
        "recipes/time_series",
        "recipes/gan",
        "recipes/reinforcement_learning",
        "recipes/transfer",
        "recipes/small_models",
        "recipes/distributed",
        "recipes/population",
        "recipes/search",
        "recipes/deployment",
    ],
    "Coming from": ["from_keras", "from_flax", "beside_others"],
    "In depth": ["saving", "deploy", "serving", "scale", "speed", "benchmarks"],
    "Reference": ["api", "names", "differences", "keras_tests", "examples_beside_keras"],
    "The project": ["design", "how_a_fit_travels", "map", "contributing", "experiments", "changes"],
}
"""The pages in their order."""

INCLUDED = {
    "changes": "../CHANGELOG.md",
    "contributing": "../CONTRIBUTING.md",
    "experiments": "../experiments/README.md",
}
"""Pages that show a file from outside of this folder."""

LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)")


def toctree(pages: list[str], *options: str) -> str:
    """A list of pages that Sphinx puts into the navigation."""
    return "\n".join(["", "```{toctree}", *options, "", *pages, "```", ""])


def rebased(text: str, source: Path, page: Path) -> str:
    """A text with its links, relative to the file `source`, made relative to the file `page`.

    Args:
      text: Markdown.
      source: where the text stands.
      page: where it is shown.
    """
    shown = {(HERE / file).resolve(): HERE / f"{name}.md" for name, file in INCLUDED.items()}

    def link(match: re.Match[str]) -> str:
        file = (source.parent / match[1]).resolve()
        target = Path(os.path.relpath(shown.get(file, file), page.parent)).as_posix()
        is_page = file in shown or file.is_relative_to(HERE) or file.suffix != ".md"
        return f"]({'' if is_page else 'path:'}{target}"

    return LINK.sub(link, text)


def read_source(app: Any, docname: str, content: list[str]) -> None:
    """What the site makes of a page before it reads it."""
    if docname.startswith(("api/", "notebooks/")):
        return
    page = HERE / f"{docname}.md"
    source = HERE / INCLUDED.get(docname, page.name)
    if docname in INCLUDED:
        content[0] = source.read_text(encoding="utf-8")
    content[0] = rebased(content[0], source if docname in INCLUDED else page, page)
    if docname == "index":
        for caption, pages in CHAPTERS.items():
            content[0] += toctree(pages, ":hidden:", f":caption: {caption}")
    folders = {"api": "api/*", "gallery": "notebooks/*"}
    if docname in folders:
        content[0] += toctree([folders[docname]], ":glob:", ":maxdepth: 1")


def read_docstring(app: Any, what: str, name: str, value: Any, options: Any, lines: Any) -> None:
    """Puts a docstring into the form that Sphinx reads."""
    lines[:] = docstrings.rst(lines)


def setup(app: Any) -> None:
    """Writes the generated pages, and joins the functions above to the build."""
    make_api.write(HERE / "api")
    make_notebooks.write(HERE / "notebooks")
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", read_docstring)
