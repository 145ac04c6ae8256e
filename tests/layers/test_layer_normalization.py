"""Normalization within examples, beyond the laws: theorems, half precision, errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import (
    GroupNormalization,
    Layer,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from tests.kinds import kind_raised

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 4)) * 3 + 1, jnp.float32)


def run(layer: Layer, inputs: Any = X) -> jax.Array:
    """Outputs with fresh weights."""
    return layer.apply(*layer.init(jax.random.key(0), inputs), inputs)[0]


def assert_close(got: Any, expected: Any) -> None:
    """Equal up to rounding."""
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_layer_normalization_gives_mean_zero_and_deviation_one() -> None:
    y = run(LayerNormalization((1, 2), epsilon=0.0))
    assert_close(y.mean((1, 2)), jnp.zeros(2))
    assert_close(y.std((1, 2)), jnp.ones(2))


def test_one_group_over_one_position_is_layer_normalization() -> None:
    matrix = X[:, 0]
    assert_close(run(GroupNormalization(1), matrix), run(LayerNormalization(), matrix))


def test_groups_of_one_channel_are_normalized_over_positions() -> None:
    expected = run(LayerNormalization(1))
    assert_close(run(GroupNormalization(-1)), expected)
    assert_close(run(GroupNormalization(4)), expected)


def test_root_mean_square_and_length_become_one() -> None:
    y = run(RMSNormalization(epsilon=0.0))
    assert_close(jnp.mean(y**2, -1), jnp.ones((2, 3)))
    assert_close(run(UnitNormalization()) * 2, y)


def test_unit_normalization_of_zeros_is_zero_with_a_finite_gradient() -> None:
    zeros = jnp.zeros((1, 2))
    slopes = jax.grad(lambda x: UnitNormalization().apply({}, {}, x)[0].sum())(zeros)
    assert run(UnitNormalization(), zeros).tolist() == [[0.0, 0.0]]
    assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize(
    "layer",
    [LayerNormalization(), RMSNormalization(), UnitNormalization(), GroupNormalization(1)],
    ids=lambda layer: layer.who,
)
def test_half_precision_is_computed_in_float32(layer: Layer) -> None:
    x = X[:, 0].astype(jnp.bfloat16)
    wide, narrow = run(layer, x.astype(jnp.float32)), run(layer, x)
    assert narrow.dtype == jnp.bfloat16
    np.testing.assert_array_equal(narrow, wide.astype(jnp.bfloat16))


def test_statistics_over_the_batch_see_filler_rows() -> None:
    assert LayerNormalization((0, 1)).padded_rows == "seen"
    assert LayerNormalization((1, 2)).padded_rows == "ignored"


def again(layer: Layer, shape: tuple[int, ...]) -> Any:
    """Applies a layer to inputs of another shape than its weights were made for."""
    return layer.apply(*layer.init(jax.random.key(0), X), jnp.zeros(shape))


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: LayerNormalization("last"),
        TypeError,
        "LayerNormalization: `axis`: expected an axis number or a tuple of them, got 'last' (str).",
    ),
    (
        lambda: run(LayerNormalization(3)),
        ValueError,
        "LayerNormalization: expected `axis` to name different axes of the inputs (the batch is "
        "0), got 3 for inputs of shape (2, 3, 4).",
    ),
    (
        lambda: run(UnitNormalization((2, -1))),
        ValueError,
        "UnitNormalization: expected `axis` to name different axes of the inputs (the batch is 0), "
        "got (2, -1) for inputs of shape (2, 3, 4).",
    ),
    (
        lambda: again(RMSNormalization(), (2, 3, 5)),
        ValueError,
        "RMSNormalization: expected `inputs` of sizes (4,) on `axis` -1, as when its weights were "
        "made, got shape (2, 3, 5).",
    ),
    (
        lambda: GroupNormalization(0),
        ValueError,
        "GroupNormalization: `groups`: expected a positive integer, or -1 for all, got 0.",
    ),
    (
        lambda: GroupNormalization(2.0),
        TypeError,
        "GroupNormalization: `groups`: expected a positive integer, or -1 for all, got 2.0 "
        "(float).",
    ),
    (
        lambda: run(GroupNormalization()),
        ValueError,
        "GroupNormalization: expected a number of channels that `groups` 32 divides, got 4 on axis "
        "-1 of inputs of shape (2, 3, 4).",
    ),
    (
        lambda: run(GroupNormalization(2, axis=0)),
        ValueError,
        "GroupNormalization: expected `axis` to name an axis of the inputs behind the batch, got 0 "
        "for inputs of shape (2, 3, 4).",
    ),
    (
        lambda: again(GroupNormalization(2), (2, 3, 6)),
        ValueError,
        "GroupNormalization: expected `inputs` with as many channels on axis -1 as when its "
        "weights were made, got shape (2, 3, 6).",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG)
def test_wrong_use(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
