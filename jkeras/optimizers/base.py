"""The base of optimizers: a frozen description of an update rule, with two pure functions.

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)                  # params + updates

Laws:
  - Numbers that training may change (the learning rate, momentum, weight decay) are arrays in the
    state, so changing one never compiles again, and a `vmap` over states is a sweep.
  - The state has the same structure before and after every update.
  - An update does, in this order: divide the gradients by the loss scale, accumulate them, clip
    them, apply weight decay, apply the rule, update the moving averages.
  - Arithmetic and slots are float32 for narrower parameters; an update has its parameter's dtype.
    (Keras computes in the narrow dtype, where Adam's 0.999 rounds to 1 and nothing moves.)

A rule is a subclass with a `chain` of optax's parts and the fields of their states that hold its
slots; or, where optax has no parts for it, with `slot_names` and `step`, written for one variable.
The chain is constructed at every update, while it is traced, with the current hyper-parameters.
The pair (init, update) is a gradient transformation itself, so an optimizer may be part of a chain.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.serialization import if_set
from jkeras.core.trees import Tree, path_names, widest_float
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule, keyword
from jkeras.optimizers.numerics import applied, widen
from jkeras.optimizers.standalone import AVERAGE, Standalone

if TYPE_CHECKING:
    import optax

Array = jax.Array
Slots = dict[str, Array]

ACCUMULATOR = "gradient_accumulator"
"""The slot with the sum of the gradients since the last step, where they are accumulated."""

_number = arguments.optional(arguments.non_negative)


class Scheduled(NamedTuple):
    """A hyper-parameter that a schedule sets; the type marks it as not assignable."""

    value: Array


class OptimizerState(NamedTuple):
    """The state of an optimizer between two updates.

    Attributes:
      count: int32 scalar, the number of updates, including those that only accumulate a gradient.
      hyperparams: float32 scalars for the next update, by argument name.
      slots: for each slot name a tree with the structure of `params`; None where a variable has no
        such slot.
    """

    count: Array  # type: ignore[assignment]  # optax's name for it; hides tuple.count
    hyperparams: dict[str, Any]
    slots: dict[str, Tree]


class Optimizer(Standalone, Description):
    """Base of the optimizers. Subclass it, annotate the arguments, write `chain` or `step`.

    Args:
      learning_rate: a number, or a schedule: a function from the step (int32, from 0) to the rate.
        Updates that only accumulate a gradient are no steps (Keras counts them).
      weight_decay: each step first shrinks the variables by `learning_rate · weight_decay` of
        themselves; None or 0 for no decay.
      clipnorm: largest norm of one variable's gradient, None or 0 for no limit.
      clipvalue: largest absolute value in a gradient, None or 0 for no limit.
      global_clipnorm: largest norm of all gradients together, None or 0 for no limit.
      use_ema: keep an exponential moving average of the variables in the state; `final_params`
        replaces the variables by their averages at the end of training.
      ema_momentum: the share of the old average in the new one, in [0, 1].
      ema_overwrite_frequency: the number of steps between two replacements of the variables by
        their averages; None for no replacement.
      loss_scale_factor: the factor by which `scale_loss` multiplies the loss and by which the
        gradients are divided, so that small gradients survive in float16; above 0, None for 1.
      gradient_accumulation_steps: the number of gradients whose mean makes one step, at least 2;
        the updates in between are zeros. None or 0 for a step at every update.
      no_weight_decay: what `exclude_from_weight_decay` sets: expressions for names, and paths.
      name: only for error messages.

    Example:
      >>> class SignDescent(Optimizer):
      ...     def step(self, gradient, variable, slots, now):
      ...         return -now["learning_rate"] * jnp.sign(gradient), slots
      >>> rule, params = SignDescent(0.5), {"kernel": jnp.ones(2)}
      >>> grads = {"kernel": jnp.array([3.0, -7.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> updates["kernel"].tolist()
      [-0.5, 0.5]

    Source: `keras.optimizers.Optimizer`.
    """

    learning_rate: Number | Schedule = option(convert=arguments.learning_rate)
    weight_decay: Number | None = keyword(None, _number)
    clipnorm: Number | None = keyword(None, _number)
    clipvalue: Number | None = keyword(None, _number)
    global_clipnorm: Number | None = keyword(None, _number)
    use_ema: bool = keyword(False, arguments.flag)
    ema_momentum: Number = keyword(0.99, arguments.fraction)
    ema_overwrite_frequency: int | None = keyword(None, arguments.optional(arguments.integer(1)))
    loss_scale_factor: Number | None = keyword(None, arguments.optional(arguments.positive))
    gradient_accumulation_steps: int | None = keyword(
        None, lambda value: arguments.integer(2)(value) if value else None
    )
    no_weight_decay: Any = option(
        default=None, convert=arguments.exclusions, to_config=if_set, kw_only=True
    )
    name: str | None = dataclasses.field(default=None, kw_only=True)

    slot_fields: ClassVar[Mapping[str, str]] = {}
    """The slots, each with the field that holds it in a state of optax: {"momentum": "trace"}."""

    in_state: ClassVar[tuple[str, ...]] = ("momentum", "weight_decay", "loss_scale_factor")
    """The arguments that, like the learning rate, live in the state, unless they are None or 0."""

    def check(self) -> None:
        """Raises if more than one kind of clipping is set."""
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
        """The advice in the error of an assignment: how to change the rate of a compiled model."""
        if name == "learning_rate":
            return f"Set the rate of a model instead: model.learning_rate = {value}."
        return super().how_to_change(name, value)

    # -- what a rule overrides

    def slot_names(self) -> tuple[str, ...]:
        """The names of the slots, the arrays beside each variable, which start as zeros."""
        return tuple(self.slot_fields)

    def first_slots(self, path: str, variable: Array) -> Slots:
        """The initial slots of one variable: zeros of its shape, unless a rule overrides this.

        Args:
          path: the path of the variable: "dense/kernel".
          variable: the initial value, in float32 or wider.
        """
        del path
        return {name: jnp.zeros_like(variable) for name in self.slot_names()}

    def scalars(self, now: dict[str, Array]) -> dict[str, Array]:
        """`now` with what a rule computes of it once for all variables of a dtype."""
        return now

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        """The rule for one variable.

        Args:
          gradient: the clipped gradient.
          variable: the variable, after its decay; shaped like `gradient`.
          slots: the slots of the variable, from `first_slots` or the last step.
          now: scalars in the gradient's dtype: the hyper-parameters, "step", counted from 1, and
            what `scalars` adds.

        Returns:
          The update, to be added to the variable, and the new slots.
        """
        return applied(self.chain(now), self.slot_fields, gradient, variable, slots, now)

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        """The rule as a chain of optax's parts, for the scalars `now` of `step`."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `step(self, gradient, variable, slots, "
            "now)` that returns (update, slots), and the class defines none."
        )

    def decay_of(self, slots: Slots, now: dict[str, Array]) -> Array | None:
        """The weight decay of the variable with these slots; None without weight decay."""
        del slots
        return now.get("weight_decay")

    # -- the pair of pure functions

    def init(self, params: Tree) -> OptimizerState:
        """The state before the first update.

        Raises:
          TypeError: a parameter is not floating.
        """
        self._check_floating(params)
        count = jnp.zeros((), jnp.int32)
        variables = jax.tree.map(widen, params)
        slots = self._first_slots_of_all(variables)
        if self.gradient_accumulation_steps:
            slots[ACCUMULATOR] = jax.tree.map(jnp.zeros_like, variables)
        if self.use_ema:
            # A copy: donating params and state would otherwise donate one buffer twice.
            slots[AVERAGE] = jax.tree.map(jnp.copy, variables)
        numbers = {name: getattr(self, name, None) for name in self.in_state}
        arrays = {
            name: jnp.asarray(value, widest_float()) for name, value in numbers.items() if value
        }
        return OptimizerState(count, {"learning_rate": self.rate_entry(count), **arrays}, slots)

    def update(
        self, grads: Tree, state: OptimizerState, params: Tree | None = None
    ) -> tuple[Tree, OptimizerState]:
        """One update.

        Args:
          grads: a tree shaped like `params`.
          state: from `init` or the last `update`.
          params: the parameters.

        Returns:
          The updates, to be added to the parameters, in their dtypes, and the new state.

        Raises:
          ValueError: `params` is left out, which optax's signature allows.
        """
        import optax

        params = self.need_params(params)
        variables = jax.tree.map(widen, params)
        iteration = self._iteration(state.count)
        now = {name: _value(entry) for name, entry in state.hyperparams.items()}
        now["step"] = optax.safe_increment(iteration)
        gradients = jax.tree.map(lambda g, v: g.astype(v.dtype), grads, variables)
        if self.loss_scale_factor:
            scale = now["loss_scale_factor"]
            gradients = jax.tree.map(lambda g: g / scale.astype(g.dtype), gradients)
        if self.gradient_accumulation_steps:
            updates, slots = self._accumulate(gradients, variables, state, now)
        else:
            updates, slots = self._step_all(gradients, variables, state.slots, now)
        updates = jax.tree.map(lambda update, param: update.astype(param.dtype), updates, params)
        if self.use_ema:
            updates, slots = self._update_averages(updates, params, slots, iteration)
        count = optax.safe_increment(state.count)
        hyperparams = state.hyperparams
        if callable(self.learning_rate):
            hyperparams = {**hyperparams, "learning_rate": self.rate_entry(count)}
        return updates, OptimizerState(count, hyperparams, slots)

    # -- the parts of an update

    def _accumulate(
        self, gradients: Tree, variables: Tree, state: OptimizerState, now: dict[str, Array]
    ) -> tuple[Tree, dict[str, Tree]]:
        """Accumulates the gradients; every n-th update makes a step with their mean."""
        steps = self.gradient_accumulation_steps
        assert steps is not None
        total = jax.tree.map(jnp.add, gradients, state.slots[ACCUMULATOR])
        zeros = jax.tree.map(jnp.zeros_like, total)

        def wait() -> tuple[Tree, dict[str, Tree]]:
            return zeros, {**state.slots, ACCUMULATOR: total}

        def step() -> tuple[Tree, dict[str, Tree]]:
            mean = jax.tree.map(lambda g: g / steps, total)
            updates, slots = self._step_all(mean, variables, state.slots, now)
            return updates, {**slots, ACCUMULATOR: zeros}

        return jax.lax.cond((state.count + 1) % steps == 0, step, wait)

    def _step_all(
        self, gradients: Tree, variables: Tree, slots: dict[str, Tree], now: dict[str, Array]
    ) -> tuple[Tree, dict[str, Tree]]:
        """`step` for every variable; a tree of updates and a tree for each slot."""
        treedef: Any = jax.tree.structure(variables)
        clipped = treedef.flatten_up_to(self._clip(gradients))
        columns = {
            name: treedef.flatten_up_to(tree)
            for name, tree in slots.items()
            if name not in (AVERAGE, ACCUMULATOR)
        }
        decays = self.decays(variables)

        @functools.cache
        def scalars(dtype: np.dtype, has_decay: bool) -> dict[str, Array]:
            return self.scalars(
                {
                    name: value.astype(dtype)
                    for name, value in now.items()
                    if has_decay or not name.endswith("weight_decay")
                }
            )

        results = [
            self._step_one(
                clipped[i],
                variable,
                {name: column[i] for name, column in columns.items() if column[i] is not None},
                scalars(variable.dtype, bool(decays[i])),
            )
            for i, variable in enumerate(jax.tree.leaves(variables))
        ]
        updates = treedef.unflatten([update for update, _ in results])
        return updates, slots | {
            name: treedef.unflatten([new.get(name) for _, new in results]) for name in columns
        }

    def _step_one(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        """Weight decay and `step` for one variable: the sum of both updates, and the new slots."""
        import optax

        decay = self.decay_of(slots, now)
        if decay is None:
            return self.step(gradient, variable, slots, now)
        shrink = optax.add_decayed_weights(-decay * now["learning_rate"])
        shrunk, _ = shrink.update(variable, optax.EmptyState(), variable)
        update, slots = self.step(gradient, shrunk, slots, now)
        # The new value first: where a rule sets a weight to zero, it is exactly zero.
        return (shrunk + update) - variable, slots

    def _clip(self, gradients: Tree) -> Tree:
        import optax

        if self.clipnorm:
            clip = optax.clip_by_global_norm(self.clipnorm)  # of each variable alone
            return jax.tree.map(lambda g: clip.update(g, optax.EmptyState())[0], gradients)
        if self.global_clipnorm:
            clip = optax.clip_by_global_norm(self.global_clipnorm)
        elif self.clipvalue:
            clip = optax.clip(self.clipvalue)
        else:
            return gradients
        with jax.numpy_dtype_promotion("standard"):  # a norm over float32 and float64
            return clip.update(gradients, optax.EmptyState())[0]

    def _update_averages(
        self, updates: Tree, params: Tree, slots: dict[str, Tree], iteration: Array
    ) -> tuple[Tree, dict[str, Tree]]:
        """Updates the moving averages, and with `ema_overwrite_frequency` the parameters.

        As in Keras, this happens at every update, also if the update only accumulates a gradient,
        and the average is the variable itself until the end of the first step.
        """
        from optax import tree_utils

        momentum = jnp.where(iteration == 0, 0.0, jnp.asarray(self.ema_momentum, widest_float()))

        def follow(average: Array, param: Array, update: Array) -> Array:
            value = (param + update).astype(average.dtype)
            kept = momentum.astype(average.dtype)
            return tree_utils.tree_update_moment(value, average, kept, 1)

        averages = jax.tree.map(follow, slots[AVERAGE], params, updates)
        if self.ema_overwrite_frequency:
            due = (iteration + 1) % self.ema_overwrite_frequency == 0
            updates = jax.tree.map(
                lambda u, a, p: jnp.where(due, (a - p.astype(a.dtype)).astype(u.dtype), u),
                updates,
                averages,
                params,
            )
        return updates, {**slots, AVERAGE: averages}

    # -- the first state

    def _first_slots_of_all(self, variables: Tree) -> dict[str, Tree]:
        """A tree for each slot name; None where a variable has no such slot."""
        made = [
            self.first_slots("/".join(path_names(path)), leaf)
            for path, leaf in jax.tree_util.tree_leaves_with_path(variables)
        ]
        names = list(dict.fromkeys(name for slots in made for name in slots))
        for name in {AVERAGE, ACCUMULATOR}.intersection(names):
            raise ValueError(
                f"{self.who}: expected slots of the rule's own, got one named {name!r}, which "
                "every optimizer keeps for itself. Give it another name."
            )
        treedef: Any = jax.tree.structure(variables)
        return {name: treedef.unflatten([slots.get(name) for slots in made]) for name in names}

    def _iteration(self, count: Array) -> Array:
        """The number of steps among `count` updates, some of which only accumulate a gradient."""
        steps = self.gradient_accumulation_steps
        return count // steps if steps else count

    def rate_entry(self, count: Array) -> Array | Scheduled:
        """The entry of the state for the rate of the step after `count` updates."""
        if not callable(self.learning_rate):
            return jnp.asarray(self.learning_rate, widest_float())
        rate = jnp.asarray(self.learning_rate(self._iteration(count)))
        if rate.shape != ():
            raise ValueError(
                f"{self.who}: expected `learning_rate` to return a number for a step, "
                f"got {describe(rate)}. Return a scalar."
            )
        return Scheduled(rate.astype(widest_float()))

    def _check_floating(self, params: Tree) -> None:
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise WrongTypeError(
                    f"{self.who}: expected floating `params`, got {describe(leaf)} "
                    f"at {jax.tree_util.keystr(path)}. Keep integers in the layer's `state`."
                )


def _value(entry: Array | Scheduled) -> Array:
    return entry.value if isinstance(entry, Scheduled) else entry
