"""CategoryEncoding's errors; its numbers are Keras's (`test_golden_preprocessing`)."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.layers import CategoryEncoding, Dense

IDS = jnp.array([[0, 2]])


def fitted(ids: np.ndarray) -> None:
    model = jkeras.Sequential([CategoryEncoding(3), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(ids, np.zeros((len(ids), 1)), verbose=0)


def test_an_old_word_means_the_same() -> None:
    assert CategoryEncoding(3, "binary") == CategoryEncoding(3, output_mode="multi_hot")


def test_what_is_out_of_range_counts_nothing() -> None:
    outputs = CategoryEncoding(2, "count").apply({}, {}, jnp.array([[0, 5, -1]]))[0]
    assert outputs.tolist() == [[1.0, 0.0]]


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: CategoryEncoding(),
        ValueError,
        "CategoryEncoding: expected `num_tokens`, the number of categories, got none. For ids from "
        "0 it is ids.max() + 1.",
    ),
    (
        lambda: CategoryEncoding(0),
        ValueError,
        "CategoryEncoding: `num_tokens`: expected a positive integer, got 0.",
    ),
    (
        lambda: CategoryEncoding(3, output_mode="int"),
        ValueError,
        "CategoryEncoding: `output_mode`: expected one of 'one_hot', 'multi_hot', 'count', got "
        "'int'.",
    ),
    (
        lambda: CategoryEncoding(3, sparse=True),
        ValueError,
        "CategoryEncoding: `sparse`: expected False, got True: outputs here are dense arrays.",
    ),
    (
        lambda: CategoryEncoding(3).apply({}, {}, IDS, jnp.ones((1, 2))),
        ValueError,
        "CategoryEncoding: expected no `count_weights` with output_mode='multi_hot', got an array "
        "of shape (1, 2) and dtype float32. Make it output_mode='count'.",
    ),
    (
        lambda: CategoryEncoding(3, "count").apply({}, {}, IDS, jnp.ones(2)),
        ValueError,
        "CategoryEncoding: expected `count_weights` of the inputs' shape (1, 2), got an array of "
        "shape (2,) and dtype float32.",
    ),
    (
        lambda: fitted(np.array([[0], [3]])),
        ValueError,
        "fit: CategoryEncoding 'category_encoding': expected ids from 0 to 2, got values from 0 to "
        "3. Set `num_tokens` above the largest id.",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message
