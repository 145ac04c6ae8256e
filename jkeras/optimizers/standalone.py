"""An optimizer by itself, in a loop written by hand: Keras's words for `init` and `update`.

    optimizer.build(model.trainable_variables)
    optimizer.apply(grads, model.trainable_variables)          # assigns the variables
    params, state = optimizer.stateless_apply(state, grads, params)      # pure, of lists of arrays

Laws: the description stays what it was (fields, equality, hash); the arrays lie in variables that
`build` makes, and `stateless_apply` neither reads nor writes them, so it runs under `jit`. Inside
`compile` nothing of this is used: there the state is the trainer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core.errors import describe
from jkeras.core.trees import Tree
from jkeras.core.variables import Variable

_KEPT = "_standalone"


class Kept:
    """What `build` made: a variable for each array of the state.

    Args:
      state: the optimizer's state, whose leaves become variables.
      count: how many variables it is for.
    """

    def __init__(self, state: Tree, count: int) -> None:
        leaves, self.tree = jax.tree.flatten(state)
        paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
        names = [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]
        self.count = count
        self.variables = [
            Variable(leaf, trainable=False, name=name)
            for name, leaf in zip(names, leaves, strict=True)
        ]

    def state(self, values: Sequence[Any]) -> Any:
        """The state of such arrays."""
        return jax.tree.unflatten(self.tree, [_array(value) for value in values])

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        return None

    def __reduce__(self) -> Any:
        return _nothing, ()


def _nothing() -> None:
    """A copied optimizer is built anew."""


class Standalone:
    """Keras's words, for every optimizer that has `init` and `update`.

    Source: `keras.optimizers.Optimizer`.
    """

    who: Any
    init: Any
    update: Any

    def build(self, variables: Iterable[Any]) -> None:
        """Makes the arrays that the optimizer carries; does nothing when they exist.

        Args:
          variables: the trained ones.
        """
        if self._kept is None:
            listed = [_array(variable) for variable in variables]
            vars(self)[_KEPT] = Kept(self.init(listed), len(listed))

    @property
    def _kept(self) -> Any:
        return vars(self).get(_KEPT)

    @property
    def built(self) -> bool:
        """Whether `build` was called."""
        return self._kept is not None

    @property
    def variables(self) -> list[Any]:
        """What the optimizer carries, each as a variable; nothing before `build`."""
        return [] if self._kept is None else list(self._kept.variables)

    @property
    def iterations(self) -> Any:
        """How many updates it made by itself; `model.optimizer.iterations` counts a model's."""
        return self.variables[0] if self.built else 0

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Updates variables by pairs (gradient, variable); returns the count of updates.

        Raises:
          TypeError: these are no pairs.
          ValueError: other variables than those it was built for.

        Example:
          >>> from jkeras import Variable
          >>> from jkeras.optimizers import SGD
          >>> weight, optimizer = Variable([1.0, 2.0]), SGD(0.5)
          >>> int(optimizer.apply_gradients([(jnp.ones(2), weight)]))
          1
          >>> weight.numpy().tolist()
          [0.5, 1.5]
        """
        pairs = [tuple(pair) if isinstance(pair, list) else pair for pair in grads_and_vars]
        if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            raise TypeError(
                f"{self.who}: apply_gradients: expected pairs (gradient, variable), got "
                f"{describe(pairs[0])}. Write zip(grads, variables)."
            )
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Any] | None = None) -> None:
        """Updates variables, which are assigned; the optimizer is built for them if it is not.

        Args:
          grads: one for each variable, or None.
          trainable_variables: the variables.

        Raises:
          TypeError: no variables, or arrays, which cannot be assigned.
          ValueError: other numbers of them.
        """
        if trainable_variables is None:
            raise TypeError(
                f"{self.who}: apply: expected `trainable_variables`, got none. "
                "Write apply(grads, model.trainable_variables)."
            )
        grads, listed = list(grads), list(trainable_variables)
        for variable in listed:
            if not hasattr(variable, "assign"):
                raise TypeError(
                    f"{self.who}: apply: expected variables, which can be assigned, got "
                    f"{describe(variable)}. Arrays are updated by stateless_apply(variables, "
                    "grads, arrays)."
                )
        self.build(listed)
        new, slots = self.stateless_apply(self.variables, grads, listed)
        for variable, value in zip([*listed, *self.variables], [*new, *slots], strict=True):
            variable.assign(value)

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """The variables and the optimizer's own after one update, as lists of arrays; pure.

        Args:
          optimizer_variables: as `variables` lists them, or arrays of those shapes.
          grads: one for each variable, or None.
          trainable_variables: as `build` was given them, or arrays of those shapes.

        Raises:
          ValueError: it is not built, or other numbers of arrays.
        """
        kept, before = self._kept, [_array(variable) for variable in trainable_variables]
        if kept is None:
            raise ValueError(
                f"{self.who}: stateless_apply: expected an optimizer that is built. Call "
                "optimizer.build(model.trainable_variables) first."
            )
        sizes = (len(optimizer_variables), len(grads), len(before))
        if sizes != (len(kept.variables), kept.count, kept.count):
            raise ValueError(
                f"{self.who}: expected {len(kept.variables)} optimizer variables, {kept.count} "
                f"gradients and {kept.count} variables, for which it was built, got {sizes[0]}, "
                f"{sizes[1]} and {sizes[2]}."
            )
        rows = zip(grads, before, strict=True)
        full = [jnp.zeros_like(old) if grad is None else _array(grad) for grad, old in rows]
        updates, state = self.update(full, kept.state(optimizer_variables), before)
        added = zip(before, updates, grads, trainable_variables, strict=True)
        new = [
            old if grad is None else _constrained(variable, old + update)
            for old, update, grad, variable in added
        ]
        return new, jax.tree.leaves(state)


def _constrained(variable: Any, value: jax.Array) -> Any:
    rule = getattr(variable, "constraint", None)
    return value if rule is None else rule(value)


def _array(value: Any) -> Any:
    return jnp.asarray(getattr(value, "value", value))


__all__ = ["Standalone"]
