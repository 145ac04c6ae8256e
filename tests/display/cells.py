"""Cells of notebooks for tests: a kernel that is played, and what a front end makes of a text."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest


class Cell(io.StringIO):
    """In the place of a kernel's standard output."""


def play_kernel(monkeypatch: pytest.MonkeyPatch, request: Any, kernel: object = "kernel") -> None:
    """Lets this process look like a kernel that runs the cell of a request."""
    shell = SimpleNamespace(kernel=kernel, get_parent=lambda: request)
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ipykernel.iostream", SimpleNamespace(OutStream=Cell))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)


def request(allow_stdin: bool) -> dict[str, Any]:
    """The request to run a cell."""
    return {"content": {"allow_stdin": allow_stdin}}


def seen(written: str) -> str:
    """What a front end shows and saves: a carriage return goes back to the line's first column."""
    lines = []
    for line in written.split("\n"):
        row = ""
        for part in line.split("\r"):
            row = part + row[len(part) :]
        lines.append(row.rstrip(" "))
    return "\n".join(lines)
