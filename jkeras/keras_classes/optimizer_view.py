"""`model.optimizer` as in Keras: a description, with current values that can be set.

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
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras.core import computed_weights
from jkeras.core.global_arrays import on_host
from jkeras.core.naming import snake_case
from jkeras.core.trees import Tree, path_names, widest_float
from jkeras.keras_classes import optimizer_parts
from jkeras.keras_classes.live_number import LiveNumber
from jkeras.keras_classes.optimizer_parts import DescriptionView
from jkeras.keras_classes.weight_views import kept_views, weights_of
from jkeras.trainer.compiling.compilation import first_rate, with_rate
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.steps import method_steps

if TYPE_CHECKING:
    from jax.typing import ArrayLike


def learning_rate(parts: TrainerParts) -> float:
    """The current learning rate of a compiled model.

    Raises:
      AttributeError: the optimizer has several rates, or does not show its rate.
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
    """Changes the learning rate of a compiled model; recompiles nothing.

    Raises:
      AttributeError: the optimizer has several rates.
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


class OptimizerVariable(LiveNumber):
    """A view on an array of a model's optimizer state.

    Args:
      state: the state of the model.
      leaf: the number of the array among the leaves of the optimizer's state.
      names: the way to it.
      optimizer: the name of the optimizer.

    Attributes:
      path, name: Keras's path, such as "adam/iteration" or "adam/dense_kernel_momentum", and the
        last part of it.

    Source: `keras.Variable`.
    """

    def __init__(self, state: ModelState, leaf: int, names: Sequence[str], optimizer: str) -> None:
        self._state, self._leaf = state, leaf
        self.path = "/".join([optimizer, *_keras_names(list(names))])
        super().__init__(self.path.rpartition("/")[2], self._get, self._set)

    def _get(self) -> Any:
        return jax.tree.leaves(self._state.lend().opt_state)[self._leaf]

    def _set(self, value: ArrayLike) -> None:
        values = self._state.need_values()
        leaves: list[Any] = jax.tree.leaves(values.opt_state)
        structure: Any = jax.tree.structure(values.opt_state)
        old, new = leaves[self._leaf], np.asarray(value)
        if new.shape != old.shape:
            raise ValueError(f"{self.path}: expected shape {old.shape}, got {new.shape}.")
        leaves[self._leaf] = jnp.asarray(new, old.dtype)
        self._state.values = values.replace(opt_state=structure.unflatten(leaves))

    def numpy(self) -> Any:
        """A copy of the value."""
        return np.array(on_host(self.value))


def _keras_names(names: list[str]) -> list[str]:
    """The names on the way to an array of an optimizer's state, as Keras's variables have them."""
    if names[-1] == "count":
        return [*names[:-1], "iteration"]
    if "hyperparams" in names:
        return [name for name in names if name != "hyperparams"]
    if "slots" not in names:
        return names
    start = names.index("slots")
    slot, *weight = names[start + 1 :]
    return [*names[:start], "_".join([*weight, slot])]


def optimizer_variables(parts: TrainerParts) -> list[OptimizerVariable]:
    """Views on the arrays of the optimizer's state, in Keras's order: the count, the rate, the
    slots; none before the model is built.
    """
    state = parts.state
    if not state.built:
        return []
    name = getattr(parts.optimizer, "name", None) or snake_case(type(parts.optimizer).__name__)
    leaves = jax.tree_util.tree_leaves_with_path(state.lend().opt_state)
    structure: Any = jax.tree.structure(state.lend().opt_state)
    listed = variables_of(structure.unflatten(range(len(leaves))))
    return [OptimizerVariable(state, at, path_names(leaves[at][0]), name) for at in listed]


class OptimizerView(DescriptionView):
    """`model.optimizer`: the description, with the current values of training.

    Args:
      description: the optimizer that `compile` was called with.
      parts: the parts of the model's trainer.
    """

    __slots__ = ("_parts",)
    _parts: TrainerParts

    def __init__(self, description: Any, parts: TrainerParts) -> None:
        super().__init__(description)
        object.__setattr__(self, "_parts", parts)

    def __getattr__(self, name: str) -> Any:
        if name == "learning_rate":  # the property raised: there are several rates
            raise optimizer_parts.no_rate(self.description, self._parts.state)
        return super().__getattr__(name)

    def __eq__(self, other: object) -> bool:
        other = other.description if type(other) is OptimizerView else other
        return bool(self.description == other)

    def __hash__(self) -> int:
        return hash(self.description)

    def __repr__(self) -> str:
        return repr(self.description)

    # so that isinstance answers as in Keras
    __class__ = property(lambda self: type(self.description))

    @property
    def learning_rate(self) -> Any:
        if not hasattr(self.description, "learning_rate"):
            raise AttributeError("learning_rate")
        return super().learning_rate

    def _get_rate(self) -> float:
        return learning_rate(self._parts)

    def _set_rate(self, value: ArrayLike | LiveNumber) -> None:
        set_learning_rate(self._parts, value)

    @property
    def optimizers(self) -> list[optimizer_parts.OptimizerPart]:
        """The optimizers of a `MultiOptimizer`, each with its rate and its count of updates.

        Raises:
          AttributeError: the optimizer is not a `MultiOptimizer`.
          ValueError: the model is not built.
        """
        return optimizer_parts.parts(self.description, self._parts.state)

    @property
    def dynamic_scale(self) -> LiveNumber:
        """The factor by which a `LossScaleOptimizer` multiplies the next loss.

        Raises:
          AttributeError: the optimizer is not a `LossScaleOptimizer`.
        """
        first, state = self.description.dynamic_scale, self._parts.state
        return LiveNumber(
            "dynamic_scale",
            lambda: state.lend().opt_state.dynamic_scale if state.built else first,
        )

    @property
    def iterations(self) -> LiveNumber:
        """The number of updates since `compile`; accumulating a gradient is not an update."""

        def read() -> np.int32:
            every = getattr(self.description, "gradient_accumulation_steps", None) or 1
            state = self._parts.state
            count = variables_of(state.lend().opt_state)[0] if state.built else 0
            return np.int32(count // every)

        return LiveNumber("iterations", read)

    @property
    def variables(self) -> list[OptimizerVariable]:
        """Views on the arrays of the optimizer's state, in Keras's order: the count, the rate, the
        slots; none before the model is built.
        """
        return optimizer_variables(self._parts)

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """The trainable variables and the optimizer's variables after one update, as lists: for
        the `train_step` of a subclassed model.
        """
        return method_steps.stateless_apply(
            self._parts.state, optimizer_variables, grads, trainable_variables
        )

    def apply(self, grads: Iterable[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Updates the model's weights by gradients, outside of its training steps.

        Args:
          grads: a gradient for each of the model's trainable variables.
          trainable_variables: all of these variables, in their order (the default).

        Raises:
          ValueError: other variables, or another number of gradients.
        """
        state, grads = self._parts.state, list(grads)
        trained = kept_views(weights_of(state, trained=True))
        given = list(trained if trainable_variables is None else trainable_variables)
        if [*map(id, given)] != [*map(id, trained)] or len(grads) != len(trained):
            raise ValueError(
                f"{self.who}: apply: expected a gradient for each of the {len(trained)} trainable "
                f"variables of {state.who}, in their order, got {len(grads)} gradients and "
                f"{len(given)} variables. For others make an optimizer of its own: "
                "optimizer.apply(grads, variables)."
            )
        opt_state = state.lend().opt_state
        weights = [variable.value for variable in trained]
        new, slots = self.stateless_apply(jax.tree.leaves(opt_state), grads, weights)
        opt_state = jax.tree.unflatten(jax.tree.structure(opt_state), slots)
        state.replace(state.need_values().replace(opt_state=opt_state))
        for variable, value in zip(trained, new, strict=True):
            variable.assign(value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> LiveNumber:
        """As `apply`, for pairs (gradient, variable); returns the count of updates."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """See the optimizer's own method; here before the first update alone.

        Raises:
          ValueError: the model was trained.
        """
        state, compiled = self._parts.state, self._parts.need_compilation("optimizer")
        if state.optimizer_met_data:
            raise ValueError(
                f"{self.who}: exclude_from_weight_decay: expected an optimizer before its first "
                f"update, and {state.who} was trained. Call it before `fit`, or compile again."
            )
        changed = self.description.replace()
        changed.exclude_from_weight_decay(var_list, var_names)
        object.__setattr__(self, "description", changed)
        self._parts.change_compilation(compiled.with_optimizer(changed))

    def finalize_variable_values(self, var_list: Iterable[Any] | None = None) -> None:
        """With `use_ema`, makes the averages the model's weights; `fit` does so at its end."""
        del var_list
        state = self._parts.state
        state.replace(state.need_values().replace(params=self.averaged_params()))

    def build(self, variables: object = None) -> None:
        """Builds the model, and with it the optimizer's state."""
        del variables
        self._parts.state.need_values()

    def averaged_params(self) -> Tree:
        """The model's parameters, averaged where the optimizer has `use_ema`."""
        state = self._parts.state
        values = state.lend()
        averages = optimizers.final_params(values.params, values.opt_state)
        return computed_weights.kept(state.net, averages, values.params)

    def get_config(self) -> dict[str, Any]:
        """The description's configuration, with the current rate."""
        config: dict[str, Any] = self.description.get_config()
        if isinstance(config.get("learning_rate"), int | float):
            config["learning_rate"] = learning_rate(self._parts)
        return config


def view_of(description: object, parts: TrainerParts) -> Any:
    """The view of an optimizer of jkeras; any other optimizer unchanged."""
    kinds = optimizers.Optimizer, optimizers.MultiOptimizer, optimizers.LossScaleOptimizer
    return OptimizerView(description, parts) if isinstance(description, kinds) else description


def description_of(optimizer: object) -> Any:
    """The description behind a view, with the current rate: so `model.optimizer` can be passed to
    `compile` again, or to that of another model.
    """
    if type(optimizer) is not OptimizerView:
        return optimizer
    description = optimizer.description
    first = getattr(description, "learning_rate", None)
    if not isinstance(first, int | float):
        return description
    now = optimizer.learning_rate
    return description if now == widest_float().type(first) else with_rate(description, float(now))


def variables_of(opt_state: Tree) -> list[Any]:
    """The arrays of an optimizer's state that Keras counts as its variables: the count of updates,
    the rate unless a schedule sets it, and the slots; not momentum and other constants.
    """

    def is_state(node: object) -> bool:
        return isinstance(node, optimizers.OptimizerState)

    variables: list[Any] = []
    for node in jax.tree.leaves(opt_state, is_leaf=is_state):
        if is_state(node):
            rate = node.hyperparams["learning_rate"]
            settable = [] if isinstance(rate, optimizers.Scheduled) else [rate]
            variables += [node.count, *settable, *jax.tree.leaves(node.slots)]
        else:
            variables.append(node)
    return variables
