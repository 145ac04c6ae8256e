"""The gradient of a batch, computed slice by slice where that is faster.

On the CPU a convolution's activations for a whole batch are larger than the cache, and every
operation waits for memory. A slice that fits in the cache goes forward and back before the next
one begins (a step of a small network of convolutions on 128 images: 24 to 18 ms). The loss is a sum
over elements divided by a number that no weight changes, so sums and gradients add up to those of
the whole batch, up to rounding.

That holds for models and losses that look at one example at a time. Others, and those that do not
declare it, get the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.freezing import whole
from jkeras.core.keys import Key, child
from jkeras.core.platform import cuts_batches, platform
from jkeras.core.trees import Tree, widest_float
from jkeras.training.objective import Objective, StepOutputs, padded_rows

CACHE_BYTES = 5 << 20
"""Bytes of layer outputs in one slice. Measured: flat between 2 and 5 MB, slower beyond."""
FEWEST = 16
"""Examples in a slice: with fewer the products of matrices become slow. What does not fit with so
many, such as a deep network, does not fit at all."""

ValueAndGrad = Callable[..., tuple[tuple[jax.Array, StepOutputs], Tree]]


def slice_size(objective: Objective, params: Tree, state: Tree, batch: Batch) -> int | None:
    """How many examples a slice has, or None where the batch is better taken whole.

    Args:
      objective: the model with its loss.
      params, state: the model's values.
      batch: the batch; only shapes are looked at.
    """
    net = objective.net
    gains = getattr(net, "in_slices", "never") == "faster" and platform() == "cpu"
    gains = gains and cuts_batches()
    separate = padded_rows(net) == "ignored" and not jax.tree.leaves(state)
    if not (gains and separate) or getattr(net, "makes_masks", False):
        return None
    rows = len(jax.tree.leaves(batch.x)[0])
    outputs = jax.eval_shape(net.layer_outputs, params, state, *batch.inputs)
    resolved = objective.resolved_for(outputs[-1])
    is_one = len(resolved.loss_specs) == len(resolved.loss_terms) == 1
    loss = resolved.loss_terms[0].loss if is_one else None
    # The loss looks at one example at a time; another axis than the last may be that of the batch.
    if loss is None or not (loss.independent and loss.reduction) or getattr(loss, "axis", -1) != -1:
        return None
    fits = CACHE_BYTES * rows // max(trees.size_bytes(outputs), 1)
    sizes = [size for size in range(FEWEST, min(fits, rows) + 1) if rows % size == 0]
    return sizes[-1] if sizes and sizes[-1] < rows else None


def value_and_grad_in_slices(
    objective: Objective, size: int, all_params: Tree = None
) -> ValueAndGrad:
    """`jax.value_and_grad(objective.value, has_aux=True)`, computed slice by slice.

    Args:
      objective: a model and a loss for which `slice_size` gave a size.
      size: examples in a slice; it divides the batch.
      all_params: the weights to use where the function below is given None, if it ever is.

    Returns:
      The function (params, state, batch, key, training) -> ((loss, step_outputs), grads). Each
      slice draws its random numbers from a key of its own.
    """

    def full(params: Tree) -> Tree:
        return params if all_params is None else whole(params, all_params)

    def total(params: Tree, state: Tree, part: Batch, key: Key) -> tuple[jax.Array, Any]:
        outputs, _, _ = objective.outputs(full(params), state, part, key, True)
        value, divisor = objective.loss_parts(part, outputs)
        return value.astype(widest_float()), (divisor, outputs)

    total_and_grad = jax.value_and_grad(total, has_aux=True)
    penalty_and_grad = jax.value_and_grad(
        lambda p: jnp.asarray(objective.penalty(full(p)), widest_float())
    )

    def value_and_grad(
        params: Tree, state: Tree, batch: Batch, key: Key, training: bool
    ) -> tuple[tuple[jax.Array, StepOutputs], Tree]:
        del training  # always: an evaluation has no gradient
        count = len(jax.tree.leaves(batch.x)[0]) // size
        parts = jax.tree.map(lambda a: a.reshape(count, size, *a.shape[1:]), batch)

        def body(sums: Tree, numbered: tuple[jax.Array, Batch]) -> tuple[Any, Any]:
            number, part = numbered
            (value, (divisor, outputs)), grads = total_and_grad(
                params, state, part, child(key, number)
            )
            return jax.tree.map(jnp.add, sums, (value, divisor, grads)), outputs

        def none_yet() -> tuple[Any, Any, Any]:
            part = jax.tree.map(lambda a: a[0], parts)
            (value, (divisor, _)), grads = total_and_grad(params, state, part, key)
            return value, divisor, grads

        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(none_yet))
        (value, divisor, grads), outputs = lax.scan(body, zeros, (jnp.arange(count), parts))
        scale = jnp.asarray(1, widest_float())
        if divisor is not None:
            divisor = divisor.astype(widest_float())
            scale = jnp.where(divisor == 0, 0, 1 / jnp.where(divisor == 0, 1, divisor))
        penalty, penalty_grads = penalty_and_grad(params)
        grads = jax.tree.map(lambda g, p: g * scale.astype(g.dtype) + p, grads, penalty_grads)
        outputs = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), outputs)
        return (value * scale + penalty, StepOutputs(outputs, state, {})), grads

    return value_and_grad
