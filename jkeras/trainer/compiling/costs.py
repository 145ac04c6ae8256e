"""The cost of programs in floating-point operations, and the peak rate of this machine."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr

PEAK_SIZE = 1024
"""Rows and columns of the matrices whose product measures the machine."""
PEAK_SECONDS = 0.2


def flops(function: Callable[..., Any], *specs: Any) -> float:
    """Floating-point operations of one call, as XLA counts them before it optimizes.

    XLA counts the body of a loop once. Loops of known length are counted in full here; a
    `while_loop`, such as that of an epoch, stays one round.

    Args:
      function: a pure function.
      *specs: its arguments, or their shapes.

    Example:
      >>> x = jnp.ones((10, 10))
      >>> def five_products(x):
      ...     return jax.lax.scan(lambda c, _: (c @ x, None), x, None, length=5)[0]
      >>> round(flops(five_products, x), -3)
      10000.0
    """
    return _flops_of(jax.make_jaxpr(function)(*specs))[1]


def _flops_of(closed: ClosedJaxpr) -> tuple[float, float]:
    """With every loop's body counted once, and with loops of known length in full."""
    from jax.extend.core import jaxpr_as_fun  # twenty milliseconds that most never need

    specs = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in closed.jaxpr.invars]
    cost = jax.jit(jaxpr_as_fun(closed)).lower(*specs).cost_analysis()
    once = full = cost.get("flops", 0.0) if isinstance(cost, dict) else 0.0
    for length, body in _scans(closed.jaxpr):
        body_once, body_full = _flops_of(body)
        full += length * body_full - body_once
    return once, full


def _scans(jaxpr: Jaxpr) -> Iterator[tuple[int, ClosedJaxpr]]:
    """Length and body of the outermost loops of known length."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation.params["length"], equation.params["jaxpr"]
            continue
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _scans(inner)


@functools.cache
def peak_flops() -> float:
    """Floating-point operations per second in the product of two large float32 matrices: the most
    that this machine's default device gives, measured once, in about a third of a second.
    """
    matrix = jnp.ones((PEAK_SIZE, PEAK_SIZE), jnp.float32)
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    best, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < PEAK_SECONDS:
        start = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * PEAK_SIZE**3 / best
