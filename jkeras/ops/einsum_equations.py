"""Products of inputs and a kernel by an einsum equation: `"abc,cde->abde"`.

Laws: each axis of the kernel is in the inputs or in the outputs; an ellipsis is a group of axes of
inputs and outputs; a product whose contracted axes are the last of the inputs and the first of the
kernel runs as one product of two matrices, without transposing on any backend.
"""

from __future__ import annotations

import math
import re
import string
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array

_FORM = re.compile(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?")


class Equation(NamedTuple):
    """An equation with letters in place of the ellipsis: one letter per axis.

    Attributes:
      inputs, kernel, outputs: the axes; the first of inputs and outputs is the batch.
      elided: the letters in place of the ellipsis.
    """

    inputs: str
    kernel: str
    outputs: str
    elided: str

    def __str__(self) -> str:
        return f"{self.inputs},{self.kernel}->{self.outputs}"


def written_out(equation: str, rank: int) -> Equation:
    """The equation for inputs of `rank` axes, with letters in place of its ellipsis.

    Example:
      >>> str(written_out("...x,xy->...y", 3))
      'abx,xy->aby'

    Raises:
      ValueError: an equation of another form, or inputs with too few or too many axes.
    """
    left, inputs, right, kernel, out_left, outputs, out_right = checked_form(equation)
    free = [c for c in string.ascii_letters if c not in inputs + kernel + outputs]
    count = rank - len(inputs)
    elided = "".join(free[:count]) if left or right else ""
    if len(inputs) + len(elided) != rank:
        raise ValueError(f"`equation` {equation!r} does not go with inputs of {rank} axes.")
    whole = Equation(
        (elided if left else "") + inputs + (elided if right else ""),
        kernel,
        (elided if out_left else "") + outputs + (elided if out_right else ""),
        elided,
    )
    if whole.inputs[0] != whole.outputs[0]:
        raise ValueError(
            f"`equation` {equation!r}: expected the inputs and the outputs to start with the same "
            "axis, the batch."
        )
    return whole


def checked_form(equation: str) -> tuple[str, ...]:
    """The parts of an equation: each operand's letters and, around them, an ellipsis or "".

    Raises:
      ValueError: not one of `X,Y->Z`, `...X,Y->...Z`, `X...,Y->Z...`; a letter of Y or Z that
        stands nowhere else, or twice in one operand.
    """
    form = _FORM.fullmatch(equation.replace(" ", ""))
    parts = tuple(part or "" for part in form.groups()) if form else ()
    if not parts or parts[0] != parts[4] or parts[2] != parts[6] or (parts[0] and parts[2]):
        raise ValueError(
            f"expected an equation of the form 'ab,bc->ac', '...ab,bc->...ac' or "
            f"'ab...,bc->ac...', got {equation!r}."
        )
    _, inputs, _, kernel, _, outputs, _ = parts
    if any(len(set(letters)) < len(letters) for letters in (inputs, kernel, outputs)):
        raise ValueError(f"expected every axis once in each operand, got {equation!r}.")
    for letter in outputs:
        if letter not in inputs + kernel:
            raise ValueError(
                f"expected every axis of the outputs in the inputs or the kernel, got {equation!r} "
                f"with {letter!r} in neither."
            )
    for letter in kernel:
        if letter not in inputs + outputs:
            raise ValueError(
                f"expected every axis of the kernel in the inputs or the outputs, got {equation!r} "
                f"with {letter!r} in neither."
            )
    return parts


def axis_sizes(
    equation: Equation, shape: tuple[int, ...], output_shape: tuple[int | None, ...]
) -> dict[str, int]:
    """The size of every axis, from the inputs' shape and the outputs' (without batch and ellipsis).

    Example:
      >>> axis_sizes(written_out("abc,cd->abd", 3), (2, 7, 5), (None, 3))
      {'a': 2, 'b': 7, 'c': 5, 'd': 3}

    Raises:
      ValueError: `output_shape` has another length, contradicts the inputs, or leaves a size open.
    """
    sizes = dict(zip(equation.inputs, shape, strict=True))
    named = [letter for letter in equation.outputs[1:] if letter not in equation.elided]
    if len(named) != len(output_shape):
        raise ValueError(
            f"expected `output_shape` with {len(named)} sizes, those of the axes {named} of the "
            f"outputs, got {output_shape}."
        )
    for letter, size in zip(named, output_shape, strict=True):
        if size is None and letter not in sizes:
            raise ValueError(
                f"expected `output_shape` to say the size of the axis {letter!r}, which the inputs "
                f"do not have, got {output_shape}."
            )
        if size is not None and sizes.setdefault(letter, size) != size:
            raise ValueError(
                f"expected the size {sizes[letter]} that the inputs have on the axis {letter!r}, "
                f"got {size} in `output_shape` {output_shape}."
            )
    return sizes


def product(equation: Equation, inputs: Array, kernel: Array) -> Array:
    """The sum over all axes that the outputs do not have.

    Args:
      equation: one letter per axis of inputs and kernel.
      inputs: floating.
      kernel: of the dtype of `inputs`.
    """
    summed = "".join(letter for letter in equation.kernel if letter not in equation.outputs)
    free = equation.inputs.removesuffix(summed)
    new = equation.kernel.removeprefix(summed)
    as_matrices = free + summed, summed + new, free + new
    # An axis that inputs and outputs share with the kernel is not contracted, and not new.
    if summed and as_matrices == equation[:3] and not set(new) & set(free):
        return contracted(inputs, kernel, len(summed))
    return jnp.einsum(str(equation), inputs, kernel)


def contracted(inputs: Array, kernel: Array, count: int = 1) -> Array:
    """The last `count` axes of `inputs` summed against the first of `kernel`.

    Both are reshaped to matrices: XLA on the CPU transposes whole arrays to contract several axes.

    Args:
      inputs: `[..., *contracted]`.
      kernel: `[*contracted, *new]`.
      count: number of contracted axes, at least 1.

    Returns:
      `[..., *new]`.

    Example:
      >>> contracted(jnp.zeros((2, 7, 4, 3)), jnp.zeros((4, 3, 5)), 2).shape
      (2, 7, 5)
    """
    kept, new = inputs.shape[:-count], kernel.shape[count:]
    if not all(isinstance(n, int) for n in kept):  # JAX does not multiply sizes such as n - 2
        return jnp.tensordot(inputs, kernel, count)
    matrix = jnp.reshape(kernel, (math.prod(kernel.shape[:count]), math.prod(new)))
    rows = jnp.reshape(inputs, (math.prod(kept), matrix.shape[0]))
    return jnp.reshape(rows @ matrix, (*kept, *new))
