"""An optimizer in a custom training loop: Keras's methods `build`, `apply` and the like.

    optimizer.build(model.trainable_variables)
    optimizer.apply(grads, model.trainable_variables)          # assigns the variables
    params, state = optimizer.stateless_apply(state, grads, params)      # pure, of lists of arrays

Laws: the fields, equality and hash of the description do not change; the arrays lie in variables
that `build` creates, and `stateless_apply` neither reads nor writes these variables, so it runs
under `jit`. `compile` uses none of this: the trainer holds the optimizer's state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree, path_names
from jkeras.core.variables import Variable

if TYPE_CHECKING:
    import optax

AVERAGE = "average"
"""The slot with the moving average of each variable, where `use_ema` is set."""

_NAME, _EXCLUDED = "_standalone", "_excluded_ids"


class OptimizerVariables:
    """The variables that `build` creates: one for each array of the optimizer's state.

    Args:
      state: the optimizer's state, whose leaves become variables.
      count: the number of trained variables.
      decays: for each of them, whether weight decay holds for it.
      overwritten: for each of them, whether its gradient is its next value.
    """

    def __init__(
        self, state: Tree, count: int, decays: list[bool], overwritten: list[bool]
    ) -> None:
        leaves, self.tree = jax.tree.flatten(state)
        paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
        names = [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]
        self.count, self.decays, self.overwritten = count, decays, overwritten
        self.variables = [
            Variable(leaf, trainable=False, name=name)
            for name, leaf in zip(names, leaves, strict=True)
        ]

    def state(self, values: Sequence[Any]) -> Any:
        """The optimizer's state with these arrays as its leaves."""
        return jax.tree.unflatten(self.tree, [_array(value) for value in values])

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        return None

    def __reduce__(self) -> Any:
        return _unbuilt, ()


def _unbuilt() -> None:
    """None: a copied optimizer has no variables until `build`."""


class Transformation:
    """A pair of pure functions, `init` and `update`, as optax has it."""

    who: Any
    init: Any
    update: Any

    def transformation(self) -> optax.GradientTransformation:
        """The pair (init, update) as a gradient transformation of optax, for `optax.chain`."""
        import optax  # a fifth of a second, which `import jkeras` does not pay

        return optax.GradientTransformation(self.init, self.update)

    def need_params(self, params: Tree | None) -> Tree:
        """`params`, which `update` needs and optax's signature lets a caller leave out."""
        if params is None:
            raise ValueError(
                f"{self.who}: expected `params`, got None. Pass them: update(grads, state, params)."
            )
        return params


