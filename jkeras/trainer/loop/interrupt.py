"""Ctrl-C and SIGTERM while a loop runs: the dispatch under way ends first."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


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
