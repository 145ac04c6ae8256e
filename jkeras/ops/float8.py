"""Products whose factors, and whose gradients on the way back, are rounded to float8.

    y = float8_product(jnp.matmul, x, kernel, statistics)
    statistics = next_statistics(statistics, grads)      # grads: of a loss of y

Inputs and kernel are rounded to E4M3, the gradient of the outputs to E5M2, each after a division by
its scale. A scale follows from the largest absolute values of the last steps, so a step needs no
second look at its numbers.

Laws:
  - The gradient of a scale or history is its next value, as in Keras; `next_statistics` says the
    same for a product that is taken once in a step.
  - Of a product that is taken several times in a step the sum of the largest values counts, which
    is no smaller than their maximum. (The sum of Keras's gradients would be a sum of scales.)
  - The gradients of inputs and kernel are those of the product of the rounded factors.

Source: Micikevicius et al. 2022, arXiv:2209.05433; `keras.layers.Dense.quantize("float8")`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes

from jkeras.ops.quantization import (
    compute_float8_amax_history,
    compute_float8_scale,
    quantize_and_dequantize,
)

Array = jax.Array
Statistics = Mapping[str, Array]

HISTORY = 1024
"""How many steps the largest absolute values are remembered, unless told otherwise."""

KINDS = {"inputs": "float8_e4m3fn", "kernel": "float8_e4m3fn", "outputs_grad": "float8_e5m2"}
"""What is rounded, and to which dtype."""

NAMES = tuple(f"{name}_{part}" for name in KINDS for part in ("scale", "amax_history"))
"""The names of scales and histories, in Keras's order."""


def first_statistics(length: int = HISTORY) -> dict[str, Array]:
    """Scales of one, and histories `[length]` of zeros; float32."""
    return {
        name: jnp.ones((), jnp.float32)
        if name.endswith("scale")
        else jnp.zeros((length,), jnp.float32)
        for name in NAMES
    }


def next_statistics(statistics: Statistics, grads: Mapping[str, Any]) -> dict[str, Array]:
    """The scales and histories after a step.

    Args:
      statistics: of the step.
      grads: their gradients; what has none stays as it is, and is left out.
    """
    new = {}
    for name, dtype in KINDS.items():
        scale, history = f"{name}_scale", f"{name}_amax_history"
        if scale in grads:
            new[scale] = _next_scale(dtype, statistics[scale], statistics[history])
        if history in grads:
            new[history] = compute_float8_amax_history(grads[history][0], statistics[history])
    return new


def float8_product(
    contract: Callable[[Array, Array], Array], x: Array, kernel: Array, statistics: Statistics
) -> Array:
    """`contract(x, kernel)` of the rounded factors.

    Args:
      contract: a bilinear function.
      x, kernel: floating, of one dtype.
      statistics: scales and histories under `NAMES`.
    """
    factors = {"inputs": x, "kernel": kernel}
    rounded = [
        _rounded(KINDS[name], value, *_of(statistics, name)) for name, value in factors.items()
    ]
    return _with_rounded_gradient(contract(*rounded), *_of(statistics, "outputs_grad"))


def _of(statistics: Statistics, name: str) -> tuple[Array, Array]:
    return statistics[f"{name}_scale"], statistics[f"{name}_amax_history"]


def _next_scale(dtype: str, scale: Array, history: Array) -> Array:
    largest = jnp.float32(ml_dtypes.finfo(dtype).max)
    return compute_float8_scale(jnp.max(history), scale, largest)


def _next_pair(dtype: str, x: Array, scale: Array, history: Array) -> tuple[Array, Array]:
    return _next_scale(dtype, scale, history), compute_float8_amax_history(x, history)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _rounded(dtype: str, x: Array, scale: Array, history: Array) -> Array:
    return quantize_and_dequantize(x, scale, dtype, x.dtype)


def _rounded_forward(dtype: str, x: Array, scale: Array, history: Array) -> Any:
    return _rounded(dtype, x, scale, history), _next_pair(dtype, x, scale, history)


def _rounded_backward(dtype: str, new: tuple[Array, Array], upstream: Array) -> Any:
    del dtype
    return upstream, *new


_rounded.defvjp(_rounded_forward, _rounded_backward)


@jax.custom_vjp
def _with_rounded_gradient(outputs: Array, scale: Array, history: Array) -> Array:
    del scale, history
    return outputs


def _forward(outputs: Array, scale: Array, history: Array) -> Any:
    return outputs, (scale, history)


def _backward(saved: tuple[Array, Array], upstream: Array) -> Any:
    dtype = KINDS["outputs_grad"]
    rounded = quantize_and_dequantize(upstream, saved[0], dtype, upstream.dtype)
    return rounded, *_next_pair(dtype, upstream, *saved)


_with_rounded_gradient.defvjp(_forward, _backward)
