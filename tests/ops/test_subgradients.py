"""Gradients at points where a derivative is infinite or undefined: 0, and no NaN in any weight."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jkeras as K
from jkeras import ops
from jkeras.ops import subgradients

ZEROS = np.zeros((2, 3), "float32")

AT_ZERO = {
    "norm": lambda x: ops.norm(x, axis=-1),
    "norm of all": ops.norm,
    "norm of order 1": lambda x: ops.norm(x, ord=1, axis=-1),
    "norm of order 3": lambda x: ops.norm(x, ord=3, axis=-1),
    "largest norm": lambda x: ops.norm(x, ord=np.inf, axis=-1),
    "Frobenius norm": lambda x: ops.norm(x, ord="fro", axis=(0, 1)),
    "spectral norm": lambda x: ops.norm(x, ord=2, axis=(0, 1)),
    "std": lambda x: ops.std(x, axis=-1),
    "nanstd": lambda x: ops.nanstd(x, axis=-1),
    "sqrt": ops.sqrt,
    "sqrt of squares": lambda x: ops.sqrt(ops.sum(x * x, axis=-1)),
    "cbrt": ops.cbrt,
    "power": lambda x: ops.power(x, 0.5),
    "power of squares": lambda x: ops.power(ops.sum(x * x, axis=-1), 0.25),
    "normalize": ops.normalize,
    "normalize of order 3": lambda x: ops.normalize(x, order=3),
    "cdist": lambda x: ops.cdist(x, x),
    "hypot": lambda x: ops.hypot(x, x),
    "arctan2": lambda x: ops.arctan2(x, x),
    "arccos of 1": lambda x: ops.arccos(x + 1),
    "arccos of -1": lambda x: ops.arccos(x - 1),
    "arcsin of 1": lambda x: ops.arcsin(x + 1),
    "arccosh of 1": lambda x: ops.arccosh(x + 1),
    "cosine similarity": lambda x: K.losses.cosine_similarity(x, x),
    "unit length": lambda x: K.layers.UnitNormalization()(x),
    "normalized products": lambda x: K.layers.Dot(1, normalize=True)([x, x]),
    "largest norm of weights": K.constraints.MaxNorm(1.0),
    "norm of weights": K.constraints.UnitNorm(),
}


@pytest.mark.parametrize("function", AT_ZERO.values(), ids=AT_ZERO.keys())
def test_zeros_make_no_gradient_nan(function):
    assert np.isfinite(function(jnp.asarray(ZEROS))).all()
    assert np.isfinite(jax.grad(lambda x: jnp.sum(function(x)))(jnp.asarray(ZEROS))).all()
    assert np.isfinite(jax.grad(lambda w: jnp.sum(function(w * ZEROS)))(jnp.float32(1)))


def reference_cdist(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))


SMOOTH = {
    "sqrt": (subgradients.sqrt, np.sqrt, (np.float32([0.0, -0.0, 0.25, 7.0, np.nan, np.inf]),)),
    "cbrt": (subgradients.cbrt, np.cbrt, (np.float32([-8.0, 0.0, 3.0]),)),
    "arccos": (subgradients.arccos, np.arccos, (np.float32([-1.0, -0.3, 0.0, 0.9, 1.0]),)),
    "arcsin": (subgradients.arcsin, np.arcsin, (np.float32([-1.0, -0.3, 0.0, 0.9, 1.0]),)),
    "arccosh": (subgradients.arccosh, np.arccosh, (np.float32([1.0, 1.5, 30.0]),)),
    "arctan2": (
        subgradients.arctan2,
        np.arctan2,
        (np.float32([0.0, 0.0, 1.0, -2.0]), np.float32([0.0, -0.0, 3.0, -1.0])),
    ),
    "power": (
        subgradients.power,
        np.power,
        (np.float32([0.0, 2.0, 3.0]), np.float32([0.5, 0.5, -2])),
    ),
    "std": (subgradients.std, np.std, (np.float32([[1, 2, 4], [3, 3, 3]]),)),
    "norm": (subgradients.norm, np.linalg.norm, (np.float32([[1, 2, 4], [0, 0, 0]]),)),
    "cdist": (ops.cdist, reference_cdist, (np.float32([[0, 1], [2, 5]]), np.float32([[0, 1]]))),
}


@pytest.mark.parametrize(("ours", "numpys", "args"), SMOOTH.values(), ids=SMOOTH.keys())
def test_values_are_those_of_numpy(ours, numpys, args):
    np.testing.assert_allclose(ours(*map(jnp.asarray, args)), numpys(*args), rtol=1e-6)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_keep_their_shape(axis, keepdims):
    x = np.float32([[3, 4, 0], [0, 0, 0]])
    expected = np.linalg.norm(x, axis=axis, keepdims=keepdims)
    found = ops.norm(x, axis=axis, keepdims=keepdims)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (subgradients.sqrt, (2.0,)),
        (subgradients.cbrt, (-2.0,)),
        (subgradients.arccos, (0.3,)),
        (subgradients.arcsin, (0.3,)),
        (subgradients.arccosh, (1.7,)),
        (subgradients.arctan2, (0.3, -0.7)),
        (subgradients.power, (1.3, 0.5)),
        (subgradients.std, (np.float32([1.0, 2.0, 4.0]),)),
        (subgradients.norm, (np.float32([1.0, 2.0, 4.0]),)),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_derivatives_elsewhere(function, args):
    check_grads(function, tuple(map(jnp.asarray, args)), order=2, rtol=2e-2)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtypes_stay(dtype):
    x = jnp.asarray([0.0, 4.0], dtype)
    for function in (ops.sqrt, ops.cbrt, ops.std, ops.norm, ops.normalize):
        assert function(x).dtype == dtype
        assert np.isfinite(np.asarray(function(x), "float32")).all()


def test_integers_count_as_floats():
    assert ops.sqrt(np.array([4, 9])).tolist() == [2.0, 3.0]
    assert ops.power(np.array([2, 3]), 2).dtype == "int32"
    assert float(ops.sqrt(4)) == 2.0


def test_a_padded_row_leaves_weights_finite():
    inputs = K.Input((3,))
    hidden = K.layers.Dense(4, use_bias=False)(inputs)
    length = ops.norm(hidden, axis=-1, keepdims=True)
    model = K.Model(inputs, length)
    model.compile("sgd", "mse")
    x = np.float32([[1, 2, 3], [0, 0, 0]])
    model.fit(x, np.ones((2, 1), "float32"), epochs=2, verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()
