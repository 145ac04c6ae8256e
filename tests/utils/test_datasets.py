"""Data sets: epochs, their order, and what is made of them."""

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.utils.datasets import Dataset, from_arrays

X = np.arange(10)


def numbers(batches: Any) -> list:
    """The batches as plain lists."""
    return [np.asarray(batch).tolist() for batch in batches]


def test_it_is_run_through_again_and_again() -> None:
    data = from_arrays(X, 4)
    assert len(data) == data.cardinality() == 3
    assert numbers(data) == numbers(data) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert repr(data) == "<Dataset: 10 examples in batches of 4>"


def test_single_examples_become_batches() -> None:
    data = from_arrays((X, X * 2.0))
    assert [type(part) for part in next(iter(data))] == [np.int64, np.float64]
    assert (len(data), repr(data)) == (10, "<Dataset: 10 examples one by one>")
    x, y = list(data.batch(3))[-1]
    assert (x.tolist(), y.tolist()) == ([9], [18.0])
    assert numbers(from_arrays(X).batch(3, drop_remainder=True))[-1] == [6, 7, 8]
    assert numbers(from_arrays(X, 4).unbatched().skip(8)) == [8, 9]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    data, again = (from_arrays(X).shuffle(seed=3).batch(10) for _ in range(2))
    first, second = (numbers(data)[0] for _ in range(2))
    assert sorted(first) == X.tolist() and first != second and first != X.tolist()
    assert [numbers(again)[0], numbers(again)[0]] == [first, second]
    assert numbers(data.epoch(1))[0] == second
    assert numbers(from_arrays(X).shuffle(seed=4).batch(10))[0] != first


def test_a_seed_that_is_left_out_comes_from_numpy() -> None:
    orders = []
    for _ in range(2):
        jkeras.utils.set_random_seed(5)
        orders.append(numbers(from_arrays(X).shuffle().batch(10)))
    assert orders[0] == orders[1]


def test_take_and_skip_count_elements() -> None:
    data = from_arrays(X, 4)
    assert numbers(data.take(1)) == [[0, 1, 2, 3]]
    assert numbers(data.skip(1).take(1)) == [[4, 5, 6, 7]]
    assert numbers(data.skip(2)) == [[8, 9]]
    assert numbers(data.take(9)) == numbers(data)
    assert (len(data.take(0)), len(data.skip(9))) == (0, 0)


def test_map_is_applied_to_elements() -> None:
    pairs = from_arrays((X, X), 5)
    assert numbers(pairs.map(lambda x, y: x + y, num_parallel_calls=2).take(1)) == [[0, 2, 4, 6, 8]]
    assert numbers(from_arrays(X).map(lambda x: x * 2).batch(9))[1] == [18]
    assert len(pairs.map(lambda x, y: {"x": x})) == 2


def test_a_model_trains_on_it() -> None:
    rng = np.random.default_rng(0)
    data = from_arrays((rng.normal(size=(10, 3)).astype("float32"), np.zeros((10, 1)))).shuffle()
    model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    losses = model.fit(data.batch(4), epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert model.evaluate(data.batch(4), verbose=0) < losses[1]
    assert model.predict(data.batch(4).map(lambda x, y: x), verbose=0).shape == (10, 1)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: from_arrays(X, 4).batch(2),
        ValueError,
        "Dataset: batch: expected single examples, got batches of 4. Make the data set with "
        "batch_size=None, or with the size you want.",
    ),
    (
        lambda: from_arrays(X, 4).shuffle(100),
        ValueError,
        "Dataset: shuffle: expected single examples, got batches of 4. Shuffle first: "
        "dataset.shuffle(seed=0).batch(32), or pass shuffle=True where it is made.",
    ),
    (
        lambda: from_arrays(X).batch(0),
        ValueError,
        "Dataset: batch: `batch_size`: expected at least 1, got 0.",
    ),
    (
        lambda: from_arrays(X).take(1.5),
        TypeError,
        "Dataset: take: `count`: expected an integer, got 1.5 (float).",
    ),
    (
        lambda: from_arrays(X).map(3),
        TypeError,
        "Dataset: map: expected one function, got 3 (int).",
    ),
    (
        lambda: from_arrays(X).map(abs, workers=3),
        TypeError,
        "Dataset: map: expected one function, got the arguments ['workers'].",
    ),
    (
        lambda: from_arrays(X).prefetch(2),
        AttributeError,
        "Dataset has no attribute 'prefetch'. Leave it out: fit reads ahead by itself.",
    ),
    (
        lambda: from_arrays(X).tkae(2),
        AttributeError,
        "Dataset has no attribute 'tkae'. Did you mean 'take'?",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


def test_what_it_gathers_may_be_anything() -> None:
    data = Dataset(lambda i: {"x": i, "y": (i, -i)}, 3, 2)
    assert {name: np.shape(part) for name, part in list(data)[-1].items()} == {
        "x": (1,),
        "y": (2, 1),
    }
