"""Where a run of `fit` stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jkeras.callbacks import CallbackList
from jkeras.data.positions import Position
from jkeras.trainer.loop.dispatch import floats


@dataclasses.dataclass
class Run:
    """Where a run of `fit` stands.

    Attributes:
      callbacks: those of the run.
      facts: what the numbers of its batches rest on: examples, batch size, steps, shuffling.
      first: the number of its first epoch.
      begun: how often training and validation data were begun before it, where they know.
      position_fn: from steps of an epoch to the position of the data, where they have one.
      validates_fn: whether a validation comes after an epoch.
      epoch: the epoch that is under way, or comes.
      batch: steps of it that are done.
      earlier: steps of the run before it.
      logs: those of the epoch so far.
      stops: whether no epoch comes after this one.
    """

    callbacks: CallbackList
    facts: dict[str, Any]
    first: int
    begun: Sequence[int | None] = ()
    position_fn: Callable[[int], Position | None] = lambda batch: None
    validates_fn: Callable[[int], bool] = lambda epoch: False
    epoch: int = 0
    batch: int = 0
    earlier: int = 0
    logs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stops: bool = False

    def __post_init__(self) -> None:
        self.epoch = self.first
        self.callbacks.begin_run(self.facts)

    def room(self, done: int) -> int | None:
        """Steps from the `done`-th of this epoch to the next one after which a callback wants
        everything to stand still; None when none does.
        """
        passed = self.earlier + done
        return min((n - passed % n for n in self.callbacks.all_boundaries), default=None)

    def due(self, done: int) -> list[int]:
        """The `boundaries` of callbacks that `done` steps of this epoch reach, at which no step may
        be under way.
        """
        passed = self.earlier + done
        return [every for every in self.callbacks.all_boundaries if passed % every == 0]

    def stepped(self, done: int, logs: Mapping[str, Any]) -> None:
        """Notes that `done` steps of the epoch are done, before a callback hears of it: it may take
        a snapshot.
        """
        self.batch, self.logs = done, logs

    def stand_still(self, done: int, logs: Mapping[str, Any]) -> None:
        """Calls the callbacks whose boundaries `done` steps of the epoch reach."""
        for every in self.due(done):
            self.callbacks.at_boundary(every, done - 1, floats(logs))

    def next_epoch(self) -> None:
        """Notes that the epoch is over, its validation and callbacks included."""
        self.earlier += self.batch
        self.epoch, self.batch, self.logs = self.epoch + 1, 0, {}
