"""The progress line of an epoch, in Keras 3's layout.

Pure functions make the text (`jkeras.display.lines`); an object holds the state between two calls:
the clock's readings, the latest values, the width of the last line.

Laws:
  - On a terminal, every byte is what Keras 3.15.1 writes, colors included.
  - Anywhere else (a file, a pipe, CI, a notebook that a program runs) one plain line per finished
    bar is written: no control characters, no redraws. Its text is Keras's final line. (Keras
    redraws there too, which fills a log file or a notebook with unfinished lines.)
  - In a notebook that a person watches, carriage returns alone redraw that plain line. Front ends
    save what the last one leaves, so the saved notebook is the same.
  - A value is read only when it is displayed: passing device arrays does not make the host wait.
  - `stream=None` means standard output as it is at the moment of the call.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, TextIO

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.processes import follows
from jkeras.core.session import is_interactive_logging_enabled
from jkeras.display.lines import bar_line, short_line, without_colors
from jkeras.display.notebook import is_cell_output, is_watched

Screen = Literal["terminal", "notebook", "lines"]
Values = Mapping[str, Any] | Iterable[tuple[str, Any]]


class ProgressBar:
    """Draws the progress of one epoch, evaluation or prediction, with the last values as passed.

    Times follow Keras: the rate leaves out the first step when `update(1)` was called, because that
    step contains the compilation; a bar that begins with a jump averages over everything.

    Args:
      target: number of steps, or None when unknown.
      width: length of the bar in characters.
      verbose: 0 silent, 1 bar, 2 one line at the end; "auto" is 1, but after
        `jkeras.config.disable_interactive_logging` 2.
      interval: least time between two redraws, in seconds.
      unit_name: the name of a unit of progress, singular.
      stream: the text stream to write to; the current `sys.stdout` when left out.
      clock_fn: returns the time in seconds.

    Raises:
      TypeError: `target` is not an integer or None.
      ValueError: `target` is negative, or `verbose` is not one of the four values.

    Example:
      >>> bar = ProgressBar(2, clock_fn=lambda: 0.0)
      >>> bar.update(1, {"loss": 0.75})
      >>> bar.update(2, {"loss": 0.5})
      2/2 ━━━━━━━━━━━━━━━━━━━━ 0s 0s/step - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        *,
        width: int = 20,
        verbose: int | str = 1,
        interval: float = 0.1,
        unit_name: str = "step",
        stream: TextIO | None = None,
        clock_fn: Callable[[], float] = time.perf_counter,
    ) -> None:
        kind = type(self).__name__
        is_number = isinstance(target, (int, np.integer)) and not isinstance(target, bool)
        if target is not None and not is_number:
            raise WrongTypeError(
                f"{kind}: expected `target` to be a number of steps or None when it is unknown, "
                f"got {describe(target)}."
            )
        if target is not None and target < 0:
            raise ValueError(f"{kind}: expected `target` to be zero or more steps, got {target}.")
        if verbose not in (0, 1, 2, "auto"):
            raise ValueError(
                f"{kind}: expected `verbose` to be 0 (silent), 1 or 'auto' (bar) or 2 (one line), "
                f"got {describe(verbose)}."
            )
        self.target = None if target is None else int(target)
        self.width, self.interval, self.unit_name = width, interval, unit_name
        auto = 1 if is_interactive_logging_enabled() else 2
        self.verbose = auto if verbose == "auto" else int(verbose)
        self._stream, self._clock_fn = stream, clock_fn
        self._screen = screen_of(stream)
        self._values: dict[str, Any] = {}
        self._current = 0
        self._start = clock_fn()
        self._after_first: float | None = None
        self._last_drawn = -math.inf
        self._is_open = False
        self._last_width = 0

    def update(
        self, current: int, values: Values | None = None, finalize: bool | None = None
    ) -> None:
        """Moves the bar to step `current` and shows `values`; it may jump by any number of steps.

        Args:
          current: steps done so far.
          values: mapping or `(name, value)` pairs; a value is a number or an array, whose mean is
            shown. Names stay on the line, in the order of their first appearance.
          finalize: whether this is the last update; by default when `current` reaches `target`.
        """
        finalize = self._is_last(current) if finalize is None else finalize
        self._values.update(values or {})
        self._current = current
        now = self._clock_fn()
        seconds_per_unit = self._seconds_per_unit(current, now)
        if self.verbose == 1:
            if finalize or (self._screen != "lines" and self._is_due(now)):
                self._draw(current, now, seconds_per_unit, finalize)
        elif self.verbose == 2 and finalize and self.target:
            line = short_line(
                current, self.target, self._numbers(), elapsed=now - self._start,
                seconds_per_unit=seconds_per_unit, unit_name=self.unit_name,
            )  # fmt: skip
            write_text(self._stream, line + "\n")

    def add(self, n: int, values: Values | None = None) -> None:
        """Moves the bar on by `n` steps."""
        self.update(self._current + n, values)

    def close(self) -> None:
        """Ends an unfinished line, so that later output begins on a new line."""
        if self._is_open:
            write_text(self._stream, "\n")
            self._is_open = False

    def _is_due(self, now: float) -> bool:
        return now - self._last_drawn >= self.interval

    def _is_last(self, current: int) -> bool:
        return self.target is not None and current >= self.target

    def _seconds_per_unit(self, current: int, now: float) -> float:
        if not current:
            return 0.0
        if self._after_first is not None and current > 1:
            return (now - self._after_first) / (current - 1)
        if current == 1:
            self._after_first = now
        return (now - self._start) / current

    def _numbers(self) -> dict[str, float]:
        """The values as numbers: the mean of an array."""
        numbers = {}
        for name, value in self._values.items():
            try:
                numbers[name] = float(np.mean(value))
            except (TypeError, ValueError):
                raise WrongTypeError(
                    f"progress bar: expected a number or an array of numbers for {name!r}, "
                    f"got {describe(value)}."
                ) from None
        return numbers

    def _draw(self, current: int, now: float, seconds_per_unit: float, finalize: bool) -> None:
        line = bar_line(
            current, self.target, self._numbers(), elapsed=now - self._start,
            seconds_per_unit=seconds_per_unit, finalize=finalize, width=self.width,
            unit_name=self.unit_name,
        )  # fmt: skip
        visible = without_colors(line)
        rest = " " * (self._last_width - len(visible))  # over what is left of the last line
        if self._screen == "terminal":
            line = "\b" * self._last_width + "\r" + line + rest
        elif self._screen == "notebook":
            line = "\r" * self._is_open + visible + rest
        else:
            line = visible
        if self._screen != "lines":
            self._last_width = len(visible)
        write_text(self._stream, line + "\n" * finalize)
        self._is_open, self._last_drawn = not finalize, now


