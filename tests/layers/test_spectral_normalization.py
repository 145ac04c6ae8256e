"""SpectralNormalization beyond the laws: the norm it finds, what it wraps, its errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential
from jkeras.layers import BatchNormalization, Conv2D, Dense, Embedding, ReLU, SpectralNormalization
from tests.kinds import kind_raised

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 6)), jnp.float32)
KEY = jax.random.key(0)


def test_many_iterations_find_the_largest_singular_value() -> None:
    layer = SpectralNormalization(Dense(4, use_bias=False), power_iterations=200)
    params, state = layer.init(KEY, X)
    outputs, moved = layer.apply(params, state, X, training=True)
    kernel = params["layer"]["kernel"]
    norm = np.linalg.svd(kernel, compute_uv=False)[0]
    np.testing.assert_allclose(outputs, X @ kernel / norm, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jnp.sum(moved["vector_u"] ** 2), 1.0, rtol=1e-5)


def test_steps_go_on_where_the_last_one_stopped() -> None:
    one, three = (SpectralNormalization(Dense(4), power_iterations=n) for n in (1, 3))
    params, state = one.init(KEY, X)
    expected = three.apply(params, state, X, training=True)
    for _ in range(3):
        outputs, state = one.apply(params, state, X, training=True)
    np.testing.assert_allclose(state["vector_u"], expected[1]["vector_u"], rtol=1e-5)
    np.testing.assert_allclose(outputs, expected[0], rtol=1e-5)


def test_evaluation_divides_when_it_is_told_to() -> None:
    plain = SpectralNormalization(Dense(4))
    normalizing = plain.replace(normalize_evaluation=True)
    params, state = plain.init(KEY, X)
    trained, _ = plain.apply(params, state, X, training=True)
    outputs, kept = normalizing.apply(params, state, X)
    np.testing.assert_array_equal(outputs, trained)
    assert kept is state
    raw, _ = plain.layer.apply(params["layer"], {}, X)
    np.testing.assert_array_equal(plain.apply(params, state, X)[0], raw)


def test_a_kernel_of_zeros_stays_and_has_gradients() -> None:
    layer = SpectralNormalization(Dense(4, kernel_initializer="zeros"))
    params, state = layer.init(KEY, X)
    outputs, moved = layer.apply(params, state, X, training=True)
    assert not np.any(outputs)
    np.testing.assert_array_equal(moved["vector_u"], state["vector_u"])
    slopes = jax.grad(lambda p: layer.apply(p, state, X, training=True)[0].sum())(params)
    np.testing.assert_allclose(
        slopes["layer"]["kernel"], jnp.repeat(X.sum(0)[:, None], 4, 1), rtol=1e-5
    )


def test_embeddings_keep_their_fractions() -> None:
    layer = SpectralNormalization(Embedding(10, 4), power_iterations=50)
    ids = jnp.arange(10)
    params, state = layer.init(KEY, ids)
    outputs, _ = layer.apply(params, state, ids, training=True)
    assert layer.takes_integers
    assert outputs.dtype == jnp.float32
    np.testing.assert_allclose(np.linalg.svd(outputs, compute_uv=False)[0], 1.0, rtol=1e-4)


def test_rules_of_the_wrapped_layer_hold() -> None:
    layer = SpectralNormalization(
        Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg", activity_regularizer="l1")
    )
    params, _ = layer.init(KEY, X)
    kernel = params["layer"]["kernel"]
    np.testing.assert_allclose(layer.penalty(params), 0.01 * jnp.sum(kernel**2), rtol=1e-5)
    np.testing.assert_array_equal(
        layer.constrain(params)["layer"]["kernel"], jnp.maximum(kernel, 0)
    )
    assert layer.activity_regularizer == layer.layer.activity_regularizer


def test_it_trains_in_a_sequential() -> None:
    images = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4, 4, 2)), jnp.float32)
    model = Sequential([SpectralNormalization(Conv2D(3, 2, activity_regularizer="l2"), 2)])
    model.compile("sgd", "mse")
    history = model.fit(images, jnp.zeros((5, 3, 3, 3)), batch_size=2, epochs=3, verbose=0)
    losses = history.history["loss"]
    assert losses[-1] < losses[0]


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: SpectralNormalization("dense"),
        TypeError,
        "SpectralNormalization: `layer`: expected a layer, got 'dense' (str).",
    ),
    (
        lambda: SpectralNormalization(Dense(2), power_iterations=0),
        ValueError,
        "SpectralNormalization: `power_iterations`: expected a positive integer, got 0.",
    ),
    (
        lambda: SpectralNormalization(ReLU()).init(KEY, X),
        ValueError,
        "SpectralNormalization: expected a `layer` with a weight `kernel` or `embeddings`, got "
        "ReLU with no weights.",
    ),
    (
        lambda: SpectralNormalization(BatchNormalization(), name="sn").init(KEY, X),
        ValueError,
        "SpectralNormalization 'sn': expected a `layer` with a weight `kernel` or `embeddings`, "
        "got BatchNormalization with gamma, beta.",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG)
def test_wrong_use(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
