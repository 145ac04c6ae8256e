"""The optimizer of a model as Keras's users know it: a description that can be asked and told.

    model.optimizer.learning_rate                  # the rate of the next update
    model.optimizer.learning_rate = 0.01           # compiles nothing anew
    model.optimizer.iterations                     # updates made so far

What is read and written lies in the trainer's optimizer state, an array; before the model is built
it is the description's argument. Everything else is the description's, which the view is equal to,
and an instance of whose class it is. A transformation of optax's has no view: it stays itself, and
`model.learning_rate` reads and writes its rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jkeras import optimizers
from jkeras.core.trees import Tree
from jkeras.trainer.compiling import live_parts
from jkeras.trainer.compiling.live_number import LiveNumber

if TYPE_CHECKING:
    from jkeras.trainer.compiling.compilation import Compiled


class LiveOptimizer:
    """What `model.optimizer` gives: the description, with the numbers that training has.

    Args:
      description: the optimizer that `compile` was given.
      trainer: the model.
    """

    __slots__ = ("_description", "_trainer")
    _description: Any
    _trainer: Compiled

    def __init__(self, description: Any, trainer: Compiled) -> None:
        object.__setattr__(self, "_description", description)
        object.__setattr__(self, "_trainer", trainer)

    def __getattr__(self, name: str) -> Any:
        if name in LiveOptimizer.__slots__:  # not set yet: looking for it here would never end
            raise AttributeError(name)
        if name == "learning_rate":  # the property found none
            raise live_parts.no_rate(self._description, self._trainer)
        return getattr(self._description, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":
            self._trainer.learning_rate = value
        else:
            setattr(self._description, name, value)  # which says why not

    def __eq__(self, other: object) -> bool:
        other = other.description if type(other) is LiveOptimizer else other
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
        trainer = self._trainer
        if not hasattr(self._description, "learning_rate"):
            raise AttributeError("learning_rate")

        def write(value: Any) -> None:
            trainer.learning_rate = value

        return LiveNumber("learning_rate", lambda: np.float32(trainer.learning_rate), write)

    @property
    def optimizers(self) -> list[live_parts.OptimizerPart]:
        """Those that a `MultiOptimizer` is made of, each with its rate and its count of updates.

        Raises:
          AttributeError: it is another optimizer.
          ValueError: the model is not built.
        """
        return live_parts.parts(self._description, self._trainer)

    @property
    def dynamic_scale(self) -> LiveNumber:
        """What a `LossScaleOptimizer` multiplies the next loss by.

        Raises:
          AttributeError: it is another optimizer.
        """
        first = self._description.dynamic_scale  # raises for another
        trainer = self._trainer

        def read() -> Any:
            return trainer.train_state.opt_state.dynamic_scale if trainer.built else first

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
        built = self._trainer.built
        return variables_of(self._trainer.train_state.opt_state) if built else []

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any
    ) -> tuple[list[Any], list[Any]]:
        """The variables and the optimizer's own after one update, as lists: for a model's own
        `train_step`.
        """
        from jkeras.trainer.steps.method_steps import (
            stateless_apply,  # it stands on top of this module
        )

        return stateless_apply(self._trainer, optimizer_variables, grads, trainable_variables)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """One update of the model by such gradients, outside of its steps.

        Args:
          grads: one for each of the model's trainable variables.
          trainable_variables: all of these, in their order; left out, they are meant.

        Raises:
          ValueError: other variables; an optimizer of its own can be built for them.
        """
        trainer, grads = self._trainer, list(grads)
        own = trainer.trainable_variables
        paths = [getattr(v, "path", "?") for v in trainable_variables or own]
        if paths != [v.path for v in own] or len(grads) != len(own):
            raise ValueError(
                f"{self.who}: apply: expected a gradient for each of the {len(own)} trainable "
                f"variables of {trainer._who}, in their order, got {len(grads)} gradients and "
                f"{len(paths)} variables. For others make an optimizer of its own: "
                "optimizer.apply(grads, variables)."
            )
        state = trainer.train_state.opt_state
        told = jax.tree.leaves(state), grads, [variable.value for variable in own]
        new, slots = self.stateless_apply(*told)
        state = jax.tree.unflatten(jax.tree.structure(state), slots)
        trainer.train_state = trainer.train_state.replace(opt_state=state)
        for variable, value in zip(own, new, strict=True):
            variable.assign(value)

    def apply_gradients(self, grads_and_vars: Any) -> LiveNumber:
        """The same for pairs (gradient, variable); returns the count of updates."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def build(self, variables: Any = None) -> None:
        """Builds the model, and with it what the optimizer carries."""
        del variables
        self._trainer.build()

    def averaged_params(self) -> Tree:
        """The model's parameters, averaged where the optimizer has `use_ema`."""
        values = self._trainer.train_state
        return optimizers.final_params(values.params, values.opt_state)

    def get_config(self) -> dict[str, Any]:
        """The description's, with the rate as it is now."""
        config: dict[str, Any] = self._description.get_config()
        if isinstance(config.get("learning_rate"), int | float):
            config["learning_rate"] = float(self.learning_rate)
        return config

    def _count(self) -> np.int32:
        found = variables_of(self._trainer.train_state.opt_state) if self._trainer.built else [0]
        gathered = getattr(self._description, "gradient_accumulation_steps", None) or 1
        return np.int32(found[0] // gathered)


def live(description: Any, trainer: Compiled) -> Any:
    """The view of an optimizer of ours; anything else as it is."""
    kinds = optimizers.Optimizer, optimizers.MultiOptimizer, optimizers.LossScaleOptimizer
    ours = isinstance(description, kinds)
    return LiveOptimizer(description, trainer) if ours else description


def described(optimizer: Any) -> Any:
    """The description behind a view, with the rate as it is now, so that `model.optimizer` can be
    given to `compile` again, or to another model.
    """
    if type(optimizer) is not LiveOptimizer:
        return optimizer
    description = optimizer.description
    first = getattr(description, "learning_rate", None)
    if not isinstance(first, int | float):
        return description
    now = optimizer.learning_rate
    return description if now == np.float32(first) else with_rate(description, now)


def first_rate(description: Any) -> float | None:
    """The rate of an optimizer's first update; None where it has none or several."""
    ours = optimizers.Optimizer | optimizers.LossScaleOptimizer
    if not isinstance(description, ours) or not hasattr(description, "learning_rate"):
        return None
    rate = optimizers.get_learning_rate(description.init({}))
    return None if rate is None else float(rate)


def with_rate(description: Any, value: Any) -> Any:
    """An optimizer of ours with another rate to start with.

    Raises:
      TypeError: a schedule sets the rate, or `value` is not a number.
      ValueError: `value` is negative or NaN.
    """
    rate = float(np.asarray(value)) if isinstance(value, LiveNumber) else value
    optimizers.set_learning_rate(description.init({}), rate)  # makes the checks
    if isinstance(description, optimizers.LossScaleOptimizer):
        return description.replace(inner_optimizer=with_rate(description.inner_optimizer, rate))
    return description.replace(learning_rate=rate)


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
