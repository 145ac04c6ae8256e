"""Recurrent layers: what they mean, for any cell."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers as kl
from jkeras.core.batch import Batch
from jkeras.core.keys import child

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 3)), jnp.float32)
MASK = jnp.asarray([[0, 1, 1, 0, 1, 0], [1, 0, 0, 1, 1, 1]], bool)

SAME = [
    (kl.SimpleRNN(4, return_state=True), kl.SimpleRNNCell(4)),
    (kl.LSTM(4, return_state=True), kl.LSTMCell(4)),
    (kl.GRU(4, return_state=True), kl.GRUCell(4)),
    (kl.GRU(4, return_state=True, reset_after=False), kl.GRUCell(4, reset_after=False)),
]
same = pytest.mark.parametrize(("layer", "cell"), SAME)


class Leaky(kl.Layer):
    """A cell of a user's own: nothing but the contract of a layer, and the size of its state."""

    units: int

    @property
    def state_size(self) -> int:
        return self.units

    def init(self, key: Any, x: Any, h: Any) -> Any:
        return {"kernel": jax.random.normal(key, (x.shape[-1], self.units))}, {}

    def apply(self, params: Any, state: Any, x: Any, h: Any, *, key: Any = None, training=False):
        h = 0.5 * h + jnp.tanh(x @ params["kernel"])
        return (h, h), state


class Stepped(kl.LSTMCell):
    """An LSTM cell that is run step by step, because it has an `apply` of its own."""

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        return super().apply(*args, **kwargs)


class Counter(kl.Layer):
    """A cell with a state of its own, an output unlike its states, and states of its own making."""

    def init(self, key: Any, x: Any, n: Any, total: Any) -> Any:
        return {}, {"steps": jnp.zeros((), jnp.int32)}

    def get_initial_state(self, batch_size: int) -> Any:
        return [np.ones((batch_size,)), np.zeros((batch_size, 3))]

    def apply(
        self, params: Any, state: Any, x: Any, n: Any, total: Any, *, key=None, training=False
    ):
        n, total = n + 1, total + x
        return (jnp.stack([n, total.sum(-1)], -1), n, total), {"steps": state["steps"] + 1}


def run(layer: Any, *inputs: Any, **options: Any) -> Any:
    """The outputs of a layer with fresh weights."""
    params, state = layer.init(KEY, *inputs)
    return layer.apply(params, state, *inputs, **options)[0]


def assert_close(got: Any, expected: Any) -> None:
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@same
def test_a_layer_is_rnn_of_its_cell_weights_included(layer: Any, cell: Any) -> None:
    of_cell = kl.RNN(cell, return_state=True)
    assert_close(of_cell.init(KEY, X), layer.init(KEY, X))
    assert_close(run(of_cell, X, mask=MASK), run(layer, X, mask=MASK))


@same
def test_two_halves_are_the_whole(layer: Any, cell: Any) -> None:
    params, state = layer.init(KEY, X)
    (_, *states), _ = layer.apply(params, state, X[:, :2])
    assert_close(layer.apply(params, state, X[:, 2:], *states), layer.apply(params, state, X))


@same
def test_what_is_masked_might_as_well_not_be_there(layer: Any, cell: Any) -> None:
    params, state = layer.init(KEY, X)
    masked, _ = layer.apply(params, state, X, mask=MASK)
    for i in range(len(X)):
        alone, _ = layer.apply(params, state, X[i : i + 1, np.flatnonzero(MASK[i])])
        assert_close([y[i : i + 1] for y in masked], alone)


@same
def test_a_cell_is_a_step(layer: Any, cell: Any) -> None:
    params, state = layer.init(KEY, X)
    (_, *states), _ = layer.apply(params, state, X[:, :1])
    after, _ = cell.apply(params, state, X[:, 1], *states)
    assert_close(after, layer.apply(params, state, X[:, :2])[0])


@same
def test_unrolled_and_backwards_it_is_the_same(layer: Any, cell: Any) -> None:
    backwards = layer.replace(go_backwards=True, unroll=True)
    assert_close(run(backwards, X, mask=MASK), run(layer, X[:, ::-1], mask=MASK[:, ::-1]))


