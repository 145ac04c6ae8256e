"""Progress bars against Keras's own output, and where we differ from it."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.display.lines import without_colors
from jkeras.display.progress import Progbar, ProgressBar, screen_of, write_text
from tests.display.cells import Cell, play_kernel, request, seen

GOLDEN = Path(__file__).parents[1] / "golden" / "display" / "progress.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
REMAKE = "If Keras changed, run: python tests/golden/make_display.py"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Tells the time that it was given last."""

    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def output(case: dict[str, Any], stream: io.StringIO) -> str:
    clock = Clock()
    start = clock.now
    bar = Progbar(**case["arguments"], stream=stream, clock_fn=clock)
    for seconds, method, steps, values, finalize in case["calls"]:
        clock.now = start + seconds
        if method == "add":
            bar.add(steps, values)
        else:
            bar.update(steps, values, finalize)
    return stream.getvalue()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_terminal_gets_the_bytes_of_keras(case: dict[str, Any]) -> None:
    assert output(case, Terminal()) == case["output"], REMAKE


def finished_lines(written: str) -> str:
    """Keras's finished lines without what draws them: colors, returns, spaces over older text."""
    draws = [draw.partition("\n") for draw in written.split("\r")]
    return "".join(without_colors(line).rstrip(" ") + end for line, end, _ in draws if end)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_file_gets_the_finished_lines_of_keras_and_nothing_else(case: dict[str, Any]) -> None:
    assert output(case, io.StringIO()) == finished_lines(case["output"]), REMAKE


def test_the_goldens_hold_finished_and_silent_cases() -> None:
    finished = [case for case in CASES if case["output"].endswith("\n")]
    silent = [case for case in CASES if not case["output"]]
    assert len(finished) >= 9
    assert len(silent) == 2


def test_the_line_of_an_epoch_of_mnist() -> None:
    clock, stream = Clock(), io.StringIO()
    bar = ProgressBar(1875, stream=stream, clock_fn=clock)
    clock.now += 0.3
    bar.update(1, {"accuracy": 0.1, "loss": 2.3})
    clock.now += 2.0
    bar.update(1875, {"accuracy": 0.9702, "loss": 0.1031})
    assert stream.getvalue() == (
        "1875/1875 ━━━━━━━━━━━━━━━━━━━━ 2s 1ms/step - accuracy: 0.9702 - loss: 0.1031\n"
    )


def test_a_progress_bar_shows_values_as_given_and_keeps_their_order() -> None:
    stream = io.StringIO()
    bar = ProgressBar(4, stream=stream, clock_fn=Clock())
    bar.update(2, {"loss": 2.0, "accuracy": 0.25})
    bar.update(3, [("accuracy", 0.5)])
    bar.update(4)
    assert stream.getvalue().endswith("/step - loss: 2.0000 - accuracy: 0.5000\n")


def test_an_unknown_target_can_be_set_at_the_end() -> None:
    stream = io.StringIO()
    bar = ProgressBar(None, stream=stream, clock_fn=Clock())
    bar.update(7)
    bar.target = 7
    bar.update(7, finalize=True)
    assert stream.getvalue() == "7/7 ━━━━━━━━━━━━━━━━━━━━ 0s 0s/step\n"


class Unread:
    """An array whose reading is counted."""

    reads = 0

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        self.reads += 1
        return np.array(0.5)


def test_values_are_read_only_when_drawn() -> None:
    value = Unread()
    bar = ProgressBar(3, stream=io.StringIO(), clock_fn=Clock())
    bar.update(1, {"loss": value})
    bar.update(2, {"loss": value})
    assert value.reads == 0
    bar.update(3, {"loss": value})
    assert value.reads == 1


def test_an_array_is_shown_by_its_mean() -> None:
    stream = io.StringIO()
    ProgressBar(1, stream=stream, clock_fn=Clock()).update(1, {"loss": np.float32([1, 2])})
    assert stream.getvalue().endswith(" - loss: 1.5000\n")


def test_auto_means_a_bar() -> None:
    assert ProgressBar(1, verbose="auto").verbose == 1


