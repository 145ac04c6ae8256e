"""Batches that come late: what is looked at in each, and what once for each shape."""

from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras.core.batch import Batch
from jkeras.models import Chain
from jkeras.trainer.preflight.late_batches import LateBatches, structure
from jkeras.training.steps import make_objective

OBJECTIVE = make_objective(Chain(()), loss="binary_crossentropy")


def batch(length: int = 3, rows: int = 2, **parts: Any) -> Batch:
    x = np.ones((rows, length), "float32")
    return Batch(x, np.ones((rows, length), "float32"))._replace(**parts)


class Asked:
    """Stands for a model that gives what it gets, and counts how often it is asked."""

    def __init__(self, **options: Any) -> None:
        self.count = 0
        self.late = LateBatches("fit", batch(), OBJECTIVE, self.outputs, **options)

    def outputs(self, x: Any) -> Any:
        self.count += 1
        return jax.ShapeDtypeStruct(x.shape, x.dtype)


def test_the_model_is_asked_once_for_each_shape() -> None:
    asked = Asked()
    for length in (3, 4, 3, 4, 5):
        for rows in (2, 1):
            asked.late(batch(length, rows), 0)
    assert asked.count == 3
    whole = Asked(whole=True)
    for rows in (2, 1, 2):
        whole.late(batch(rows=rows), 0)
    assert whole.count == 2


def test_many_shapes_are_told_of_once() -> None:
    asked = Asked()
    for length in range(1, 8):
        asked.late(batch(length), length)
    with pytest.warns(UserWarning) as caught:
        asked.late(batch(8), 8)
    asked.late(batch(9), 9)
    assert [str(w.message) for w in caught] == [
        "fit: batch 8 of the data has another shape or dtype than those before it, the 8th, and a "
        "program is compiled for each. Pad batches to a few shapes, such as lengths that are "
        "multiples of 32."
    ]


def test_values_are_looked_at_in_every_batch() -> None:
    asked = Asked()
    asked.late(batch(), 0)
    with pytest.raises(ValueError, match=r"expected `y_true` between 0 and 1"):
        asked.late(batch(y=np.full((2, 3), 2, "float32")), 1)
    asked.late(batch(y=np.full((2, 3), 0.5, "float32")), 2)


def test_rows_that_are_no_numbers_are_passed_over_where_they_are_allowed() -> None:
    y = np.array([[np.nan] * 3, [1] * 3], "float32")
    asked = Asked()
    asked.late(batch(y=y), 0)
    asked.late(batch(y=np.full((2, 3), np.nan, "float32")), 1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        asked.late(batch(y=y * 2), 2)


def test_without_outputs_only_the_structure_is_looked_at() -> None:
    late = LateBatches("fit", batch(), None, None)
    late(batch(y=np.full((2, 3), 7, "float32")), 0)
    with pytest.raises(ValueError) as caught:
        late(batch(y={"a": np.ones(2)}), 1)
    assert str(caught.value) == "expected (x, y) as in the first batch, got (x, y with a)."
    assert structure(Batch(1)) == "x"


def test_an_output_without_targets_where_there_were_some() -> None:
    first = batch(y={"a": np.ones(2), "b": np.ones(2)})
    late = LateBatches("fit", first, None, None)
    with pytest.raises(ValueError) as caught:
        late(batch(y={"a": np.ones(2), "b": None}), 1)
    expected, got = (jax.tree.structure(b) for b in (first, batch(y={"a": 1, "b": None})))
    assert str(caught.value) == f"expected {expected} as in the first batch, got {got}."


def test_a_list_of_batches_is_read_in_every_epoch() -> None:
    """As several inputs are a list of arrays, a list of tuples can only be batches."""
    model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x, y = np.arange(10.0, dtype=np.float32).reshape(5, 2) / 10, np.ones((5, 1), np.float32)
    batches = [(x[:3], y[:3]), (x[3:], y[3:])]
    fitted = model.fit(batches, epochs=2, verbose=0).history["loss"]
    other = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    other.compile("sgd", "mse")
    alike = other.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(fitted, alike, rtol=1e-6)
    assert model.evaluate(batches, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))
    assert model.predict([(x[:3],), (x[3:],)], verbose=0).shape == (5, 1)
