"""One batch: the pure steps of training, evaluation and prediction.

    train_state, logs = train_step(train_state, batch)
    sums = eval_step(params, state, batch)
    outputs = predict_step(params, state, batch)

They hold no arrays and keep nothing, so they run under `jit`, `grad`, `vmap`, `scan` and
`shard_map`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from jkeras import losses, metrics, optimizers
from jkeras.core.batch import Batch, as_batch
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree
from jkeras.training.objective import Logs, Objective, Sums
from jkeras.training.slices import slice_size, value_and_grad_in_slices
from jkeras.training.state import TrainState, fresh

TrainStep = Callable[[TrainState, Any], tuple[TrainState, Logs]]


def make_objective(
    net: Any,
    *,
    loss: Any = None,
    metrics: Sequence[Any] = (),
    weighted_metrics: Sequence[Any] = (),
) -> Objective:
    """A model with its loss and metrics, each given as a string, an object or a plain function."""
    plain, weighted = _named(metrics, weighted_metrics)
    return Objective(net, None if loss is None else losses.get(loss), plain, weighted)


def make_init(
    net: Any, *, loss: Any = None, optimizer: Any = "rmsprop", metrics: Sequence[Any] = ()
) -> Callable[..., TrainState]:
    """The pure function (key, *specs) -> `TrainState` that goes with `make_train_step`.

    Args:
      net: anything with the layer contract.
      loss, optimizer, metrics: as for `make_train_step`.

    Returns:
      `init(key, *specs)`: key a JAX random key, specs the inputs' `jax.ShapeDtypeStruct`s (or
      arrays), batch axis included. Under `vmap` over keys it makes a population.
    """
    return init_fn(
        make_objective(net, loss=loss, metrics=metrics), optimizers.as_transformation(optimizer)
    )


def make_train_step(
    net: Any, *, loss: Any, optimizer: Any = "rmsprop", metrics: Sequence[Any] = ()
) -> TrainStep:
    """The pure function (train_state, batch) -> (train_state, logs) that makes one update.

    Args:
      net: anything with the layer contract.
      loss: name, `Loss`, or function (y_true, y_pred) -> values.
      optimizer: name, `Optimizer`, or optax transformation.
      metrics: names, `Metric`s, or functions (y_true, y_pred) -> values.

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
    return train_step_fn(
        make_objective(net, loss=loss, metrics=metrics), optimizers.as_transformation(optimizer)
    )


def init_fn(objective: Objective, optimizer: Any) -> Callable[..., TrainState]:
    """`make_init` for an `Objective` and an optax transformation."""

    def init(key: Key, *specs: Any) -> TrainState:
        params, state = objective.net.init(child(key, "params"), *specs)
        return fresh(params, state, optimizer.init(params), objective.zeros(), key)

    return init


def train_step_fn(objective: Objective, optimizer: Any) -> TrainStep:
    """`make_train_step` for an `Objective` and an optax transformation."""
    constrain = getattr(objective.net, "constrain", lambda params: params)

    def train_step(train_state: TrainState, batch: Any) -> tuple[TrainState, Logs]:
        batch = as_batch(batch)
        key = child(child(train_state.key, "step"), train_state.step)
        (loss, (outputs, state)), grads = _gradients(objective, train_state, batch, key)
        updates, opt_state = optimizer.update(grads, train_state.opt_state, train_state.params)
        sums = objective.sums(loss, outputs, batch)
        train_state = train_state.replace(
            params=constrain(optimizers.apply_updates(train_state.params, updates)),
            state=state,
            opt_state=opt_state,
            sums=objective.merge(train_state.sums, sums),
            step=train_state.step + 1,
            position=train_state.position + 1,
        )
        return train_state, objective.logs(sums)

    return train_step


def _gradients(objective: Objective, train_state: TrainState, batch: Batch, key: Key) -> Any:
    """((loss, (outputs, state)), gradients) of a batch; the gradients are of the loss as the
    optimizer wants it scaled.
    """
    arguments = (train_state.params, train_state.state, batch, key, True)
    opt_state = train_state.opt_state
    size = slice_size(objective, train_state.params, train_state.state, batch)
    if size and not optimizers.scales_loss(opt_state):
        return value_and_grad_in_slices(objective, size)(*arguments)

    def scaled(*arguments: Any) -> tuple[jax.Array, Any]:
        loss, found = objective.value(*arguments)
        return optimizers.scale_loss(loss, opt_state), (loss, found)

    (_, found), grads = jax.value_and_grad(scaled, has_aux=True)(*arguments)
    return found, grads


def eval_step_fn(objective: Objective) -> Callable[[Tree, Tree, Any], Sums]:
    """The pure function (params, state, batch) -> metric sums of one batch, without training."""

    def eval_step(params: Tree, state: Tree, batch: Any) -> Sums:
        batch = as_batch(batch)
        loss, (outputs, _) = objective.value(params, state, batch, None, False)
        return objective.sums(loss, outputs, batch)

    return eval_step


def predict_step_fn(net: Any) -> Callable[[Tree, Tree, Any], Any]:
    """The pure function (params, state, batch) -> outputs, without training."""

    def predict_step(params: Tree, state: Tree, batch: Batch) -> Any:
        return net.apply(params, state, *as_batch(batch).inputs, training=False)[0]

    return predict_step


def _named(
    plain: Sequence[Any], weighted: Sequence[Any]
) -> tuple[tuple[tuple[str, metrics.Metric], ...], ...]:
    """Metrics with the names that the logs give them."""
    found = [metrics.get(identifier) for identifier in plain]
    found_weighted = [metrics.get(identifier) for identifier in weighted]
    names = metrics.log_names(found, found_weighted)
    pairs = tuple(zip(names, found + found_weighted, strict=True))
    return pairs[: len(found)], pairs[len(found) :]
