"""Recurrent layers: a cell carried along the time axis, the inputs' product hoisted out of it."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, Params, State, check_rank, option
from jkeras.layers.options import (
    activation,
    constraint,
    initializer,
    positive_int,
    rate,
    regularizer,
)
from jkeras.ops.linear import add_bias
from jkeras.ops.recurrence import over_time


class SimpleRNN(Layer):
    """The recurrence `h = activation(x @ kernel + h_prev @ recurrent_kernel + bias)`.

    Shapes: `[batch, time, features]` to `[batch, units]`, or `[batch, time, units]` with
    `return_sequences`. With `return_state` the outputs are `(outputs, last h [batch, units])`. An
    optional second input is the initial h [batch, units]; zeros otherwise.

    Weights: `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units,). A
    `stateful` layer carries its last h in the state, as `h`, from batch to batch.

    Args:
      units: size of h.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      dropout: fraction of the inputs dropped while training, one mask for all time steps.
      recurrent_dropout: the same for h.
      return_sequences: the outputs of every step instead of the last.
      return_state: whether the last h is returned too.
      go_backwards: from the last step to the first; sequences come out in that order.
      stateful: start each batch from the last h of the one before.
      unroll: write the steps out: faster for short sequences, slower to compile.
      seed: folded into the dropout key.
      kernel_…, recurrent_…, bias_… initializer, regularizer, constraint: names or objects.

    Raises:
      ValueError: the inputs are not `[batch, time, features]`; dropout without a `key`.

    Source: Elman 1990, doi:10.1207/s15516709cog1402_1; `keras.layers.SimpleRNN`.
    """

    in_slices: ClassVar[InSlices] = "never"  # its products gain from a large batch

    units: int = option(convert=positive_int)
    activation: Any = activation("tanh")
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    recurrent_initializer: Any = initializer("orthogonal")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    recurrent_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    recurrent_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    dropout: float = option(default=0.0, convert=rate)
    recurrent_dropout: float = option(default=0.0, convert=rate)
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    seed: int | None = None

    def init(self, key: Key, inputs: Any, *initial: Any) -> tuple[Params, State]:
        fix = "Give each example a time axis: x[:, None, :]."
        check_rank(self, inputs, 3, "[batch, time, features]", fix=fix)
        units = self.units
        params = {
            "kernel": self.kernel_initializer((inputs.shape[-1], units), key=child(key, "kernel")),
            "recurrent_kernel": self.recurrent_initializer(
                (units, units), key=child(key, "recurrent_kernel")
            ),
        }
        if self.use_bias:
            params["bias"] = self.bias_initializer((units,), key=child(key, "bias"))
        state = {"h": jnp.zeros((inputs.shape[0], units))} if self.stateful else {}
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: Any,
        *initial: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        check_rank(self, inputs, 3, "[batch, time, features]")
        x, kept = self._dropped(self.cast(inputs), key, training)
        weights = self.weights_like(params, x)
        projected = x @ weights["kernel"]
        if self.use_bias:
            projected = add_bias(projected, weights["bias"])

        def step(h: Array, x_t: Array) -> tuple[Array, Array]:
            h = self.activation(x_t + (h * kept) @ weights["recurrent_kernel"])
            return h, h

        h = self._initial(state, initial, x)
        h, sequence = over_time(step, h, projected, reverse=self.go_backwards, unroll=self.unroll)
        if self.stateful:
            state = {"h": h.astype(state["h"].dtype)}
        outputs = sequence if self.return_sequences else h
        return ((outputs, h) if self.return_state else outputs), state

    def _initial(self, state: State, initial: tuple[Any, ...], x: Array) -> Array:
        if initial:
            return self.cast(initial[0])
        if self.stateful:
            return state["h"].astype(x.dtype)
        return jnp.zeros((x.shape[0], self.units), x.dtype)

    def _dropped(self, x: Array, key: Key | None, training: bool) -> tuple[Array, Any]:
        """The inputs after dropout, and the factor [batch, units] (or 1) for h."""
        if not training or (self.dropout == 0 and self.recurrent_dropout == 0):
            return x, 1.0
        key = child(self.need_key(key), self.seed or 0)
        batch, _, features = x.shape
        x = x * _mask(child(key, "inputs"), self.dropout, (batch, 1, features), x.dtype)
        return x, _mask(
            child(key, "recurrent"), self.recurrent_dropout, (batch, self.units), x.dtype
        )


def _mask(key: Key, dropped: float, shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros for a fraction `dropped` of the entries, `1 / (1 - dropped)` for the others."""
    if dropped == 1:
        return jnp.zeros(shape, dtype)
    return jax.random.bernoulli(key, 1 - dropped, shape).astype(dtype) / (1 - dropped)
