"""FeatureSpace: tables as vectors, at once and in models, and in files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jkeras import Model, layers
from jkeras.saving import load_model
from jkeras.utils import FeatureSpace

TABLE: dict[str, Any] = {
    "price": [0.0, 1.0, 2.0, 3.0],
    "size": [2.0, 4.0, 6.0, 8.0],
    "rooms": [1, 2, 2, 3],
    "city": ["rome", "oslo", "rome", "bonn"],
    "street": ["a", "b", "c", "d"],
}


def space(**options: Any) -> FeatureSpace:
    """Features of every kind."""
    made = FeatureSpace(
        {
            "price": "float_normalized",
            "size": FeatureSpace.float_rescaled(0.5),
            "rooms": "integer_categorical",
            "city": "string_categorical",
            "street": FeatureSpace.string_hashed(4),
        },
        crosses=[("rooms", "city")],
        crossing_dim=8,
        **options,
    )
    made.adapt(TABLE)
    return made


def test_a_table_becomes_one_vector_for_each_row() -> None:
    x = np.asarray(space()(TABLE))
    assert x.shape == (4, 4 + 1 + 4 + 1 + 4 + 8)
    cities, price, rooms, size = x[:, :4], x[:, 4], x[:, 5:9], x[:, 9]
    assert cities.tolist() == np.eye(4)[[1, 2, 1, 3]].tolist()
    np.testing.assert_allclose(price, (np.arange(4) - 1.5) / np.std(np.arange(4)), rtol=1e-5)
    assert rooms.tolist() == np.eye(4)[[3, 1, 1, 2]].tolist()
    assert size.tolist() == [1, 2, 3, 4]
    assert x[:, 10:14].sum(1).tolist() == [1] * 4 and x[:, 14:].sum(1).tolist() == [1] * 4


@pytest.mark.parametrize(
    "make_fn",
    [
        lambda: TABLE,
        lambda: pd.DataFrame(TABLE),
        lambda: [{k: v[:3] for k, v in TABLE.items()}, {k: v[3:] for k, v in TABLE.items()}],
        lambda: ({k: v[i] for k, v in TABLE.items()} for i in range(4)),
    ],
    ids=["dict", "table", "batches", "rows"],
)
def test_adapt_takes(make_fn: Any) -> None:
    other = space()
    other.adapt(make_fn())
    assert other(TABLE).tolist() == space()(TABLE).tolist()
    assert other(pd.DataFrame(TABLE)).tolist() == space()(TABLE).tolist()


def test_one_row_and_a_dict() -> None:
    whole = space()
    row = {name: values[0] for name, values in TABLE.items()}
    assert whole(row).tolist() == whole(TABLE)[0].tolist()
    ids = FeatureSpace(
        {"city": FeatureSpace.string_categorical(output_mode="int")}, output_mode="dict"
    )
    ids.adapt(TABLE)
    assert ids(TABLE)["city"].tolist() == [[1], [2], [1], [3]]


def test_a_model_of_the_table_and_a_model_of_the_vectors_agree() -> None:
    made = space()
    encoded = made.get_encoded_features()
    outputs = layers.Dense(1)(encoded)
    of_vectors, of_table = Model(encoded, outputs, seed=0), Model(made.get_inputs(), outputs)
    np.testing.assert_allclose(
        of_table.predict(TABLE, verbose=0), of_vectors.predict(made(TABLE), verbose=0), rtol=1e-5
    )
    of_table.compile("sgd", "mse")
    of_table.fit(TABLE, np.zeros(4), verbose=0)


def test_a_file_keeps_what_was_learned(tmp_path: Path) -> None:
    made = space()
    made.save(tmp_path / "space.keras")
    again = load_model(tmp_path / "space.keras")
    assert isinstance(again, FeatureSpace)
    np.testing.assert_allclose(again(TABLE), made(TABLE), rtol=1e-6)


WRONG = [
    (lambda: FeatureSpace({}), "expected at least one"),
    (lambda: FeatureSpace({"a": "floats"}), "Did you mean 'float'?"),
    (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "got 'b'"),
    (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "expected 'dict' or 'concat'"),
    (lambda: FeatureSpace({"a": "float_normalized"}).get_inputs(), "Call adapt(table) first"),
    (lambda: FeatureSpace({"a": "float"})([1.0]), "expected a dict with a value for each feature"),
    (lambda: FeatureSpace({"a": "float", "b": "float"})({"a": [1.0]}), "'b' is missing"),
    (lambda: FeatureSpace({"a": "float_normalized"}).adapt(3), "expected a dict of columns"),
    (
        lambda: FeatureSpace({"city": "float", "b": "float"}, crosses=["city", "b"]),
        "Cross: `feature_names`: expected at least two, got 'city'",
    ),
    (
        lambda: FeatureSpace({"a": "float", "b": "float"})({"a": [1.0, 2.0], "b": [1.0]}),
        "expected columns of one length, got a 2, b 1",
    ),
    (
        lambda: FeatureSpace({"a": "float", "b": "float"})({"a": [1.0, 2.0], "b": 1.0}),
        "expected columns of one length, got a 2, b one value",
    ),
    (
        lambda: FeatureSpace({"a": "string_categorical"}).adapt({"a": ["x", None]}),
        "FeatureSpace 'feature_space': `a`: expected strings, got None at index 1",
    ),
    (
        lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")})({"a": [1]}),
        "which is not encoded",
    ),
]


@pytest.mark.parametrize("make_fn, words", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(make_fn: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make_fn()
    assert words in str(caught.value)


def test_features_of_one_kind_have_layers_of_their_own_names() -> None:
    kinds = {
        "street": FeatureSpace.string_categorical(),
        "city": FeatureSpace.string_categorical(num_oov_indices=0),
        "rooms": FeatureSpace.integer_categorical(name="halls"),
    }
    whole = FeatureSpace(kinds)
    whole.adapt(TABLE)
    model = Model(whole.get_inputs(), layers.Dense(1)(whole.get_encoded_features()), seed=0)
    names = {layer.name for layer in model.layers}
    assert {"street_preprocessor", "city_preprocessor", "halls_preprocessor"} <= names
    assert model.predict(TABLE, verbose=0).shape == (4, 1)


def test_a_second_adapt_replaces_all_that_the_first_found() -> None:
    made = FeatureSpace({"size": FeatureSpace.float_discretized(2)}, output_mode="dict")
    made.adapt({"size": [1.0, 2.0, 3.0, 4.0]})
    first = made.preprocessors["size"].bin_boundaries
    made.adapt({"size": [10.0, 20.0, 30.0, 40.0]})
    assert made.preprocessors["size"].bin_boundaries == (10 * first[0],)
