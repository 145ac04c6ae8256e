"""`train_step` and `test_step` as methods of a model class, in the form that Keras has on JAX.

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
import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import optimizers
from jkeras.core import computed_weights, trees
from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.freezing import trained, whole
from jkeras.core.layer import ACTIVITY_LOSS
from jkeras.core.layer_seeds import step_key
from jkeras.core.seeds import drawing_from
from jkeras.core.trees import Tree, widest_float
from jkeras.core.variables import innermost, within
from jkeras.keras_classes.step_context import StepFrame, building_parts
from jkeras.keras_classes.subclassed_model import check_steps
from jkeras.keras_classes.tracking import metrics_in
from jkeras.metrics import Metric
from jkeras.metrics.carried import Carried, carried
from jkeras.trainer.compiling.compilation import skips_nans
from jkeras.trainer.compiling.plan import Kind, Plan
from jkeras.trainer.compiling.programs import Programs, StepFunctions
from jkeras.trainer.state import freezing, inference_rng, late_parts
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.weight_order import PARTS
from jkeras.trainer.steps.loss_steps import LossSteps, PredictFn
from jkeras.trainer.steps.method_metrics import (
    StepMethods,
    first_variables,
    log_names,
    metrics_of,
)
from jkeras.training import finite, steps
from jkeras.training.inference_key import state_and_key
from jkeras.training.objective import Sums
from jkeras.training.state import TrainState

Lists = tuple[Any, ...]
Logs = dict[str, Any]
STEP_METHODS = ("train_step", "test_step", "compute_loss", "compute_metrics")


def overridden_methods(cls: type, base: type) -> frozenset[str]:
    """The step methods that a class defines in place of those of `base`."""
    return frozenset(n for n in STEP_METHODS if getattr(cls, n) is not getattr(base, n))


class VariableLists:
    """Which leaf of params and state stands where in Keras's lists of variables.

    Args:
      state: the model's, built.
    """

    def __init__(self, state: ModelState) -> None:
        flags = freezing.trained_places(state)
        self.trees: list[Any] = [jax.tree.structure(getattr(state.stored, part)) for part in PARTS]
        at = [(PARTS.index(place.part), place.leaf) for place in state.order()]
        self.trained = [where for where, flag in zip(at, flags, strict=True) if flag]
        every = [(part, i) for part in (0, 1) for i in range(self.trees[part].num_leaves)]
        others = [where for where, flag in zip(at, flags, strict=True) if not flag]
        # Losses of outputs are no variables: they come in as zeros, and do not go out.
        leaves = jax.tree_util.tree_leaves_with_path(getattr(state.stored, "state", {}))
        self.losses = {
            (1, i): trees.spec_of(leaf)
            for i, (path, leaf) in enumerate(leaves)
            if getattr(path[-1], "key", None) == ACTIVITY_LOSS
        }
        known = {*at, *self.losses}
        self.others = others + [where for where in every if where not in known]

    def of(self, params: Tree, state: Tree) -> tuple[list[Any], list[Any]]:
        """Trained weights, and the rest."""
        leaves = [jax.tree.leaves(params), jax.tree.leaves(state)]
        return [leaves[p][i] for p, i in self.trained], [leaves[p][i] for p, i in self.others]

    def values(self, trainable: Sequence[Any], others: Sequence[Any]) -> tuple[Any, Any]:
        """(params, state) of such lists.

        Raises:
          ValueError: other numbers of arrays.
        """
        for name, given, own in (
            ("trainable_variables", trainable, self.trained),
            ("non_trainable_variables", others, self.others),
        ):
            if len(given) != len(own):
                raise ValueError(f"`{name}`: expected {len(own)} arrays, got {len(given)}.")
        leaves: list[list[Any]] = [[None] * tree.num_leaves for tree in self.trees]
        places = [*self.trained, *self.others]
        for (part, i), value in zip(places, [*trainable, *others], strict=True):
            leaves[part][i] = getattr(value, "value", value)
        for (part, i), loss in self.losses.items():
            leaves[part][i] = jnp.zeros(loss.shape, loss.dtype)
        params, state = (t.unflatten(v) for t, v in zip(self.trees, leaves, strict=True))
        return params, state

    def frozen(self) -> Any:
        """The tree of params with True where a weight is frozen."""
        trained_leaves = {i for part, i in self.trained if part == 0}
        count = self.trees[0].num_leaves
        return self.trees[0].unflatten([i not in trained_leaves for i in range(count)])


class MethodSteps(LossSteps):
    """Steps that are methods of a model class.

    Args:
      model: the model, whose methods are called.
      overridden: the step methods that its class defines.
      predict_fn: as for `LossSteps`.
    """

    def __init__(
        self, model: StepMethods, overridden: frozenset[str], predict_fn: PredictFn | None = None
    ) -> None:
        super().__init__(predict_fn)
        self._model = model
        self._has_test_step = bool(overridden - {"train_step"})

    def metrics(self, state: ModelState) -> list[Metric]:
        """Those of `compile`, then those that the model's attributes hold."""
        own = metrics_in(self._model)
        if own and self.compilation is None:
            return own
        known = LossSteps.metrics(self, state)
        return list({id(metric): metric for metric in (*known, *own)}.values())

    def plan_key(self, state: ModelState, kind: Kind) -> Hashable:
        """The frozen weights, and the metrics that the model's attributes hold now: their variables
        go through a step.
        """
        if kind == "predict":
            return None
        own = tuple((id(metric), metric.log_name) for metric in metrics_in(self._model))
        return state.frozen_now(), own

    def may_pad(self, state: ModelState) -> bool:
        """Never: what the methods do with a row is unknown."""
        return False

    def plan(self, who: str, state: ModelState, kind: Kind, batch: Batch, rows: int) -> Plan:
        """The plan for batches like this one; a step is traced, since what it logs decides what
        loops carry.

        Raises:
          TypeError, ValueError: a method has the wrong arguments, or returns something else than
            it should.
        """
        check_steps(self._model)
        if kind == "predict" or (kind == "evaluate" and not self._has_test_step):
            plan = super().plan(who, state, kind, batch, rows)
            unpadded = dataclasses.replace(plan.programs.functions, pads=False)
            names = tuple(self.metrics_names(state)) if kind == "evaluate" else ()
            return dataclasses.replace(plan, programs=Programs(unpadded), log_names=names)
        objective = None
        if state.has_call:
            outputs = inference_rng.output_specs(state, *trees.specs_of_rows(batch.inputs, rows))
            objective = self.objective(state).resolved_for(outputs)
        train: steps.TrainStep = functools.partial(self._train, state)
        test = functools.partial(self._test, state)

        def logs_of(values: TrainState, batch: Batch) -> Logs:
            if kind == "train":
                return train(values, batch)[1]
            return test(values.params, values.state, values.sums, batch)["logs"]

        variables = first_variables(self._model)
        values = state.need_values().replace(sums={"vars": variables, "logs": {}})
        with building_parts():
            logs = jax.eval_shape(logs_of, trees.specs(values), trees.specs_of_rows(batch, rows))
        if late_parts.take(state):  # layers that this step is the first to call
            return self.plan(who, state, kind, batch, rows)
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), logs)
        skips = skips_nans(self.compilation)
        functions = StepFunctions(
            net=state.net,
            zeros={"vars": variables, "logs": zeros},
            logs=lambda sums: sums["logs"],
            predict=self._predict_fn or steps.predict_step_fn(state.net),
            train=(finite.skipping(train) if skips else train) if kind == "train" else None,
            evaluate=test if kind == "evaluate" else None,
            objective=objective,
            skips=skips,
        )
        return Plan(kind, Programs(functions), log_names=tuple(self.metrics_names(state)))

    def metrics_names(self, state: ModelState) -> list[str]:
        """The names of the metrics that the model lists."""
        objective = None if self.compilation is None else self.objective(state)
        return list(log_names(self._model, objective, metrics_of(self._model)).values())

    def _train(
        self, state: ModelState, train_state: TrainState, batch: Batch
    ) -> tuple[TrainState, Logs]:
        model, batch, lists = self._model, as_batch(batch), VariableLists(state)
        slots: list[Any] = jax.tree.leaves(train_state.opt_state)
        tree: Any = jax.tree.structure(train_state.opt_state)
        key = step_key(state.net, train_state.key, train_state.step)
        weights = lists.of(train_state.params, train_state.state)
        given = (*weights, slots, list(train_state.sums["vars"]))
        frame = StepFrame(model, key, tree, train_state.params, train_state.state)
        with within(frame), drawing_from(frame.draw_key), _carried(model, given[3]) as frame.sums:
            made = model.train_step(given, _data(batch))
        logs, (first, second, slots, own) = _checked(state, "train_step", made, 4)
        own = _latest(given[3], own, frame.sums)
        params, carried_state = lists.values(first, second)
        logs = _scalars(logs)
        new = train_state.replace(
            params=params,
            state=carried_state,
            opt_state=tree.unflatten(list(slots)),
            sums={"vars": list(own), "logs": logs},
            step=train_state.step + 1,
            position=train_state.position + 1,
        )
        return new, logs

    def _test(
        self, state: ModelState, params: Tree, carried_state: Tree, sums: Sums, batch: Batch
    ) -> Sums:
        model, batch, lists = self._model, as_batch(batch), VariableLists(state)
        carried_state, key = state_and_key(carried_state)
        given = (*lists.of(params, carried_state), list(sums["vars"]))
        frame = StepFrame(model, key, None, params, carried_state)
        with within(frame), drawing_from(frame.draw_key), _carried(model, given[2]) as frame.sums:
            made = model.test_step(given, _data(batch))
        logs, (_, _, own) = _checked(state, "test_step", made, 3)
        own = _latest(given[2], own, frame.sums)
        return {"vars": list(own), "logs": _scalars(logs)}


