"""Up-sampling: repetition, interpolation, wrong uses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as kl


def test_a_mean_over_the_repetitions_is_the_identity() -> None:
    x = jax.random.normal(jax.random.key(0), (2, 3, 4, 2))
    large, _ = kl.UpSampling2D((2, 3)).apply({}, {}, x)
    small, _ = kl.AveragePooling2D((2, 3)).apply({}, {}, large)
    np.testing.assert_allclose(small, x, rtol=1e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_interpolation_keeps_a_constant_and_makes_floats(interpolation: str) -> None:
    layer = kl.UpSampling2D(3, interpolation=interpolation)
    outputs, _ = layer.apply({}, {}, np.full((1, 4, 3, 2), 7, np.uint8))
    assert (outputs.shape, outputs.dtype) == ((1, 12, 9, 2), jnp.float32)
    np.testing.assert_allclose(outputs, 7.0, rtol=1e-5)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: kl.UpSampling2D(interpolation="cubic"),
        ValueError,
        "UpSampling2D: `interpolation`: expected one of 'bicubic', 'bilinear', 'lanczos3', "
        "'lanczos5', 'nearest', got 'cubic'. Did you mean 'bicubic'?",
    ),
    (
        lambda: kl.UpSampling1D((2,)),
        TypeError,
        "UpSampling1D: `size`: expected a positive integer, got (2,) (tuple).",
    ),
    (
        lambda: kl.UpSampling3D(0),
        ValueError,
        "UpSampling3D: `size`: expected a positive integer, got 0.",
    ),
    (
        lambda: kl.UpSampling1D().apply({}, {}, jnp.zeros((5, 2))),
        ValueError,
        "UpSampling1D: expected `inputs` [batch, steps, channels], got shape (5, 2).",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "message"), WRONG)
def test_wrong_use(wrong: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message
