"""Recurrent layers: a cell run along the time axis.

A layer here is a cell and flags for the initial states, the direction and the outputs. Laws:
`LSTM(units, …)` is `RNN(LSTMCell(units, …))`, weights included, and so are GRU and SimpleRNN; a
masked step changes no state, and repeats the output before it; running the second half of a
sequence from the last states of the first half equals running the whole sequence.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.description import fields
from jkeras.core.dtype_policy import weight_dtype
from jkeras.core.errors import describe
from jkeras.core.keys import Key
from jkeras.core.layer import CARRIED, Array, Layer, PaddedRows, Params, State, check_rank, option
from jkeras.core.object_api import object_api
from jkeras.core.parts import Path
from jkeras.core.serialization import never
from jkeras.layers.cells import (
    Cell,
    SequenceOutputs,
    States,
    as_cell,
    drops,
    init_cell,
    nested_states,
    run,
)
from jkeras.layers.deterministic import checked_mask
from jkeras.layers.recurrent_cells import (
    GRUArguments,
    GRUCell,
    LSTMArguments,
    LSTMCell,
    SimpleRNNArguments,
    SimpleRNNCell,
)
from jkeras.ops import regularizers
from jkeras.ops.recurrence import where_real

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import ArraySpec, Masks


class Recurrent(Layer):
    """Base of recurrent layers. A subclass has a `cell`, as an argument or made of arguments."""

    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = dataclasses.field(default=False, kw_only=True)

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    input_axes: ClassVar[str] = "[batch, time, features]"
    """The axes of the inputs in words, for messages."""

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on arguments
        """The effect of filler rows: "masked" for a stateful layer whose cell ignores them."""
        if self._cell.padded_rows != "ignored":
            return "seen"
        return "masked" if self.stateful else "ignored"

    @property
    def _cell(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: expected a cell, got none.")

    def init(self, key: Key, inputs: ArraySpec, *initial: Any) -> tuple[Params, State]:
        self._check_inputs(inputs)
        x = jax.eval_shape(self.cast, inputs)
        step = jax.ShapeDtypeStruct((x.shape[0], *x.shape[2:]), x.dtype)
        states = nested_states(self, self._cell, initial, step)
        params, state = init_cell(self._cell, key, step, states)
        if self.stateful:
            zeros = jax.tree.map(lambda value: jnp.zeros(value.shape, weight_dtype()), states)
            state = {**state, CARRIED: zeros}
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *initial: Any,
        key: Key | None = None,
        training: bool = False,
        mask: ArrayLike | None = None,
        rows: Array | None = None,
    ) -> tuple[Any, State]:
        """`Layer.apply`.

        Args:
          params, state, key, training: as for every layer.
          inputs: `[batch, time, ...]`.
          *initial: the states before the first step, `[batch, ...]` each; all of them or none.
          mask: `[batch, time]` bool; a step that is False changes no state and repeats the last
            output, or gives zeros with `zero_output_for_mask`.
          rows: `[batch]` bool, False for filler rows, which do not change a stateful layer's state.
        """
        x = self.cast(inputs)
        self._check_inputs(x)
        if training and drops(self._cell):
            self.need_key(key)
        if mask is not None:
            expected = f"`mask` of shape {x.shape[:2]}, [batch, time] as the inputs"
            mask = checked_mask(self, mask, x.shape[:2], expected, got="{}")
        real = self._steps(mask)
        cell_state = state
        if self.stateful:
            cell_state = {name: part for name, part in state.items() if name != CARRIED}
        sequence = run(
            self._cell,
            params,
            cell_state,
            self._steps(x),
            self._states_before(state, initial, x),
            mask=real,
            key=key,
            training=training,
            unroll=self.unroll,
        )
        new = sequence.state
        if self.stateful:
            carried = jax.tree.map(
                lambda x, old: x.astype(old.dtype), sequence.states, state[CARRIED]
            )
            new = {**new, CARRIED: where_real(rows, carried, state[CARRIED])}
        return self._outputs(sequence, real), new

    def reset_state(self) -> None:
        """Sets the states of a stateful layer to zero, in the model with the layer."""
        if self.stateful:
            object_api().weights(self).reset_carried()

    reset_states = reset_state

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        """Sequences keep the mask of the inputs; a last output and states have none."""
        return first_mask(mask) if self.return_sequences else None

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        """The mask of the sequence; as in Keras, not beside initial states (`mask=` says it)."""
        return {"mask": masks[0]} if len(masks) == 1 else {}

    def penalty(self, params: Params) -> Array | float:
        return self._cell.penalty(params)

    def constrain(self, params: Params) -> Params:
        return self._cell.constrain(params)

    # -- what goes in and comes out

    @property
    def _fix(self) -> str:
        return "Give each example a time axis: x[:, None, :]."

    def _check_inputs(self, inputs: ArraySpec) -> None:
        rank = 1 + self.input_axes.count(",")
        check_rank(self, inputs, rank, self.input_axes, fix=self._fix)
        if inputs.shape[1] == 0:
            raise self.value_error(
                "`inputs` with a time step or more", f"shape {tuple(inputs.shape)}"
            )

    def _steps(self, values: Array | None) -> Array | None:
        """`[batch, time, ...]` as `[time, batch, ...]`, in the order of the steps."""
        if values is None:
            return None
        values = jnp.moveaxis(values, 1, 0)
        return jnp.flip(values, 0) if self.go_backwards else values

    def _states_before(self, state: State, initial: tuple[Any, ...], x: Array) -> States:
        if initial or not self.stateful:
            return nested_states(self, self._cell, initial, x[:, 0])
        carried = jax.tree.map(lambda value: value.astype(x.dtype), state[CARRIED])
        expected = jax.tree.leaves(carried)[0].shape[0]
        if x.shape[0] != expected:
            raise self.value_error(
                f"`inputs` with {expected} examples, as many as it carries the states of",
                f"shape {x.shape}",
                fix="A stateful layer takes batches of one size.",
            )
        return carried

    def _outputs(self, sequence: SequenceOutputs, mask: Array | None) -> Any:
        """The return value of `apply`; `mask` is `[time, batch]`."""
        outputs = jnp.moveaxis(sequence.outputs, 0, 1) if self.return_sequences else sequence.last
        if self.zero_output_for_mask and mask is not None:
            real = mask.T if self.return_sequences else mask[-1]
            axes = range(real.ndim, outputs.ndim)
            outputs = jnp.where(jnp.expand_dims(real, axes), outputs, jnp.zeros_like(outputs))
        if not self.return_state:
            return outputs
        shown = self._cell.shown_states if isinstance(self._cell, Cell) else tuple
        return (outputs, *shown(sequence.states))


def first_mask(mask: Masks) -> Any:
    """The mask of the first input."""
    return mask[0] if isinstance(mask, tuple | list) else mask


def without_cudnn(value: object) -> Any:
    """`"auto"` or False; raises a ValueError for True, which requires cuDNN, and for others."""
    if value is True:
        raise ValueError(
            "expected 'auto' or False, got True: cuDNN is not used, the loop is compiled by XLA. "
            "Leave it out."
        )
    if value not in ("auto", False):
        raise ValueError(f"expected 'auto' or False, got {describe(value)}.")
    return value


class CellArgument(Layer):
    """The field of RNN's first argument."""

    cell: Any = option(convert=as_cell)


