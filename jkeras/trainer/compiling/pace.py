"""How many steps a dispatch has.

It changes no result. A dispatch is long enough that Python is not noticed, and short enough that
the bar moves and Ctrl-C is heard.
"""

from __future__ import annotations

import time


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
          seconds: the aim for one dispatch: 0.1 while a progress bar moves, else 1, so that
            Ctrl-C is handled within a second.
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
