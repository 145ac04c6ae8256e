"""The optimizers of a `MultiOptimizer`, each with its current learning rate and count of updates.

    model.optimizer.optimizers[0].learning_rate = 0.01      # recompiles nothing

The order is Keras's: the entries of an `OptimizerMap`, then its default. An optimizer that updates
no weight has no state, and is left out.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras import optimizers
from jkeras.core.naming import snake_case, unique
from jkeras.core.trees import widest_float
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.weight_order import without

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class DescriptionView:
    """An optimizer's description, with the learning rate of the model's optimizer state.

    Attributes that a view does not define are the description's.

    Args:
      description: the optimizer.
    """

    __slots__ = ("description",)

    def __init__(self, description: Any) -> None:
        object.__setattr__(self, "description", description)

    def __getattr__(self, name: str) -> Any:
        if name == "description":  # not set yet, as in a copy: a look-up here would never end
            raise AttributeError(name)
        return getattr(self.description, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            self._set_rate(value)
        else:
            setattr(self.description, name, value)  # raises: a description does not change

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update; assign a number to it, or call its `assign`.

        Raises:
          TypeError: on assignment: a schedule sets the rate, or the value is not a number.
          ValueError: on assignment: the value is negative or NaN.
        """
        return LiveNumber(
            "learning_rate", lambda: widest_float().type(self._get_rate()), self._set_rate
        )

    @abstractmethod
    def _get_rate(self) -> Any: ...

    @abstractmethod
    def _set_rate(self, value: ArrayLike | LiveNumber) -> None: ...


class OptimizerPart(DescriptionView):
    """One of several optimizers: its description, with its current rate and count of updates.

    Args:
      description: the optimizer.
      name: the optimizer's name, or a name made of its class: "adam", "adam_1".
      index: the number of its state.
      state: the state of the model.
    """

    __slots__ = ("_model_state", "index", "name")
    name: str
    index: int
    _model_state: ModelState

    def __init__(self, description: Any, name: str, index: int, state: ModelState) -> None:
        super().__init__(description)
        for slot, value in (("name", name), ("index", index), ("_model_state", state)):
            object.__setattr__(self, slot, value)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.description!r}>"

    @property
    def iterations(self) -> LiveNumber:
        """The number of updates so far."""
        return LiveNumber("iterations", lambda: np.int32(self._state().count))

    def _get_rate(self) -> Any:
        return optimizers.get_learning_rate(self._state())

    def _set_rate(self, value: ArrayLike | LiveNumber) -> None:
        rate = value.numpy() if isinstance(value, LiveNumber) else value
        values = self._model_state.need_values()
        opt_state = values.opt_state
        multi = _multi_state(opt_state)
        states = list(multi.states)
        states[self.index] = optimizers.set_learning_rate(states[self.index], rate)
        new = multi._replace(states=tuple(states))
        opt_state = opt_state._replace(inner=new) if hasattr(opt_state, "inner") else new
        self._model_state.values = values.replace(opt_state=opt_state)

    def _state(self) -> Any:
        return _multi_state(self._model_state.need_values().opt_state).states[self.index]


def multi_of(description: object) -> Any:
    """The `MultiOptimizer` that an optimizer is, or scales the loss for; else None."""
    inner = getattr(description, "inner_optimizer", description)
    return inner if isinstance(inner, optimizers.MultiOptimizer) else None


def parts(description: Any, state: ModelState) -> list[OptimizerPart]:
    """The optimizers of a `MultiOptimizer`.

    Args:
      description: the optimizer.
      state: the state of the model that is compiled with it.

    Raises:
      AttributeError: `description` is a single optimizer.
      ValueError: the model is not built, so the weights of each optimizer are not known.
    """
    multi = multi_of(description)
    if multi is None:
        raise AttributeError("optimizers")
    trained = without(state.need_values().params, state.frozen)
    rules = list(multi.parts(trained))
    names = [rule.name for rule in rules if rule.name]
    views = []
    for index in sorted(range(len(rules)), key=lambda index: _rank(multi, rules[index])):
        rule = rules[index]
        name = rule.name or unique(snake_case(type(rule).__name__), names)
        names.append(name)
        views.append(OptimizerPart(rule, name, index, state))
    return views


def no_rate(description: Any, state: ModelState) -> AttributeError:
    """The error for reading or setting one rate of several optimizers."""
    views = parts(description, state) if state.built else []
    names = f": {', '.join(view.name for view in views)}" if views else ""
    return AttributeError(
        f"{description.who} has no `learning_rate`: each of its optimizers has its own{names}. "
        "Read or set it there: model.optimizer.optimizers[0].learning_rate = 0.01, once the model "
        "is built."
    )


def _rank(multi: optimizers.MultiOptimizer, rule: optimizers.Optimizer) -> int:
    """The position of an optimizer in an `OptimizerMap`; 0 if a function chooses the optimizers."""
    choose = multi.optimizer_map
    if not isinstance(choose, optimizers.OptimizerMap):
        return 0
    listed = [*(choose[pattern] for pattern in choose), choose.default_optimizer]
    scale = multi.loss_scale_factor
    return [entry.replace(loss_scale_factor=scale) for entry in listed].index(rule)


def _multi_state(opt_state: Any) -> Any:
    """The state of the `MultiOptimizer`, inside of that of a `LossScaleOptimizer` or not."""
    return opt_state.inner if hasattr(opt_state, "inner") else opt_state