class Standalone(Transformation):
    """Keras's methods for a custom training loop.

    Source: `keras.optimizers.Optimizer`.
    """

    no_weight_decay: Any
    replace: Any
    use_ema: Any

    def build(self, variables: Iterable[Any]) -> None:
        """Creates the optimizer's variables; does nothing if they exist.

        Args:
          variables: the variables that are trained.
        """
        if self._held is None:
            variables = list(variables)
            listed = [_array(variable) for variable in variables]
            names = [getattr(variable, "name", "") for variable in variables]
            excluded = vars(self).get(_EXCLUDED, ())
            decays = [id(variable) not in excluded for variable in variables]
            named = self._decays_by_name(names)
            decays = [*map(all, zip(decays, named, strict=True))]
            overwritten = [getattr(v, "overwrite_with_gradient", False) for v in variables]
            held = OptimizerVariables(self.init(listed), len(listed), decays, overwritten)
            vars(self)[_NAME] = held

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leaves variables out of weight decay; a later call replaces an earlier one.

        Args:
          var_list: variables of a model, or others that this optimizer will train.
          var_names: regular expressions, searched in the variables' names: ["bias", "gamma"].

        Raises:
          TypeError: an array in place of a variable, or a name that is no string.
          ValueError: the optimizer is built, or a name is no regular expression.

        Source: `keras.optimizers.Optimizer.exclude_from_weight_decay`.
        """
        if self.built:
            raise ValueError(
                f"{self.who}: exclude_from_weight_decay: expected an optimizer that is not built. "
                "Call it before the first update."
            )
        variables = list(var_list or ())
        for variable in variables:
            if not isinstance(getattr(variable, "path", None), str):
                raise WrongTypeError(
                    f"{self.who}: exclude_from_weight_decay: `var_list`: expected variables, got "
                    f"{describe(variable)}. Write model.trainable_variables."
                )
        names = [var_names] if isinstance(var_names, str) else list(var_names or ())
        paths = [variable.path for variable in variables]
        changed: Any = self.replace(no_weight_decay=(names, paths))
        vars(self).update(
            no_weight_decay=changed.no_weight_decay, **{_EXCLUDED: [*map(id, variables)]}
        )

    def decays(self, variables: Tree) -> list[bool]:
        """Whether weight decay holds for each leaf of a tree of variables."""
        leaves = jax.tree_util.tree_leaves_with_path(variables)
        if self.no_weight_decay is None:
            return [True] * len(leaves)
        if self.built:
            return list(self._held.decays)
        paths = ["/".join(path_names(path)) for path, _ in leaves]
        excluded: set[str] = set()
        for given in self.no_weight_decay[1]:
            ends = [p for p in paths if p.endswith(f"/{given}") or given.endswith(f"/{p}")]
            excluded |= {given} if given in paths else {*ends}
        named = self._decays_by_name([path.rpartition("/")[2] for path in paths])
        return [name and path not in excluded for name, path in zip(named, paths, strict=True)]

    def _decays_by_name(self, names: list[str]) -> list[bool]:
        expressions = self.no_weight_decay[0] if self.no_weight_decay else ()
        return [not any(re.search(e, name) for e in expressions) for name in names]

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """With `use_ema`, assigns averages to the variables that the optimizer moves; does nothing
        before `build`.

        Args:
          var_list: the variables that the optimizer was built for.

        Source: `keras.optimizers.Optimizer.finalize_variable_values`.
        """
        if self.use_ema and self.built:
            averages = jax.tree.leaves(self._held.state(self.variables).slots[AVERAGE])
            rows = zip(var_list, averages, self._held.overwritten, strict=True)
            for variable, average, is_next in rows:
                if not is_next:
                    variable.assign(average)

    @property
    def _held(self) -> Any:
        return vars(self).get(_NAME)

    @property
    def built(self) -> bool:
        """Whether `build` was called."""
        return self._held is not None

    @property
    def variables(self) -> list[Any]:
        """The variables of the optimizer's state; an empty list before `build`."""
        return [] if self._held is None else list(self._held.variables)

    @property
    def iterations(self) -> Any:
        """The number of updates of this object; for a model see `model.optimizer.iterations`."""
        return self.variables[0] if self.built else 0

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Updates variables with pairs (gradient, variable); returns the number of updates so far.

        Raises:
          TypeError: `grads_and_vars` does not hold pairs.
          ValueError: the number of variables differs from that in `build`.

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
            raise WrongTypeError(
                f"{self.who}: apply_gradients: expected pairs (gradient, variable), got "
                f"{describe(pairs[0])}. Write zip(grads, variables)."
            )
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Any] | None = None) -> None:
        """Updates and assigns variables; builds the optimizer at the first call.

        Args:
          grads: one for each variable, or None.
          trainable_variables: the variables.

        Raises:
          TypeError: `trainable_variables` is missing, or holds arrays, which cannot be assigned.
          ValueError: the number of gradients or variables differs from that in `build`.
        """
        if trainable_variables is None:
            raise WrongTypeError(
                f"{self.who}: apply: expected `trainable_variables`, got none. "
                "Write apply(grads, model.trainable_variables)."
            )
        grads, listed = list(grads), list(trainable_variables)
        for variable in listed:
            if not hasattr(variable, "assign"):
                raise WrongTypeError(
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
        """The trained variables and the optimizer's variables after one update; a pure function.
        A variable that had `overwrite_with_gradient` at `build` becomes its gradient.

        Args:
          optimizer_variables: `variables`, or arrays of the same shapes.
          grads: one for each variable, or None.
          trainable_variables: the variables of `build`, or arrays of the same shapes.

        Returns:
          Two lists of arrays, in the order of the arguments `trainable_variables` and
          `optimizer_variables`.

        Raises:
          ValueError: the optimizer is not built, or the number of arrays differs from that in
            `build`.
        """
        held, before = self._held, [_array(variable) for variable in trainable_variables]
        if held is None:
            raise ValueError(
                f"{self.who}: stateless_apply: expected an optimizer that is built. Call "
                "optimizer.build(model.trainable_variables) first."
            )
        sizes = (len(optimizer_variables), len(grads), len(before))
        if sizes != (len(held.variables), held.count, held.count):
            raise ValueError(
                f"{self.who}: expected {len(held.variables)} optimizer variables, {held.count} "
                f"gradients and {held.count} variables, for which it was built, got {sizes[0]}, "
                f"{sizes[1]} and {sizes[2]}."
            )
        rows = zip(grads, before, held.overwritten, strict=True)
        full = [
            jnp.zeros_like(old) if grad is None or is_next else _array(grad)
            for grad, old, is_next in rows
        ]
        updates, state = self.update(full, held.state(optimizer_variables), before)
        added = zip(before, updates, grads, trainable_variables, strict=True)
        new = [
            old if grad is None else _constrained(variable, old + update)
            for old, update, grad, variable in added
        ]
        for i, is_next in enumerate(held.overwritten):
            if is_next and grads[i] is not None:
                new[i] = _array(grads[i]).astype(before[i].dtype)
        return new, jax.tree.leaves(state)


def _constrained(variable: object, value: jax.Array) -> Any:
    rule = getattr(variable, "constraint", None)
    return value if rule is None else rule(value)


def _array(value: object) -> Any:
    return as_jax(getattr(value, "value", value))
