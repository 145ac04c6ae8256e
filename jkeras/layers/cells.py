"""Recurrent cells: layers over one time step, whose states are inputs and outputs.

    params, state = cell.init(key, inputs_t, *states)
    (output, *states), state = cell.apply(params, state, inputs_t, *states, key=…, training=…)

Any layer of this form with a `state_size` (an integer, or one for each state, as in Keras) is a
cell for `RNN`, `StackedRNNCells` and `Bidirectional(RNN(cell))`. The key is the same at every step
of a sequence, so random numbers are the same at every step. A subclassed cell of Keras's form,
whose `call(inputs, states)` returns `(output, states)` with a list of states, is a cell as well.

A `Cell` also has `run`, over a whole sequence at once: the cells of this package multiply all
inputs with their kernel before the loop. The result equals that of single steps.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core import naming
from jkeras.core.errors import WrongTypeError, describe, type_error
from jkeras.core.identity import identity_of
from jkeras.core.interception import intercepted
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, PaddedRows, Params, State, option
from jkeras.layers.wrapper import NamedParts
from jkeras.ops.recurrence import over_time, where_real

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import ArraySpec

States = tuple[Any, ...]


class SequenceOutputs(NamedTuple):
    """The outputs and states of a cell over a sequence.

    Attributes:
      outputs: the output of every step, `[time, batch, ...]`; a masked step repeats the last one.
      last: the output of the last step, `[batch, ...]`.
      states: the states after the last step, in the structure of the initial states.
      state: the layer state of the cell (such as moving means) after the last step.
    """

    outputs: Array
    last: Array
    states: States
    state: State


class Cell(Layer):
    """A cell that runs over a whole sequence at once; a single step is a sequence of length one."""

    def initial_states(self, inputs: ArraySpec) -> States:
        """Zeros `[batch, size]` for each state; `inputs` is one step, or its spec."""
        return _zeros(self, inputs)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The states before the first step, as a list.

        Args:
          batch_size: the number of examples.

        Raises:
          TypeError: no batch size.
        """
        if batch_size is None:
            raise type_error("get_initial_state: expected a `batch_size`, got None.", who=self.who)
        like = jax.ShapeDtypeStruct((batch_size,), jnp.float32)
        return _listed(self.shown_states(self.initial_states(like)))

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """As for every layer. A call in Keras's form, on `(inputs, [states])`, returns `(output,
        [states])`; a call on separate arrays returns `(output, *states)`.
        """
        if "states" in kwargs:
            inputs = (*inputs, kwargs.pop("states"))
        outputs = super().__call__(*inputs, **kwargs)
        if len(inputs) == 2 and isinstance(inputs[1], list | tuple):
            return outputs[0], _listed(self.shown_states(outputs[1:]))
        return outputs

    def shown_states(self, states: States) -> tuple[Any, ...]:
        """The states as they are returned beside the outputs."""
        return tuple(states)

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *states: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        x = self.cast(inputs)
        nested = nested_states(self, self, states, x)
        sequence = self.run(params, state, x[None], nested, key=key, training=training, unroll=True)
        return (sequence.last, *sequence.states), sequence.state

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
        """Runs the cell over `inputs` `[time, batch, ...]`; `mask` is `[time, batch]` bool."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method `run`, got none.")


def run(cell: Layer, *args: Any, **kwargs: Any) -> SequenceOutputs:
    """`cell.run(…)`; step by step for a cell without `run`, or whose subclass overrides `apply`."""
    if isinstance(cell, Cell) and issubclass(_owner(cell, "run"), _owner(cell, "apply")):
        return intercepted(cell, cell.run)(*args, **kwargs)
    return run_steps(cell, *args, **kwargs)


def run_steps(
    cell: Layer,
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
    """`Cell.run` for any cell: `apply` at every step."""

    def apply(state: State, x: Array, states: States) -> tuple[Array, States, State]:
        return step_cell(cell, params, state, x, states, key=key, training=training)

    def step(
        carry: tuple[States, State, Array], slices: tuple[Array, Array | None]
    ) -> tuple[Any, Array]:
        (states, state, before), (x, mask_t) = carry, slices
        output, new, state = apply(state, x, states)
        new = jax.tree.map(lambda new, old: new.astype(old.dtype), new, states)
        output = where_real(mask_t, output, before)
        return (where_real(mask_t, new, states), state, output), output

    output, new, _ = jax.eval_shape(apply, state, inputs[0], states)
    if _shapes(new) != _shapes(states):
        raise cell.value_error(
            "`apply` to return ((output, *states), state) with states of shapes "
            f"{_shapes(states)}, as it was given",
            _shapes(new),
        )
    carry = (states, state, _output_before(output, states))
    (states, new_state, last), outputs = over_time(step, carry, (inputs, mask), unroll=unroll)
    return SequenceOutputs(outputs, last, states, new_state if jax.tree.leaves(state) else state)


def init_cell(cell: Layer, key: Key, inputs: ArraySpec, states: States) -> tuple[Params, State]:
    """`cell.init` for one step and states, which a cell of Keras's form takes as a list."""
    return cell.init(key, inputs, *([list(states)] if cell.states_in_list else states))


