"""Several optimizers for one model, each for the variables with certain paths.

Laws:
  - Each variable moves as under its own optimizer alone; gradients are clipped together only with
    those of the same optimizer.
  - Equal optimizers count as one (Keras tells them apart by identity, which shows only in
    `global_clipnorm`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import jax

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.trees import Tree, path_names
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number
from jkeras.optimizers.base import Optimizer, OptimizerState
from jkeras.optimizers.standalone import Transformation

if TYPE_CHECKING:
    from collections.abc import Iterable


class Variable(NamedTuple):
    """A variable as the argument of a function that chooses its optimizer.

    Attributes:
      path: the path in the model: "encoder/dense/kernel".
      shape: the shape.
      dtype: the dtype.
    """

    path: str
    shape: tuple[int, ...]
    dtype: Any

    @property
    def name(self) -> str:
        """The last word of the path: "kernel"."""
        return self.path.rpartition("/")[2]


class MultiState(NamedTuple):
    """The states of several optimizers, in the order of the first variable of each."""

    states: tuple[OptimizerState, ...]


def _optimizer(value: object) -> Optimizer:
    if not isinstance(value, Optimizer):
        raise WrongTypeError(f"expected an optimizer such as SGD(0.1), got {describe(value)}.")
    return value


def _entries(
    value: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None,
) -> tuple[tuple[str, Optimizer], ...]:
    """A dict from paths or regular expressions to optimizers as a tuple of pairs; None for none."""
    pairs = tuple(value.items()) if isinstance(value, Mapping) else tuple(value or ())
    for pattern, optimizer in pairs:
        if not isinstance(pattern, str):
            raise WrongTypeError(f"expected strings as keys, got {describe(pattern)}.")
        _optimizer(optimizer)
        arguments.check_regular_expression(pattern)
    return pairs


class OptimizerMap(Description):
    """Optimizers by the paths of their variables: an exact path, a regular expression, a default.

    Args:
      default_optimizer: the optimizer of every variable that matches no entry.
      optimizer_map: a dict from a path ("encoder/dense/kernel"), or a regular expression that the
        whole path must match ("encoder/.*"), to an optimizer. A path begins with the layer's
        name; in a model inside another with that model's.

    Differs from Keras: entries cannot be added later, and paths do not begin with the name of a
    `Sequential`.

    Raises:
      TypeError: an entry is not an optimizer.
      ValueError: a key is not a regular expression.

    Example:
      >>> from jkeras.optimizers import SGD, Adam
      >>> choose = OptimizerMap(SGD(0.1), {"encoder/.*": Adam()})
      >>> choose["encoder/dense/kernel"], choose["head/kernel"]
      (Adam(), SGD(learning_rate=0.1))

    Source: `keras.optimizers.OptimizerMap`.
    """

    default_optimizer: Optimizer = option(convert=_optimizer)
    optimizer_map: Any = option(
        default=None,
        convert=_entries,
        to_config=lambda entries: serialize_keras_object(dict(entries)),
    )

    def __getitem__(self, path: str) -> Optimizer:
        """The optimizer for a path.

        Raises:
          ValueError: several regular expressions match the path, and no entry equals the path.
        """
        entries = dict(self.optimizer_map)
        if path in entries:
            return entries[path]
        matching = [pattern for pattern in entries if re.fullmatch(pattern, path)]
        if len(matching) > 1:
            listed = ", ".join(repr(pattern) for pattern in matching)
            raise ValueError(
                f"OptimizerMap: expected at most one entry that matches {path!r}, got {listed}. "
                "Narrow the expressions, or name the path itself."
            )
        return entries[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, path: str, optimizer: object) -> NoReturn:
        raise WrongTypeError(
            "OptimizerMap is a frozen description: entries cannot be added. "
            f"Make it with all of them: OptimizerMap(default, {{{path!r}: {optimizer!r}}})."
        )

    def __len__(self) -> int:
        return len(self.optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.optimizer_map))

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer for a variable, by its path."""
        return self[variable.path]


