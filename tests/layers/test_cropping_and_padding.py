"""Cropping and padding: one undoes the other; forms of the arguments; wrong uses."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as kl


@pytest.mark.parametrize(
    ("pad", "crop", "shape"),
    [
        (kl.ZeroPadding1D((1, 2)), kl.Cropping1D((1, 2)), (2, 3, 2)),
        (kl.ZeroPadding2D((1, 2)), kl.Cropping2D((1, 2)), (2, 3, 4, 2)),
        (
            kl.ZeroPadding2D(((0, 1), 2), "channels_first"),
            kl.Cropping2D(((0, 1), 2), "channels_first"),
            (2, 3, 4, 2),
        ),
        (
            kl.ZeroPadding3D(((0, 1), 2, (3, 0))),
            kl.Cropping3D(((0, 1), 2, (3, 0))),
            (1, 2, 3, 2, 2),
        ),
    ],
)
def test_cropping_undoes_padding(pad: kl.Layer, crop: kl.Layer, shape: tuple[int, ...]) -> None:
    x = jnp.arange(1, np.prod(shape) + 1, dtype=jnp.int32).reshape(shape)
    padded, _ = pad.apply({}, {}, x)
    assert (padded.dtype, padded.sum()) == (x.dtype, x.sum())
    np.testing.assert_array_equal(crop.apply({}, {}, padded)[0], x)


def test_forms_of_the_argument_that_mean_the_same() -> None:
    assert kl.Cropping2D(1) == kl.Cropping2D((1, 1)) == kl.Cropping2D([[1, 1], 1])
    assert kl.ZeroPadding1D(2) == kl.ZeroPadding1D([2, 2])
    assert kl.ZeroPadding3D().padding == ((1, 1), (1, 1), (1, 1))
    assert kl.Cropping1D().cropping == (1, 1)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: kl.Cropping2D((1, 2, 3)),
        ValueError,
        "Cropping2D: `cropping`: expected an integer, or one or a pair for each of 2 axes, got "
        "(1, 2, 3) (tuple).",
    ),
    (
        lambda: kl.ZeroPadding2D(((1, 2, 3), 0)),
        ValueError,
        "ZeroPadding2D: `padding`: expected an integer or 2 of them, got (1, 2, 3).",
    ),
    (
        lambda: kl.ZeroPadding1D(-1),
        ValueError,
        "ZeroPadding1D: `padding`: expected an integer of at least 0, got -1.",
    ),
    (
        lambda: kl.Cropping3D(1.5),
        TypeError,
        "Cropping3D: `cropping`: expected an integer of at least 0, got 1.5 (float).",
    ),
    (
        lambda: kl.Cropping1D((2, 3)).apply({}, {}, jnp.zeros((1, 5, 2))),
        ValueError,
        "Cropping1D: expected `cropping` to leave some of the inputs' (5,), got (2, 3).",
    ),
    (
        lambda: kl.ZeroPadding2D().apply({}, {}, jnp.zeros((5, 2))),
        ValueError,
        "ZeroPadding2D: expected `inputs` [batch, height, width, channels], got shape (5, 2).",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "message"), WRONG)
def test_wrong_use(wrong: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message