def step_cell(
    cell: Layer, params: Params, state: State, inputs: ArrayLike, states: States, **kwargs: Any
) -> tuple[Any, States, State]:
    """`cell.apply` for one step: the output, the states, and the layer state of the cell."""
    if cell.states_in_list:
        outputs, new = cell.apply(params, state, inputs, list(states), **kwargs)
        output, after = (
            outputs if isinstance(outputs, tuple | list) and len(outputs) == 2 else (outputs, ())
        )
        rest = after if isinstance(after, tuple | list) else (after,)
        return output, tuple(rest), new
    outputs, new = cell.apply(params, state, inputs, *states, **kwargs)
    output, *others = outputs if isinstance(outputs, tuple) else (outputs,)
    return output, tuple(others), new


def _listed(states: Iterable[Any]) -> list[Any]:
    return [_listed(state) if isinstance(state, tuple) else state for state in states]


def _owner(cell: Layer, name: str) -> type:
    """The class that defines the method `name` of a cell."""
    return next(cls for cls in type(cell).__mro__ if name in vars(cls))


def drops(layer: Layer) -> bool:
    """Whether a cell or a recurrent layer has dropout, and so needs a key while training."""
    return any(getattr(layer, name, 0) for name in ("dropout", "recurrent_dropout"))


def _output_before(output: jax.ShapeDtypeStruct, states: States) -> Array:
    """The output of masked steps at the beginning: h if it has the outputs' shape, else zeros."""
    last = states[-1] if states and isinstance(states[-1], tuple) else states
    if last and last[0].shape == output.shape:
        return last[0].astype(output.dtype)
    return jnp.zeros(output.shape, output.dtype)


def _shapes(states: Tree) -> Any:
    if isinstance(states, tuple):
        return [_shapes(state) for state in states]
    return tuple(states.shape)


def _zeros(cell: Layer, inputs: ArraySpec) -> States:
    """Zeros `[batch, size]` for each state in `state_size`."""
    sizes = cell.state_size if isinstance(cell.state_size, tuple | list) else (cell.state_size,)
    if not all(isinstance(size, int) for size in sizes):
        raise type_error(
            who=cell.who,
            expected="`state_size` to be an integer, or one for each state",
            got=describe(cell.state_size),
        )
    return tuple(jnp.zeros((inputs.shape[0], size), inputs.dtype) for size in sizes)


def initial_states(cell: Layer, inputs: ArraySpec) -> States:
    """The states before the first step.

    Args:
      cell: a `Cell`, or a layer with `get_initial_state(batch_size)` or `state_size`.
      inputs: one step `[batch, ...]` or its spec.

    Returns:
      For each state an array `[batch, ...]` in the dtype of `inputs`; for a stack a tuple per cell.
    """
    if isinstance(cell, Cell):
        return cell.initial_states(inputs)
    if not hasattr(cell, "get_initial_state"):
        return _zeros(cell, inputs)
    initial = cell.get_initial_state(batch_size=inputs.shape[0])
    states = tuple(initial) if isinstance(initial, tuple | list) else (initial,)
    return jax.tree.map(lambda state: jnp.asarray(state, inputs.dtype), states)


def nested_states(layer: Layer, cell: Layer, states: tuple[Any, ...], inputs: ArraySpec) -> States:
    """Initial states in the structure of the cell.

    Args:
      layer: the layer that messages name.
      cell: the cell.
      states: flat or nested; empty for the initial states of the cell.
      inputs: one step `[batch, ...]` or its spec.

    Raises:
      ValueError: another number of states, or another shape.
    """
    if not states:
        return initial_states(cell, inputs)
    template = jax.eval_shape(lambda: initial_states(cell, inputs))
    leaves = jax.tree.leaves(states)
    expected = [tuple(state.shape) for state in jax.tree.leaves(template)]
    shapes = [jnp.shape(state) for state in leaves]
    if shapes != expected:
        raise layer.value_error(
            f"initial states of shapes {expected}, side by side behind the inputs", shapes
        )
    if all(hasattr(state, "astype") for state in leaves):  # arrays, not their specs
        leaves = [jnp.asarray(state, inputs.dtype) for state in leaves]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def as_cell(value: object) -> Any:
    """A cell as it is, a list of cells as a `StackedRNNCells`; raises a TypeError for others."""
    if isinstance(value, tuple | list):
        return StackedRNNCells(tuple(value))
    if not isinstance(value, Layer):
        fix = f" Make one: {value.__name__}(...)." if isinstance(value, type) else ""
        raise WrongTypeError(f"expected a cell or a list of them, got {describe(value)}.{fix}")
    if not (hasattr(value, "state_size") or hasattr(value, "get_initial_state")):
        raise WrongTypeError(
            f"expected a cell, which tells the size of its states as `state_size`, got {value!r}. "
            "A layer over whole sequences (LSTM) has its cell beside it (LSTMCell)."
        )
    return value