class RNN(Recurrent, CellArgument):
    """Runs a cell along the time axis.

    Shapes: `[batch, time, ...]` to `[batch, ...]`, the last output, or `[batch, time, ...]` with
    `return_sequences`. With `return_state` the outputs are `(outputs, *states)`; the states of a
    stack of cells are one tuple per cell. Further inputs are the initial states, flat or nested;
    zeros (or the cell's `get_initial_state(batch_size)`) otherwise.

    Weights: those of the cell. A `stateful` layer has its last states in its state, as `rnn_state`;
    zeros, as in `init`, restart it, and `reset_state()` sets these in the model with the layer.

    Args:
      cell: a cell (`layers.cells`), or a list of them, which are stacked.
      return_sequences: return the outputs of every step instead of the last.
      return_state: whether the last states are returned too.
      go_backwards: run from the last step to the first; output sequences have that order.
      stateful: start each batch from the last states of the batch before.
      unroll: unroll the loop: slower to compile.
      zero_output_for_mask: masked steps give zeros instead of the output before.

    Raises:
      TypeError: `cell` is not a cell.
      ValueError: the inputs have no time axis; initial states of other shapes.

    Example: a cell of one's own.
      >>> class Sums(Layer):
      ...     state_size: int = 1
      ...
      ...     def apply(self, params, state, x, total, *, key=None, training=False):
      ...         total = total + x.sum(-1, keepdims=True)
      ...         return (total, total), state
      >>> outputs, _ = RNN(Sums(), return_sequences=True).apply({}, {}, jnp.ones((1, 3, 2)))
      >>> outputs.ravel().tolist()
      [2.0, 4.0, 6.0]

    Source: `keras.layers.RNN`.
    """

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The cell, whose weights are those of the layer; none for a stateful layer."""
        return [] if self.stateful else [((), self.cell)]

    @property
    def _cell(self) -> Any:
        return self.cell


class CellByName(Recurrent):
    """Base of SimpleRNN, LSTM, GRU and ConvLSTM: the layer's arguments make the cell."""

    activity_regularizer: Any = dataclasses.field(
        default=None, kw_only=True, metadata={"convert": regularizers.get}
    )

    aliases: ClassVar = {**Layer.aliases, "implementation": lambda number: None}

    cell_type: ClassVar[Any]
    """The class of the cell."""

    @functools.cached_property
    def cell(self) -> Any:
        """The cell, made of those of the layer's arguments that it has."""
        names = [field.name for field in fields(self.cell_type) if field.name != "input_shape"]
        return self.cell_type(**{name: getattr(self, name) for name in names})

    @property
    def _cell(self) -> Any:
        return self.cell


