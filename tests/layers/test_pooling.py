"""Adaptive pooling layers: their edge cases are other layers; wrong uses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as kl

IMAGES = jax.random.normal(jax.random.key(0), (2, 6, 4, 3))


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_one_window_is_global_pooling(kind: str, layout: str) -> None:
    adaptive = getattr(kl, f"Adaptive{kind}Pooling2D")(1, layout)
    whole = getattr(kl, f"Global{kind}Pooling2D")(layout, keepdims=True)
    expected, _ = whole.apply({}, {}, IMAGES)
    np.testing.assert_allclose(adaptive.apply({}, {}, IMAGES)[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_windows_that_fit_are_pooling(kind: str) -> None:
    adaptive = getattr(kl, f"Adaptive{kind}Pooling2D")((3, 2))
    expected, _ = getattr(kl, f"{kind}Pooling2D")(2).apply({}, {}, IMAGES)
    np.testing.assert_allclose(adaptive.apply({}, {}, IMAGES)[0], expected, rtol=1e-5, atol=1e-6)


WRONG: list[tuple[Any, str]] = [
    (
        lambda: kl.AdaptiveMaxPooling2D((2, 0)),
        "AdaptiveMaxPooling2D: `output_size`: expected a positive integer, got 0.",
    ),
    (
        lambda: kl.AdaptiveAveragePooling3D(2).apply({}, {}, jnp.zeros((1, 5, 2))),
        "AdaptiveAveragePooling3D: expected `inputs` [batch, depth, height, width, channels], got "
        "shape (1, 5, 2).",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_wrong_use(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wrong()
    assert str(caught.value) == message