def _named_cells(value: object) -> tuple[Any, ...]:
    """The cells with their names in the stack; one object at two places has one name."""
    if not isinstance(value, tuple | list) or not value:
        raise WrongTypeError(f"expected a list of cells, got {describe(value)}.")
    cells = [as_cell(cell) for cell in value]
    distinct = list({identity_of(cell): cell for cell in cells}.values())
    names = naming.assign([cell.name for cell in distinct], [type(c).__name__ for c in distinct])
    named = {
        identity_of(cell): cell if cell.name == name else cell.renamed(name)
        for cell, name in zip(distinct, names, strict=True)
    }
    return tuple(named[identity_of(cell)] for cell in cells)


class StackedRNNCells(NamedParts, Cell):
    """A stack of cells as one cell: the inputs of each cell are the outputs of the cell below.

    Shapes: a step `[batch, features]` and all states, those of the lowest cell first, to
    `(output, *states)`; the states come as one tuple per cell, but as an array from a cell that has
    a `state_size` of one number and no `get_initial_state`. They are taken nested or flat.

    Weights: under the cells' names, `lstm_cell`, `lstm_cell_1`, …

    Args:
      cells: a list of cells. One object at two places is one set of weights.

    Raises:
      TypeError: an entry of the list is not a cell.

    Example:
      >>> from jkeras.layers import RNN, GRUCell, LSTMCell, StackedRNNCells
      >>> layer = RNN(StackedRNNCells([LSTMCell(4), GRUCell(3)]), return_state=True)
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 1)))
      >>> jax.tree.map(jnp.shape, layer.apply(params, state, jnp.ones((2, 5, 1)))[0])
      ((2, 3), ((2, 4), (2, 4)), ((2, 3),))

    Source: `keras.layers.StackedRNNCells`.
    """

    cells: tuple[Any, ...] = option(convert=_named_cells)

    @property
    def parts(self) -> dict[str, Layer]:
        return {cell.name: cell for cell in self.cells}

    @property
    def state_size(self) -> tuple[Any, ...]:
        """The state sizes of each cell."""
        return tuple(getattr(cell, "state_size", None) for cell in self.cells)

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the cells
        """`padded_rows` of the cells: the strictest of all."""
        return "ignored" if all(c.padded_rows == "ignored" for c in self.cells) else "seen"

    def initial_states(self, inputs: ArraySpec) -> States:
        return tuple(initial_states(cell, inputs) for cell in self.cells)

    def init(self, key: Key, inputs: ArraySpec, *states: Any) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        for cell, cell_states in zip(
            self.cells, nested_states(self, self, states, inputs), strict=True
        ):
            name = cell.name
            if name not in params:
                params[name], state[name] = init_cell(cell, child(key, name), inputs, cell_states)
            step = functools.partial(step_cell, cell, key=key)
            inputs = jax.eval_shape(step, params[name], state[name], inputs, cell_states)[0]
        params = {name: part for name, part in params.items() if part}
        return params, {name: part for name, part in state.items() if part}

    def shown_states(self, states: States) -> tuple[Any, ...]:
        """One tuple per cell; as in Keras, the array alone of a cell that gives only the size of
        its state.
        """
        return tuple(
            part[0] if len(part) == 1 and not hasattr(cell, "get_initial_state") else part
            for cell, part in zip(self.cells, states, strict=True)
        )

    def run(
        self, params: Params, state: State, inputs: Array, states: States, **options: Any
    ) -> SequenceOutputs:
        """One cell after the other, each along the whole sequence."""
        key, carried = options.pop("key", None), []
        sequence = SequenceOutputs(inputs, inputs[-1], (), state)
        for cell, cell_states in zip(self.cells, states, strict=True):
            own_key = None if key is None else child(key, cell.name)
            parts = params.get(cell.name, {}), state.get(cell.name, {})
            sequence = run(cell, *parts, sequence.outputs, cell_states, key=own_key, **options)
            carried.append(sequence.states)
            state = {**state, cell.name: sequence.state} if sequence.state else state
        return sequence._replace(states=tuple(carried), state=state)
