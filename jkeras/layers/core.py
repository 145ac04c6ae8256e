"""The layers that hold most of a model's weights: a matrix product, and a table of vectors."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, Params, State, check_rank, option
from jkeras.layers.options import (
    FixedArray,
    activation,
    constraint,
    initializer,
    optional,
    positive_int,
    regularizer,
)
from jkeras.ops.linear import add_bias


class Dense(Layer):
    """A matrix product over the last axis: `activation(inputs @ kernel + bias)`.

    Shapes: `[batch, ..., in]` to `[batch, ..., units]`. Weights: `kernel` (in, units), `bias`
    (units,).

    Args:
      units: number of outputs.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      kernel_initializer, bias_initializer: names, objects or functions.
      kernel_regularizer, bias_regularizer: names, objects or functions weight -> scalar.
      activity_regularizer: the same for the outputs.
      kernel_constraint, bias_constraint: names, objects or functions weight -> weight.

    Raises:
      ValueError: the inputs have no feature axis.

    Source: `keras.layers.Dense`.
    """

    in_slices: ClassVar[InSlices] = "same"

    units: int = option(convert=positive_int)
    activation: Any = activation()
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def init(self, key: Key, inputs: Any) -> tuple[Params, State]:
        fix = "Give each example a feature axis: x[:, None]."
        check_rank(self, inputs, 2, "[batch, ..., features]", or_more=True, fix=fix)
        shape = (inputs.shape[-1], self.units)
        params = {"kernel": self.kernel_initializer(shape, key=child(key, "kernel"))}
        if self.use_bias:
            params["bias"] = self.bias_initializer((self.units,), key=child(key, "bias"))
        return params, {}

    def apply(
        self,
        params: Params,
        state: State,
        inputs: Any,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        x = self.cast(inputs)
        weights = self.weights_like(params, x)
        features = weights["kernel"].shape[0]
        if x.shape[-1:] != (features,):
            raise ValueError(
                f"{self.who}: expected `inputs` with {features} features on the last axis, as when "
                f"its weights were made, got shape {x.shape}."
            )
        outputs = x @ weights["kernel"]
        if self.use_bias:
            outputs = add_bias(outputs, weights["bias"])
        return self.activation(outputs), state


def _embedding_matrix(value: Any) -> FixedArray:
    """An initial table: an array, or Keras's list of one array."""
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    return FixedArray(only)


class Embedding(Layer):
    """A table of vectors, one per id: `embeddings[inputs]`.

    Shapes: ids `[batch, ...]` to `[batch, ..., output_dim]`. Weights: `embeddings` (input_dim,
    output_dim). Ids count from 0; negative ones count from the end of the table, and an id outside
    it gives NaN, as in Keras on JAX. Ids that are not integers are cut to integers.

    Args:
      input_dim: number of ids.
      output_dim: size of a vector.
      embeddings_initializer, embeddings_regularizer, embeddings_constraint: names or objects.
      mask_zero: must be False: masks are not carried from layer to layer.
      weights: the initial table (input_dim, output_dim) instead of a random one.

    Raises:
      ValueError: `mask_zero`, or `weights` of another shape.

    Source: `keras.layers.Embedding`.
    """

    input_dim: int = option(convert=positive_int)
    output_dim: int = option(convert=positive_int)
    embeddings_initializer: Any = initializer("uniform")
    embeddings_regularizer: Any = regularizer()
    embeddings_constraint: Any = constraint()
    mask_zero: bool = False
    weights: FixedArray | None = option(default=None, convert=optional(_embedding_matrix))

    takes_integers: ClassVar[bool] = True

    def check(self) -> None:
        if self.mask_zero:
            raise ValueError(
                f"{self.who}: expected `mask_zero` False, got {self.mask_zero}: masks are not "
                "carried from layer to layer yet. Give padded steps no weight in the loss: "
                "fit(x, y, sample_weight=...)."
            )
        shape = (self.input_dim, self.output_dim)
        if self.weights is not None and self.weights.values.shape != shape:
            raise ValueError(
                f"{self.who}: expected `weights` of shape (input_dim, output_dim) = {shape}, got "
                f"{self.weights}."
            )

    def check_values(self, inputs: np.ndarray[Any, Any]) -> None:
        """Raises for ids outside the table; a trainer asks before it starts, `apply` cannot.

        Args:
          inputs: all ids, on the host.

        Raises:
          ValueError: an id is negative, or `input_dim` or more.
        """
        low, high = (inputs.min(), inputs.max()) if inputs.size else (0, 0)
        if low < 0 or high >= self.input_dim:
            raise ValueError(
                f"{self.who}: expected ids from 0 to {self.input_dim - 1} (`input_dim` is "
                f"{self.input_dim}), got values from {low} to {high}."
            )

    def init(self, key: Key, inputs: Any) -> tuple[Params, State]:
        if self.weights is not None:
            return {"embeddings": jnp.asarray(self.weights.values, jnp.float32)}, {}
        shape = (self.input_dim, self.output_dim)
        return {"embeddings": self.embeddings_initializer(shape, key=child(key, "embeddings"))}, {}

    def apply(
        self,
        params: Params,
        state: State,
        inputs: Any,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        ids = jnp.asarray(inputs)
        if not jnp.issubdtype(ids.dtype, jnp.integer):
            ids = ids.astype(jnp.int32)
        table = params["embeddings"]
        vectors = jnp.take(table, ids, axis=0, mode="fill", fill_value=jnp.nan)
        return vectors.astype(self.dtype or table.dtype), state
