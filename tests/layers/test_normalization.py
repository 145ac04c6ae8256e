"""BatchNormalization beyond the laws: padded rows, and statistics wider than the inputs."""

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.layers import BatchNormalization

X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)


def test_rows_that_do_not_count_change_nothing() -> None:
    layer = BatchNormalization()
    params, state = layer.init(jax.random.key(0), X)
    padded = jnp.concatenate([X, jnp.full((2, 3), 100.0)])
    rows = jnp.arange(7) < 5
    got, moved = layer.apply(params, state, padded, training=True, rows=rows)
    expected, expected_state = layer.apply(params, state, X, training=True)
    np.testing.assert_allclose(got[:5], expected, rtol=1e-5, atol=1e-6)
    for name, value in expected_state.items():
        np.testing.assert_allclose(moved[name], value, rtol=1e-5, atol=1e-6)


def test_half_precision_inputs_are_averaged_in_float32() -> None:
    layer = BatchNormalization(momentum=0.0)
    # In bfloat16 the sum of so many ones stops growing long before the end.
    x = jnp.ones((4096, 1), jnp.bfloat16)
    params, state = layer.init(jax.random.key(0), x)
    outputs, moved = layer.apply(params, state, x, training=True)
    assert outputs.dtype == jnp.bfloat16
    assert moved["moving_mean"].dtype == jnp.float32
    assert moved["moving_mean"].tolist() == [1.0]
