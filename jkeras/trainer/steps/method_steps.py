"""`train_step` and `test_step` of a model class, in the form that Keras has on JAX.

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state      # lists of arrays
        ...
        return logs, (trainable, non_trainable, optimizer, metrics)

A class that defines one of them, or `compute_loss` or `compute_metrics`, is trained by it: the
lists are read off the `TrainState` and put back, inside the compiled loop. Laws: the lists are in
the order of `model.trainable_variables` and `model.non_trainable_variables`; the optimizer's and
the metrics' are nobody's business but theirs; logs are those of the epoch so far, as the step
returns them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras import optimizers
from jkeras.core import trees
from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import describe
from jkeras.core.freezing import trained, whole
from jkeras.core.keys import child
from jkeras.core.layer import activity_losses
from jkeras.core.variables import innermost, within
from jkeras.keras_classes.step_context import StepFrame
from jkeras.keras_classes.subclassed_model import check_steps
from jkeras.metrics.carried import carried
from jkeras.trainer.compiling.programs import Program, Programs
from jkeras.trainer.state import freezing
from jkeras.trainer.state.inference_rng import draws, next_key
from jkeras.trainer.state.weight_order import PARTS
from jkeras.trainer.steps.method_metrics import first_variables, given_metrics, metrics_of, updated
from jkeras.training import finite
from jkeras.training.drawing import at, opened
from jkeras.training.loops import take
from jkeras.training.objective import Objective
from jkeras.training.state import TrainState

Lists = tuple[Any, ...]
_LOOKED_AT = ("train_step", "test_step", "compute_loss", "compute_metrics")


class Layout:
    """Which leaf of params and state stands where in the lists.

    Args:
      model: the model, built.
    """

    def __init__(self, model: Any) -> None:
        values = model._own
        order = model._order()
        flags = freezing.trained_places(model)
        self.trees: list[Any] = [jax.tree.structure(getattr(values, part)) for part in PARTS]
        at = [(PARTS.index(place.part), place.leaf) for place in order]
        self.trained = [where for where, flag in zip(at, flags, strict=True) if flag]
        every = [(part, i) for part in (0, 1) for i in range(self.trees[part].num_leaves)]
        others = [where for where, flag in zip(at, flags, strict=True) if not flag]
        self.others = others + [where for where in every if where not in at]

    def lists(self, params: Any, state: Any) -> tuple[list[Any], list[Any]]:
        """Trained weights, and the rest."""
        leaves = [jax.tree.leaves(params), jax.tree.leaves(state)]
        return [leaves[p][i] for p, i in self.trained], [leaves[p][i] for p, i in self.others]

    def values(self, first: Sequence[Any], second: Sequence[Any]) -> tuple[Any, Any]:
        """(params, state) of such lists.

        Raises:
          ValueError: other numbers of arrays.
        """
        for name, given, own in (
            ("trainable_variables", first, self.trained),
            ("non_trainable_variables", second, self.others),
        ):
            if len(given) != len(own):
                raise ValueError(f"`{name}`: expected {len(own)} arrays, got {len(given)}.")
        leaves: list[list[Any]] = [[None] * tree.num_leaves for tree in self.trees]
        for (part, i), value in zip([*self.trained, *self.others], [*first, *second], strict=True):
            leaves[part][i] = getattr(value, "value", value)
        params, state = (t.unflatten(v) for t, v in zip(self.trees, leaves, strict=True))
        return params, state

    def held(self) -> Any:
        """The tree of params with True where a weight is frozen."""
        own = {i for part, i in self.trained if part == 0}
        return self.trees[0].unflatten([i not in own for i in range(self.trees[0].num_leaves)])


def is_stated(model: Any) -> bool:
    """Whether a class is trained by functions of its own."""
    return any(_is_own(model, name) for name in _LOOKED_AT)


def _is_own(model: Any, name: str) -> bool:
    return getattr(type(model), name) is not getattr(Stateless, name)


class Logged(Objective):
    """An objective whose sums are the metrics' variables and the last logs."""

    def logs(self, sums: Any) -> Any:
        return sums["logs"]

    def merge(self, a: Any, b: Any) -> Any:
        del a
        return b


