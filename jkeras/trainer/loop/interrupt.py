"""Ctrl-C and SIGTERM while a loop runs: the dispatch under way ends first."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """A context in which Ctrl-C and SIGTERM set `received` and let the dispatch end; a second
    signal ends at once.

    A `KeyboardInterrupt` between a dispatch and the assignment of its result would lose the donated
    state. Outside the main thread, where Python delivers no signals, the context does
    nothing.

    Attributes:
      received: the number of the signal that was received; None for none.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            # None is a handler that was not set from Python, which cannot be set again from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def pass_on(self) -> None:
        """Passes the signal on, once the trainer is consistent: SIGTERM ends the process, and
        Ctrl-C ends the `fit` around this one, where there is one.

        Raises:
          SystemExit: unless the program has a handler of its own, which is called.
        """
        around = getattr(self._before.get(signal.SIGINT), "__self__", None)
        if self.received == signal.SIGINT and isinstance(around, Interrupt):
            around.received = self.received
        if self.received == signal.SIGTERM:
            handler = self._before[signal.SIGTERM]
            if callable(handler):
                handler(signal.SIGTERM, None)
            elif handler != signal.SIG_IGN:
                raise SystemExit(128 + signal.SIGTERM)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        self.received = number
