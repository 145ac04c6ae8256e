"""Both directions at once, and one layer at every time step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as kl
from jkeras.core.layer import activity_losses
from jkeras.models import Chain

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 3)), jnp.float32)
MASK = jnp.asarray([[0, 1, 1, 0, 1], [1, 0, 0, 1, 1]], bool)


def assert_close(got: Any, expected: Any) -> None:
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_each_direction_is_a_layer() -> None:
    inner = kl.LSTM(4, return_sequences=True)
    layer = kl.Bidirectional(inner, merge_mode=None)
    params, state = layer.init(KEY, X)
    (forward, backward), _ = layer.apply(params, state, X, mask=MASK)
    own = inner.replace(zero_output_for_mask=True)
    expected, _ = own.apply(params["forward_lstm"], {}, X, mask=MASK)
    assert_close(forward, expected)
    turned, _ = own.apply(params["backward_lstm"], {}, X[:, ::-1], mask=MASK[:, ::-1])
    assert_close(backward, turned[:, ::-1])


def test_names_of_the_directions() -> None:
    named = kl.Bidirectional(
        kl.GRU(2, name="forward_g"), backward_layer=kl.GRU(3, go_backwards=True)
    )
    assert [layer.name for layer in named.both] == ["forward_g", "gru"]
    plain = kl.Bidirectional(kl.RNN(kl.LSTMCell(2)))
    assert [layer.name for layer in plain.both] == ["forward_rnn", "backward_rnn"]


def test_both_directions_draw_their_own_dropout() -> None:
    layer = kl.Bidirectional(kl.SimpleRNN(2, dropout=0.5), merge_mode=None)
    params, state = layer.init(KEY, X)
    params = {name: params["forward_simple_rnn"] for name in params}
    alike = jnp.ones((64, 1, 3))
    (a, b), _ = layer.apply(params, state, alike, key=KEY, training=True)
    assert not np.array_equal(a, b)


def test_what_both_layers_want_is_asked_of_both() -> None:
    inner = kl.LSTM(
        2, kernel_regularizer="l2", bias_constraint="non_neg", activity_regularizer="l1"
    )
    layer = kl.Bidirectional(inner)
    params, state = layer.init(KEY, X)
    squares = [jnp.sum(params[name]["kernel"] ** 2) for name in params]
    np.testing.assert_allclose(layer.penalty(params), 0.01 * sum(squares), rtol=1e-6)
    params = jax.tree.map(lambda w: w - 0.5, params)
    changed = layer.constrain(params)
    assert all(float(changed[name]["bias"].min()) == 0 for name in changed)
    (a, b), (outputs, new) = np.split(np.zeros((2, 4)), 2, -1), layer.apply(params, state, X)
    a, b = np.split(np.asarray(outputs), 2, -1)
    losses = [0.01 * np.abs(half).sum() / 2 for half in (a, b)]
    np.testing.assert_allclose(activity_losses(new), losses, rtol=1e-5)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    assert layer.padded_rows == "seen"


def test_rows_reach_stateful_layers() -> None:
    layer = kl.Bidirectional(kl.GRU(2, stateful=True))
    params, state = layer.init(KEY, X)
    assert layer.padded_rows == "masked"
    _, after = layer.apply(params, state, X, rows=jnp.asarray([True, False]))
    for name in params:
        (h,) = after[name]["rnn_state"]
        assert bool((h[0] != 0).all()) and bool((h[1] == 0).all())


def test_the_layer_at_each_step() -> None:
    inner = Chain([kl.Dense(4), kl.Dense(2, activation="tanh")])
    layer = kl.TimeDistributed(inner)
    params, state = layer.init(KEY, X)
    outputs, _ = layer.apply(params, state, X)
    expected = [inner.apply(params, {}, X[:, t])[0] for t in range(5)]
    assert_close(outputs, jnp.stack(expected, 1))


def test_a_layer_with_a_state_runs_step_by_step() -> None:
    inner = kl.BatchNormalization(momentum=0.5)
    layer = kl.TimeDistributed(inner)
    params, state = layer.init(KEY, X)
    rows = jnp.asarray([True, True])
    outputs, new = layer.apply(params, state, X, training=True, rows=rows)
    step = state
    for t in range(5):
        expected, step = inner.apply(params, step, X[:, t], training=True)
        assert_close(outputs[:, t], expected)
    assert_close(new, step)
    assert layer.apply(params, state, X)[1] is state
    assert layer.padded_rows == "masked"


def test_each_step_draws_its_own_dropout() -> None:
    layer = kl.TimeDistributed(kl.Dropout(0.5))
    outputs, _ = layer.apply({}, {}, jnp.ones((4, 6, 5)), key=KEY, training=True)
    assert len({bytes(np.asarray(outputs[:, t])) for t in range(6)}) == 6


def test_a_mask_is_passed_to_a_layer_that_takes_one() -> None:
    inner = kl.LSTM(2)
    layer = kl.TimeDistributed(inner)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 5, 3, 4)), jnp.float32)
    mask = jnp.asarray(np.random.default_rng(2).random((2, 5, 3)) < 0.5)
    params, state = layer.init(KEY, x)
    outputs, _ = layer.apply(params, state, x, mask=mask)
    for t in range(5):
        assert_close(outputs[:, t], inner.apply(params, {}, x[:, t], mask=mask[:, t])[0])
    dense = kl.TimeDistributed(kl.Dense(2))
    params, state = dense.init(KEY, X)
    assert_close(dense.apply(params, state, X, mask=MASK), dense.apply(params, state, X))


def test_integers_stay_integers_for_a_layer_that_takes_them() -> None:
    layer = kl.TimeDistributed(kl.Embedding(5, 3))
    ids = jnp.asarray([[[1, 4], [0, 2]]])
    params, state = layer.init(KEY, ids)
    np.testing.assert_array_equal(layer.apply(params, state, ids)[0], params["embeddings"][ids])


def test_what_the_layer_wants_is_asked_of_it() -> None:
    layer = kl.TimeDistributed(kl.Dense(2, kernel_regularizer="l2", bias_constraint="non_neg"))
    params, _ = layer.init(KEY, X)
    np.testing.assert_allclose(layer.penalty(params), 0.01 * jnp.sum(params["kernel"] ** 2))
    changed = layer.constrain({**params, "bias": jnp.asarray([-1.0, 1.0])})
    assert changed["bias"].tolist() == [0, 1]


def use(layer: kl.Layer, *shapes: tuple[int, ...], **options: Any) -> Any:
    """Makes the weights for inputs of these shapes and applies the layer to them."""
    inputs = [jnp.zeros(shape) for shape in shapes]
    return layer.apply(*layer.init(KEY, *inputs), *inputs, **options)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: kl.Bidirectional(kl.Dense(3)),
        TypeError,
        "Bidirectional: `layer`: expected a recurrent layer, such as LSTM(32) or RNN(cell), got "
        "Dense(units=3) (Dense).",
    ),
    (
        lambda: kl.Bidirectional(kl.LSTM(3), merge_mode="add"),
        ValueError,
        "Bidirectional: `merge_mode`: expected one of 'concat', 'sum', 'mul', 'ave', got 'add'.",
    ),
    (
        lambda: kl.Bidirectional(kl.LSTM(3), weights=[np.ones(3)]),
        ValueError,
        "Bidirectional: `weights`: expected None: a layer holds no weights. Set them when the "
        "model is built: model.set_weights(weights).",
    ),
    (
        lambda: kl.Bidirectional(kl.LSTM(3), backward_layer=kl.LSTM(3)),
        ValueError,
        "Bidirectional: expected a `backward_layer` that goes the other way, got "
        "go_backwards=False for both. Set it to True for one of them.",
    ),
    (
        lambda: kl.Bidirectional(
            kl.LSTM(3, stateful=True), name="b", backward_layer=kl.LSTM(3, go_backwards=True)
        ),
        ValueError,
        "Bidirectional 'b': expected both layers to have the same `stateful`, got True forward and "
        "False backward.",
    ),
    (
        lambda: use(kl.Bidirectional(kl.LSTM(3)), (2, 5, 3), (2, 3), (2, 3), (2, 3)),
        ValueError,
        "Bidirectional: expected initial states for both directions, half of them for each, got 3.",
    ),
    (
        lambda: kl.TimeDistributed(kl.Dense),
        TypeError,
        "TimeDistributed: `layer`: expected a layer, got <class 'jkeras.layers.core.Dense'> "
        "(type). Make one: Dense(...).",
    ),
    (
        lambda: use(kl.TimeDistributed(kl.Dense(3)), (2, 5)),
        ValueError,
        "TimeDistributed: expected `inputs` [batch, time, ...], got shape (2, 5).",
    ),
    (
        lambda: use(kl.TimeDistributed(kl.Dense(3)), (2, 5, 3), mask=jnp.ones((2, 4), bool)),
        ValueError,
        "TimeDistributed: expected `mask` of shape (2, 5), or with more axes behind, as the inputs "
        "begin, got (2, 4).",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), WRONG)
def test_wrong_use(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