class StatedPrograms(Programs):
    """The compiled functions of a model with its own steps.

    Args:
      model: the model.
      objective, optimizer: what it was compiled with.
    """

    def __init__(self, model: Any, objective: Objective, optimizer: Any) -> None:
        super().__init__(objective, optimizer)
        self.pads = False
        self._model = model
        self._plain = objective
        self._eval_zeros = objective.zeros()
        self._learned: dict[Any, Any] = {}
        names = ("test_step", "compute_loss", "compute_metrics")
        self._tests_itself = any(_is_own(model, name) for name in names)

    def learn(self, values: TrainState, batch: Batch, outputs: Any, *, training: bool) -> None:
        """Traces a step once for each shape of batch: what it logs decides what loops carry."""
        if not training and not self._tests_itself:
            self._plain = self._plain.met(outputs)
            self._eval_zeros = self._plain.zeros(batch, outputs)
            return
        specs = trees.specs(batch)
        key = training, jax.tree.structure(specs), tuple(jax.tree.leaves(specs))
        if key not in self._learned:
            first = {"vars": first_variables(self._model), "logs": {}}
            run = self._train if training else self._test
            told = (trees.specs(values.replace(sums=first)), specs)
            self._learned[key] = jax.eval_shape(lambda s, b: run(s, b).sums["logs"], *told)
        zeros = {
            "vars": first_variables(self._model),
            "logs": jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), self._learned[key]),
        }
        if training:
            self._zeros = zeros
            self.objective = Logged(self._plain.net, self._plain.wanted, self._plain.found)
        else:
            self._eval_zeros = zeros

    def meet(self, batch: Batch, outputs: Any) -> None:
        """Nothing: `learn` is told instead."""

    def for_other_weights(self, objective: Objective) -> StatedPrograms:
        """The same for other frozen weights, with what was learned of logs."""
        new = StatedPrograms(self._model, objective, self._optimizer)
        new.skips, new.predict_step = self.skips, self.predict_step
        new.objective = self.objective
        new._plain = dataclasses.replace(self._plain, held=objective.held)
        new._zeros, new._eval_zeros, new._learned = self._zeros, self._eval_zeros, self._learned
        return new

    def eval_zeros(self) -> Any:
        return trees.copy(self._eval_zeros)

    # -- training

    def _train(self, train_state: TrainState, batch: Any) -> TrainState:
        model, batch = self._model, as_batch(batch)
        layout = Layout(model)
        leaves: list[Any] = jax.tree.leaves(train_state.opt_state)
        tree: Any = jax.tree.structure(train_state.opt_state)
        key = child(child(train_state.key, "step"), train_state.step)
        lists = layout.lists(train_state.params, train_state.state)
        given = (*lists, leaves, list(train_state.sums["vars"]))
        with within(StepFrame(model, key, tree)):
            logs, (first, second, slots, own) = _checked(
                model, "train_step", model.train_step(given, _data(batch)), 4
            )
        params, state = layout.values(first, second)
        return train_state.replace(
            params=params,
            state=state,
            opt_state=tree.unflatten(list(slots)),
            sums={"vars": list(own), "logs": _floats(logs)},
            step=train_state.step + 1,
            position=train_state.position + 1,
        )

    def _trained(self) -> Any:
        def step(train_state: TrainState, batch: Any) -> tuple[TrainState, Any]:
            new = self._train(train_state, batch)
            return new, new.sums["logs"]

        return finite.skipping(step) if self.skips else step

    # -- evaluation

    def _test(self, values: TrainState, batch: Any) -> TrainState:
        model, batch = self._model, as_batch(batch)
        layout = Layout(model)
        state, key = opened(values.state)
        given = (*layout.lists(values.params, state), list(values.sums["vars"]))
        with within(StepFrame(model, key)):
            logs, (_, _, own) = _checked(
                model, "test_step", model.test_step(given, _data(batch)), 3
            )
        return values.replace(sums={"vars": list(own), "logs": _floats(logs)})

    def eval_loop(self, size: int) -> Program:
        if not self._tests_itself:
            return _with_objective(self, self._plain, lambda: Programs.eval_loop(self, size))
        return self._loop("evaluate", size, self._make_test_loop, donate_argnums=2)

    def _make_test_loop(self, size: int) -> Callable[..., Any]:
        def run(
            params: Any, state: Any, sums: Any, data: Batch, order: Any, start: Any, stop: Any,
            length: Any,
        ) -> tuple[Any, Any]:  # fmt: skip
            def body(number: Any, sums: Any) -> Any:
                values = _values(params, at(state, number), sums)
                return self._test(values, take(data, order, number, size, length)).sums

            sums = lax.fori_loop(start, stop, body, sums)
            return sums, sums["logs"]

        return run

    def _eval_one(self, params: Any, state: Any, sums: Any, batch: Batch) -> tuple[Any, Any]:
        if not self._tests_itself:
            one = super()._eval_one
            return _with_objective(self, self._plain, lambda: one(params, state, sums, batch))
        sums = self._test(_values(params, state, sums), batch).sums
        return sums, sums["logs"]