def _carried(model: StepMethods, variables: list[Any]) -> Any:
    """A context in which the model's metrics may be updated by `update_state`, too."""
    return carried(metrics_of(model), variables, model)


def _latest(before: list[Any], returned: Sequence[Any], frame: Carried) -> list[Any]:
    """The metrics' variables after a step: those that it returned or, where these are the ones that
    it was given, those that `update_state` left.
    """
    if len(returned) != len(before):
        return list(returned)
    rows = zip(before, returned, frame.variables(), strict=True)
    return [now if new is old else new for old, new, now in rows]


def _data(batch: Batch) -> Lists:
    x = list(batch.x) if isinstance(batch.x, tuple) else batch.x
    found = (x, batch.y, batch.weight)
    return found if batch.weight is not None else (found[:2] if batch.y is not None else (x,))


def _scalars(logs: Mapping[str, Any]) -> Logs:
    """Logs as float32 scalars; those in a dict stand beside the others."""
    found: Logs = {}
    for name, value in logs.items():
        if isinstance(value, dict):
            found |= _scalars(value)
        else:
            found[name] = jnp.asarray(getattr(value, "value", value), widest_float())
    return found


def _checked(state: ModelState, name: str, made: Any, count: int) -> Any:
    """What a step returned, if it has the right form; a number as logs is the loss.

    Raises:
      TypeError: it has not.
    """
    if isinstance(made, tuple) and len(made) == 2 and jnp.isscalar(made[0]):
        made = {"loss": made[0]}, made[1]
    good = isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], dict)
    if not good or not isinstance(made[1], tuple | list) or len(made[1]) != count:
        names = "trainable, non_trainable, optimizer, metrics".split(", ")
        listed = ", ".join(names if count == 4 else [names[0], names[1], names[3]])
        raise WrongTypeError(
            f"{state.who}: {name}: expected to return (logs, ({listed})), got {describe(made)}."
        )
    return made


