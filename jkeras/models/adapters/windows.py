"""The convolutions and pools of another library's module in the formulations that are fast here.

In the loop of a training program, XLA's take several times as long on a CPU as those of
`ops.convolution` and `ops.pooling`. A module calls XLA's, so the program of its call is traced and
run again with ours in their place. What they compute stays the same, up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core

from jkeras.ops.convolution import convolve_padded, fast_without_xla
from jkeras.ops.pooling import average_pool, max_pool

_POOLS = {"reduce_window_max": -np.inf, "reduce_window_sum": 0.0}
"""The primitives of pooling, and what their padding holds."""


def with_our_windows(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, with our convolutions and pools where they are faster.

    Args:
      function: of trees of arrays, pure.
      *args: the trees.
    """
    is_eager = getattr(jax.config, "jax_disable_jit", False)
    if not fast_without_xla() or is_eager:  # a debugger sees values then
        return function(*args)
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
    outputs = _run(closed.jaxpr, closed.consts, jax.tree.leaves(args))
    return jax.tree.unflatten(jax.tree.structure(shapes), outputs)


def _run(jaxpr: core.Jaxpr, consts: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a program."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= zip(jaxpr.invars, inputs, strict=True)

    def value(atom: core.Var | core.Literal) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    for equation in jaxpr.eqns:
        given = list(map(value, equation.invars))
        outputs = _outputs(equation, given)
        known |= zip(equation.outvars, outputs, strict=True)
    return list(map(value, jaxpr.outvars))


def _outputs(equation: core.JaxprEqn, given: list[Any]) -> Sequence[Any]:
    primitive, params = equation.primitive, equation.params
    if primitive.name == "conv_general_dilated" and _is_ours(given, params):
        return [_convolved(given, params)]
    if primitive.name in _POOLS and _is_plain(given, params):
        return [_pooled(primitive.name, given[0], params)]
    if primitive.name in ("pjit", "jit") and _has_windows(params["jaxpr"].jaxpr):
        inner = params["jaxpr"]
        return _run(inner.jaxpr, inner.consts, given)
    bound = primitive.get_bind_params(params)  # before JAX 0.10 (functions, params)
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    with equation.ctx.manager:
        outputs: Any = primitive.bind(*functions, *given, **params)
    return outputs if primitive.multiple_results else [outputs]


def _has_windows(jaxpr: core.Jaxpr) -> bool:
    return any(
        equation.primitive.name in ("conv_general_dilated", *_POOLS)
        or any(map(_has_windows, _inner(equation.params)))
        for equation in jaxpr.eqns
    )


def _inner(params: Mapping[str, Any]) -> Iterator[Any]:
    inner = params.get("jaxpr")
    if inner is not None:
        yield getattr(inner, "jaxpr", inner)


def _is_ours(given: Sequence[Any], params: Mapping[str, Any]) -> bool:
    """Whether our convolution says the same."""
    plain = all(n == 1 for n in params["lhs_dilation"]) and params["batch_group_count"] == 1
    wanted = params["preferred_element_type"] or "float32"
    dtypes = {jnp.dtype(wanted), *(value.dtype for value in given)}
    known = params["precision"] is None and len(params["window_strides"]) in (1, 2, 3)
    return plain and known and dtypes == {jnp.dtype("float32")}


def _convolved(given: Sequence[Any], params: Mapping[str, Any]) -> Any:
    x, kernel = given
    layout = params["dimension_numbers"]
    batch, channels, *spatial = layout.lhs_spec
    filters, share, *window = layout.rhs_spec
    outputs = convolve_padded(
        jnp.transpose(x, (batch, *spatial, channels)),
        jnp.transpose(kernel, (*window, share, filters)),
        params["window_strides"],
        params["padding"],
        params["rhs_dilation"],
        params["feature_group_count"],
    )
    order = (layout.out_spec[0], *layout.out_spec[2:], layout.out_spec[1])
    places = [order.index(axis) for axis in range(len(order))]
    return jnp.transpose(outputs, places)


def _is_plain(given: Sequence[Any], params: Mapping[str, Any]) -> bool:
    dilations = (*params["base_dilation"], *params["window_dilation"])
    return given[0].dtype == jnp.float32 and all(n == 1 for n in dilations)


def _pooled(name: str, x: jax.Array, params: Mapping[str, Any]) -> Any:
    pads, window = params["padding"], params["window_dimensions"]
    if any(pads[axis] != (0, 0) for axis in range(x.ndim)):
        x = lax.pad(x, np.float32(_POOLS[name]), [(*pair, 0) for pair in pads])
    if name == "reduce_window_max":
        return max_pool(x, window, params["window_strides"], "valid")
    return average_pool(x, window, params["window_strides"], "valid") * math.prod(window)
