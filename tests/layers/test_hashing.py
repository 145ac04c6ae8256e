"""Hashing and HashedCrossing: the bins that Keras documents, on the host and in programs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input, Model
from jkeras.layers import HashedCrossing, Hashing

WORDS = [["omar"], ["stringer"], ["marlo"], ["wire"], ["skywalker"]]


@pytest.mark.parametrize(
    "arguments, data, expected",
    [
        ({"num_bins": 1}, WORDS, [0, 0, 0, 0, 0]),
        ({"num_bins": 2}, WORDS, [0, 0, 1, 0, 0]),
        ({"num_bins": 2}, np.array(WORDS), [0, 0, 1, 0, 0]),
        ({"num_bins": 2}, np.array(WORDS, "S"), [0, 0, 1, 0, 0]),
        ({"num_bins": 3, "mask_value": ""}, WORDS, [1, 1, 2, 1, 1]),
        ({"num_bins": 3, "mask_value": "omar"}, WORDS, [0, 1, 2, 1, 1]),
        ({"num_bins": 2, "salt": [133, 137]}, WORDS, [0, 1, 0, 1, 0]),
        ({"num_bins": 2, "salt": (211, 137)}, WORDS, [1, 0, 1, 0, 1]),
        ({"num_bins": 3}, [[0], [1], [2], [3], [4]], [1, 0, 1, 0, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, [[0], [1], [2], [3], [4]], [1, 1, 2, 0, 1]),
    ],
)
def test_the_bins_of_keras(arguments: dict[str, Any], data: Any, expected: list[int]) -> None:
    outputs = Hashing(**arguments)(data)
    assert (outputs.ravel().tolist(), outputs.dtype) == (expected, jnp.int32)


@pytest.mark.parametrize("arguments", [{}, {"salt": 7}, {"mask_value": 12}])
def test_a_program_gives_numbers_the_same_bins(arguments: dict[str, Any]) -> None:
    layer = Hashing(5, **arguments)
    numbers = np.array([[12, -3], [400, 12]])
    traced = jax.jit(lambda x: layer.apply({}, {}, x)[0])(jnp.asarray(numbers))
    assert traced.tolist() == layer(numbers).tolist()


def test_vectors() -> None:
    data = [["a", "b", "a"], ["c", "c", "c"]]
    a, b, c = Hashing(4)(["a", "b", "c"]).tolist()
    counts, flags = np.zeros((2, 4)), np.zeros((2, 4))
    for row, ids in enumerate(([a, b, a], [c, c, c])):
        np.add.at(counts[row], ids, 1)
        flags[row, ids] = 1
    assert Hashing(4, output_mode="count")(data).tolist() == counts.tolist()
    assert Hashing(4, output_mode="multi_hot")(data).tolist() == flags.tolist()
    assert Hashing(4, output_mode="one_hot")([["a"], ["b"]]).tolist() == np.eye(4)[[a, b]].tolist()


def test_crossings_are_those_of_keras() -> None:
    letters, numbers = ["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]
    layer = HashedCrossing(5)
    assert layer((np.array(letters), np.array(numbers))).tolist() == [1, 4, 1, 1, 3]
    one_hot = HashedCrossing(5, output_mode="one_hot")([letters, numbers])
    assert one_hot.tolist() == np.eye(5)[[1, 4, 1, 1, 3]].tolist()
    column = layer([np.array(letters)[:, None], np.array(numbers)[:, None]])
    assert column.tolist() == [[1], [4], [1], [1], [3]]


def test_a_crossing_in_a_model_of_words_and_numbers() -> None:
    word, number = Input((1,), dtype="string"), Input((1,), dtype="int32")
    model = Model([word, number], HashedCrossing(5, output_mode="one_hot")([word, number]))
    found = model.predict([np.array(["A", "B"]), np.array([101, 102])], verbose=0)
    assert found.tolist() == np.eye(5)[[1, 1]].tolist()
    first, second = Input((1,), dtype="int32"), Input((1,), dtype="int32")
    model = Model([first, second], HashedCrossing(50)([first, second]))
    x = [np.array([[1], [2]]), np.array([[3], [-4]])]
    assert model.predict(x, verbose=0).tolist() == HashedCrossing(50)(x).tolist()


@pytest.mark.parametrize(
    "make_fn, words",
    [
        (lambda: Hashing(0), "expected a positive integer, got 0"),
        (lambda: Hashing(3, salt=[1, 2, 3]), "expected an integer, or a list of two"),
        (lambda: Hashing(3, dtype="float32"), "expected an integer dtype with output_mode='int'"),
        (lambda: Hashing(3)([None]), "expected words or numbers"),
        (lambda: HashedCrossing(3)(["a"]), "expected a list of at least two features"),
        (lambda: HashedCrossing(3)([["a"], [1.5]]), "expected integers, got"),
        (lambda: HashedCrossing(3)([["a"], [1, 2]]), "expected features of one shape"),
        (lambda: HashedCrossing(3)([np.ones((2, 2), int)] * 2), "features of shape [batch] or"),
    ],
)
def test_wrong_use_is_named(make_fn: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make_fn()
    assert words in str(caught.value)


def test_configurations_come_back() -> None:
    for layer in (Hashing(3, mask_value="x", salt=4), HashedCrossing(4, output_mode="one_hot")):
        assert type(layer).from_config(layer.get_config()) == layer
