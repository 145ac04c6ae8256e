"""NaN and infinity in training: the policies, the watch after every step, and the messages.

`compile(check_nans="stop")` dispatches every step by itself, keeps the state before it, and checks
the weights and the loss after it. Where these are not finite, the step is repeated in Python, layer
by layer, and the message names the first value that is not finite; so it is with `jax_debug_nans`.
`check_nans="skip"` leaves such
steps out in the compiled program (`training.finite`), and warns after each epoch with their
number. Without the option nothing of this runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.contract import LayerContract
from jkeras.core.layer_seeds import step_key
from jkeras.core.trees import Tree, widest_float
from jkeras.models.calls import observing
from jkeras.trainer.compiling.compilation import Compilation
from jkeras.trainer.state.model_state import ModelState
from jkeras.training.finite import SKIPPED
from jkeras.training.objective import Logs, Objective
from jkeras.training.state import TrainState
from jkeras.training.steps import gradients

WHY = "because the loss, the gradients or the new weights were not finite"
NAMING = "compile(check_nans='stop') names the layer that makes them so."
UNKNOWN = (
    "the weights or the loss are not finite after it. The step is `train_step`, the trainer's own: "
    "look there, with compile(run_eagerly=True)."
)


class NotFiniteError(Exception):
    """Ends a forward pass at the first layer that gave something else than numbers."""


@jax.jit
def is_finite(tree: Tree) -> jax.Array:
    """Whether all numbers in a tree are finite."""
    leaves = (leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact))
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves], bool))


def quietly(step_fn: Callable[..., Any]) -> Callable[..., Any]:
    """A step without JAX's own watch (`jax_debug_nans`), which names no layer."""

    def step(*args: Any) -> Any:
        with jax.debug_nans(False):
            return step_fn(*args)

    return step


def explanation(objective: Objective, before: TrainState, batch: Batch) -> str:
    """What of a step is not finite, and what may help, in two sentences.

    Args:
      objective: the model with its losses.
      before: the state before the step.
      batch: the step's batch.
    """
    key = step_key(objective.net, before.key, before.step)
    for name, weight in trees.named_leaves(before.params).items():
        if not _finite(weight):
            return f"the weight {name} is {_what(weight)} already. Look at its initializer."
    try:
        with observing(_check):
            loss, _ = objective.value(before.params, before.state, batch, key, True)
    except NotFiniteError as error:
        return str(error)
    if not _finite(loss):
        return (
            f"the loss is {_what(loss)}, of outputs that are finite. Losses from probabilities "
            "want outputs in their range (softmax, sigmoid), logarithms targets above -1."
        )
    _, grads = gradients(objective, before, batch, key)
    for name, gradient in reversed(trees.named_leaves(grads).items()):
        if not _finite(gradient):
            return (
                f"the gradient of {name} is {_what(gradient)}, of a loss that is finite. Look for "
                "square roots, divisions and norms of zero in that layer and behind it."
            )
    return (
        "the optimizer's update is not finite, of gradients that are. Lower the learning rate, or "
        "clip: Adam(global_clipnorm=1.0)."
    )


def _check(layer: LayerContract, inputs: Tree, outputs: Tree) -> None:
    for output in jax.tree.leaves(outputs):
        if not _finite(output):
            arrays = [np.asarray(x, widest_float()) for x in jax.tree.leaves(inputs) if np.size(x)]
            low = min((float(x.min()) for x in arrays), default=0.0)
            high = max((float(x.max()) for x in arrays), default=0.0)
            between = f" and lie between {low:.4g} and {high:.4g}" if arrays else ""
            raise NotFiniteError(
                f"the outputs of {layer.who} are {_what(output)}, of inputs that are finite"
                f"{between}. Look at what it computes, scale its inputs, or lower the learning "
                "rate."
            )


def _finite(x: jax.Array | np.ndarray) -> bool:
    return not jnp.issubdtype(x.dtype, jnp.inexact) or bool(jnp.all(jnp.isfinite(x)))


def _what(x: jax.Array | np.ndarray) -> str:
    return "NaN" if bool(jnp.any(jnp.isnan(x))) else "infinite"


def checked(
    who: str,
    objective: Objective | None,
    before: TrainState,
    after: TrainState,
    logs: Logs,
    batch_fn: Callable[[], Batch],
) -> FloatingPointError | None:
    """The error to raise for a step whose weights or loss are not finite; None for another.

    Args:
      who: the method, for the message.
      objective: the model with its losses; None where the step is the user's.
      before: the state before the step.
      after: the state after it.
      logs: the logs after it.
      batch_fn: returns the step's batch.
    """
    if is_finite((after.params, logs.get("loss", jnp.zeros(())))):
        return None
    with jax.debug_nans(False):
        why = UNKNOWN if objective is None else explanation(objective, before, batch_fn())
    return FloatingPointError(f"{who}: {why}")


def count_skipped(train_state: TrainState) -> int:
    """How many steps were left out so far in the epoch."""
    found = train_state.sums.get(SKIPPED)
    return 0 if found is None else int(found["count"])


def warn_of_skipped_batch(who: str, skipped: bool) -> None:
    """Warns where the last step was left out."""
    if skipped:
        warnings.warn(f"{who}: the step was skipped, {WHY}. {NAMING}", stacklevel=5)


def warn_of_skipped(who: str, train_state: TrainState, start: int = 0) -> None:
    """Warns where steps of an epoch were left out.

    Args:
      who: the method, for the message.
      train_state: after the epoch's last step; one without a count is passed over.
      start: the position of the epoch's first batch.

    Raises:
      FloatingPointError: all of them were: nothing is learned, and the epoch has no loss.
    """
    count = count_skipped(train_state)
    if not count:
        return
    first = int(train_state.sums[SKIPPED]["first"]) - start
    total = int(train_state.position) - start
    where = f"{who}: epoch {int(train_state.epoch) + 1}"
    if count == total:
        raise FloatingPointError(
            f"{where}: all {total} steps were skipped, {WHY}. "
            f"The model is as it was before this epoch. {NAMING}"
        )
    warnings.warn(
        f"{where}: {count} of {total} steps were skipped, the first at batch {first}, {WHY}. "
        f"{NAMING}",
        stacklevel=6,
    )


def warn_of_nan_loss(
    state: ModelState, compiled: Compilation, epoch: int, logs: Mapping[str, Any]
) -> None:
    """Warns, once a model, of an epoch whose loss is NaN, unless `check_nans` says otherwise."""
    is_watched = compiled.on_nan == "refuse" and "nan" not in state.warned
    if is_watched and np.any(np.isnan(logs.get("loss", 0.0))):
        state.warned.add("nan")
        warnings.warn(f"fit: epoch {epoch + 1}: the loss is NaN. {NAMING}", stacklevel=5)
