"""Docstrings as reStructuredText: what Sphinx reads, made of what the code says.

The docstrings of the package are plain text with Google's sections, `code` in single backticks,
indented code and doctests. `rst` gives the same text with every sign that reStructuredText would
read otherwise (`|y|`, `*args`, `columns_`) escaped. Laws: no word is lost; a paragraph is one line;
a field may name several arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

FIELDS = ("Args", "Attributes", "Fields", "Raises", "Warns")
"""Sections with a line for each name."""

TEXTS = ("Example", "Examples", "Laws", "Returns", "Yields")
"""Sections of text and code."""

HEADER = re.compile(rf"^({'|'.join(FIELDS + TEXTS)}):$")
CODE = re.compile(r"(`+)(.+?)\1")
ENDS = " )]}>-/\\:.,;!?'\""
"""What may stand behind a literal in reStructuredText."""

FIELD = re.compile(r"^((?:`[^`]*`|[^`:])+): +(.*)$")


def rst(docstring: Sequence[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    out: list[str] = []
    for section, lines in _sections(docstring):
        if section:
            out += [f".. rubric:: {section}", ""]
        out += _fields(lines) if section in FIELDS else _blocks(lines)
    return out


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The sections with their names; what stands in none has the name ""."""
    name, body = "", list[str]()
    for line in lines:
        header = HEADER.match(line)
        if header or (name and line and line[0] != " "):
            yield name, body
            name, body = (header[1], []) if header else ("", [line])
        else:
            body.append(line[2:] if name else line)
    yield name, body


def _fields(lines: Sequence[str]) -> list[str]:
    """A list with an item for each name."""
    entries: list[list[str]] = []
    for line in lines:
        if line and line[0] != " ":
            entries.append([line])
        elif line and entries:
            entries[-1].append(line.strip())
    out = []
    for entry in entries:
        text = " ".join(entry)
        field = FIELD.match(text)
        parts = (f"**{_escaped(field[1].replace('`', ''))}**: {inline(field[2])}",) if field else ()
        out.append(f"- {parts[0] if parts else inline(text)}")
    return [*out, ""]


def _blocks(lines: Sequence[str]) -> list[str]:
    """Paragraphs, lists, indented code and doctests."""
    out: list[str] = []
    paragraph: list[str] = []

    def end() -> None:
        if paragraph:
            text = " ".join(paragraph)
            is_item = text.startswith("- ")
            if not (is_item and out and out[-1].startswith("- ")):
                out.append("")
            out.append(f"- {inline(text[2:])}" if is_item else inline(text))
            paragraph.clear()

    code: list[str] = []
    kind = ""
    for line in [*lines, ""]:
        text = line.strip()
        if kind and (text or kind == "python") and (not text or _is_code(line, kind)):
            code.append(line)
            continue
        if kind:
            out += ["", f".. code-block:: {kind}", "", *(_indented(code)), ""]
            code, kind = [], ""
        if text.startswith(">>> "):
            end()
            code, kind = [line], "pycon"
        elif line.startswith("    ") and not paragraph:
            code, kind = [line], "python"
        elif not text:
            end()
        else:
            if text.startswith("- "):
                end()
            paragraph.append(text)
    if kind:
        out += ["", f".. code-block:: {kind}", "", *(_indented(code))]
    end()
    return [*out, ""]


def _is_code(line: str, kind: str) -> bool:
    return kind == "pycon" or line.startswith("    ")


def _indented(lines: Sequence[str]) -> list[str]:
    """Lines of code with an indentation of three, without blank lines at the end."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return [f"   {line[margin:]}".rstrip() for line in lines]


def inline(text: str) -> str:
    """A paragraph with `code` as literals, and all other signs as they are."""
    out, place = "", 0
    for match in CODE.finditer(text):
        before = _escaped(text[place : match.start()])
        after = text[match.end() : match.end() + 1]
        glue = "" if not before or before[-1] in " (['\"-/:" else "\\ "
        seam = "\\ " if after and after not in ENDS else ""
        out += f"{before}{glue}``{match[2]}``{seam}"
        place = match.end()
    return out + _escaped(text[place:])


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*|`])", r"\\\1", text)
    return re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)
