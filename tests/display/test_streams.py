"""Streams that are terminals, files, notebooks, or short of characters."""

import io
import sys

import pytest

from jkeras.display.streams import can_redraw, write_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYCHARM_HOSTED", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)


def test_a_terminal_can_redraw_and_a_file_cannot() -> None:
    assert can_redraw(Terminal())
    assert not can_redraw(io.StringIO())


def test_standard_output_in_a_notebook_can_redraw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not can_redraw(None)
    monkeypatch.setitem(sys.modules, "ipykernel", io)
    assert can_redraw(None)
    assert not can_redraw(io.StringIO())


def test_standard_output_in_pycharm_can_redraw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("PYCHARM_HOSTED", "1")
    assert can_redraw(None)


def test_standard_output_is_looked_up_when_writing(capsys: pytest.CaptureFixture[str]) -> None:
    write_text(None, "a━")
    assert capsys.readouterr().out == "a━"


def test_a_character_that_the_encoding_lacks_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_text(stream, "━━ é\n")
    assert raw.getvalue() == b"== ?\n"