def test_masked_steps_repeat_the_output_or_give_zeros() -> None:
    layer = kl.LSTM(2, return_sequences=True)
    repeated = run(layer, X, mask=MASK)
    zeros = run(layer.replace(zero_output_for_mask=True), X, mask=MASK)
    np.testing.assert_array_equal(repeated[0, 0], jnp.zeros(2))
    np.testing.assert_array_equal(repeated[1, 1:3], repeated[1, :1].repeat(2, 0))
    np.testing.assert_array_equal(zeros, jnp.where(MASK[..., None], repeated, 0.0))


# -- other cells


def own_cells(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """All states of `Leaky` by hand, `[batch, time, units]`."""
    states = [jnp.zeros((len(x), kernel.shape[1]))]
    for t in range(x.shape[1]):
        states.append(0.5 * states[-1] + jnp.tanh(x[:, t] @ kernel))
    return jnp.stack(states[1:], 1)


def test_a_cell_of_ones_own_in_rnn() -> None:
    layer = kl.RNN(Leaky(4), return_sequences=True, return_state=True)
    params, state = layer.init(KEY, X)
    (outputs, last), _ = layer.apply(params, state, X)
    assert_close(outputs, own_cells(X, params["kernel"]))
    assert_close(last, outputs[:, -1])


def test_a_cell_of_ones_own_in_both_directions() -> None:
    layer = kl.Bidirectional(kl.RNN(Leaky(4), return_sequences=True))
    params, state = layer.init(KEY, X)
    outputs, _ = layer.apply(params, state, X)
    assert_close(outputs[..., :4], own_cells(X, params["forward_rnn"]["kernel"]))
    backward = own_cells(X[:, ::-1], params["backward_rnn"]["kernel"])[:, ::-1]
    assert_close(outputs[..., 4:], backward)


def test_a_cell_of_ones_own_in_a_stack() -> None:
    layer = kl.RNN([Leaky(4), kl.GRUCell(2), Leaky(5)], return_sequences=True)
    params, state = layer.init(KEY, X)
    assert list(params) == ["leaky", "gru_cell", "leaky_1"]
    below = own_cells(X, params["leaky"]["kernel"])
    middle, _ = kl.GRU(2, return_sequences=True).apply(params["gru_cell"], {}, below)
    expected = own_cells(middle, params["leaky_1"]["kernel"])
    assert_close(layer.apply(params, state, X)[0], expected)


def test_a_cell_of_ones_own_trains_in_a_model() -> None:
    model = jkeras.Sequential([kl.Bidirectional(kl.RNN([Leaky(3), kl.LSTMCell(2)])), kl.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    history = model.fit(np.asarray(X), np.ones((2, 1)), epochs=2, batch_size=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_a_cell_with_its_own_apply_is_run_step_by_step() -> None:
    own, built_in = (kl.RNN(cell(4), return_state=True) for cell in (Stepped, kl.LSTMCell))
    assert_close(run(own, X, mask=MASK), run(built_in, X, mask=MASK))


def test_a_cell_with_a_state_and_initial_states_of_its_own() -> None:
    layer = kl.RNN(Counter(), return_state=True)
    params, state = layer.init(KEY, X)
    (output, n, total), state = layer.apply(params, state, X, mask=MASK)
    real = np.asarray(MASK).sum(1)
    np.testing.assert_array_equal(n, 1 + real)
    assert_close(total, jnp.where(MASK[..., None], X, 0.0).sum(1))
    assert_close(output, jnp.stack([n, total.sum(-1)], -1))
    assert int(state["steps"]) == X.shape[1]


def test_states_of_a_stack_are_taken_flat_and_nested() -> None:
    layer = kl.RNN([kl.LSTMCell(4), kl.SimpleRNNCell(2)], return_state=True)
    params, state = layer.init(KEY, X)
    (_, *states), _ = layer.apply(params, state, X)
    assert jax.tree.map(jnp.shape, states) == [((2, 4), (2, 4)), ((2, 2),)]
    nested = layer.apply(params, state, X, *states)
    assert_close(layer.apply(params, state, X, *jax.tree.leaves(states)), nested)


# -- dropout


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_dropout_draws_one_mask_for_all_steps(name: str) -> None:
    # Equal steps, each a sequence of one: with the same mask they give the same outputs.
    layer = getattr(kl, name)(3, dropout=0.5, return_sequences=True, recurrent_initializer="zeros")
    kinds = {"SimpleRNN": {}, "LSTM": {"recurrent_activation": "linear"}, "GRU": {}}
    layer = layer.replace(**kinds[name])
    params, state = layer.init(KEY, X)
    x = jnp.ones((2, 6, 3)) * X[:, :1]
    outputs, _ = layer.apply(params, state, x, key=KEY, training=True)
    first, _ = layer.apply(params, state, x[:, :1], key=KEY, training=True)
    if name == "SimpleRNN":
        assert_close(outputs, jnp.broadcast_to(first, outputs.shape))
    assert_close(outputs[:, :1], first)
    assert not np.allclose(outputs, layer.apply(params, state, x)[0])


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("which", ["dropout", "recurrent_dropout"])
def test_everything_dropped_is_a_product_with_zero(name: str, which: str) -> None:
    layer = getattr(kl, name)(3, **{which: 1.0})
    params, state = layer.init(KEY, X)
    weight = {"dropout": "kernel", "recurrent_dropout": "recurrent_kernel"}[which]
    without = {**params, weight: jnp.zeros_like(params[weight])}
    expected, _ = layer.apply(without, state, X)
    assert_close(layer.apply(params, state, X, key=KEY, training=True)[0], expected)


def test_dropout_keeps_the_mean() -> None:
    layer = kl.SimpleRNN(3, activation=None, dropout=0.4, recurrent_dropout=0.2, use_bias=False)
    params, state = layer.init(KEY, X[:, :1])
    h = jnp.ones((2, 3))

    def draw(key: jax.Array) -> jax.Array:
        return layer.apply(params, state, X[:, :1], h, key=key, training=True)[0]

    draws = jax.vmap(draw)(jax.random.split(KEY, 4000))
    np.testing.assert_allclose(draws.mean(0), layer.apply(params, state, X[:, :1], h)[0], atol=0.06)


# -- stateful


def test_filler_rows_leave_what_a_stateful_layer_carries() -> None:
    layer = kl.LSTM(4, stateful=True)
    params, state = layer.init(KEY, X)
    assert layer.padded_rows == "masked"
    _, state = layer.apply(params, state, X)
    rows = jnp.asarray([True, False])
    _, after = layer.apply(params, state, X, rows=rows)
    _, whole = layer.apply(params, state, X)
    for old, new, full in zip(*(s["rnn_state"] for s in (state, after, whole)), strict=True):
        np.testing.assert_array_equal(new[1], old[1])
        np.testing.assert_array_equal(new[0], full[0])
        assert not np.array_equal(new[0], old[0])


def test_a_padded_batch_trains_a_stateful_model_as_if_it_were_not() -> None:
    net = jkeras.models.Chain([kl.LSTM(3, stateful=True), kl.Dense(1)])
    options = {"loss": "mse", "optimizer": "sgd"}
    before = jkeras.training.make_init(net, **options)(KEY, X)
    step = jax.jit(jkeras.training.make_train_step(net, **options))
    padded = Batch((X,), jnp.ones((2, 1)), rows=jnp.asarray([True, False]))
    after, logs = step(before, padded)
    one = kl.LSTM(3)
    h, _ = one.apply(before.params["lstm"], {}, X[:1])
    value = h @ before.params["dense"]["kernel"]
    np.testing.assert_allclose(logs["loss"], jnp.square(value - 1).mean(), rtol=1e-5)
    np.testing.assert_allclose(after.state["lstm"]["rnn_state"][0][:1], h, rtol=1e-5)
    np.testing.assert_array_equal(after.state["lstm"]["rnn_state"][0][1:], jnp.zeros((1, 3)))


def test_stateful_goes_before_no_initial_states() -> None:
    layer = kl.GRU(4, stateful=True)
    params, state = layer.init(KEY, X)
    _, state = layer.apply(params, state, X)
    given = layer.apply(params, state, X, jnp.ones((2, 4)))[0]
    assert_close(given, kl.GRU(4).apply(params, {}, X, jnp.ones((2, 4)))[0])


def test_rows_depend_on_one_another_as_the_cell_says() -> None:
    class Mean(Leaky):
        padded_rows = "seen"

    assert kl.LSTM(3).padded_rows == kl.RNN([kl.LSTMCell(2)]).padded_rows == "ignored"
    assert kl.RNN(Mean(3), stateful=True).padded_rows == "seen"
    assert kl.RNN([kl.LSTMCell(2), Mean(3)]).padded_rows == "seen"


def test_regularizers_and_constraints_are_the_cells() -> None:
    cell = kl.LSTMCell(2, kernel_regularizer="l2", recurrent_constraint="non_neg")
    stack = kl.RNN([cell, kl.GRUCell(3, bias_regularizer="l1")])
    params, _ = stack.init(KEY, X)
    params["gru_cell"]["bias"] = jnp.ones((2, 9))
    expected = 0.01 * jnp.sum(params["lstm_cell"]["kernel"] ** 2) + 0.01 * 18
    np.testing.assert_allclose(stack.penalty(params), expected, rtol=1e-6)
    changed = stack.constrain(params)
    assert float(changed["lstm_cell"]["recurrent_kernel"].min()) == 0
    np.testing.assert_array_equal(changed["gru_cell"]["kernel"], params["gru_cell"]["kernel"])
    layer = kl.LSTM(2, kernel_regularizer="l2", recurrent_constraint="non_neg")
    np.testing.assert_allclose(
        layer.penalty(params["lstm_cell"]), expected - 0.18, rtol=1e-6, atol=1e-7
    )


def test_the_same_cell_twice_is_one_set_of_weights() -> None:
    cell = kl.SimpleRNNCell(3)
    params, _ = kl.RNN([cell, cell]).init(KEY, X)
    assert list(params) == ["simple_rnn_cell"]


def test_keys_come_by_name() -> None:
    params, _ = kl.RNN([kl.SimpleRNNCell(4), kl.LSTMCell(2)]).init(KEY, X)
    own, _ = kl.LSTM(2).init(child(KEY, "lstm_cell"), jnp.zeros((2, 6, 4)))
    assert_close(params["lstm_cell"], own)


# -- in Keras's way


class Written(kl.Layer):
    """A cell as Keras's guides write it: a list of states in, a list of states out."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.state_size = units, [units]

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = 0.5 * states[0] + jnp.tanh(inputs @ self.kernel)
        return h, [h]


def test_a_cell_in_keras_way_is_what_the_same_pure_functions_are() -> None:
    params = {"kernel": jnp.ones((3, 4)) / 4}
    for kind in (kl.RNN, lambda cell, **kwargs: kl.RNN([cell], **kwargs)):
        results = []
        for cell in (Written(4, name="cell"), Leaky(4, name="cell")):
            layer = kind(cell, return_sequences=True, return_state=True)
            made, state = layer.init(KEY, X)
            own = params if "kernel" in made else {"cell": params}
            assert jax.tree.map(jnp.shape, made) == jax.tree.map(jnp.shape, own)
            results.append(jax.tree.leaves(layer.apply(own, state, X, mask=MASK)[0]))
        for ours, pure in zip(*results, strict=True):
            np.testing.assert_allclose(ours, pure, rtol=1e-6)


def test_a_cell_called_by_hand_takes_and_gives_states_as_keras_does() -> None:
    cell = kl.LSTMCell(4)
    states = cell.get_initial_state(batch_size=2)
    output, after = cell(X[:, 0], states)
    assert isinstance(after, list) and [value.shape for value in after] == [(2, 4), (2, 4)]
    np.testing.assert_array_equal(output, after[0])
    side_by_side = cell(X[:, 0], *states)
    np.testing.assert_array_equal(side_by_side[2], after[1])
    np.testing.assert_array_equal(cell(X[:, 0], states=states)[1][1], after[1])


def test_a_stateful_layer_by_hand_goes_on_until_it_is_reset() -> None:
    layer = kl.LSTM(4, stateful=True)
    first, second = layer(X), layer(X)
    assert np.abs(first - second).max() > 1e-3
    layer.reset_state()
    np.testing.assert_allclose(layer(X), first, rtol=1e-6)
