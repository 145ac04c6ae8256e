"""One batch: the pure steps of training, evaluation and prediction.

    train_state, logs = train_step(train_state, batch)
    sums = eval_step(params, state, batch)
    outputs = predict_step(params, state, batch)

They hold no arrays and keep nothing, so they run under `jit`, `grad`, `vmap`, `scan` and
`shard_map`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras import optimizers
from jkeras.core import computed_weights
from jkeras.core.batch import Batch, as_batch
from jkeras.core.constants import first_values
from jkeras.core.freezing import whole
from jkeras.core.keys import Key, child
from jkeras.core.layer_places import placed_gradients, placed_weights, regathering
from jkeras.core.layer_seeds import step_key
from jkeras.core.tracing import shapes_only
from jkeras.core.trees import Tree
from jkeras.training import finite
from jkeras.training.inference_key import state_and_key
from jkeras.training.loss_specs import Losses, LossWeights, Metrics, parse_compile_args
from jkeras.training.net import Net
from jkeras.training.objective import Logs, Objective, Sums, objective_of
from jkeras.training.slices import slice_size, value_and_grad_in_slices
from jkeras.training.state import TrainState, fresh

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import OptimizerLike, Transformation

TrainStep = Callable[[TrainState, Any], tuple[TrainState, Logs]]


def make_objective(
    net: Net,
    *,
    loss: Losses = None,
    metrics: Metrics = (),
    weighted_metrics: Metrics = (),
    loss_weights: LossWeights = None,
) -> Objective:
    """A model with its losses and metrics, each given as a string, an object or a plain function,
    or as lists or dicts of these, one for each output.
    """
    return objective_of(net, parse_compile_args(loss, loss_weights, metrics, weighted_metrics))


def make_init(
    net: Net,
    *,
    loss: Losses = None,
    optimizer: OptimizerLike = "rmsprop",
    metrics: Metrics = (),
    loss_weights: LossWeights = None,
) -> Callable[..., TrainState]:
    """The pure function (key, *specs) -> `TrainState` that goes with `make_train_step`.

    Args:
      net: anything with the layer contract.
      loss, optimizer, metrics, loss_weights: as for `make_train_step`.

    Returns:
      `init(key, *specs)`: key a JAX random key, specs the inputs' `jax.ShapeDtypeStruct`s (or
      arrays), batch axis included. Under `vmap` over keys it makes a population.
    """
    objective = make_objective(net, loss=loss, metrics=metrics, loss_weights=loss_weights)
    return init_fn(objective, optimizers.as_transformation(optimizer), looks=True)


def make_train_step(
    net: Net,
    *,
    loss: Losses,
    optimizer: OptimizerLike = "rmsprop",
    metrics: Metrics = (),
    loss_weights: LossWeights = None,
) -> TrainStep:
    """The pure function (train_state, batch) -> (train_state, logs) that makes one update.

    Args:
      net: anything with the layer contract.
      loss: name, `Loss`, or function (y_true, y_pred) -> values; a list or dict of these, one for
        each output, for a model with several.
      optimizer: name, `Optimizer`, or optax transformation.
      metrics: names, `Metric`s, or functions (y_true, y_pred) -> values; a list or dict of lists of
        these for a model with several outputs.
      loss_weights: what each output's loss is multiplied by in the total; ones when left out.

    Returns:
      A function; its batch is `(x, y)`, `(x, y, sample_weight)` or a `Batch`, its logs are scalars
      of this batch, `{"loss": …, "accuracy": …}`. The state's `sums` gather the epoch's.

    Example:
      >>> import jax.numpy as jnp
      >>> import jkeras
      >>> net = jkeras.models.Chain([jkeras.layers.Dense(1)])
      >>> options = dict(loss="mse", optimizer="sgd")
      >>> x, y = jnp.ones((4, 2)), jnp.zeros((4, 1))
      >>> state = make_init(net, **options)(jax.random.key(0), x)
      >>> step = jax.jit(make_train_step(net, **options))
      >>> state, first = step(state, (x, y))
      >>> state, second = step(state, (x, y))
      >>> bool(second["loss"] < first["loss"]), int(state.step)
      (True, 2)
    """
    objective = make_objective(net, loss=loss, metrics=metrics, loss_weights=loss_weights)
    return train_step_fn(objective, optimizers.as_transformation(optimizer))


def init_fn(
    objective: Objective, optimizer: Transformation, *, looks: bool = False
) -> Callable[..., TrainState]:
    """`make_init` for an `Objective` and an optax transformation; with `looks` the model is traced
    for the structure of its outputs, where the objective does not know it.
    """
    net = objective.net

    def init(key: Key, *specs: Any) -> TrainState:
        params, state = net.init(child(key, "params"), *specs)
        outputs = None
        if looks and objective.output_structure is None:
            with shapes_only():
                outputs = jax.eval_shape(lambda *args: net.apply(*args)[0], params, state, *specs)
        opt_state = first_values(
            functools.partial(optimizers.init_state, optimizer), objective.trained(params)
        )
        return fresh(params, state, opt_state, objective.zeros(outputs=outputs), key)

    return init


def train_step_fn(
    objective: Objective, optimizer: Transformation, *, skips: bool = False
) -> TrainStep:
    """`make_train_step` for an `Objective` and an optax transformation; with `skips` a step that
    would make NaN or infinity leaves itself out, and is counted in the sums (`finite`).
    """
    constrain = getattr(objective.net, "constrain", lambda params: params)

    def updated(train_state: TrainState, batch: Batch, key: Key, size: int | None) -> Any:
        """(loss, step_outputs), whether the step is good, and (params, opt_state) after it."""
        params, searches = train_state.params, False

        def value_fn(trained: Tree) -> jax.Array:
            nonlocal searches
            searches, trained = True, computed_weights.held(objective.net, trained)
            return objective.value(whole(trained, params), train_state.state, batch, key, True)[0]

        aux, grads = gradients(objective, train_state, batch, key, size)
        extra = {"value": aux[0], "value_fn": value_fn}

        def update(grads: Tree, params: Tree, opt_state: Tree) -> tuple[Tree, Tree]:
            computed = _computed(objective.net, params, grads, opt_state)
            grads = computed_weights.without_gradient(grads, computed)
            params = params if computed is None else whole(computed, params)
            trained = objective.trained(params)
            updates, opt_state = optimizers.compute_updates(
                optimizer, grads, opt_state, trained, **extra
            )
            new = constrain(whole(optimizers.apply_updates(trained, updates), params))
            new = whole(objective.trained(new), params)
            return (new if computed is None else whole(computed, new)), opt_state

        args = (grads, params, train_state.opt_state)
        good, new = finite.guarded(update, aux[0], *args) if skips else (None, update(*args))
        if searches and size:  # slices draw other random numbers than the function searched
            return updated(train_state, batch, key, None)
        return aux, good, new

    def train_step(train_state: TrainState, batch: Tree) -> tuple[TrainState, Logs]:
        batch = as_batch(batch)
        key = step_key(objective.net, train_state.key, train_state.step)
        size = slice_size(objective, train_state.params, train_state.state, batch)
        (loss, step_outputs), good, (params, opt_state) = updated(train_state, batch, key, size)
        resolved = objective.resolved_for(step_outputs.outputs)
        sums = resolved.sums(loss, step_outputs, batch)
        after = train_state.replace(
            params=params,
            state=step_outputs.state,
            opt_state=opt_state,
            sums=resolved.merge(train_state.sums, sums),
            step=train_state.step + 1,
            position=train_state.position + 1,
        )
        if good is not None:
            after = finite.counted(train_state, after, good)
        return after, resolved.logs(sums)

    return train_step


def _computed(net: Net, params: Tree, grads: Tree, opt_state: Tree) -> Tree | None:
    """What no optimizer moves, after the step (`core.computed_weights`); as before a step that loss
    scaling leaves out.
    """
    new = computed_weights.next_values(net, params, grads)
    if new is None or not optimizers.scales_loss(opt_state):
        return new
    good = jnp.all(jnp.array([jnp.all(jnp.isfinite(grad)) for grad in jax.tree.leaves(grads)]))
    return jax.tree.map(
        lambda after, before: None if after is None else jnp.where(good, after, before),
        new,
        params,
        is_leaf=lambda leaf: leaf is None,
    )


def gradients(
    objective: Objective, train_state: TrainState, batch: Batch, key: Key, size: int | None = None
) -> Any:
    """((loss, step_outputs), gradients) of a batch, in slices of `size` examples if there is one;
    the gradients are those of the loss with the optimizer's loss scale, and None for frozen
    weights.
    """
    params, opt_state = train_state.params, train_state.opt_state
    arguments = (objective.trained(params), train_state.state, batch, key)
    if size and not optimizers.scales_loss(opt_state):
        return value_and_grad_in_slices(objective, size, params)(*arguments, True)

    def scaled(trained: Tree, state: Tree, batch: Batch, key: Key) -> tuple[jax.Array, Any]:
        loss, step_outputs = objective.value(whole(trained, params), state, batch, key, True)
        return optimizers.scale_loss(loss, opt_state), (loss, step_outputs)

    value_and_grad = jax.value_and_grad(regathering(scaled), has_aux=True)
    (_, aux), grads = value_and_grad(*arguments)
    return aux, placed_gradients(grads)


def eval_step_fn(objective: Objective) -> Callable[[Tree, Tree, Any], Sums]:
    """The pure function (params, state, batch) -> metric sums of one batch, without training; the
    state may be a `StateWithKey`.
    """

    def eval_step(params: Tree, state: Tree, batch: Tree) -> Sums:
        batch, (state, key) = as_batch(batch), state_and_key(state)
        loss, step_outputs = objective.value(params, state, batch, key, False)
        return objective.resolved_for(step_outputs.outputs).sums(loss, step_outputs, batch)

    return eval_step


def summing(
    merge: Callable[[Sums, Sums], Sums], sums_of: Callable[[Tree, Tree, Any], Sums]
) -> Callable[[Tree, Tree, Sums, Any], Sums]:
    """The pure function (params, state, sums, batch) -> the sums with those of the batch."""

    def eval_step(params: Tree, state: Tree, sums: Sums, batch: Batch) -> Sums:
        return merge(sums, sums_of(params, state, batch))

    return eval_step


def predict_step_fn(net: Net) -> Callable[[Tree, Tree, Any], Any]:
    """The pure function (params, state, batch) -> outputs, without training; the state may be a
    `StateWithKey`.
    """

    def predict_step(params: Tree, state: Tree, batch: Batch) -> Any:
        state, key = state_and_key(state)
        kwargs = {"training": False} if key is None else {"training": False, "key": key}
        params = placed_weights(params)
        return net.apply(params, state, *as_batch(batch).inputs, **kwargs)[0]

    return predict_step
