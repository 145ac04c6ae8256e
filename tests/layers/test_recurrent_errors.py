"""Wrong uses of recurrent layers and cells, each with the whole message it gets."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jkeras import layers as kl
from tests.kinds import kind_raised

KEY = jax.random.key(0)


def use(
    layer: kl.Layer, *shapes: tuple[int, ...], again: tuple[int, ...] = (), **options: Any
) -> Any:
    """Makes the weights for inputs of these shapes, applies the layer to them, or to `again`."""
    inputs = [jnp.zeros(shape) for shape in shapes]
    params, state = layer.init(KEY, *inputs)
    inputs = [jnp.zeros(again)] if again else inputs
    return layer.apply(params, state, *inputs, **options)


class Odd(kl.Layer):
    """A cell that returns its state with another shape."""

    state_size: Any = 3

    def apply(self, params: Any, state: Any, x: Any, h: Any, *, key=None, training=False) -> Any:
        return (h, h[:, :2]), state


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: kl.LSTM(0),
        ValueError,
        "LSTM: `units`: expected a positive integer, got 0.",
    ),
    (
        lambda: kl.GRU(3, dropout=1.5),
        ValueError,
        "GRU: `dropout`: expected a fraction from 0 to 1, got 1.5.",
    ),
    (
        lambda: kl.LSTM(3, use_cudnn=True),
        ValueError,
        "LSTM: `use_cudnn`: expected 'auto' or False, got True: cuDNN is not used, the loop is "
        "compiled by XLA. Leave it out.",
    ),
    (
        lambda: kl.LSTM(3, use_cudnn="no"),
        ValueError,
        "LSTM: `use_cudnn`: expected 'auto' or False, got 'no' (str).",
    ),
    (
        lambda: kl.RNN(kl.LSTMCell),
        TypeError,
        "RNN: `cell`: expected a cell or a list of them, got <class "
        "'jkeras.layers.recurrent_cells.LSTMCell'> (type). Make one: LSTMCell(...).",
    ),
    (
        lambda: kl.RNN(kl.LSTM(3)),
        TypeError,
        "RNN: `cell`: expected a cell, which tells the size of its states as `state_size`, got "
        "LSTM(units=3). A layer over whole sequences (LSTM) has its cell beside it (LSTMCell).",
    ),
    (
        lambda: kl.StackedRNNCells([]),
        TypeError,
        "StackedRNNCells: `cells`: expected a list of cells, got [] (list).",
    ),
    (
        lambda: use(kl.LSTM(3, name="l"), (2, 3)),
        ValueError,
        "LSTM 'l': expected `inputs` [batch, time, features], got shape (2, 3). Give each example "
        "a time axis: x[:, None, :].",
    ),
    (
        lambda: use(kl.LSTM(3), (2, 0, 3)),
        ValueError,
        "LSTM: expected `inputs` with a time step or more, got shape (2, 0, 3).",
    ),
    (
        lambda: use(kl.LSTM(3), (2, 4, 3), again=(2, 4, 5)),
        ValueError,
        "LSTMCell: expected steps with 3 features on axis -1, as when its weights were made, got "
        "shape (2, 5).",
    ),
    (
        lambda: use(kl.LSTM(3), (2, 4, 3), (2, 3)),
        ValueError,
        "LSTM: expected initial states of shapes [(2, 3), (2, 3)], side by side behind the inputs, "
        "got [(2, 3)].",
    ),
    (
        lambda: use(kl.GRUCell(3), (2, 4), (2, 5)),
        ValueError,
        "GRUCell: expected initial states of shapes [(2, 3)], side by side behind the inputs, got "
        "[(2, 5)].",
    ),
    (
        lambda: use(kl.GRU(3), (2, 4, 3), mask=jnp.ones((2, 3), bool)),
        ValueError,
        "GRU: expected `mask` of shape (2, 4), [batch, time] as the inputs, got (2, 3).",
    ),
    (
        lambda: use(kl.GRU(3, stateful=True), (2, 4, 3), again=(1, 4, 3)),
        ValueError,
        "GRU: expected `inputs` with 2 examples, as many as it carries the states of, got shape "
        "(1, 4, 3). A stateful layer takes batches of one size.",
    ),
    (
        lambda: use(kl.RNN(Odd()), (2, 4, 3)),
        ValueError,
        "Odd: expected `apply` to return ((output, *states), state) with states of shapes "
        "[(2, 3)], as it was given, got [(2, 2)].",
    ),
    (
        lambda: use(kl.RNN(Odd("three")), (2, 4, 3)),
        TypeError,
        "Odd: expected `state_size` to be an integer, or one for each state, got 'three' (str).",
    ),
    (
        lambda: use(kl.ConvLSTM2D(2, 3), (2, 4, 6, 6)),
        ValueError,
        "ConvLSTM2D: expected `inputs` [batch, time, height, width, channels], got shape "
        "(2, 4, 6, 6). For data without channels add the axis: x[..., None].",
    ),
    (
        lambda: use(kl.ConvLSTM2D(2, 3), (2, 4, 2, 6, 1)),
        ValueError,
        "ConvLSTM2D: expected `kernel_size` to fit into the inputs' (2, 6), got a window of "
        "(3, 3). Make it smaller, or pad: padding='same'.",
    ),
    (
        lambda: use(kl.ConvLSTM2D(2, 3), (2, 4, 6, 6, 1), again=(2, 4, 6, 6, 2)),
        ValueError,
        "ConvLSTMCell: expected steps with 1 features on axis -1, as when its weights were made, "
        "got shape (2, 6, 6, 2).",
    ),
    (
        lambda: kl.ConvLSTM1D(2, 3, strides=2, dilation_rate=2),
        ValueError,
        "ConvLSTM1D: expected `strides` or `dilation_rate` of 1, got (2,) and (2,). Set one of "
        "them to 1.",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), WRONG)
def test_wrong_use(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
