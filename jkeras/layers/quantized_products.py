"""The base of Dense and EinsumDense: products of inputs and a kernel, which may be those of float8.

    layer.quantize("float8")       # of a layer or a model that is built, to be trained on

Laws:
  - The kernel stays floating and is trained. Scales and histories are trained weights to everybody
    but the optimizer: a training step computes them (`computed_weights`).
  - Filler rows at the end of a batch count for no largest value.

Source: `keras.layers.Dense.quantize`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.keys import Key
from jkeras.core.layer import Array, PaddedRows, Params, State
from jkeras.core.trees import Tree
from jkeras.layers.quantized import Contract, Quantizable
from jkeras.ops import float8
from jkeras.ops.linear import along

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class QuantizableProduct(Quantizable):
    """Base of the layers that have products in float8, beside whole numbers."""

    quantization_modes: ClassVar[tuple[str, ...]] = ("int8", "int4", "float8")

    @property
    def is_in_float8(self) -> bool:
        """Whether the products are those of float8."""
        return self.quantization_mode == "float8"

    @property
    def computed_weights(self) -> frozenset[str]:  # type: ignore[override]
        """The scales and histories of a layer in float8."""
        return frozenset(float8.NAMES if self.is_in_float8 else ())

    def computed(self, values: Params, grads: Params) -> Params:
        return float8.next_statistics(values, grads)

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the mode
        """In float8 filler rows are left out of the largest values."""
        return "masked" if self.is_in_float8 else super().padded_rows

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
        rows: ArrayLike | None = None,
    ) -> tuple[Array, State]:
        """`Layer.apply`; `rows`: `[batch]` bool, the examples that are real, all when left out."""
        if rows is not None:
            x = as_jax(inputs)
            inputs = jnp.where(along(0, as_jax(rows), x.ndim), x, jnp.zeros((), x.dtype))
        return super().apply(params, state, inputs, key=key, training=training)

    def with_whole_numbers(self, params: Params, rank: int | None = None) -> Params:
        """As of any quantized layer; in float8 the weights with scales and histories."""
        if self.is_in_float8:
            return {**params, **float8.first_statistics(self.amax_history_length)}
        return super().with_whole_numbers(params, rank)

    def weights_like(self, params: Tree, inputs: Array) -> Tree:
        """As of any quantized layer; scales and histories of float8 as they are."""
        kept = {name: params[name] for name in self.computed_weights}
        return {**super().weights_like(params, inputs), **kept}

    def bias_like(self, bias: Array) -> Array:
        """The bias as it is added to products: in float8 rounded to bfloat16, as in Keras, because
        XLA then adds it inside of the product.
        """
        if not self.is_in_float8 or bias.dtype != jnp.float32:
            return bias
        return bias.astype(jnp.bfloat16).astype(bias.dtype)

    def multiplied(
        self, params: Params, x: Array, shape: tuple[int, ...], contract: Contract, layout: Any
    ) -> Array:
        """As of any quantized layer; in float8 of rounded factors."""
        if self.is_in_float8:
            return float8.float8_product(contract, x, params[self.lora_target], params)
        return super().multiplied(params, x, shape, contract, layout)
