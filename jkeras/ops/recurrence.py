"""The recurrence of every recurrent layer: a loop of steps along the time axis.

Time is the first axis here, so that a step reads and writes whole rows. A layer multiplies all its
inputs with its kernel before the loop; a step inside is one product of the last output with the
recurrent kernel, and the gates:

    z_t = projected_t + product(h_{t-1}, kernel)        states_t = advance(z_t, states_{t-1})

The equations of the cells are below, once for cells, layers and convolutions. Laws: a loop equals
the unrolled steps; a masked step changes no state; derivatives of any order, in forward and reverse
mode, equal those of the unrolled steps.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

from jkeras.core.platform import platform

Array = jax.Array
Activation = Callable[[Array], Array]
States = tuple[Any, ...]
Carry = TypeVar("Carry")

_ONE_THREAD = 88, 128
"""Rows of a product that XLA's CPU backend computes on one thread, though two would be faster: with
129 rows of 128 numbers, times 512 columns, it takes two, and 110 µs instead of 175 for 128 rows and
129 for 96. Measured on two cores, jax 0.10.2."""


def over_time(
    step: Callable[[Carry, Any], tuple[Carry, Any]],
    carry: Carry,
    inputs: Tree,
    *,
    unroll: bool = False,
) -> tuple[Carry, Any]:
    """Runs `carry, output = step(carry, inputs[t])` for every t: the loop of all recurrent layers.

    Args:
      step: pure; carry keeps its structure.
      carry: the initial carry.
      inputs: a tree of `[time, ...]`.
      unroll: write the steps out instead of looping.

    Returns:
      The last carry, and the outputs as a tree of `[time, ...]`.

    Example:
      >>> last, sums = over_time(lambda total, x: (total + x, total + x), 0, jnp.arange(4))
      >>> int(last), sums.tolist()
      (6, [0, 1, 3, 6])
    """
    return lax.scan(step, carry, inputs, unroll=unroll)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def recur(
    advance: Callable[[Array, States], States],
    product: Callable[[Array, Array, Array | None], Array],
    unroll: bool,
    kernel: Array,
    projected: Array,
    states: States,
    kept: Array | None = None,
    mask: Array | None = None,
) -> tuple[Array, States]:
    """The recurrence `states = advance(projected[t] + product(states[0], kernel, kept), states)`.

    The gradient of the kernel is one product over all steps after the loop, instead of a sum in the
    loop: the derivative of a step has a part through the states, which needs the loop, and a part
    through the kernel, which does not.

    Args:
      advance: the states after a step from z and the states before it; hashable, as `product` is.
      product: linear in its first argument, and in its second; the first may have a time axis in
        front.
      unroll: write the steps out instead of looping.
      kernel: the recurrent kernel.
      projected: `[time, batch, ...]`, the part of z that depends on the inputs.
      states: the initial states, `[batch, ...]` each, h first.
      kept: the dropout factors of h, for `product`; random constants without a gradient.
      mask: `[time, batch]` bool: a step that is masked (False) changes no state.

    Returns:
      h after every step `[time, batch, ...]`, and the last states.
    """

    def step(states: States, slices: tuple[Array, Array | None]) -> tuple[States, Array]:
        projected_t, mask_t = slices
        z = projected_t + product(states[0], kernel, kept)
        states = where_real(mask_t, advance(z, states), states)
        return states, states[0]

    states, sequence = over_time(step, states, (projected, mask), unroll=unroll)
    return sequence, states


@recur.defjvp
def _recur_jvp(
    advance: Callable[[Array, States], States],
    product: Callable[[Array, Array, Array | None], Array],
    unroll: bool,
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
) -> tuple[Any, Any]:
    kernel, projected, states, kept, mask = primals
    d_kernel, d_projected, d_states, _, _ = tangents

    def step(states: States, slices: tuple[Array, Array | None]) -> tuple[States, Any]:
        projected_t, mask_t = slices

        def move(z: Array, states: States) -> States:
            return where_real(mask_t, advance(z, states), states)

        z = projected_t + product(states[0], kernel, kept)
        # The derivative of the step is a tree of arrays, kept for the second loop.
        new, linear = jax.linearize(move, z, states)
        return new, (new[0], linear)

    def d_step(
        d_states: States, slices: tuple[Array, Callable[[Array, States], States]]
    ) -> tuple[States, Array]:
        d_z, linear = slices
        d_states = linear(d_z + product(d_states[0], kernel, kept), d_states)
        return d_states, d_states[0]

    last, (sequence, linears) = over_time(step, states, (projected, mask), unroll=unroll)
    before = jnp.concatenate([states[0][None], sequence[:-1]])
    d_z = d_projected + product(before, d_kernel, kept)
    d_last, d_sequence = over_time(d_step, d_states, (d_z, linears), unroll=unroll)
    return (sequence, last), (d_sequence, d_last)


def where_real(mask: Array | None, new: Tree, old: Tree) -> Any:
    """A tree with the examples of `new` where `mask` [batch] is True, those of `old` elsewhere.

    Without a mask it is `new`.
    """
    if mask is None:
        return new

    def chosen(new: Array, old: Array) -> Array:
        along_batch = lax.expand_dims(mask, range(1, new.ndim))
        return jnp.where(along_batch, new, old.astype(new.dtype))

    return jax.tree.map(chosen, new, old)


def dense_product(x: Array, kernel: Array, kept: Array | None = None) -> Array:
    """`x @ kernel`, as one product of two matrices whatever axes stand in front.

    Args:
      x: `[..., batch, features]`.
      kernel: `[features, gates * units]`.
      kept: dropout factors of `x`, `[1, batch, features]`, or `[gates, batch, features]` when each
        gate drops its own.

    Returns:
      `[..., batch, gates * units]`.
    """
    if kept is None:
        # With more than one axis in front XLA transposes whole arrays for the gradient.
        rows: Any = math.prod(x.shape[:-1])
        if not isinstance(rows, int):  # in an export for any size, which has no gradient
            return x @ kernel
        matrix = x.reshape(rows, x.shape[-1])
        if _ONE_THREAD[0] <= rows <= _ONE_THREAD[1] and platform() == "cpu":
            matrix = jnp.pad(matrix, ((0, _ONE_THREAD[1] + 1 - rows), (0, 0)))
        outputs = (matrix @ kernel)[:rows]
        return outputs.reshape(*x.shape[:-1], kernel.shape[-1])
    parts = jnp.split(kernel, len(kept), -1)
    dropped = [x * along_time(factor, x.ndim) for factor in kept]
    pairs = zip(dropped, parts, strict=True)
    return jnp.concatenate([dense_product(x, part) for x, part in pairs], -1)


def along_time(factor: Array, rank: int) -> Array:
    """`factor` `[batch, ...]` with axes of size one in front, to broadcast over steps."""
    return lax.expand_dims(factor, range(rank - factor.ndim))


def simple_rnn_states(z: Array, *, activation: Activation) -> States:
    """`h = activation(z)`.

    Source: Elman 1990, doi:10.1207/s15516709cog1402_1.
    """
    return (activation(z),)


def lstm_states(
    z: Array, c: Array, *, activation: Activation, gate: Activation, axis: int = -1
) -> States:
    """`c = f * c + i * activation(z_c)` and `h = o * activation(c)`; i, f, o are gates.

    Args:
      z: the pre-activations of i, f, c, o, side by side on `axis`.
      c: the cell's memory before the step.
      activation: of the candidate and of the output.
      gate: the activation of i, f and o.
      axis: the axis of units.

    Returns:
      h and c after the step, of the shape of `c`.

    Source: Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate: Gers
    et al. 2000, doi:10.1162/089976600300015015.
    """
    i, f, candidate, o = jnp.split(z, 4, axis)
    c = gate(f) * c + gate(i) * activation(candidate)
    return gate(o) * activation(c), c


def gru_states(z: Array, h: Array, *, activation: Activation, gate: Activation) -> States:
    """`h = u * h + (1 - u) * activation(x_h + r * h_h)`; u and r are gates.

    Args:
      z: the pre-activations of u and r, then what the candidate gets from the last h and what it
        gets from the inputs, side by side: `[batch, 4 * units]`.
      h: `[batch, units]`.
      activation: of the candidate.
      gate: the activation of u and r.

    Source: Cho et al. 2014, arXiv:1406.1078; with the reset behind the product as in its version 3.
    """
    u, r, from_h, from_x = jnp.split(z, 4, -1)
    return (mixed(gate(u), h, activation(from_x + gate(r) * from_h)),)


def mixed(update: Array, h: Array, candidate: Array) -> Array:
    """`update * h + (1 - update) * candidate`."""
    return update * h + (1 - update) * candidate
