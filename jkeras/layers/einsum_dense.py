"""EinsumDense: a dense layer whose product is an einsum equation."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.layers import low_rank, options
from jkeras.layers.options import optional, positive_int
from jkeras.layers.quantized_products import QuantizableProduct
from jkeras.ops import regularizers
from jkeras.ops.einsum_equations import Equation, axis_sizes, checked_form, product, written_out
from jkeras.ops.initializers import Initializer, VarianceScaling

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


def _equation(value: object) -> str:
    if not isinstance(value, str):
        raise WrongTypeError(f"expected an equation such as 'abc,cd->abd', got {describe(value)}.")
    checked_form(value)
    return value


def output_sizes(value: object) -> tuple[int | None, ...]:
    """`value`, a size or a list of sizes and None, as a tuple."""
    items = value if isinstance(value, tuple | list) else (value,)
    return tuple(optional(positive_int)(item) for item in items)


def _letters(value: object) -> str:
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


class EinsumDense(QuantizableProduct):
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
      lora_rank, lora_alpha: as for `enable_lora`, from the start.
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
    lora_rank: int | None = low_rank.rank_option()
    lora_alpha: float | None = low_rank.alpha_option()
    activity_regularizer: Any = dataclasses.field(
        default=None, kw_only=True, metadata={"convert": regularizers.get}
    )

    def check(self) -> None:
        super().check()
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
        return self.with_whole_numbers(self.with_lora(params, key), len(inputs.shape)), {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        weights = self.weights_like(params, x)
        equation, sizes = self._analyzed(x.shape)
        expected = tuple(sizes[letter] for letter in equation.kernel)
        if self.quantization_mode != "int4" and weights["kernel"].shape != expected:
            raise self.value_error(
                f"`inputs` that go with a kernel of shape {weights['kernel'].shape}, as when "
                "its weights were made",
                f"shape {x.shape}",
            )
        if self.quantization is None:
            outputs = product(equation, x, self.with_delta(weights)["kernel"])
        else:
            outputs = self._quantized_product(equation, weights, x, expected)
        if "bias" in weights:
            bias = self.bias_like(weights["bias"])
            outputs = outputs + lax.expand_dims(bias, range(outputs.ndim - bias.ndim))
        return self.activation(outputs)

    def _quantized_product(
        self, equation: Equation, weights: Params, x: Array, shape: tuple[int, ...]
    ) -> Array:
        summed = tuple(i for i, letter in enumerate(equation.inputs) if letter in _summed(equation))

        def contract(x: Array, kernel: Array) -> Array:
            if not jnp.issubdtype(x.dtype, jnp.integer):
                return product(equation, x, kernel)
            return jnp.einsum(str(equation), x, kernel, preferred_element_type=jnp.int32)

        def laid_out(scale: Array) -> Array:
            return _beside_outputs(equation, equation.inputs, scale)

        outputs = self.multiplied(weights, x, shape, contract, (summed, laid_out))
        if self.lora_rank:
            a, b = (weights[name] for name in self.lora_names)
            outputs = outputs + self.lora_scale * product(equation, x, a @ b)
        return outputs

    def quantized_layout(self, rank: int | None) -> Any:
        equation = self._equation_of_rank(rank)
        axes = tuple(i for i, x in enumerate(equation.kernel) if x in _summed(equation))
        return axes, lambda scale: _beside_outputs(equation, equation.kernel, scale)

    def scale_beside(self, scale: Array) -> Array:
        _, _, _, kernel, _, outputs, _ = checked_form(self.equation)
        kept = [x for x in outputs if x in kernel]
        extra = scale.ndim - len(self._equation_of_rank(None).outputs)
        letters = self._equation_of_rank(len(checked_form(self.equation)[1]) + extra).outputs
        places = [letters.index(x) for x in kept]
        plain = scale.reshape([scale.shape[i] for i in places])
        in_kernel = [x for x in kernel if x in kept]
        turned = jnp.transpose(plain, [kept.index(x) for x in in_kernel])
        return turned.reshape(
            [turned.shape[in_kernel.index(x)] if x in kept else 1 for x in kernel]
        )

    def as_matrix(self, weight: Array) -> Array:
        _, _, _, kernel, _, outputs, _ = checked_form(self.equation)
        rows = math.prod(weight.shape[i] for i, x in enumerate(kernel) if x not in outputs)
        return weight.reshape(rows, -1)

    def _equation_of_rank(self, rank: int | None) -> Equation:
        _, inputs, *_ = checked_form(self.equation)
        return written_out(self.equation, len(inputs) if rank is None else rank)

    def _rank_of_inputs(self) -> int | None:
        nodes = identity_of(self).nodes
        return len(nodes[0].args[0].shape) if nodes else None

    def _adapted_shape(self, params: Params) -> tuple[int, ...]:
        if self.quantization_mode == "int4" and params["kernel"].dtype == jnp.int8:  # packed
            raise self.value_error(
                "floating or int8 weights", "int4", "Call enable_lora before quantize."
            )
        return tuple(params["kernel"].shape)

    def _analyzed(self, shape: tuple[int, ...]) -> tuple[Equation, dict[str, int]]:
        try:
            equation = written_out(self.equation, len(shape))
            return equation, axis_sizes(equation, shape, self.output_shape)
        except ValueError as error:
            raise value_error(f"{error} Inputs have the shape {shape}.", who=self.who) from None


def _summed(equation: Equation) -> str:
    """The axes that the outputs lack."""
    letters = dict.fromkeys(equation.inputs + equation.kernel)
    return "".join(x for x in letters if x not in equation.outputs)


def _beside_outputs(equation: Equation, letters: str, scale: Array) -> Array:
    """A scale with an axis for each letter, of size 1 on those that are summed, as the outputs."""
    kept = [x for x in letters if x not in _summed(equation)]
    plain = scale.reshape([scale.shape[letters.index(x)] for x in kept])
    turned = jnp.transpose(plain, [kept.index(x) for x in equation.outputs if x in kept])
    return lax.expand_dims(turned, [i for i, x in enumerate(equation.outputs) if x not in kept])


low_rank.complete(EinsumDense)
