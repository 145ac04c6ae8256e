"""What an optimizer is: a frozen description of one update rule, read as two pure functions.

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)                  # params + updates

Laws:
  - Numbers that training may change (the learning rate, momentum, weight decay) are arrays in the
    state, so changing one never compiles again, and a `vmap` over states is a sweep.
  - The state has the same structure before and after every update.
  - Each update clips the gradients, applies the rule to each variable alone, then adds the decay.
  - Arithmetic and slots are float32 for narrower parameters; an update has its parameter's dtype.
    (Keras computes in the narrow dtype, where Adam's 0.999 rounds to 1 and nothing moves.)

A rule is a subclass with `slot_names` and `step`, written for one variable. The pair (init, update)
is also what optax calls a gradient transformation, so an optimizer can stand inside `optax.chain`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jkeras.core.description import Description, option
from jkeras.core.errors import describe
from jkeras.core.trees import Tree
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule

Array = jax.Array
Slots = dict[str, Array]


def _number_or_none() -> Any:
    convert = arguments.optional(arguments.non_negative)
    return dataclasses.field(default=None, kw_only=True, metadata={"convert": convert})


class Scheduled(NamedTuple):
    """A hyper-parameter that a schedule sets; marks it as not settable by hand."""

    value: Array


class OptimizerState(NamedTuple):
    """What an optimizer carries from step to step.

    Attributes:
      count: int32 scalar, the number of updates made.
      hyperparams: float32 scalars that the next update will use, by argument name.
      slots: for each slot name a tree shaped like `params`.
    """

    count: Array  # type: ignore[assignment]  # optax's name for it; hides tuple.count
    hyperparams: dict[str, Any]
    slots: dict[str, Tree]


class Optimizer(Description):
    """Base of the optimizers. Subclass it, annotate the arguments, write `slot_names` and `step`.

    Args:
      learning_rate: a number, or a schedule: a function from the step (int32, from 0) to the rate.
      weight_decay: each update also subtracts `learning_rate · weight_decay · params`; None or 0
        for no decay.
      clipnorm: longest norm of one variable's gradient, None or 0 for no limit.
      clipvalue: largest absolute value in a gradient, None or 0 for no limit.
      global_clipnorm: longest norm of all gradients together, None or 0 for no limit.
      name: only for error messages.

    Example:
      >>> class SignDescent(Optimizer):
      ...     def step(self, gradient, slots, now):
      ...         return -now["learning_rate"] * jnp.sign(gradient), slots
      >>> rule, params = SignDescent(0.5), {"kernel": jnp.ones(2)}
      >>> grads = {"kernel": jnp.array([3.0, -7.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> updates["kernel"].tolist()
      [-0.5, 0.5]

    Source: `keras.optimizers.Optimizer`.
    """

    learning_rate: Number | Schedule = option(convert=arguments.learning_rate)
    weight_decay: Number | None = _number_or_none()
    clipnorm: Number | None = _number_or_none()
    clipvalue: Number | None = _number_or_none()
    global_clipnorm: Number | None = _number_or_none()
    name: str | None = dataclasses.field(default=None, kw_only=True)

    in_state: ClassVar[tuple[str, ...]] = ("momentum", "weight_decay")
    """The arguments that, like the learning rate, live in the state, unless they are None or 0."""

    def check(self) -> None:
        """Raises when more than one kind of clipping is asked for."""
        kinds = ("clipnorm", "clipvalue", "global_clipnorm")
        given = [
            f"{kind}={getattr(self, kind)}" for kind in kinds if getattr(self, kind) is not None
        ]
        if len(given) > 1:
            raise ValueError(
                f"{self.who}: expected at most one of `clipnorm`, `clipvalue` and "
                f"`global_clipnorm`, got {', '.join(given)}. Keep one of them."
            )

    def how_to_change(self, name: str, value: str) -> str:
        """What to do instead of assigning a field: the rate of a running model has a door."""
        if name == "learning_rate":
            return f"Set the rate of a model instead: model.learning_rate = {value}."
        return super().how_to_change(name, value)

    def slot_names(self) -> tuple[str, ...]:
        """The names of the arrays kept beside each variable, which start as zeros."""
        return ()

    def step(self, gradient: Array, slots: Slots, now: dict[str, Array]) -> tuple[Array, Slots]:
        """The rule for one variable.

        Args:
          gradient: the clipped gradient.
          slots: an array shaped like `gradient` for each of `slot_names()`.
          now: scalars in the gradient's dtype: the hyper-parameters, and "step", counted from 1.

        Returns:
          What to add to the variable, and the new slots.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `step(self, gradient, slots, now)` "
            "that returns (update, slots), and the class defines none."
        )

    def transformation(self) -> optax.GradientTransformation:
        """The pair (init, update) as optax has it."""
        return optax.GradientTransformation(self.init, self.update)

    def init(self, params: Tree) -> OptimizerState:
        """The state before the first update.

        Raises:
          TypeError: a parameter is not floating.
        """
        self._check_floating(params)
        count = jnp.zeros((), jnp.int32)
        slots = {name: jax.tree.map(_wide_zeros, params) for name in self.slot_names()}
        return OptimizerState(count, self._first_hyperparams(count), slots)

    def update(
        self, grads: Tree, state: OptimizerState, params: Tree | None = None
    ) -> tuple[Tree, OptimizerState]:
        """One update.

        Args:
          grads: a tree shaped like the parameters.
          state: from `init` or the last `update`.
          params: the parameters; may be left out where there is no weight decay.

        Returns:
          What to add to the parameters, in their dtypes, and the new state.
        """
        count = optax.safe_increment(state.count)
        now = {name: _value(entry) for name, entry in state.hyperparams.items()}
        gradients = self._clip(jax.tree.map(_widen, grads))
        updates, slots = self._step_all(gradients, state.slots, {**now, "step": count})
        if self.weight_decay:
            updates = self._decay(updates, params, now)
        like = grads if params is None else params
        updates = jax.tree.map(lambda update, param: update.astype(param.dtype), updates, like)
        return updates, OptimizerState(count, self._next_hyperparams(state, count), slots)

    def _step_all(
        self, gradients: Tree, slots: dict[str, Tree], now: dict[str, Array]
    ) -> tuple[Tree, dict[str, Tree]]:
        """`step` for every variable; a tree of updates and a tree for each slot."""
        treedef: Any = jax.tree.structure(gradients)
        columns = {name: treedef.flatten_up_to(tree) for name, tree in slots.items()}
        results = [
            self.step(
                gradient,
                {name: column[i] for name, column in columns.items()},
                {name: value.astype(gradient.dtype) for name, value in now.items()},
            )
            for i, gradient in enumerate(jax.tree.leaves(gradients))
        ]
        updates = treedef.unflatten([update for update, _ in results])
        return updates, {
            name: treedef.unflatten([new[name] for _, new in results]) for name in slots
        }

    def _clip(self, gradients: Tree) -> Tree:
        if self.clipnorm:
            limit = self.clipnorm
            return jax.tree.map(lambda g: g * _shrink(jnp.sum(g * g), limit), gradients)
        if self.global_clipnorm:
            squares = [jnp.sum(g * g).astype(jnp.float32) for g in jax.tree.leaves(gradients)]
            factor = _shrink(sum(squares, start=jnp.float32(0)), self.global_clipnorm)
            return jax.tree.map(lambda g: g * factor.astype(g.dtype), gradients)
        if self.clipvalue:
            limit = self.clipvalue
            return jax.tree.map(lambda g: jnp.clip(g, -limit, limit), gradients)
        return gradients

    def _decay(self, updates: Tree, params: Tree | None, now: dict[str, Array]) -> Tree:
        if params is None:
            raise ValueError(
                f"{self.who}: expected `params` because `weight_decay` is set, got None. "
                "Pass them: update(grads, state, params)."
            )
        shrink = now["learning_rate"] * now["weight_decay"]
        return jax.tree.map(lambda u, p: u - shrink.astype(u.dtype) * _widen(p), updates, params)

    def _first_hyperparams(self, count: Array) -> dict[str, Any]:
        numbers = {name: getattr(self, name, None) for name in self.in_state}
        arrays = {name: jnp.float32(value) for name, value in numbers.items() if value}
        if callable(self.learning_rate):
            return {"learning_rate": Scheduled(self._rate_at(count)), **arrays}
        return {"learning_rate": jnp.float32(self.learning_rate), **arrays}

    def _next_hyperparams(self, state: OptimizerState, count: Array) -> dict[str, Any]:
        """The same numbers, with a scheduled rate moved on to the coming step."""
        if callable(self.learning_rate):
            return {**state.hyperparams, "learning_rate": Scheduled(self._rate_at(count))}
        return state.hyperparams

    def _rate_at(self, count: Array) -> Array:
        assert callable(self.learning_rate)
        rate = jnp.asarray(self.learning_rate(count))
        if rate.shape != ():
            raise ValueError(
                f"{self.who}: expected `learning_rate` to return a number for a step, "
                f"got {describe(rate)}. Return a scalar."
            )
        return rate.astype(jnp.float32)

    def _check_floating(self, params: Tree) -> None:
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise TypeError(
                    f"{self.who}: expected floating `params`, got {describe(leaf)} "
                    f"at {jax.tree_util.keystr(path)}. Keep integers in the layer's `state`."
                )


def _value(entry: Array | Scheduled) -> Array:
    return entry.value if isinstance(entry, Scheduled) else entry


def _wide_dtype(dtype: Any) -> Any:
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32


def _widen(x: Array) -> Array:
    return x.astype(_wide_dtype(x.dtype))


def _wide_zeros(param: Array) -> Array:
    return jnp.zeros_like(param, dtype=_wide_dtype(param.dtype))


def _shrink(square: Array, limit: Number) -> Array:
    """The factor, at most 1, that brings a vector of this squared norm down to the norm `limit`."""
    return limit / jnp.sqrt(jnp.maximum(square, limit**2))
