"""EinsumDense: a dense layer whose product is an einsum equation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from jax import lax

from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.layers import options
from jkeras.layers.deterministic import Deterministic
from jkeras.layers.options import optional, positive_int
from jkeras.ops import regularizers
from jkeras.ops.einsum_equations import Equation, axis_sizes, checked_form, product, written_out
from jkeras.ops.initializers import Initializer, VarianceScaling

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


def _equation(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongTypeError(f"expected an equation such as 'abc,cd->abd', got {describe(value)}.")
    checked_form(value)
    return value


def output_sizes(value: Any) -> tuple[int | None, ...]:
    """`value`, a size or a list of sizes and None, as a tuple."""
    items = value if isinstance(value, tuple | list) else (value,)
    return tuple(optional(positive_int)(item) for item in items)


def _letters(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongTypeError(f"expected the letters of some output axes, got {describe(value)}.")
    return value


def with_fan_axes(
    rule: Initializer, inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> Initializer:
    """An initializer with the input and output axes of the kernel, if it scales by fans."""
    if not isinstance(rule, VarianceScaling) or None not in (rule.input_axes, rule.output_axes):
        return rule
    return rule.replace(input_axes=inputs, output_axes=outputs)


class EinsumDense(Deterministic):
    """An einsum of inputs and kernel: `activation(einsum(equation, inputs, kernel) + bias)`.

    Shapes: as the equation says. Weights: `kernel`, one axis per letter; `bias`, if there are
    `bias_axes`: the outputs' axes from the first of these on, of size 1 where there is no bias.

    Args:
      equation: `"ab,bc->ac"`, `"...ab,bc->...ac"` or `"ab...,bc->ac..."`; inputs and outputs start
        with the batch.
      output_shape: sizes of the outputs' axes without the batch and what the ellipsis stands for;
        None for a size that follows from the inputs. One integer for one axis.
      activation: a name, a function, or None for the identity.
      bias_axes: letters of the outputs' axes along which a bias is added; no bias when left out.
      kernel_initializer, bias_initializer: names, objects or functions.
      kernel_regularizer, bias_regularizer: names, objects or functions weight -> scalar.
      kernel_constraint, bias_constraint: names, objects or functions weight -> weight.
      activity_regularizer: a name, an object or a function outputs -> scalar.

    Raises:
      ValueError: an equation of another form, or one that does not fit the other arguments or the
        inputs.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> layer = EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")
      >>> params, state = layer.init(jax.random.key(0), jnp.zeros((8, 7, 5)))
      >>> params["kernel"].shape, params["bias"].shape
      ((5, 2, 3), (2, 3))
      >>> layer.apply(params, state, jnp.zeros((8, 7, 5)))[0].shape
      (8, 7, 2, 3)

    Source: `keras.layers.EinsumDense`.
    """

    equation: str = option(convert=_equation)
    output_shape: tuple[int | None, ...] = option(convert=output_sizes)
    activation: Any = options.activation()
    bias_axes: str | None = option(default=None, convert=optional(_letters))
    kernel_initializer: Any = options.initializer("glorot_uniform")
    bias_initializer: Any = options.initializer("zeros")
    kernel_regularizer: Any = options.regularizer()
    bias_regularizer: Any = options.regularizer()
    kernel_constraint: Any = options.constraint()
    bias_constraint: Any = options.constraint()
    activity_regularizer: Any = dataclasses.field(
        default=None, kw_only=True, metadata={"convert": regularizers.get}
    )

    def check(self) -> None:
        outputs = checked_form(self.equation)[5]
        if set(self.bias_axes or "") - set(outputs):
            raise self.value_error(
                f"`bias_axes` among the outputs' axes {outputs!r}", f"{self.bias_axes!r}"
            )

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        equation, sizes = self._analyzed(tuple(inputs.shape))
        letters = enumerate(equation.kernel)
        new = tuple(i for i, letter in letters if letter in equation.outputs)
        summed = tuple(i for i in range(len(equation.kernel)) if i not in new)
        shape = tuple(sizes[letter] for letter in equation.kernel)
        rule = with_fan_axes(self.kernel_initializer, summed, new)
        params = {"kernel": rule(shape, key=child(key, "kernel"))}
        if self.bias_axes:
            first = min(equation.outputs.index(letter) for letter in self.bias_axes)
            bias = tuple(sizes[x] if x in self.bias_axes else 1 for x in equation.outputs[first:])
            params["bias"] = self.bias_initializer(bias, key=child(key, "bias"))
        return params, {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        weights = self.weights_like(params, x)
        equation, sizes = self._analyzed(x.shape)
        expected = tuple(sizes[letter] for letter in equation.kernel)
        if weights["kernel"].shape != expected:
            raise self.value_error(
                f"`inputs` that go with a kernel of shape {weights['kernel'].shape}, as when "
                "its weights were made",
                f"shape {x.shape}",
            )
        outputs = product(equation, x, weights["kernel"])
        if "bias" in weights:
            missing = range(outputs.ndim - weights["bias"].ndim)
            outputs = outputs + lax.expand_dims(weights["bias"], missing)
        return self.activation(outputs)

    def _analyzed(self, shape: tuple[int, ...]) -> tuple[Equation, dict[str, int]]:
        try:
            equation = written_out(self.equation, len(shape))
            return equation, axis_sizes(equation, shape, self.output_shape)
        except ValueError as error:
            raise value_error(f"{error} Inputs have the shape {shape}.", who=self.who) from None
