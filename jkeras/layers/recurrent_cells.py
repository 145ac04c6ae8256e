"""The cells SimpleRNN, LSTM and GRU: one step each, and the whole sequence at once.

A cell multiplies the inputs with `kernel`, the last output with `recurrent_kernel`, and computes
the new states from the sum. Over a sequence the first product is computed for all steps together,
and the biases are added there. This module has the code that a cell and the layer of its name
share: arguments, weights, dropout, and the run over a sequence; the equations are in
`ops.recurrence`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, Params, State, option
from jkeras.layers import options
from jkeras.layers.cells import Cell, SequenceOutputs, States
from jkeras.layers.deterministic import initial_weights
from jkeras.layers.options import constraint, initializer, positive_int, rate, regularizer
from jkeras.ops.linear import add_bias
from jkeras.ops.recurrence import (
    dense_product,
    gru_states,
    lstm_states,
    mixed,
    over_time,
    recur,
    simple_rnn_states,
    where_real,
)

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec


class SimpleRNNArguments(Layer):
    """The arguments of SimpleRNNCell and SimpleRNN. See SimpleRNN."""

    units: int = option(convert=positive_int)
    activation: Any = options.activation("tanh")
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    recurrent_initializer: Any = initializer("orthogonal")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    recurrent_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    recurrent_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    dropout: float = option(default=0.0, convert=rate)
    recurrent_dropout: float = option(default=0.0, convert=rate)


class LSTMArguments(Layer):
    """The arguments of LSTMCell and LSTM. See LSTM."""

    units: int = option(convert=positive_int)
    activation: Any = options.activation("tanh")
    recurrent_activation: Any = options.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    recurrent_initializer: Any = initializer("orthogonal")
    bias_initializer: Any = initializer("zeros")
    unit_forget_bias: bool = True
    kernel_regularizer: Any = regularizer()
    recurrent_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    recurrent_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    dropout: float = option(default=0.0, convert=rate)
    recurrent_dropout: float = option(default=0.0, convert=rate)
    seed: int | None = None


class GRUArguments(Layer):
    """The common arguments of GRUCell and GRU, in order. See GRU."""

    units: int = option(convert=positive_int)
    activation: Any = options.activation("tanh")
    recurrent_activation: Any = options.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    recurrent_initializer: Any = initializer("orthogonal")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    recurrent_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    recurrent_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    dropout: float = option(default=0.0, convert=rate)
    recurrent_dropout: float = option(default=0.0, convert=rate)


class GatedCell(Cell):
    """Base of all cells with a kernel and a recurrent kernel, including the convolutional ones.

    A subclass defines the arguments, the number of `gates` in its kernels, its products
    (`_from_inputs`, `_from_h`, each product(x, kernel, kept)), and its new states (`_advance`).
    """

    if TYPE_CHECKING:
        # The fields stand in the subclasses, because Keras has them in another order in each.
        def __getattr__(self, name: str) -> Any: ...

    gates: ClassVar[int]
    """The number of blocks of units in a kernel."""

    @property
    def feature_axis(self) -> int:
        """The axis of features in the inputs, and of units in the states, from the end."""
        return -1

    def run(
        self,
        params: Params,
        state: State,
        inputs: Array,
        states: States,
        *,
        mask: Array | None = None,
        key: Key | None = None,
        training: bool = False,
        unroll: bool = False,
    ) -> SequenceOutputs:
        x = self.cast(inputs)
        self._check_features(params, x)
        weights = self.weights_like(params, x)
        kept_x, kept_h = self._kept(x[0], states[0], key) if training else (None, None)
        projected = self._with_bias(self._from_inputs(x, weights["kernel"], kept_x), weights)
        outputs, states = self._recur(weights, projected, states, kept_h, mask, unroll)
        return SequenceOutputs(outputs, states[0], states, state)

    def _check_features(self, params: Params, x: Array) -> None:
        expected, axis = params["kernel"].shape[-2], self.feature_axis
        if x.shape[axis] != expected:
            raise self.value_error(
                f"steps with {expected} features on axis {axis}, as when its weights were made",
                f"shape {x.shape[1:]}",
            )

    def _recur(
        self,
        weights: Params,
        projected: Array,
        states: States,
        kept: Array | None,
        mask: Array | None,
        unroll: bool,
    ) -> tuple[Array, States]:
        kernel = weights["recurrent_kernel"]
        return recur(self._advance, self._from_h, unroll, kernel, projected, states, kept, mask)

    def _from_inputs(self, x: Array, kernel: Array, kept: Array | None) -> Array:
        return dense_product(x, kernel, kept)

    def _from_h(self, h: Array, kernel: Array, kept: Array | None) -> Array:
        return dense_product(h, kernel, kept)

    def _with_bias(self, projected: Array, weights: Params) -> Array:
        if "bias" not in weights:
            return projected
        return add_bias(projected, weights["bias"], self.feature_axis)

    def _advance(self, z: Array, states: States) -> States:
        raise NotImplementedError(f"{type(self).__name__}: expected `_advance`, got none.")

    def _kept(self, x: Array, h: Array, key: Key | None) -> tuple[Array | None, Array | None]:
        """The dropout factors of the inputs and of h, the same for all steps."""
        if self.dropout == self.recurrent_dropout == 0:
            return None, None
        key = child(self.need_key(key), self.seed or 0)
        return (
            _factors(child(key, "inputs"), self.dropout, self._draws, x),
            _factors(child(key, "recurrent"), self.recurrent_dropout, self._draws, h),
        )

    @property
    def _draws(self) -> int:
        """The number of dropout masks: one, or one for each gate, as in Keras with dropout of h."""
        return self.gates if self.recurrent_dropout else 1


def _factors(key: Key, dropped: float, draws: int, like: Array) -> Array | None:
    """Factors `[draws, *like.shape]`: 0 for a fraction `dropped`, `1 / (1 - dropped)` else."""
    if dropped == 0:
        return None
    shape = (draws, *like.shape)
    if dropped == 1:
        return jnp.zeros(shape, like.dtype)
    return jax.random.bernoulli(key, 1 - dropped, shape).astype(like.dtype) / (1 - dropped)


class DenseCell(GatedCell):
    """Base of the cells over vectors: their weights."""

    def init(self, key: Key, inputs: ArraySpec, *states: Any) -> tuple[Params, State]:
        wide = self.gates * self.units
        shapes = {"kernel": (inputs.shape[-1], wide), "recurrent_kernel": (self.units, wide)}
        return kernels_and_bias(self, key, shapes, self._bias), {}

    def _bias(self, key: Key) -> Array:
        return self.bias_initializer((self.gates * self.units,), key=key)


def kernels_and_bias(
    cell: Layer, key: Key, shapes: Mapping[str, tuple[int, ...]], bias: Callable[[Key], Array]
) -> Params:
    """The weights of a cell: `kernel`, `recurrent_kernel` of these shapes, and `bias(key)`."""
    params = initial_weights(cell, key, **shapes)
    return params | {"bias": bias(child(key, "bias"))} if cell.use_bias else params


def forget_bias(cell: Layer, units: int, key: Key) -> Array:
    """The biases of i, f, c, o: ones for the forget gate with `unit_forget_bias`."""
    if not cell.unit_forget_bias:
        return cell.bias_initializer((4 * units,), key=key)
    i, others = (
        cell.bias_initializer((size,), key=child(key, name))
        for name, size in (("i", units), ("others", 2 * units))
    )
    return jnp.concatenate([i, jnp.ones((units,), i.dtype), others])


class SimpleRNNCell(SimpleRNNArguments, DenseCell):
    """One step of SimpleRNN: `h = activation(x @ kernel + h_prev @ recurrent_kernel + bias)`.

    Shapes: `[batch, features]` and h `[batch, units]`, to `(h, h)`. Weights and arguments as
    SimpleRNN's.

    Example:
      >>> cell = SimpleRNNCell(3)
      >>> x, h = jnp.ones((2, 5)), jnp.zeros((2, 3))
      >>> params, state = cell.init(jax.random.key(0), x, h)
      >>> (output, h), state = cell.apply(params, state, x, h)
      >>> output.shape
      (2, 3)

    Source: `keras.layers.SimpleRNNCell`.
    """

    seed: int | None = None

    gates: ClassVar[int] = 1

    @property
    def state_size(self) -> int:
        """The size of h."""
        return self.units

    @property
    def _draws(self) -> int:
        return 1

    def _advance(self, z: Array, states: States) -> States:
        return simple_rnn_states(z, activation=self.activation)


class LSTMCell(LSTMArguments, DenseCell):
    """One step of LSTM.

    Shapes: `[batch, features]`, h and c `[batch, units]`, to `(h, h, c)`. Weights and arguments as
    LSTM's.

    Example:
      >>> cell = LSTMCell(3)
      >>> x, h, c = jnp.ones((2, 5)), jnp.zeros((2, 3)), jnp.zeros((2, 3))
      >>> params, state = cell.init(jax.random.key(0), x, h, c)
      >>> (output, h, c), state = cell.apply(params, state, x, h, c)
      >>> params["bias"].tolist()[:6]
      [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]

    Source: `keras.layers.LSTMCell`.
    """

    gates: ClassVar[int] = 4

    @property
    def state_size(self) -> tuple[int, int]:
        """The sizes of h and c."""
        return self.units, self.units

    def _bias(self, key: Key) -> Array:
        return forget_bias(self, self.units, key)

    def _advance(self, z: Array, states: States) -> States:
        gate = self.recurrent_activation
        return lstm_states(z, states[1], activation=self.activation, gate=gate)


class GRUCell(GRUArguments, DenseCell):
    """One step of GRU.

    Shapes: `[batch, features]` and h `[batch, units]`, to `(h, h)`. Weights and arguments as GRU's.

    Example:
      >>> cell = GRUCell(3)
      >>> x, h = jnp.ones((2, 5)), jnp.zeros((2, 3))
      >>> params, state = cell.init(jax.random.key(0), x, h)
      >>> (output, h), state = cell.apply(params, state, x, h)
      >>> params["bias"].shape
      (2, 9)

    Source: `keras.layers.GRUCell`.
    """

    reset_after: bool = True
    seed: int | None = None

    gates: ClassVar[int] = 3

    @property
    def state_size(self) -> int:
        """The size of h."""
        return self.units

    def _bias(self, key: Key) -> Array:
        shape = (3 * self.units,)
        return self.bias_initializer((2, *shape) if self.reset_after else shape, key=key)

    def _with_bias(self, projected: Array, weights: Params) -> Array:
        """With the bias of the recurrent product too, and, for `gru_states`, with its candidate's
        part in a block of its own.
        """
        if not self.reset_after:
            return super()._with_bias(projected, weights)
        gates, from_x = jnp.split(projected, [2 * self.units], -1)
        from_h = jnp.zeros_like(from_x)
        if "bias" in weights:
            inner, recurrent = weights["bias"]
            gates = add_bias(gates, (inner + recurrent)[: 2 * self.units])
            from_x = add_bias(from_x, inner[2 * self.units :])
            from_h = add_bias(from_h, recurrent[2 * self.units :])
        return jnp.concatenate([gates, from_h, from_x], -1)

    def _from_h(self, h: Array, kernel: Array, kept: Array | None) -> Array:
        inner = dense_product(h, kernel, kept)
        return jnp.pad(inner, [(0, 0)] * (inner.ndim - 1) + [(0, self.units)])

    def _advance(self, z: Array, states: States) -> States:
        gate = self.recurrent_activation
        return gru_states(z, states[0], activation=self.activation, gate=gate)

    def _recur(
        self,
        weights: Params,
        projected: Array,
        states: States,
        kept: Array | None,
        mask: Array | None,
        unroll: bool,
    ) -> tuple[Array, States]:
        if self.reset_after:
            return super()._recur(weights, projected, states, kept, mask, unroll)
        step = functools.partial(self._reset_before, weights["recurrent_kernel"], kept)
        states, sequence = over_time(step, states, (projected, mask), unroll=unroll)
        return sequence, states

    def _reset_before(
        self, kernel: Array, kept: Array | None, states: States, slices: tuple[Array, Array | None]
    ) -> tuple[States, Array]:
        """A step in which r scales h before the product, as the paper's first version has it."""
        (h,), (x_t, mask_t) = states, slices
        to_gates, to_candidate = jnp.split(kernel, [2 * self.units], -1)
        kept_gates, kept_h = (None, None) if kept is None else (kept[:2], kept[2:])
        x_gates, x_h = jnp.split(x_t, [2 * self.units], -1)
        gates = self.recurrent_activation(x_gates + dense_product(h, to_gates, kept_gates))
        update, reset = jnp.split(gates, 2, -1)
        candidate = self.activation(x_h + dense_product(reset * h, to_candidate, kept_h))
        states = where_real(mask_t, (mixed(update, h, candidate),), states)
        return states, states[0]