def message(error: type[Exception], function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_auto_means_a_line_where_logging_is_not_interactive() -> None:
    stream = io.StringIO()
    jkeras.config.disable_interactive_logging()
    try:
        assert not jkeras.utils.is_interactive_logging_enabled()
        assert ProgressBar(2, verbose="auto", stream=stream).verbose == 2
    finally:
        jkeras.utils.enable_interactive_logging()
    assert jkeras.config.is_interactive_logging_enabled()
    assert ProgressBar(2, verbose="auto", stream=stream).verbose == 1


def test_a_list_counts_as_its_mean() -> None:
    stream = io.StringIO()
    bar = Progbar(3, verbose=1, stream=stream, clock_fn=lambda: 0.0)
    bar.update(1, [("loss", [1.0, 3.0])])
    bar.update(2, [("loss", (4.0, 4.0))])
    bar.update(3, finalize=True)
    assert "loss: 3.0000" in stream.getvalue()


def test_target_must_be_an_integer() -> None:
    assert message(TypeError, ProgressBar, "10") == (
        "ProgressBar: expected `target` to be a number of steps or None when it is unknown, "
        "got '10' (str)."
    )
    assert message(TypeError, Progbar, True) == (
        "Progbar: expected `target` to be a number of steps or None when it is unknown, "
        "got True (bool)."
    )


def test_target_must_not_be_negative() -> None:
    assert message(ValueError, ProgressBar, -1) == (
        "ProgressBar: expected `target` to be zero or more steps, got -1."
    )


def test_verbose_must_be_known() -> None:
    assert message(ValueError, Progbar, 3, verbose=3) == (
        "Progbar: expected `verbose` to be 0 (silent), 1 or 'auto' (bar) or 2 (one line), "
        "got 3 (int)."
    )


def test_names_are_either_averaged_or_not() -> None:
    wrong = {"stateful_metrics": ["a"], "stateless_metrics": ["b"]}
    assert message(ValueError, Progbar, 3, **wrong) == (
        "Progbar: expected one of `stateful_metrics` and `stateless_metrics`, got both. "
        "Name either the metrics to show as given or those to average."
    )


def test_values_must_be_numbers() -> None:
    bar = ProgressBar(1, stream=io.StringIO())
    assert message(TypeError, bar.update, 1, {"loss": "low"}) == (
        "progress bar: expected a number or an array of numbers for 'loss', got 'low' (str)."
    )


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYCHARM_HOSTED", raising=False)
    for name in ("ipykernel", "ipykernel.iostream"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_terminal_can_draw_and_a_file_cannot() -> None:
    assert screen_of(Terminal()) == "terminal"
    assert screen_of(io.StringIO()) == "lines"


def test_a_cell_can_draw_where_a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    play_kernel(monkeypatch, request(True))
    assert screen_of(Cell()) == "notebook"
    assert screen_of(io.StringIO()) == "lines"
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # as by `%%capture`
    assert screen_of(None) == "lines"
    play_kernel(monkeypatch, request(False))
    assert screen_of(Cell()) == "lines"


def test_standard_output_in_pycharm_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("PYCHARM_HOSTED", "1")
    assert screen_of(None) == "terminal"
    assert screen_of(io.StringIO()) == "lines"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_watched_cell_moves_and_keeps_the_finished_lines_of_keras(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    play_kernel(monkeypatch, request(True))
    written = output(case, Cell())
    assert not {"\b", "\x1b"} & set(written)
    finished, _, unfinished = seen(written).rpartition("\n")
    assert (finished + "\n" if finished else "") == finished_lines(case["output"]), REMAKE
    last = without_colors(case["output"]).rpartition("\r")[2].rstrip(" ")
    assert unfinished == ("" if last.endswith("\n") else last)
    assert written.count("\r") <= case["output"].count("\r")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_cell_that_a_program_runs_gets_the_finished_lines_and_nothing_else(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    play_kernel(monkeypatch, request(False))
    assert output(case, Cell()) == finished_lines(case["output"]), REMAKE


class Flushed(Cell):
    """Counts how often it is flushed."""

    count = 0

    def flush(self) -> None:
        self.count += 1


def test_a_kernel_sends_by_itself_and_a_file_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Flushed()
    write_text(stream, "a")
    assert stream.count == 1
    play_kernel(monkeypatch, request(False))
    write_text(stream, "a")
    assert stream.count == 1


def test_standard_output_is_looked_up_when_writing(capsys: pytest.CaptureFixture[str]) -> None:
    write_text(None, "a━")
    assert capsys.readouterr().out == "a━"


def test_a_character_that_the_encoding_lacks_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_text(stream, "━━ é\n")
    assert raw.getvalue() == b"== ?\n"
