"""How long a dispatch is, and when its results are read.

How many steps a dispatch has changes no result. It is long enough that Python is not noticed, and
short enough that the bar moves and Ctrl-C is heard.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NamedTuple

import jax

from jkeras.training.objective import Logs


class Chunk(NamedTuple):
    """What one dispatch gave.

    Attributes:
      value: the new `TrainState` while training, finished outputs while predicting, else None.
      done: steps of this epoch that are done or under way.
      logs: the logs of the epoch so far, still on the device.
    """

    value: Any
    done: int
    logs: Logs


class Pace:
    """How many steps the next dispatch shall have, so that one takes about as long as wanted.

    It is kept from epoch to epoch, so only the first one feels its way.
    """

    def __init__(self) -> None:
        self._seconds = 1.0
        self._fixed: int | None = None
        self._next = 1
        self._last = 0.0
        self._warm = False
        self.seconds_per_step: float | None = None

    def begin(self, seconds: float, fixed: int | None = None) -> Pace:
        """Starts the clock of a phase.

        Args:
          seconds: the aim for one dispatch: 0.1 while a progress bar is drawn, else 1, so that
            Ctrl-C is heard within a second.
          fixed: the number of steps when it is given (`steps_per_execution`, or 1 for batch hooks).
        """
        self._seconds, self._fixed, self._last = seconds, fixed, time.perf_counter()
        if self.seconds_per_step is not None:
            self._next = max(int(seconds / self.seconds_per_step), 1)
        return self

    @property
    def steps(self) -> int:
        """Steps of the next dispatch."""
        return self._fixed or self._next

    @property
    def seconds(self) -> float:
        """The aim for one dispatch."""
        return self._seconds

    def finished(self, count: int) -> None:
        """Tells that the results of `count` more steps have arrived."""
        now = time.perf_counter()
        elapsed, self._last = max(now - self._last, 1e-6), now
        if not self._warm:  # the first dispatch held the compilation: it says nothing of the pace
            self._warm, self._next = True, 8
            return
        self.seconds_per_step = elapsed / count
        wanted = self._seconds / self.seconds_per_step
        self._next = int(min(max(wanted, 1), 4 * max(count, self._next)))


def latest(
    chunks: Iterator[Chunk],
    pace: Pace,
    report: Callable[[Chunk], None],
    *,
    eager_fn: Callable[[Chunk], bool],
    stopped_fn: Callable[[], bool],
) -> Iterator[Chunk]:
    """Passes chunks on as they are dispatched, and reports each one when the next is under way.

    Args:
      chunks: a phase.
      pace: is told when results arrive.
      report: is called with each chunk when its logs are ready.
      eager_fn: whether a chunk is reported at once, before the next is dispatched, because somebody
        wants to look between the two.
      stopped_fn: asked after each report; True ends the phase there, with what is under way then.
    """
    waiting: Chunk | None = None
    before = 0

    def finish(chunk: Chunk) -> None:
        nonlocal before
        jax.block_until_ready(chunk.logs)
        pace.finished(chunk.done - before)
        before = chunk.done
        report(chunk)

    for chunk in chunks:
        yield chunk
        if waiting is not None:
            finish(waiting)
        waiting = chunk
        if eager_fn(chunk):
            finish(chunk)
            waiting = None
        if stopped_fn():
            break
    if waiting is not None:
        finish(waiting)


class Interrupt:
    """While it is entered, Ctrl-C and SIGTERM set `asked` and let the dispatch end; a second one
    ends at once.

    A `KeyboardInterrupt` between a dispatch and the assignment of its result would lose the donated
    state. Outside the main thread, where Python delivers no signals, it does nothing.

    Attributes:
      asked: the signal that asked to stop; None for none.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            # None is a handler that was not set from Python, which cannot be set again from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def pass_on(self) -> None:
        """What the signal does to a process, now that everything is in its place: SIGTERM ends it,
        and Ctrl-C ends the `fit` around this one, where there is one.

        Raises:
          SystemExit: unless the program has a handler of its own, which is called.
        """
        around = getattr(self._before.get(signal.SIGINT), "__self__", None)
        if self.asked == signal.SIGINT and isinstance(around, Interrupt):
            around.asked = self.asked
        if self.asked == signal.SIGTERM:
            handler = self._before[signal.SIGTERM]
            if callable(handler):
                handler(signal.SIGTERM, None)
            elif handler != signal.SIG_IGN:
                raise SystemExit(128 + signal.SIGTERM)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        self.asked = number
