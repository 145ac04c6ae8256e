"""What is known about a notebook, with a kernel that is played; a real one is in the next file."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from jkeras.display.notebook import is_cell_output, is_watched, kernel_shell
from tests.display.cells import Cell, play_kernel, request


def test_a_process_without_ipykernel_is_in_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    play_kernel(monkeypatch, request(True))
    assert kernel_shell() is not None and is_cell_output(Cell())
    monkeypatch.delitem(sys.modules, "ipykernel")
    monkeypatch.delitem(sys.modules, "ipykernel.iostream")
    assert kernel_shell() is None and not is_cell_output(Cell())


def test_ipython_on_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    play_kernel(monkeypatch, request(True), kernel=None)
    assert kernel_shell() is None


def test_captured_output_is_no_cell_output(monkeypatch: pytest.MonkeyPatch) -> None:
    play_kernel(monkeypatch, request(True))
    assert not is_cell_output(io.StringIO())


def test_nobody_watches_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    play_kernel(monkeypatch, request(True))
    assert is_watched()
    play_kernel(monkeypatch, request(False))
    assert not is_watched()
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    assert is_watched()


@pytest.mark.parametrize("unknown", [{}, {"content": {}}], ids=["nothing", "no word"])
def test_a_person_is_there_where_it_is_not_known(
    monkeypatch: pytest.MonkeyPatch, unknown: dict[str, Any]
) -> None:
    play_kernel(monkeypatch, unknown)
    assert is_watched()