def _with_objective(programs: Any, objective: Any, function: Callable[[], Any]) -> Any:
    """What a function of the programs gives with another objective."""
    before, programs.objective = programs.objective, objective
    try:
        return function()
    finally:
        programs.objective = before


def _values(params: Any, state: Any, sums: Any) -> TrainState:
    zero = jnp.zeros((), jnp.int32)
    return TrainState(params, state, {}, sums, zero, zero, zero, zero)


def _data(batch: Batch) -> Lists:
    x = list(batch.x) if isinstance(batch.x, tuple) else batch.x
    found = (x, batch.y, batch.weight)
    return found if batch.weight is not None else (found[:2] if batch.y is not None else (x,))


def _floats(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as scalars; those in a dict stand beside the others."""
    found: dict[str, Any] = {}
    for name, value in logs.items():
        found |= _floats(value) if isinstance(value, dict) else {name: _scalar(value)}
    return found


def _scalar(value: Any) -> Any:
    return jnp.asarray(getattr(value, "value", value), jnp.float32)


def _checked(model: Any, name: str, found: Any, count: int) -> Any:
    """What a step returned, if it has the right form.

    Raises:
      TypeError: it has not.
    """
    good = isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], dict)
    if not good or not isinstance(found[1], tuple | list) or len(found[1]) != count:
        names = "trainable, non_trainable, optimizer, metrics".split(", ")
        listed = ", ".join(names if count == 4 else [names[0], names[1], names[3]])
        raise TypeError(
            f"{model._who}: {name}: expected to return (logs, ({listed})), got {describe(found)}."
        )
    return found


class Stateless:
    """What a model's own steps call: pure functions of lists, in Keras's words.

    Source: `keras.Model` on JAX.
    """

    metrics: Any
    optimizer: Any

    def stateless_call(
        self: Any,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        training: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """The outputs and the new non-trainable variables.

        Args:
          trainable_variables: arrays in the model's order.
          non_trainable_variables: arrays in the model's order.
          *args: the inputs.
          return_losses: whether the losses of weights and of `add_loss` are returned, too.
          training: the flag.
          **kwargs: further arguments of the call.
        """
        layout = Layout(self)
        params, state = layout.values(trainable_variables, non_trainable_variables)
        frame = innermost(StepFrame)
        key = None if frame is None else frame.next_key()
        if frame is None and (training or draws(self)):
            key = next_key(self, self._own)
        inputs = getattr(self.net, "arranged", list)(args)
        told = {**kwargs, "key": key, "training": bool(training)}
        outputs, new = self.net.apply(params, state, *inputs, **told)
        if frame is not None:
            frame.params, frame.state = params, new
        found = outputs, layout.lists(params, new)[1]
        return (
            (*found, [self.net.penalty(params), *activity_losses(new)]) if return_losses else found
        )

    def compute_loss(
        self: Any,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss that the model was compiled with, and those of weights and of `add_loss`."""
        del training
        batch = Batch(x, y, sample_weight)
        total = jnp.zeros((), jnp.float32)
        for part in self._objective().parts(batch, y_pred):
            if part.goal.loss is not None:
                value = part.goal.loss(part.y, part.outputs, part.weight)
                total = total + (value if part.goal.weight is None else part.goal.weight * value)
        return sum(self.losses, start=total)

    def compute_metrics(
        self: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Updates the metrics that `compile` was given, and returns the values of all; a subclass
        that overrides it is asked for the logs of every batch.
        """
        del x, sample_weight
        if y is not None or self._compilation is not None:
            for metric in given_metrics(self):
                metric.update_state(y, y_pred)
        return self.get_metrics_result()

    def get_metrics_result(self: Any) -> dict[str, Any]:
        """The values of the metrics so far."""
        return {metric.log_name: metric.result() for metric in metrics_of(self)}

    def train_step(self: Any, state: Lists, data: Any) -> tuple[dict[str, Any], Lists]:
        """One update by `compute_loss`."""
        first, second, slots, own = state
        x, y, weight = (*data, None, None)[:3]

        def objective(first: Any, second: Any) -> Any:
            y_pred, new, _ = self.stateless_call(
                first, second, x, training=True, return_losses=True
            )
            told = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": weight, "training": True}
            known = inspect.signature(self.compute_loss).parameters
            with carried(metrics_of(self), own, self) as seen:
                loss = self.compute_loss(**{name: told[name] for name in told if name in known})
            return loss, (y_pred, new, seen.variables())

        found, grads = jax.value_and_grad(objective, has_aux=True)(first, second)
        loss, (y_pred, second, own) = found
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        logs, own = updated(self, own, loss, x, y, y_pred, weight)
        return logs, (first, second, slots, own)

    def test_step(self: Any, state: Lists, data: Any) -> tuple[dict[str, Any], Lists]:
        """The metrics of a batch."""
        first, second, own = state
        x, y, weight = (*data, None, None)[:3]
        y_pred, _ = self.stateless_call(first, second, x, training=False)
        with carried(metrics_of(self), own, self) as seen:
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
        logs, own = updated(self, seen.variables(), loss, x, y, y_pred, weight)
        return logs, (first, second, own)

    def _stated_programs(self: Any) -> StatedPrograms:
        check_steps(self)
        return self._told(StatedPrograms(self, self._objective(), self._transformation()))


def stateless_apply(
    model: Any, optimizer_variables: Sequence[Any], grads: Sequence[Any], variables: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """The trained variables and the optimizer's after an update; constraints are applied.

    Args:
      model: the model.
      optimizer_variables: the leaves of the optimizer's state.
      grads: one for each variable, or None.
      variables: the trained ones.

    Raises:
      ValueError: another number of arrays.
    """
    layout, frame = Layout(model), innermost(StepFrame)
    tree: Any = jax.tree.structure(model._own.opt_state) if frame is None else frame.opt_tree
    if len(optimizer_variables) != tree.num_leaves or len(grads) != len(layout.trained):
        raise ValueError(
            f"{model._who}: stateless_apply: expected {tree.num_leaves} optimizer variables and "
            f"{len(layout.trained)} gradients, got {len(optimizer_variables)} and {len(grads)}."
        )
    rest = layout.lists(model._own.params, model._own.state)[1]
    held = layout.held()
    params, _ = layout.values(variables, rest)
    full, _ = layout.values(grads, rest)
    slots = tree.unflatten(list(optimizer_variables))
    own = trained(params, held)
    updates, slots = model._transformation().update(trained(full, held), slots, own)
    new = whole(optimizers.apply_updates(own, updates), params)
    new = model.net.constrain(new) if hasattr(model.net, "constrain") else new
    return layout.lists(new, model._own.state)[0], jax.tree.leaves(slots)


__all__ = ["StatedPrograms", "Stateless", "is_stated", "stateless_apply"]
