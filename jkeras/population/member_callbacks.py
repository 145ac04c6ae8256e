"""Callbacks of a population: copies for each member, the members' clock, the progress bar.

Hooks of a population's own callbacks get logs with a list in the place of each number, one number a
member. Callbacks that watch one model (`EarlyStopping`, `ReduceLROnPlateau`,
`LearningRateScheduler`) are copied for each member, and see that member alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jkeras.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    Profiler,
    ProgbarLogger,
    ReduceLROnPlateau,
)
from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import direction
from jkeras.core.errors import value_error
from jkeras.core.trees import Tree
from jkeras.population.values import with_members

if TYPE_CHECKING:
    from jkeras.population.base import PopulationBase

OF_ONE_MODEL = (EarlyStopping, ReduceLROnPlateau, LearningRateScheduler)
OF_ANY_MODEL = (
    BackupAndRestore,
    CSVLogger,
    CallbackList,
    History,
    LambdaCallback,
    Profiler,
    ProgbarLogger,
)


class MemberView:
    """One member, as callbacks of one model see it.

    Args:
      population: the population.
      member: its number.

    Attributes:
      stop_training: set by a callback to stop the member.
    """

    def __init__(self, population: PopulationBase, member: int) -> None:
        self._population, self._member = population, member
        self.stop_training = False

    @property
    def optimizer(self) -> MemberView:
        """What has the learning rate: the view itself."""
        return self

    @property
    def metrics(self) -> list[Any]:
        """Those of the population."""
        return self._population.metrics

    @property
    def metrics_names(self) -> list[str]:
        """Those of the population."""
        return self._population.metrics_names

    @property
    def learning_rate(self) -> float:
        """The member's learning rate."""
        return float(self._population.learning_rate[self._member])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rates = np.array(self._population.learning_rate)
        rates[self._member] = value
        self._population.learning_rate = rates

    def get_weights(self) -> Any:
        """The member's weights and what its layers carry."""
        return self._population.weights_of(self._member)

    def set_weights(self, weights: Tree) -> None:
        """Gives the member weights that `get_weights` gave."""
        self._population.set_weights_of({self._member: weights})


class MemberCallbacks(Callback):
    """A copy of a callback for each member, which sees it as a model.

    Args:
      callback: a callback of one model; its attribute `members` becomes the list of the copies.
      population: the population.
    """

    def __init__(self, callback: Callback, population: PopulationBase) -> None:
        self._population = population
        self._views = [MemberView(population, member) for member in range(len(population))]
        self.copies = [copy.deepcopy(callback) for _ in self._views]
        self.kind = type(callback).__name__
        vars(callback)["members"] = self.copies

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for view, each in zip(self._views, self.copies, strict=True):
            each.set_params(params)
            each.set_model(view)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        for view, each in zip(self._views, self.copies, strict=True):
            view.stop_training = False
            each.on_train_begin({})

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for member in self._active():
            self.copies[member].on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        found: dict[str, Any] = {}
        # Who was trained in this epoch: a callback before this one may just have stopped a member.
        active = np.flatnonzero(self._population.trained[-1]).tolist()
        for member in range(len(self.copies)):
            own = of_member(logs, member)
            before = dict(own)
            if member in active:
                self.copies[member].on_epoch_end(epoch, own)
            elif self.kind != "EarlyStopping":
                own["learning_rate"] = self._views[member].learning_rate
            for name in (name for name in own if own[name] is not before.get(name)):
                found.setdefault(name, [float("nan")] * len(self.copies))[member] = own[name]
        logs.update(found)
        stopped = [member for member in active if self._views[member].stop_training]
        if stopped:
            self._population.stop(stopped)

    def on_train_end(self, logs: Logs | None = None) -> None:
        for member, each in enumerate(self.copies):
            each.on_train_end(of_member(logs or {}, member))
            if isinstance(each, EarlyStopping) and each.best_weights is not None:
                if each.best is not None:
                    self._population.note_value(each.monitor, member, each.best)

    def _active(self) -> list[int]:
        return np.flatnonzero(self._population.active).tolist()

    def get_state(self) -> dict[str, Any]:
        return {"copies": [each.get_state() for each in self.copies]}

    def set_state(self, state: dict[str, Any]) -> None:
        for each, own in zip(self.copies, state["copies"], strict=True):
            each.set_state(own)


def of_member(logs: Mapping[str, Any], member: int) -> dict[str, Any]:
    """The logs of one member."""
    return {
        name: value[member] if isinstance(value, list) else value for name, value in logs.items()
    }


def check_knows_members(callback: object) -> None:
    """Raises for a callback of the library that watches one model and has no copies for members."""
    kind = type(callback)
    if not kind.__module__.startswith("jkeras.callbacks.") or kind in (Callback, *OF_ANY_MODEL):
        return
    if not isinstance(callback, OF_ONE_MODEL):
        raise value_error(
            who="fit",
            argument="callbacks",
            expected="callbacks that know populations",
            got=f"{kind.__name__}, which watches one model",
            fix="Write a Callback, whose `model` is the population and whose logs have a list for "
            "each value, or use it with a member: population.member(0).fit(...).",
        )


class Clock(Callback):
    """Counts the epochs of the members, and keeps their last logs."""

    def __init__(self, population: PopulationBase) -> None:
        self._population = population

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._population.last_logs.clear()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        population = self._population
        values = population.need_values()
        members = values.state
        epochs = np.asarray(members.epoch) + np.asarray(members.active)
        population.take(with_members(values, epoch=jnp.asarray(epochs, jnp.int32)))
        population.trained.append(np.array(members.active))
        population.last_logs.update(
            {name: np.asarray(value) for name, value in (logs or {}).items()}
        )

    def get_state(self) -> dict[str, Any]:
        return {"trained": [np.array(active) for active in self._population.trained]}

    def set_state(self, state: dict[str, Any]) -> None:
        self._population.trained[:] = [np.asarray(active) for active in state["trained"]]


class Spread(ProgbarLogger):
    """The progress bar of a population: of every value the best, the median and the worst."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        super().on_train_batch_end(batch, self._shown(logs))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        super().on_epoch_end(epoch, self._shown(logs))

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        super().on_test_batch_end(batch, self._shown(logs))

    def on_test_end(self, logs: Logs | None = None) -> None:
        super().on_test_end(self._shown(logs))

    def _shown(self, logs: Mapping[str, Any] | None) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, value in (logs or {}).items():
            if isinstance(value, Sequence) and len(value) > 1:
                rises = bool(direction(name, getattr(self.model, "metrics", ())))
                ranked = np.sort(np.asarray(value, np.float64).reshape(len(value), -1).mean(1))
                best, worst = (ranked[-1], ranked[0]) if rises else (ranked[0], ranked[-1])
                shown[f"{name} best"] = best
                shown[f"{name} median"] = np.median(ranked)
                shown[f"{name} worst"] = worst
            else:
                shown[name] = value
        return shown
