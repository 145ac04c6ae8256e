"""Sizes given as arrays: numbers wherever their values are known before a program runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

X = np.arange(6.0, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda n: ops.tile(X, n), np.tile(X, 2)),
        (lambda n: ops.tile(X, [n, 1]), np.tile(X, (2, 1))),
        (lambda n: ops.tile(X, ops.stack([n, ops.add(n, 1)])), np.tile(X, (2, 3))),
        (lambda n: ops.repeat(X, n, axis=0), np.repeat(X, 2, 0)),
        (lambda n: ops.repeat(X, ops.array([n, 1]), axis=0), np.repeat(X, [2, 1], 0)),
        (lambda n: ops.reshape(X, (3, n)), X.reshape(3, 2)),
        (
            lambda n: ops.reshape(X, ops.concatenate([ops.expand_dims(n, -1), ops.array([-1])], 0)),
            X,
        ),
        (lambda n: ops.broadcast_to(X, [n, n, 3]), np.broadcast_to(X, (2, 2, 3))),
        (lambda n: ops.arange(n), np.arange(2)),
        (lambda n: ops.arange(0.0, n, 0.5), np.arange(0.0, 2.0, 0.5)),
        (lambda n: ops.full((n, 1), 7.0), np.full((2, 1), 7.0)),
        (lambda n: ops.zeros((n,)), np.zeros(2)),
        (lambda n: ops.ones(n), np.ones(2)),
        (lambda n: ops.eye(n, ops.add(n, 1)), np.eye(2, 3)),
        (lambda n: ops.linspace(0.0, 1.0, n), [0.0, 1.0]),
        (lambda n: ops.one_hot(np.array([1]), n), [[0.0, 1.0]]),
        (lambda n: ops.pad(X, [[0, 0], [0, n]]), np.pad(X, [(0, 0), (0, 2)])),
        (lambda n: ops.slice(X, (0, 0), (1, n)), X[:1, :2]),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, jkeras.Variable])
def test_arrays_as_sizes(made, expected, traced: bool, kind) -> None:
    size = kind(np.int32(2))
    result = jax.jit(lambda: made(size))() if traced else made(size)
    np.testing.assert_allclose(result, expected)


def test_what_a_program_computes_is_no_size() -> None:
    with pytest.raises(TypeError, match=r"ops.tile: `repeats`: expected numbers that are known"):
        jax.jit(lambda n: ops.tile(X, n))(2)
    symbol = jkeras.Input((), batch_size=2, dtype="int32")
    with pytest.raises(TypeError, match=r"ops.tile: `repeats`: expected numbers that are known"):
        ops.tile(X, symbol)
    with pytest.raises(TypeError, match="expected known sizes, got"):
        ops.broadcast_to(X, (None, 3))


def test_a_causal_mask_of_the_size_of_the_batch() -> None:
    class Masked(layers.Layer):
        def call(self, inputs):
            rows, length = ops.shape(inputs)[:2]
            mask = ops.arange(length)[:, None] >= ops.arange(length)
            mask = ops.reshape(ops.cast(mask, "float32"), [1, length, length])
            repeats = ops.concatenate([ops.expand_dims(rows, -1), ops.convert_to_tensor([1, 1])], 0)
            return ops.tile(mask, repeats) @ inputs

    inputs = jkeras.Input((3, 2))
    model = jkeras.Model(inputs, Masked()(inputs))
    x = np.ones((5, 3, 2), np.float32)
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0)[4, :, 0], [1.0, 2.0, 3.0])


def test_parts_of_an_unknown_axis_are_of_unknown_size() -> None:
    batch = jkeras.KerasTensor((None, 4))
    assert [part.shape for part in ops.array_split(batch, 3)] == [(None, 4)] * 3
    assert [part.shape for part in ops.split(batch, 2)] == [(None, 4)] * 2
    assert batch[:5].shape == (None, 4)
