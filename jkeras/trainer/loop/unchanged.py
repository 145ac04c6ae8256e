"""A trainer that is afterwards as it was: for runs of which nothing shall stay.

Law: weights, carried state, optimizer, counters, keys and the position of a data set with passes
of its own are, bit for bit, what they were, whatever ended the run.
"""

from __future__ import annotations

from typing import Any

from jkeras.data.streams import Stream
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.training.state import TrainState

_OF_STATE = ("optimizer_met_data", "calls")
_OF_PARTS = ("stop_training", "stop_evaluating", "initial_epoch")
_MISSING = object()


class Unchanged:
    """A context after which a trainer is as it was when the object was made; its values are those
    at the entrance, so a model that is built in between stays built.

    Args:
      parts: of the trainer.

    Attributes:
      streams: the data sets whose passes are counted back; set before the context ends.
    """

    def __init__(self, parts: TrainerParts) -> None:
        self._parts = parts
        self._of_state = {name: getattr(parts.state, name) for name in _OF_STATE}
        self._of_parts = {name: getattr(parts, name) for name in _OF_PARTS}
        self._history = self._attributes.get("history", _MISSING)
        self._values: TrainState | None = None
        self._lent = False
        self.streams: list[Stream] = []

    def count_back(self, streams: list[Stream]) -> None:
        """Has the passes of these data sets counted back; they may end before their time."""
        self.streams = streams
        for stream in streams:
            stream.may_end_early = True

    @property
    def _attributes(self) -> dict[str, Any]:
        return vars(self._parts.state.owner())

    def __enter__(self) -> Unchanged:
        state = self._parts.state
        with state.lock:
            self._values, self._lent = state.need_values(), state.lent
            state.lent = True
        return self

    def __exit__(self, *exception: object) -> None:
        parts, values, self._values = self._parts, self._values, None
        assert values is not None, "the context was entered"
        parts.state.replace(values)
        parts.state.lent = self._lent
        vars(parts.state).update(self._of_state)
        vars(parts).update(self._of_parts)
        if self._history is _MISSING:
            self._attributes.pop("history", None)
        else:
            self._attributes["history"] = self._history
        for stream in self.streams:
            stream.restart(stream.begun)
