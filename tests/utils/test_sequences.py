"""`pad_sequences` with Keras's values, and its errors."""

from typing import Any

import numpy as np
import pytest

from jkeras.utils import pad_sequences

LISTS = [[1], [2, 3, 4, 5], [], [6, 7]]
VECTORS = [np.ones((2, 3)), np.full((3, 3), 2.0)]
CASES: list[tuple[list, dict[str, Any]]] = [
    (LISTS, {}),
    (LISTS, {"maxlen": 2}),
    (LISTS, {"maxlen": 6, "value": -1}),
    (LISTS, {"maxlen": 3, "padding": "post", "dtype": "float32", "value": 0.5}),
    (LISTS, {"maxlen": 3, "truncating": "post"}),
    (LISTS, {"maxlen": 3, "padding": "post", "truncating": "post"}),
    (VECTORS, {"maxlen": 4, "dtype": "float64"}),
    ([["a", "b"], ["c"]], {"dtype": object, "value": "pad"}),
    ([[], []], {}),
]


@pytest.mark.parametrize(("sequences", "options"), CASES)
def test_the_values_of_keras(sequences: list, options: dict[str, Any]) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    expected = keras.utils.pad_sequences(sequences, **options)
    got = pad_sequences(sequences, **options)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(got, expected)


WRONG: list[tuple[tuple, dict[str, Any], type[Exception], str]] = [
    (
        (7,),
        {},
        TypeError,
        "pad_sequences: `sequences`: expected a list of sequences, got 7 (int).",
    ),
    (
        ([[1], 2],),
        {},
        TypeError,
        "pad_sequences: `sequences`: expected a list of sequences, got 2 (int) at position 1. For "
        "a single sequence write [sequence].",
    ),
    (
        (LISTS,),
        {"padding": "past"},
        ValueError,
        "pad_sequences: `padding`: expected 'pre' or 'post', got 'past'. Did you mean 'post'?",
    ),
    (
        (LISTS,),
        {"truncating": None},
        ValueError,
        "pad_sequences: `truncating`: expected 'pre' or 'post', got None.",
    ),
    ((LISTS, 0), {}, ValueError, "pad_sequences: `maxlen`: expected at least 1, got 0."),
    (
        (LISTS, 2.5),
        {},
        TypeError,
        "pad_sequences: `maxlen`: expected an integer, got 2.5 (float).",
    ),
    (
        (LISTS,),
        {"value": "pad"},
        ValueError,
        "pad_sequences: `value`: expected a number for the dtype 'int32', got 'pad'. For text pass "
        "dtype=object.",
    ),
    (
        ([np.ones((2, 3)), np.ones((2, 2))],),
        {},
        ValueError,
        "pad_sequences: `sequences`: expected entries of shape (3,), as in the first, got (2,) at "
        "position 1.",
    ),
]


@pytest.mark.parametrize(("arguments", "options", "kind", "message"), WRONG)
def test_wrong_uses(
    arguments: tuple, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        pad_sequences(*arguments, **options)
    assert str(caught.value) == message