def stateless_apply(
    state: ModelState,
    optimizer_variables: Sequence[Any],
    grads: Sequence[Any],
    variables: Sequence[Any],
) -> tuple[list[Any], list[Any]]:
    """The trained variables and the optimizer's after an update; constraints are applied.

    Args:
      state: the model's.
      optimizer_variables: the leaves of the optimizer's state.
      grads: one for each variable, or None.
      variables: the trained ones.

    Raises:
      ValueError: another number of arrays.
    """
    values, lists, frame = state.need_values(), VariableLists(state), innermost(StepFrame)
    tree: Any = jax.tree.structure(values.opt_state) if frame is None else frame.opt_tree
    if len(optimizer_variables) != tree.num_leaves or len(grads) != len(lists.trained):
        raise ValueError(
            f"{state.who}: stateless_apply: expected {tree.num_leaves} optimizer variables and "
            f"{len(lists.trained)} gradients, got {len(optimizer_variables)} and {len(grads)}."
        )
    rest, frozen = lists.of(values.params, values.state)[1], lists.frozen()
    params, _ = lists.values(variables, rest)
    all_grads, _ = lists.values(grads, rest)
    slots = tree.unflatten(list(optimizer_variables))
    trained_grads = trained(all_grads, frozen)
    computed = computed_weights.next_values(state.net, params, trained_grads)
    params = params if computed is None else whole(computed, params)
    own, trained_grads = (
        trained(params, frozen),
        computed_weights.without_gradient(trained_grads, computed),
    )
    updates, slots = state.maker.transformation.update(trained_grads, slots, own)
    new = whole(optimizers.apply_updates(own, updates), params)
    new = state.net.constrain(new) if hasattr(state.net, "constrain") else new
    new = new if computed is None else whole(computed, new)
    return lists.of(new, values.state)[0], jax.tree.leaves(slots)
