"""Tables, series, lists and dicts through every method, with the numbers of Keras 3.15.1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import jkeras
from jkeras import layers as L
from tests.core.test_columns import Column

A = np.linspace(-1, 1, 12)
B = np.cos(3 * A)
Y = (A + B > 0.5).astype("int64")
FRAME = pd.DataFrame({"a": A, "b": B})
DUMMIES = pd.get_dummies(FRAME.assign(c=list("xyz") * 4))
VALUES = DUMMIES.to_numpy("float32")
WEIGHTS = pd.Series(np.linspace(0.5, 2, 12))
FIT: dict[str, Any] = {"epochs": 2, "shuffle": False, "batch_size": 4, "verbose": 0}


def model(features: int, activation: str = "sigmoid", loss: str = "binary_crossentropy") -> Any:
    made = jkeras.Sequential([jkeras.Input((features,)), L.Dense(1, activation=activation)])
    made.set_weights([np.arange(features)[:, None] * 0.1 - 0.2, np.array([0.1])])
    made.compile(jkeras.optimizers.SGD(0.1), loss)
    return made


def losses(made: Any, *data: Any, name: str = "loss", **options: Any) -> list[float]:
    history: list[float] = made.fit(*data, **FIT, **options).history[name]
    return history


def named() -> Any:
    inputs = [jkeras.Input((1,), name=name) for name in "ab"]
    joined = L.Concatenate()(inputs)
    made = jkeras.Model(inputs, L.Dense(1, kernel_initializer="ones")(joined))
    made.compile(jkeras.optimizers.SGD(0.1), "mse")
    return made


KERAS: dict[str, tuple[Callable[[], Any], list[float]]] = {
    "dummies": (lambda: losses(model(5), DUMMIES, pd.Series(Y)), [0.761479, 0.720401]),
    "weights": (
        lambda: losses(model(5), DUMMIES, pd.Series(Y), sample_weight=WEIGHTS),
        [0.920523, 0.867259],
    ),
    "series": (lambda: losses(model(1), FRAME["a"], pd.Series(Y)), [0.729806, 0.717829]),
    "validation": (
        lambda: losses(
            model(5), DUMMIES, Y, validation_data=(DUMMIES, pd.Series(Y), WEIGHTS), name="val_loss"
        ),
        [0.876651, 0.837598],
    ),
    "split": (
        lambda: losses(model(5), DUMMIES, pd.Series(Y), validation_split=0.25, name="val_loss"),
        [0.763985, 0.778386],
    ),
    "evaluate": (lambda: [model(5).evaluate(DUMMIES, pd.Series(Y), verbose=0)], [0.763753]),
    "one_row": (lambda: model(5).predict(DUMMIES.iloc[[0]], verbose=0)[0], [0.598447]),
    "class_weight_floats": (
        lambda: losses(model(5), DUMMIES, Y, class_weight={0.0: 1.0, 1.0: 3.0}),
        [1.19377, 1.11049],
    ),
    "class_weight_flags": (
        lambda: losses(model(5), DUMMIES, pd.Series(Y == 1), class_weight={False: 1.0, True: 3.0}),
        [1.19377, 1.11049],
    ),
    "class_weight_soft": (
        lambda: losses(model(5), DUMMIES, np.where(Y, 0.9, 0.1), class_weight={0: 1.0, 1: 3.0}),
        [1.18752, 1.13465],
    ),
    "class_weight_signs": (
        lambda: losses(
            model(5, "tanh", "hinge"), DUMMIES, np.where(Y, 1, -1), class_weight={-1: 1.0, 1: 3.0}
        ),
        [1.71702, 1.40703],
    ),
    "dict_of_series": (lambda: losses(named(), dict(FRAME), pd.Series(Y)), [0.685933, 0.374941]),
    "call_of_one_feature": (lambda: model(1)(np.array([0.5, 1.0]))[:, 0], [0.5, 0.475021]),
}


@pytest.mark.parametrize("name", KERAS)
def test_the_numbers_are_those_of_keras(name: str) -> None:
    found, expected = KERAS[name]
    np.testing.assert_allclose(found(), expected, rtol=5e-6)


FORMS: dict[str, tuple[Any, Any]] = {
    "frame": (DUMMIES, pd.Series(Y)),
    "nullable": (DUMMIES.convert_dtypes(), pd.Series(Y == 1, dtype="boolean")),
    "arrow_columns": (DUMMIES.convert_dtypes(dtype_backend="pyarrow"), pd.Series(Y)),
    "arrow_table": (pa.Table.from_pandas(DUMMIES), pa.chunked_array([Y])),
    "arrow_batch": (pa.RecordBatch.from_pandas(DUMMIES), pa.array(Y)),
    "polars": (pl.DataFrame(DUMMIES.to_dict("list")), pl.Series(Y)),
    "polars_flags": (pl.DataFrame(DUMMIES.to_dict("list")), pl.Series(Y == 1)),
    "categories": (DUMMIES, pd.Series(Y, dtype="category")),
    "another_index": (
        DUMMIES.set_index(np.arange(12) * 7),
        pd.Series(Y, index=list("abcdefghijkl")),
    ),
    "lists": (VALUES.tolist(), Y.tolist()),
    "hugging_face": (Column(VALUES.tolist()), Column(Y.tolist())),
    "hugging_face_arrays": (Column(VALUES), Column(Y)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_trains_as_arrays_do(form: str) -> None:
    def run(x: Any, y: Any) -> list[Any]:
        made = model(5)
        found = [losses(made, x, y, validation_data=(x, y), name="val_loss")]
        found += [made.train_on_batch(x, y), made.test_on_batch(x, y)]
        found += [made.evaluate(x, y, verbose=0), made.predict(x, verbose=0)]
        return [*found, made.predict_on_batch(x)]

    x, y = FORMS[form]
    for found, expected in zip(run(x, y), run(VALUES, Y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_batches_may_be_tables() -> None:
    def batches() -> Iterator[Any]:
        for start in range(0, 12, 4):
            part = slice(start, start + 4)
            yield DUMMIES[part], pd.Series(Y)[part], WEIGHTS[part]

    found = losses(model(5), [list(batches())[i] for i in range(3)])
    np.testing.assert_allclose(found, [0.920523, 0.867259], rtol=5e-6)


def test_the_columns_of_a_frame_go_to_the_inputs_of_their_names() -> None:
    frame = FRAME[["b", "a"]].assign(unused="word")
    data = (frame, pd.Series(Y))
    made = named()
    np.testing.assert_allclose(
        losses(made, *data, validation_data=data), [0.685933, 0.374941], rtol=5e-6
    )
    expected = made.predict(dict(FRAME), verbose=0)
    np.testing.assert_array_equal(made.predict(frame, verbose=0), expected)
    np.testing.assert_array_equal(made.predict_on_batch(frame), expected)
    np.testing.assert_allclose(made(dict(FRAME)), expected, rtol=1e-6)
    loss = made.evaluate(*data, verbose=0)
    assert made.test_on_batch(*data) == pytest.approx(loss, rel=1e-6)
    assert made.train_on_batch(*data) == pytest.approx(loss, rel=1e-6)


def test_the_columns_of_targets_go_to_the_outputs_of_their_names() -> None:
    def two_outputs() -> Any:
        inputs = jkeras.Input((2,))
        outputs = [L.Dense(1, name=name, kernel_initializer="ones")(inputs) for name in "pq"]
        made = jkeras.Model(inputs, outputs)
        made.compile(jkeras.optimizers.SGD(0.1), "mse")
        return made

    targets = pd.DataFrame({"q": A, "p": B, "other": "word"})
    expected = losses(two_outputs(), FRAME, [B, A])
    for table in (targets, pl.DataFrame(targets.to_dict("list"))):
        assert losses(two_outputs(), FRAME, table) == expected


def test_a_model_of_one_feature_takes_plain_numbers() -> None:
    made = model(1, "linear", "mse")
    made.fit(A, 2 * A - 1, epochs=1, verbose=0)
    assert made.predict([10.0], verbose=0).shape == (1, 1)
    expected = made.predict(A[:, None], verbose=0)
    for x in (A, A.tolist(), FRAME["a"]):
        np.testing.assert_array_equal(made.predict(x, verbose=0), expected)
    lazy = jkeras.Sequential([L.Dense(1)])
    lazy.compile("sgd", "mse")
    lazy.fit(FRAME["a"], FRAME["b"], verbose=0)
    assert lazy.input_shape == (None, 1)


def test_layers_adapt_to_tables() -> None:
    expected = L.Normalization().adapt(VALUES)(VALUES)
    found = L.Normalization().adapt(DUMMIES)(VALUES)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_balanced_classes_need_all_examples() -> None:
    weights = 12 / (2 * np.bincount(Y))
    expected = losses(model(5), VALUES, Y, class_weight=dict(enumerate(weights)))
    assert losses(model(5), VALUES, Y, class_weight="balanced") == expected
    uses: dict[str, Callable[[], Any]] = {
        "fit": lambda: model(5).fit(iter([(VALUES, Y)]), class_weight="balanced"),
        "train_on_batch": lambda: model(5).train_on_batch(VALUES, Y, class_weight="balanced"),
    }
    for who, use in uses.items():
        with pytest.raises(ValueError) as caught:
            use()
        assert str(caught.value) == (
            f"{who}: `class_weight`: expected a dict from class id to weight beside single "
            "batches, got 'balanced'. Count all of `y`: counts = np.bincount(y); class_weight = "
            "dict(enumerate(len(y) / (len(counts) * counts)))."
        )


def test_weights_go_by_position_whatever_their_index() -> None:
    y = pd.Series(Y, index=range(12, 0, -1))
    found = losses(model(5), DUMMIES, y, sample_weight=WEIGHTS.set_axis(list("abcdefghijkl")))
    np.testing.assert_allclose(found, [0.920523, 0.867259], rtol=5e-6)
    split = {"validation_split": 0.25, "name": "val_loss"}
    expected = losses(model(5), VALUES, Y, sample_weight=np.asarray(WEIGHTS), **split)
    for weights in (WEIGHTS.set_axis(range(12, 0, -1)), pl.Series(WEIGHTS.to_list())):
        assert losses(model(5), DUMMIES, y, sample_weight=weights, **split) == expected


def test_batches_and_calls_take_columns_by_their_names() -> None:
    frame = FRAME[["b", "a"]].assign(unused="word")
    polars = pl.DataFrame({name: frame[name].to_list() for name in frame})
    expected = named().predict(dict(FRAME), verbose=0)
    for table in (frame, polars, pa.Table.from_pandas(frame)):
        np.testing.assert_array_equal(named().predict(table, verbose=0), expected)
        np.testing.assert_allclose(named()(table), expected, rtol=1e-6)
    batches = [(frame[i : i + 4], pd.Series(Y)[i : i + 4]) for i in range(0, 12, 4)]
    np.testing.assert_allclose(losses(named(), batches), [0.685933, 0.374941], rtol=5e-6)


@pytest.mark.parametrize("who", ["fit", "evaluate", "predict"])
def test_batches_of_one_dict_are_taken_apart_by_the_user(who: str) -> None:
    batches = [{"x": VALUES, "label": Y}]
    with pytest.raises(ValueError) as caught:
        getattr(model(5), who)(iter(batches), verbose=0)
    assert str(caught.value) == (
        f"{who}: `x`: expected one array, for which the model was built, got a dict with x, label. "
        "Pass one of these as `x`, and targets as `y`; batches are pairs of both."
    )
    if who == "fit":
        assert len(losses(model(5), [(batch["x"], batch["label"]) for batch in batches])) == 2