class Progbar(ProgressBar):
    """A progress bar with the arguments of `keras.utils.Progbar`, which averages its values.

    A value counts for all steps since the last update; the bar shows the mean over steps. The last
    update of a bar shows its values without averaging, for final results.

    Args:
      target, width, verbose, interval, unit_name, stream, clock_fn: as in `ProgressBar`.
      stateful_metrics: names to show without averaging; all others are averaged.
      stateless_metrics: names to average; all others are shown without averaging. At most one of
        the two.

    Raises:
      ValueError: both `stateful_metrics` and `stateless_metrics` are set.

    Example:
      >>> bar = Progbar(4, clock_fn=lambda: 0.0)
      >>> bar.update(3, [("loss", 1.0)])
      >>> bar.update(4, [("loss", 0.5)], finalize=True)
      4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 0s/step - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int | str = 1,
        interval: float = 0.05,
        stateful_metrics: Collection[str] | None = None,
        stateless_metrics: Collection[str] | None = None,
        unit_name: str = "step",
        *,
        stream: TextIO | None = None,
        clock_fn: Callable[[], float] = time.perf_counter,
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Progbar: expected one of `stateful_metrics` and `stateless_metrics`, got both. "
                "Name either the metrics to show as given or those to average."
            )
        super().__init__(
            target, width=width, verbose=verbose, interval=interval, unit_name=unit_name,
            stream=stream, clock_fn=clock_fn,
        )  # fmt: skip
        self._stateful = frozenset(stateful_metrics or ())
        self._stateless = None if stateless_metrics is None else frozenset(stateless_metrics)
        self._sums: dict[str, tuple[Any, int]] = {}

    def update(
        self, current: int, values: Values | None = None, finalize: bool | None = None
    ) -> None:
        """As `ProgressBar.update`, with means over the steps for averaged names."""
        finalize = self._is_last(current) if finalize is None else finalize
        new = dict(values or {})
        if finalize:
            self._sums = {name: sums for name, sums in self._sums.items() if name not in new}
        steps = 1 if finalize else max(current - self._current, 1)
        for name, value in new.items():
            is_averaged = self._stateless is None or name in self._stateless
            if is_averaged and name not in self._stateful:
                total, count = self._sums.get(name, (0.0, 0))
                value = np.mean(value) if isinstance(value, list | tuple) else value
                total, count = total + value * steps, count + steps
                self._sums[name] = total, count
                new[name] = total / count
        super().update(current, new, finalize)


def screen_of(stream: TextIO | None) -> Screen:
    """What a stream, or standard output for None, can show.

    "terminal": a line that is drawn again, with colors; "notebook": one without colors, drawn again
    by carriage returns; "lines": whole lines only. PyCharm is a terminal whose `isatty` is False.
    """
    target = sys.stdout if stream is None else stream
    if is_cell_output(target):
        return "notebook" if is_watched() else "lines"
    if hasattr(target, "isatty") and target.isatty():
        return "terminal"
    return "terminal" if target is sys.stdout and "PYCHARM_HOSTED" in os.environ else "lines"


def write_text(stream: TextIO | None, text: str) -> None:
    """Writes and flushes; `=` replaces the bar's character if the encoding lacks it.

    The kernel of a notebook sends what was written five times a second by itself. A flush would
    send each line alone, and programs that run notebooks keep each message as an output.
    """
    if follows():
        return
    target = sys.stdout if stream is None else stream
    flush = not is_cell_output(target)
    try:
        print(text, end="", file=stream, flush=flush)
    except UnicodeEncodeError:
        encoding = getattr(target, "encoding", None) or "ascii"
        plain = text.replace("━", "=").encode(encoding, errors="replace").decode(encoding)
        print(plain, end="", file=stream, flush=flush)
