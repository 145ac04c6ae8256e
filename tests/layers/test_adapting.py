"""`adapt`: what completes a layer in place, what is shared, and what is refused."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.layers.adapting import batches
from jkeras.utils import PyDataset
from jkeras.utils.datasets import from_arrays

X = np.array([[1.0, 10.0], [3.0, 20.0], [8.0, 60.0]], np.float32)
MEAN, VARIANCE = X.mean(0), X.var(0)


class Batches(PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return X[2 * index : 2 * index + 2], np.zeros(2)


class Frame:
    """What pandas' tables have: columns to run through, and `to_numpy`."""

    def __iter__(self) -> Any:
        return iter("ab")

    def to_numpy(self) -> np.ndarray:
        return X


DATA: dict[str, Any] = {
    "array": X,
    "float64": X.astype("float64"),
    "jax": jnp.asarray(X),
    "bfloat16": jnp.asarray(X, jnp.bfloat16),
    "frame": Frame(),
    "list_of_batches": [X[:1], X[1:]],
    "generator": (part for part in (X[:2], X[2:])),
    "pairs": [(X[:2], np.zeros(2)), (X[2:], np.zeros(1))],
    "py_dataset": Batches(),
    "dataset": from_arrays((X, X), 2),
}


@pytest.mark.parametrize("name", DATA)
def test_it_takes_arrays_and_iterables_of_batches(name: str) -> None:
    layer = layers.Normalization()
    assert layer.adapt(DATA[name]) is layer and layer.adapted
    np.testing.assert_allclose(layer.adapt_mean, MEAN, rtol=1e-6)
    np.testing.assert_allclose(layer.adapt_variance, VARIANCE, rtol=1e-6)


def test_adapting_again_starts_anew() -> None:
    layer = layers.Normalization().adapt(X + 100).adapt(X)
    assert layer == layers.Normalization().adapt(X)
    bins = layers.Discretization(num_bins=2).adapt(X).adapt(X - 5)
    assert bins.boundaries == layers.Discretization(num_bins=2).adapt(X - 5).boundaries


def test_what_it_found_is_part_of_what_a_layer_is() -> None:
    layer, other = layers.Normalization(), layers.Normalization()
    assert (layer, hash(layer), layer.adapted) == (other, hash(other), False)
    layer.adapt(X)
    assert layer != other and hash(layer) != hash(other) and layer != 3
    other.adapt(X)
    assert (layer, hash(layer)) == (other, hash(other))


def test_copies_that_a_model_makes_share_it() -> None:
    layer = layers.Normalization()
    named = layer.replace(name="n", dtype="bfloat16")
    layer.adapt(X)
    assert named.adapted and layer.replace().adapted
    named.adapt(X + 1)
    np.testing.assert_allclose(layer.adapt_mean, MEAN + 1, rtol=1e-6)
    assert not layer.replace(axis=None).adapted


def test_whole_copies_are_on_their_own() -> None:
    layer = layers.Normalization().adapt(X)
    for whole in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert whole == layer
        whole.adapt(X + 1)
        assert whole != layer


def test_it_is_still_frozen() -> None:
    with pytest.raises(AttributeError) as caught:
        layers.Normalization().mean = 3
    assert str(caught.value) == (
        "Normalization is a frozen description: `mean` cannot be set. Make a changed copy instead: "
        "x = x.replace(mean=3)."
    )


WHO = "Normalization: adapt: `data`: "
WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        3,
        TypeError,
        "expected an array or an iterable of batches, got 3 (int).",
    ),
    (
        {"x": X},
        TypeError,
        None,
    ),
    (
        [1.0, 2.0],
        TypeError,
        "expected an array or an iterable of batches, got an iterable of 1.0 (float). Make it an "
        "array: np.asarray(data).",
    ),
    (
        np.array(["a"]),
        TypeError,
        "expected numbers, got an array of shape (1,) and dtype <U1.",
    ),
    (
        np.float32(1),
        ValueError,
        "expected at least one example behind a batch axis, got an array of shape () and dtype "
        "float32.",
    ),
    ([], ValueError, "expected at least one batch, got none."),
    (
        [X, X[:0]],
        ValueError,
        "batch 1: expected at least one example behind a batch axis, got an array of shape (0, 2) "
        "and dtype float32.",
    ),
    (
        np.where(X == 3, np.nan, X),
        ValueError,
        "expected finite numbers, got NaN or infinity in 1 of 3 examples, the first at index 1. "
        "Drop or fill them: np.nan_to_num(data).",
    ),
    (
        [X, X[:, :1]],
        ValueError,
        "expected batches of one shape along axis (-1,), got (2,) and then (1,).",
    ),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data(data: Any, kind: type[Exception], message: str | None) -> None:
    layer = layers.Normalization()
    with pytest.raises(kind) as caught:
        layer.adapt(data)
    if message is None:
        assert str(caught.value).startswith(f"{WHO}expected an array or an iterable of batches")
    else:
        assert str(caught.value) == WHO + message
    assert not layer.adapted


def test_what_is_indexed_is_run_through_once() -> None:
    class Indexed:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> np.ndarray:
            return X[index : index + 1]

    assert [batch.tolist() for batch in batches("layer", Indexed())] == X[:2, None].tolist()
