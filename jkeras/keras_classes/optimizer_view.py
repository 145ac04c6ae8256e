"""The optimizer of a model as in Keras: its description, with current values that can be set.

    model.optimizer.learning_rate                  # the rate of the next update
    model.optimizer.learning_rate = 0.01           # recompiles nothing
    model.optimizer.iterations                     # updates made so far

These values are arrays in the trainer's optimizer state; before the model is built, they are the
description's arguments. All other attributes are the description's; the view is equal to it, and an
instance of its class. An optax transformation has no view: `model.optimizer` is the transformation
itself, and `model.learning_rate` reads and writes its rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from jkeras import optimizers
from jkeras.core.trees import Tree
from jkeras.keras_classes import optimizer_parts
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.keras_classes.weight_views import weights_of
from jkeras.trainer.compiling.compilation import first_rate, with_rate
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.steps import method_steps


def learning_rate(parts: TrainerParts) -> float:
    """The current learning rate of a compiled model.

    Raises:
      AttributeError: the optimizer has several, or does not tell it.
      ValueError: the model is not compiled.
    """
    state, description = parts.state, parts.need_compilation("learning_rate").optimizer
    rate: Any = first_rate(description) if state.values is None else None
    if rate is None:
        rate = optimizers.get_learning_rate(state.need_values().opt_state)
    if rate is None and optimizer_parts.multi_of(description) is not None:
        raise optimizer_parts.no_rate(description, state)
    if rate is None:
        raise AttributeError(
            f"{state.who}: this optax transformation does not tell its learning rate. Wrap it: "
            "optax.inject_hyperparams(optax.adam)(learning_rate=0.001)."
        )
    return float(rate)


def set_learning_rate(parts: TrainerParts, value: Any) -> None:
    """Gives a compiled model another learning rate; recompiles nothing.

    Raises:
      AttributeError: the optimizer has several.
      TypeError: a schedule sets the rate, or `value` is not a number.
      ValueError: `value` is negative or NaN, or the model is not compiled.
    """
    state, compiled = parts.state, parts.need_compilation("learning_rate")
    if optimizer_parts.multi_of(compiled.optimizer) is not None:
        raise optimizer_parts.no_rate(compiled.optimizer, state)
    ours = optimizers.Optimizer | optimizers.LossScaleOptimizer
    if state.values is None and isinstance(compiled.optimizer, ours):
        rate = float(np.asarray(value)) if isinstance(value, LiveNumber) else value
        parts.change_compilation(compiled.with_optimizer(with_rate(compiled.optimizer, rate)))
        return
    values = state.need_values()
    opt_state = optimizers.set_learning_rate(values.opt_state, value)
    state.values = values.replace(opt_state=opt_state)


class OptimizerView:
    """What `model.optimizer` gives: the description, with the numbers that training has.

    Args:
      description: the optimizer that `compile` was given.
      parts: those of the model.
    """

    __slots__ = ("_description", "_parts")
    _description: Any
    _parts: TrainerParts

    def __init__(self, description: Any, parts: TrainerParts) -> None:
        object.__setattr__(self, "_description", description)
        object.__setattr__(self, "_parts", parts)

    def __getattr__(self, name: str) -> Any:
        if name in OptimizerView.__slots__:  # not set yet: looking for it here would never end
            raise AttributeError(name)
        if name == "learning_rate":  # the property found none
            raise optimizer_parts.no_rate(self._description, self._parts.state)
        return getattr(self._description, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            set_learning_rate(self._parts, value)
        else:
            setattr(self._description, name, value)  # which says why not

    def __eq__(self, other: object) -> bool:
        other = other.description if type(other) is OptimizerView else other
        return bool(self._description == other)

    def __hash__(self) -> int:
        return hash(self._description)

    def __repr__(self) -> str:
        return repr(self._description)

    def _class(self) -> type:
        return type(self._description)

    __class__ = property(_class)  # so isinstance answers as in Keras

    @property
    def description(self) -> Any:
        """The optimizer that `compile` was given, which does not change."""
        return self._description

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update; assign a number to it, or call its `assign`.

        Raises:
          TypeError: on assignment: a schedule sets the rate, or the value is not a number.
          ValueError: on assignment: the value is negative or NaN.
        """
        parts = self._parts
        if not hasattr(self._description, "learning_rate"):
            raise AttributeError("learning_rate")

        def write(value: Any) -> None:
            set_learning_rate(parts, value)

        return LiveNumber("learning_rate", lambda: np.float32(learning_rate(parts)), write)

    @property
    def optimizers(self) -> list[optimizer_parts.OptimizerPart]:
        """Those that a `MultiOptimizer` is made of, each with its rate and its count of updates.

        Raises:
          AttributeError: it is another optimizer.
          ValueError: the model is not built.
        """
        return optimizer_parts.parts(self._description, self._parts.state)

    @property
    def dynamic_scale(self) -> LiveNumber:
        """What a `LossScaleOptimizer` multiplies the next loss by.

        Raises:
          AttributeError: it is another optimizer.
        """
        first = self._description.dynamic_scale  # raises for another
        state = self._parts.state

        def read() -> Any:
            return state.lend().opt_state.dynamic_scale if state.built else first

        return LiveNumber("dynamic_scale", read)

    @property
    def iterations(self) -> LiveNumber:
        """How many steps were made since `compile`; gathering a gradient is none."""
        return LiveNumber("iterations", self._count)

    @property
    def variables(self) -> list[Any]:
        """Every array that the optimizer carries, in Keras's order: the count, the rate, the slots;
        before the model is built there are none.
        """
        state = self._parts.state
        return variables_of(state.lend().opt_state) if state.built else []

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """The variables and the optimizer's own after one update, as lists: for a model's own
        `train_step`.
        """
        given = optimizer_variables, grads, trainable_variables
        return method_steps.stateless_apply(self._parts.state, *given)

    def apply(self, grads: Iterable[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """One update of the model by such gradients, outside of its steps.

        Args:
          grads: one for each of the model's trainable variables.
          trainable_variables: all of these, in their order; left out, they are meant.

        Raises:
          ValueError: other variables; an optimizer of its own can be built for them.
        """
        state, grads = self._parts.state, list(grads)
        own = weights_of(state, trained=True)
        paths = [getattr(v, "path", "?") for v in trainable_variables or own]
        if paths != [v.path for v in own] or len(grads) != len(own):
            raise ValueError(
                f"{self.who}: apply: expected a gradient for each of the {len(own)} trainable "
                f"variables of {state.who}, in their order, got {len(grads)} gradients and "
                f"{len(paths)} variables. For others make an optimizer of its own: "
                "optimizer.apply(grads, variables)."
            )
        opt_state = state.lend().opt_state
        weights = [variable.value for variable in own]
        new, slots = self.stateless_apply(jax.tree.leaves(opt_state), grads, weights)
        opt_state = jax.tree.unflatten(jax.tree.structure(opt_state), slots)
        state.replace(state.need_values().replace(opt_state=opt_state))
        for variable, value in zip(own, new, strict=True):
            variable.assign(value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> LiveNumber:
        """One update by pairs (gradient, variable), as `apply`; returns the count of updates."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def build(self, variables: Any = None) -> None:
        """Builds the model, and with it what the optimizer carries."""
        del variables
        self._parts.state.need_values()

    def averaged_params(self) -> Tree:
        """The model's parameters, averaged where the optimizer has `use_ema`."""
        values = self._parts.state.lend()
        return optimizers.final_params(values.params, values.opt_state)

    def get_config(self) -> dict[str, Any]:
        """The description's, with the rate as it is now."""
        config: dict[str, Any] = self._description.get_config()
        if isinstance(config.get("learning_rate"), int | float):
            config["learning_rate"] = learning_rate(self._parts)
        return config

    def _count(self) -> np.int32:
        state = self._parts.state
        found = variables_of(state.lend().opt_state) if state.built else [0]
        gathered = getattr(self._description, "gradient_accumulation_steps", None) or 1
        return np.int32(found[0] // gathered)


def view_of(description: Any, parts: TrainerParts) -> Any:
    """The view of an optimizer of ours; anything else as it is."""
    kinds = optimizers.Optimizer, optimizers.MultiOptimizer, optimizers.LossScaleOptimizer
    ours = isinstance(description, kinds)
    return OptimizerView(description, parts) if ours else description


def described(optimizer: Any) -> Any:
    """The description behind a view, with the rate as it is now, so that `model.optimizer` can be
    given to `compile` again, or to another model.
    """
    if type(optimizer) is not OptimizerView:
        return optimizer
    description = optimizer.description
    first = getattr(description, "learning_rate", None)
    if not isinstance(first, int | float):
        return description
    now = optimizer.learning_rate
    return description if now == np.float32(first) else with_rate(description, float(now))


def variables_of(opt_state: Tree) -> list[Any]:
    """The arrays of an optimizer's state that Keras counts as its variables: updates made, the
    rate unless a schedule sets it, and the slots; not momentum and other constants.
    """
    found: list[Any] = []
    for node in jax.tree.leaves(opt_state, is_leaf=_is_optimizer_state):
        if not _is_optimizer_state(node):
            found.append(node)
            continue
        rate = node.hyperparams["learning_rate"]
        settable = [] if isinstance(rate, optimizers.Scheduled) else [rate]
        found += [node.count, *settable, *jax.tree.leaves(node.slots)]
    return found


def _is_optimizer_state(node: Any) -> bool:
    return isinstance(node, optimizers.OptimizerState)
