"""Merging layers as functions."""

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers

A = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
B = np.array([[4.0, 1.0], [2.0, 2.0]], np.float32)

EXPECTED = {
    "add": A + B,
    "average": (A + B) / 2,
    "concatenate": np.concatenate([A, B], -1),
    "dot": (A * B).sum(-1, keepdims=True),
    "maximum": np.maximum(A, B),
    "minimum": np.minimum(A, B),
    "multiply": A * B,
    "subtract": A - B,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_arrays_are_merged_at_once(name: str) -> None:
    np.testing.assert_allclose(getattr(layers, name)([A, B]), EXPECTED[name], rtol=1e-6)


@pytest.mark.parametrize("name", EXPECTED)
def test_symbols_become_a_layer(name: str) -> None:
    symbols = [jkeras.Input((2,)), jkeras.Input((2,))]
    merged = getattr(layers, name)(symbols, name="here")
    assert merged.shape == (None, *EXPECTED[name].shape[1:])
    layer = merged.node.layer
    assert (type(layer).__name__, layer.name) == (name.capitalize(), "here")


def test_options() -> None:
    assert layers.concatenate([A, B], axis=0).shape == (4, 2)
    cosine = layers.dot([A, A], axes=1, normalize=True)
    np.testing.assert_allclose(cosine, np.ones((2, 1)), rtol=1e-6)


def test_wrong_uses() -> None:
    cases: list[tuple[Any, type[Exception], str]] = [
        (
            lambda: layers.add(A),
            TypeError,
            "add: expected a list of arrays, got an array of shape (2, 2) and dtype float32. "
            "Write add([a, b]).",
        ),
        (
            lambda: layers.add([A]),
            ValueError,
            "Add: expected two inputs or more, got 1. Give them in a list: layer([a, b]).",
        ),
        (
            lambda: layers.subtract([A, B, A]),
            ValueError,
            "Subtract: expected two inputs, got 3. Give them in a list: layer([a, b]).",
        ),
        (
            lambda: layers.maximum([A, B[:, :1, None]]),
            ValueError,
            "Maximum: expected inputs of one shape (or 1 on an axis), got [(2, 2), (2, 1, 1)].",
        ),
    ]
    for use, kind, message in cases:
        with pytest.raises(kind) as caught:
            use()
        assert str(caught.value) == message
