"""Positions in a source whose iterators have a state, as those of Grain do.

A checkpoint holds the state behind the batches that were trained on, and the source is read ahead
of these; so the states behind the last batches are kept, each as text, which later reads of the
iterator cannot change.

Law: a source that continues at a position yields the batches that it would have yielded there, and
none that was read before it.
"""

from __future__ import annotations

import collections
import json
from typing import Any

KEPT = 4096
"""Positions that are kept: more than two buffers of batches."""

State = Any
"""What an iterator says of where it stands: bytes, or nested numbers and strings."""
Stateful = Any
"""An iterator, which may have `get_state` and `set_state`."""
Position = dict[str, Any]
"""The entries `begun` (passes over the source that began before, where it counts them), `passes`
(the same, counted by the stream), `passed` (batches of the pass that were read), `state` (that of
the iterator as text; None at the start of a pass) and `rows` (those of a padded batch)."""


class Positions:
    """The positions behind the last batches of a stream.

    Attributes:
      total: the number of batches that were read.
      are_known: whether the source's iterators have a state.
    """

    def __init__(self) -> None:
        self.total = 0
        self.are_known = False
        self._iterator: Any = None
        self._place: Position = {}
        self._kept: collections.deque[tuple[int, Position]] = collections.deque(maxlen=KEPT)

    def begin_pass(self, iterator: object, begun: int | None, passes: int, passed: int = 0) -> None:
        """Follows an iterator from now on.

        Args:
          iterator: of the source.
          begun, passes: the passes before, as in `Position`.
          passed: the batches of this pass that were read before it was interrupted.
        """
        self.are_known = _has_state(iterator)
        self._iterator = iterator if self.are_known else None
        self._place = {"begun": begun, "passes": passes, "passed": passed}
        self._keep()

    def read(self) -> None:
        """Notes that a batch was read."""
        self.total += 1
        if self._iterator is not None:
            self._place = {**self._place, "passed": self._place["passed"] + 1}
            self._keep()

    def behind(self, count: int) -> Position | None:
        """The position behind the first `count` batches; None where it is not known any more."""
        return next((place for number, place in reversed(self._kept) if number == count), None)

    def _keep(self) -> None:
        if self._iterator is not None:
            state = as_text(self._iterator.get_state())
            self._kept.append((self.total, {**self._place, "state": state}))


def _has_state(iterator: Stateful) -> bool:
    """Whether an iterator returns its state, which can be written, and takes it back."""
    if not (hasattr(iterator, "get_state") and hasattr(iterator, "set_state")):
        return False
    try:
        as_text(iterator.get_state())
    except (NotImplementedError, TypeError, ValueError):
        return False
    return True


def as_text(state: State) -> str:
    """The state of an iterator, bytes or nested numbers and strings, as text.

    Example:
      >>> as_text(b'{"next": 3}'), as_text({"next": 3})
      ('{"next": 3}', '{"next": 3}')
    """
    return state.decode() if isinstance(state, bytes) else json.dumps(state, default=_plain)


def set_state(who: str, iterator: Stateful, text: str) -> None:
    """Brings an iterator to the state that `as_text` wrote; `who` reads, for messages.

    Raises:
      ValueError: the state is not of such an iterator.
    """
    state = text.encode() if isinstance(iterator.get_state(), bytes) else json.loads(text)
    try:
        iterator.set_state(state)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{who}: expected the data that were read before the run was interrupted; these do not "
            f"continue where those were: {error}"
        ) from error


def _plain(value: State) -> Any:
    """A NumPy number or array as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"the state of an iterator holds a {type(value).__name__}, which is no number")