def _chooser(value: object) -> Callable[[Variable], Any]:
    if not callable(value) or isinstance(value, type | Optimizer):
        raise WrongTypeError(
            "expected an OptimizerMap, or a function from a variable to an optimizer, "
            f"got {describe(value)}. For example: OptimizerMap(SGD(), {{'encoder/.*': Adam()}})."
        )
    chooser: Callable[[Variable], Any] = value
    return chooser


class MultiOptimizer(Transformation, Description):
    """One optimizer made of several, each with its own learning rate, slots and averages.

    Args:
      optimizer_map: an `OptimizerMap`, or a function from a `Variable` (`path`, `name`, `shape`,
        `dtype`) to an optimizer.
      loss_scale_factor: replaces the factors of the optimizers, also if it is None.
      name: only for error messages.

    There is no common learning rate: each state in `state.states` has its own, and in a model each
    optimizer in `model.optimizer.optimizers`.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.optimizers import SGD
      >>> rule = MultiOptimizer(OptimizerMap(SGD(0.1), {"head/.*": SGD(1.0)}))
      >>> params = {"body": {"kernel": jnp.ones(1)}, "head": {"kernel": jnp.ones(1)}}
      >>> updates, state = rule.update(params, rule.init(params), params)
      >>> [round(float(part["kernel"][0]), 2) for part in updates.values()]
      [-0.1, -1.0]

    Source: `keras.optimizers.MultiOptimizer`.
    """

    optimizer_map: Callable[[Variable], Any] = option(convert=_chooser)
    loss_scale_factor: Number | None = option(
        default=None, convert=arguments.optional(arguments.positive)
    )
    name: str | None = None

    def init(self, params: Tree) -> MultiState:
        """The states of all optimizers before the first update."""
        return MultiState(tuple(rule.init(part) for rule, part in self.parts(params).items()))

    def parts(self, params: Tree) -> dict[Optimizer, dict[str, Any]]:
        """Each optimizer with its variables, by their paths."""
        paths, leaves = self._flat(params)
        groups = self._groups(params).items()
        return {rule: {paths[i]: leaves[i] for i in members} for rule, members in groups}

    def update(
        self, grads: Tree, state: MultiState, params: Tree | None = None
    ) -> tuple[Tree, MultiState]:
        """One update of every variable by its optimizer.

        Args:
          grads: a tree shaped like `params`.
          state: from `init` or the last `update`.
          params: the parameters.

        Returns:
          The updates, to be added to the parameters, in their dtypes, and the new state.

        Raises:
          ValueError: `params` is left out, which optax's signature allows.
        """
        params = self.need_params(params)
        treedef: Any = jax.tree.structure(params)
        paths, leaves = self._flat(params)
        gradients = treedef.flatten_up_to(grads)
        updates, states = list(leaves), []
        for (rule, members), own in zip(self._groups(params).items(), state.states, strict=True):
            part = {paths[i]: gradients[i] for i in members}
            new, own = rule.update(part, own, {paths[i]: leaves[i] for i in members})
            states.append(own)
            for i in members:
                updates[i] = new[paths[i]]
        return treedef.unflatten(updates), MultiState(tuple(states))

    def _flat(self, params: Tree) -> tuple[list[str], list[Any]]:
        """The paths and the leaves, in JAX's order."""
        pairs = jax.tree_util.tree_leaves_with_path(params)
        return ["/".join(path_names(path)) for path, _ in pairs], [leaf for _, leaf in pairs]

    def _groups(self, params: Tree) -> dict[Optimizer, list[int]]:
        """Each optimizer with the positions of its leaves."""
        groups: dict[Optimizer, list[int]] = {}
        for i, (path, leaf) in enumerate(zip(*self._flat(params), strict=True)):
            rule = self.optimizer_map(Variable(path, leaf.shape, leaf.dtype))
            if not isinstance(rule, Optimizer):
                raise WrongTypeError(
                    f"{self.who}: expected `optimizer_map` to return an optimizer for {path!r}, "
                    f"got {describe(rule)}. Return one such as SGD(0.1)."
                )
            rule = rule.replace(loss_scale_factor=self.loss_scale_factor)
            groups.setdefault(rule, []).append(i)
        return groups