class SimpleRNN(CellByName, SimpleRNNArguments):
    """The recurrence `h = activation(x @ kernel + h_prev @ recurrent_kernel + bias)`.

    Shapes: `[batch, time, features]` to `[batch, units]`, or `[batch, time, units]` with
    `return_sequences`. With `return_state` the outputs are `(outputs, last h [batch, units])`. An
    optional second input is the initial h [batch, units]; zeros otherwise.

    Weights: `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units,). A
    `stateful` layer carries its last states in its state, as `rnn_state`, from batch to batch.

    Args:
      units: size of h.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      kernel_…, recurrent_…, bias_… initializer, regularizer, constraint: names or objects.
      dropout: fraction of the inputs dropped while training, one mask for all time steps.
      recurrent_dropout: fraction of h dropped while training, one mask for all time steps.
      return_sequences: return the outputs of every step instead of the last.
      return_state: whether the last states are returned too.
      go_backwards: run from the last step to the first; output sequences have that order.
      stateful: start each batch from the last states of the batch before.
      unroll: unroll the loop: slower to compile.
      seed: folded into the dropout key.
      activity_regularizer: a regularizer of the outputs.
      zero_output_for_mask: masked steps give zeros instead of the output before.

    Raises:
      ValueError: the inputs are not `[batch, time, features]`; dropout without a `key`; initial
        states, a mask or (when `stateful`) a batch of another shape.

    Source: Elman 1990, doi:10.1207/s15516709cog1402_1; `keras.layers.SimpleRNN`.
    """

    seed: int | None = None

    cell_type: ClassVar[Any] = SimpleRNNCell


class LSTM(CellByName, LSTMArguments):
    """Long short-term memory: gates control what the memory c keeps, adds and outputs as h.

    With z = x @ kernel + h_prev @ recurrent_kernel + bias, cut into four, and g the recurrent
    activation: `c = g(z_f) * c_prev + g(z_i) * activation(z_c)`, `h = g(z_o) * activation(c)`.

    Shapes: `[batch, time, features]` to `[batch, units]`, or `[batch, time, units]` with
    `return_sequences`. With `return_state` the outputs are `(outputs, h, c)`. Optional further
    inputs are the initial h and c [batch, units]; zeros otherwise.

    Weights, with the gates in the order i, f, c, o: `kernel` (features, 4 units),
    `recurrent_kernel` (units, 4 units), `bias` (4 units,).

    Args:
      recurrent_activation: of the gates.
      unit_forget_bias: the forget gate's bias begins as 1, so that c is kept at first.
      recurrent_dropout: fraction of h dropped while training. With it each gate draws its own
        masks, for the inputs too.
      use_cudnn: "auto" or False, which are the same: the loop is XLA's.
      units and all others: as SimpleRNN's.

    Raises:
      ValueError: as SimpleRNN; `use_cudnn` is True.

    Example:
      >>> layer = LSTM(4, return_state=True)
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 3)))
      >>> (outputs, h, c), state = layer.apply(params, state, jnp.ones((2, 5, 3)))
      >>> outputs.shape, bool((outputs == h).all())
      ((2, 4), True)

    Source: Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; `keras.layers.LSTM`.
    """

    use_cudnn: Any = option(default="auto", convert=without_cudnn, to_config=never)

    cell_type: ClassVar[Any] = LSTMCell


class GRU(CellByName, GRUArguments):
    """Gated recurrent unit: h is a mixture of the last h and a candidate, weighted by the gate z.

    With g the recurrent activation and (x_z, x_r, x_h) = x @ kernel: z = g(x_z + h_z),
    r = g(x_r + h_r), `h = z * h_prev + (1 - z) * activation(x_h + r * h_h)`, where (h_z, h_r, h_h)
    = h_prev @ recurrent_kernel. With `reset_after=False` the last term is (r * h_prev) times the
    last third of the recurrent kernel.

    Shapes: `[batch, time, features]` to `[batch, units]`, or `[batch, time, units]` with
    `return_sequences`. With `return_state` the outputs are `(outputs, h)`. An optional second
    input is the initial h [batch, units]; zeros otherwise.

    Weights, with the gates in the order z, r, h: `kernel` (features, 3 units), `recurrent_kernel`
    (units, 3 units), `bias` (2, 3 units), for the two products, or (3 units,) with
    `reset_after=False`.

    Args:
      recurrent_activation: of the gates.
      reset_after: r scales the product with the recurrent kernel, instead of h before it.
      recurrent_dropout: fraction of h dropped while training. With it each gate draws its own
        masks, for the inputs too.
      use_cudnn: "auto" or False, which are the same: the loop is XLA's.
      units and all others: as SimpleRNN's.

    Raises:
      ValueError: as SimpleRNN; `use_cudnn` is True.

    Source: Cho et al. 2014, arXiv:1406.1078; `keras.layers.GRU`.
    """

    reset_after: bool = True
    use_cudnn: Any = option(default="auto", convert=without_cudnn, to_config=never)
    seed: int | None = None

    cell_type: ClassVar[Any] = GRUCell
