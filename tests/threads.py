"""Threads that begin together, for tests of what they share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 600.0  # seconds until a thread that waits for the others gives up


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """What the tasks return, each in a thread of its own; all begin together."""
    meeting = threading.Barrier(len(tasks), timeout=PATIENCE)

    def run(task: Callable[[], Any]) -> Any:
        meeting.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [done.result(PATIENCE) for done in [pool.submit(run, task) for task in tasks]]
