"""The core layers: Dense, Identity and Masking."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Layer, Params, State, check_rank, option
from jkeras.core.serialization import if_set
from jkeras.layers import low_rank, options
from jkeras.layers.deterministic import Deterministic, cast_floating, initial_weights
from jkeras.layers.options import number, positive_int
from jkeras.layers.quantized_products import QuantizableProduct
from jkeras.ops import regularizers
from jkeras.ops.linear import add_bias

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec, Masks


class Dense(QuantizableProduct):
    """A matrix product over the last axis: `activation(inputs @ kernel + bias)`.

    Shapes: `[batch, ..., in]` to `[batch, ..., units]`. Weights: `kernel` (in, units), `bias`
    (units,).

    Args:
      units: number of outputs.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      kernel_initializer, bias_initializer: names, objects or functions.
      kernel_regularizer, bias_regularizer: names, objects or functions weight -> scalar.
      activity_regularizer: a name, an object or a function outputs -> scalar.
      kernel_constraint, bias_constraint: names, objects or functions weight -> weight.
      lora_rank, lora_alpha: as for `enable_lora`, from the start.

    Raises:
      ValueError: the inputs have no feature axis.

    Source: `keras.layers.Dense`.
    """

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    units: int = option(convert=positive_int)
    activation: Any = options.activation()
    use_bias: bool = True
    kernel_initializer: Any = options.initializer("glorot_uniform")
    bias_initializer: Any = options.initializer("zeros")
    kernel_regularizer: Any = options.regularizer()
    bias_regularizer: Any = options.regularizer()
    activity_regularizer: Any = option(default=None, convert=regularizers.get, to_config=if_set)
    kernel_constraint: Any = options.constraint()
    bias_constraint: Any = options.constraint()
    lora_rank: int | None = low_rank.rank_option()
    lora_alpha: float | None = low_rank.alpha_option()

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        fix = "Give each example a feature axis: x[:, None]."
        check_rank(self, inputs, 2, "[batch, ..., features]", or_more=True, fix=fix)
        kernel = (inputs.shape[-1], self.units)
        bias = (self.units,) if self.use_bias else None
        params = self.with_lora(initial_weights(self, key, kernel=kernel, bias=bias), key)
        return self.with_whole_numbers(params), {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        weights = self.weights_like(params, x)
        features = weights["kernel"].shape[0]
        if x.shape[-1:] != (features,):
            raise self.value_error(
                f"`inputs` with {features} features on the last axis, as when its weights "
                "were made",
                f"shape {x.shape}",
            )
        if self.quantization is None:
            outputs = x @ weights["kernel"]
        else:
            shape = (features, self.units)
            outputs = self.multiplied(weights, x, shape, _matmul, (-1, _same))
        if self.lora_rank:  # two thin products, so that no gradient of the kernel's size is made
            low = (x @ weights["lora_kernel_a"]) @ weights["lora_kernel_b"]
            outputs = outputs + self.lora_scale * low
        if self.use_bias:
            outputs = add_bias(outputs, self.bias_like(weights["bias"]))
        return self.activation(outputs)

    def quantized_layout(self, rank: int | None) -> Any:
        return 0, lambda scale: scale[0]

    def _adapted_shape(self, params: Params) -> tuple[int, ...]:
        return params["kernel"].shape[0], self.units


def _matmul(x: Array, kernel: Array) -> Array:
    whole = jnp.issubdtype(x.dtype, jnp.integer)
    return jnp.matmul(x, kernel, preferred_element_type=jnp.int32 if whole else None)


def _same(scale: Array) -> Array:
    return scale


low_rank.complete(Dense)


class Identity(Layer):
    """The inputs, unchanged: a placeholder.

    Shapes: any, kept, and so are structures. Source: `keras.layers.Identity`.
    """

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        outputs = jax.tree.map(lambda x: cast_floating(self, x), inputs)
        return (outputs[0] if len(outputs) == 1 else outputs), state


def _comparable(value: object) -> float:
    if math.isnan(number(value)):
        raise ValueError("expected a number, got nan, which equals nothing: no step is masked.")
    return number(value)


class Masking(Deterministic):
    """Masks the steps whose features all equal `mask_value`, as padding.

    Later layers that support masking skip such steps, and so do the loss and the metrics.

    Shapes: `[batch, time, features]`, kept; padded steps become zeros. The mask is `[batch, time]`.

    Args:
      mask_value: the number that padded steps are filled with.

    Raises:
      TypeError: `mask_value` is not a number.
      ValueError: `mask_value` is NaN; the inputs have no feature axis.

    Example:
      >>> x = jnp.array([[[1.0, 0.0], [0.0, 0.0]]])
      >>> Masking().compute_mask(x).tolist()
      [[True, False]]

    Source: `keras.layers.Masking`.
    """

    mask_value: float = option(default=0.0, convert=_comparable)

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = True

    def compute_mask(self, inputs: ArrayLike, mask: Masks = None) -> Array:
        """True where a feature differs from `mask_value`; the mask of the inputs is ignored."""
        x = as_jax(inputs)
        return jnp.any(x != jnp.asarray(self.mask_value, x.dtype), -1)

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        fix = "Give each step a feature axis: x[..., None]."
        check_rank(self, x, 2, "[batch, time, features]", or_more=True, fix=fix)
        return jnp.where(self.compute_mask(x)[..., None], x, 0)
