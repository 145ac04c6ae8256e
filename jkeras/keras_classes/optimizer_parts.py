"""The optimizers that a `MultiOptimizer` is made of, each with the numbers that training has.

    model.optimizer.optimizers[0].learning_rate = 0.01      # recompiles nothing

The order is Keras's: the entries of an `OptimizerMap`, then its default. An optimizer that updates
no weight has no state, and is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jkeras import optimizers
from jkeras.core.naming import snake_case, unique
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.weight_order import without


class OptimizerPart:
    """One of several optimizers: its description, with the rate and the count that training has.

    Args:
      description: the optimizer.
      name: its own, or one made of its class: "adam", "adam_1".
      index: the number of its state.
      state: the model's.
    """

    __slots__ = ("_model_state", "description", "index", "name")

    def __init__(self, description: Any, name: str, index: int, state: ModelState) -> None:
        self.description, self.name, self.index = description, name, index
        self._model_state = state

    def __getattr__(self, name: str) -> Any:
        if name in OptimizerPart.__slots__:  # not set yet: looking for it here would never end
            raise AttributeError(name)
        return getattr(self.description, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in OptimizerPart.__slots__ or name == "learning_rate":
            object.__setattr__(self, name, value)
        else:
            setattr(self.description, name, value)  # which says why not

    def __repr__(self) -> str:
        return f"<{self.name}: {self.description!r}>"

    @property
    def learning_rate(self) -> LiveNumber:
        """The rate of its next update; assign a number to it, or call its `assign`.

        Raises:
          TypeError: on assignment: a schedule sets the rate, or the value is not a number.
          ValueError: on assignment: the value is negative or NaN.
        """
        return LiveNumber("learning_rate", self._rate, self._set_rate)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._set_rate(value)

    @property
    def iterations(self) -> LiveNumber:
        """How many updates it made."""
        return LiveNumber("iterations", lambda: np.int32(self._state().count))

    def _rate(self) -> np.float32:
        return np.float32(optimizers.get_learning_rate(self._state()))

    def _set_rate(self, value: Any) -> None:
        rate = value.numpy() if isinstance(value, LiveNumber) else value
        values = self._model_state.need_values()
        multi = _state(values.opt_state)
        new = list(multi.states)
        new[self.index] = optimizers.set_learning_rate(new[self.index], rate)
        opt_state = _with_state(values.opt_state, multi._replace(states=tuple(new)))
        self._model_state.values = values.replace(opt_state=opt_state)

    def _state(self) -> Any:
        return _state(self._model_state.need_values().opt_state).states[self.index]


def multi_of(description: Any) -> Any:
    """The `MultiOptimizer` that an optimizer is or scales the loss for; None for another."""
    inner = getattr(description, "inner_optimizer", description)
    return inner if isinstance(inner, optimizers.MultiOptimizer) else None


def parts(description: Any, state: ModelState) -> list[OptimizerPart]:
    """The optimizers that an optimizer is made of.

    Args:
      description: the optimizer.
      state: that of the model that is compiled with it.

    Raises:
      AttributeError: it is a single one.
      ValueError: the model is not built: which optimizer has which weights is not known.
    """
    multi = multi_of(description)
    if multi is None:
        raise AttributeError("optimizers")
    trained = without(state.need_values().params, state.frozen)
    found = list(multi.parts(trained))
    order = sorted(range(len(found)), key=lambda index: _rank(multi, found[index]))
    names = [rule.name for rule in found if rule.name]
    made = []
    for index in order:
        rule = found[index]
        name = rule.name or unique(snake_case(type(rule).__name__), names)
        names.append(name)
        made.append(OptimizerPart(rule, name, index, state))
    return made


def no_rate(description: Any, state: ModelState) -> AttributeError:
    """The error for reading or setting one rate of several optimizers."""
    found = parts(description, state) if state.built else []
    there = f": {', '.join(part.name for part in found)}" if found else ""
    return AttributeError(
        f"{description.who} has no `learning_rate`: each of its optimizers has its own{there}. "
        "Read or set it there: model.optimizer.optimizers[0].learning_rate = 0.01, once the model "
        "is built."
    )


def _rank(multi: Any, rule: Any) -> int:
    """Where an optimizer stands in an `OptimizerMap`; 0 for all that a function chooses."""
    choose = multi.optimizer_map
    if not isinstance(choose, optimizers.OptimizerMap):
        return 0
    listed = [*(choose[pattern] for pattern in choose), choose.default_optimizer]
    scale = multi.loss_scale_factor
    return [entry.replace(loss_scale_factor=scale) for entry in listed].index(rule)


def _state(opt_state: Any) -> Any:
    return opt_state.inner if hasattr(opt_state, "inner") else opt_state


def _with_state(opt_state: Any, multi: Any) -> Any:
    return opt_state._replace(inner=multi) if hasattr(opt_state, "inner") else multi


__all__ = ["OptimizerPart", "multi_of", "no_rate", "parts"]
