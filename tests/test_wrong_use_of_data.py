"""Wrong uses of data sets, frames and class weights, each with the whole message it gets."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest

import jkeras
from jkeras import datasets
from jkeras import layers as L
from jkeras.datasets.sources import SOURCES
from jkeras.utils import get_file
from tests.datasets import small_sets
from tests.datasets.conftest import point_at

X = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
Y = np.arange(8) % 3
PETS = np.array(["cat", "dog"] * 4)
FRAME = pd.DataFrame(X, columns=["a", "b"])
POLARS = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})
DAYS = [datetime.date(2024, 1, day) for day in range(1, 9)]
FORM = (
    '`class_weight`: expected "balanced", or a dict from class id to weight, such as '
    "{0: 1.0, 1: 5.0}"
)


class Wrong(NamedTuple):
    """A wrong use: what is done, and the error it gets."""

    use: Callable[[], Any]
    kind: type[Exception]
    message: str


def model(units: int = 3, loss: str = "sparse_categorical_crossentropy") -> Any:
    made = jkeras.Sequential([L.Dense(units, activation="softmax" if units > 1 else None)], seed=0)
    made.compile("sgd", loss)
    return made


def named() -> Any:
    inputs = [jkeras.Input((1,), name=name) for name in "ab"]
    made = jkeras.Model(inputs, L.Dense(3, activation="softmax")(L.Concatenate()(inputs)))
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def wrapped() -> Any:
    def build(X: Any, y: Any) -> Any:
        return model(y.shape[1], "categorical_crossentropy")

    return jkeras.wrappers.SKLearnClassifier(build, random_state=0)


def with_gap(kind: Any) -> Any:
    return kind({"a": [1, 2, None, 4, 5, 6, 7, 8], "b": list(range(8))})


def premade(**options: Any) -> Any:
    return jkeras.estimators.DNNClassifier(epochs=1).fit(FRAME, PETS, **options)


WRONG = {
    # -- data sets
    "fraction": Wrong(
        lambda: datasets.boston_housing.load_data(test_split=1.5),
        ValueError,
        "boston_housing: `test_split`: expected a fraction from 0 to below 1, got 1.5.",
    ),
    "version": Wrong(
        lambda: datasets.california_housing.load_data("smal"),
        ValueError,
        "california_housing: `version`: expected 'large' or 'small', got 'smal'. Did you mean "
        "'small'?",
    ),
    "label_mode": Wrong(
        lambda: datasets.cifar100.load_data("corse"),
        ValueError,
        "cifar100: `label_mode`: expected 'fine' or 'coarse', got 'corse'. Did you mean 'coarse'?",
    ),
    "number_as_text": Wrong(
        lambda: datasets.imdb.load_data(num_words="10000"),  # type: ignore[arg-type]
        TypeError,
        "imdb: `num_words`: expected a whole number or None, got '10000' (str).",
    ),
    "negative": Wrong(
        lambda: datasets.reuters.load_data(skip_top=-1),
        ValueError,
        "reuters: `skip_top`: expected a whole number, got -1.",
    ),
    "former_argument": Wrong(
        lambda: datasets.imdb.load_data(nb_words=20),  # type: ignore[call-arg]
        TypeError,
        "load_data: unexpected argument `nb_words`. Did you mean 'num_words'? Arguments: path, "
        "num_words, skip_top, maxlen, seed, start_char, oov_char, index_from.",
    ),
    "no_text_left": Wrong(
        lambda: datasets.reuters.load_data(maxlen=1),
        ValueError,
        "reuters: `maxlen`: expected more than the 2 words of the shortest text, got 1.",
    ),
    "misspelt_set": Wrong(
        lambda: datasets.imbd,  # type: ignore[attr-defined]
        AttributeError,
        "module 'jkeras.datasets' has no attribute 'imbd'. Did you mean 'imdb'?",
    ),
    "archive_format": Wrong(
        lambda: get_file("x", "file:///x", extract=True, archive_format="rar"),
        ValueError,
        "get_file: expected `archive_format` 'auto', 'tar', 'zip' or None, got 'rar'.",
    ),
    # -- frames
    "words": Wrong(
        lambda: model().fit(FRAME.assign(c=list("xyzxyzxy")), Y),
        TypeError,
        "fit: `x['c']`: expected numbers, got an array of shape (8,) and dtype object, with 'x'. "
        "Encode the classes: x = pd.get_dummies(x, columns=['c']).",
    ),
    "categories_in_predict": Wrong(
        lambda: model().predict(FRAME.assign(c=pd.Categorical(list("xyzxyzxy")))),
        TypeError,
        "predict: `x['c']`: expected numbers, got an array of shape (8,) and dtype object, with "
        "'x'. Encode the classes: x = pd.get_dummies(x, columns=['c']).",
    ),
    "words_of_polars": Wrong(
        lambda: model().train_on_batch(POLARS.with_columns(c=pl.Series(list("xyzxyzxy"))), Y),
        TypeError,
        "train_on_batch: `x['c']`: expected numbers, got an array of shape (8,) and dtype <U1, "
        "with 'x'. Encode the classes: x = x.to_dummies(['c']).",
    ),
    "days_of_polars": Wrong(
        lambda: model().evaluate(POLARS.with_columns(c=pl.Series(DAYS)), Y),
        TypeError,
        "evaluate: `x['c']`: expected numbers, got an array of shape (8,) and dtype "
        "datetime64[D]. Count seconds: (x['c'] - x['c'].min()).dt.total_seconds().",
    ),
    "intervals": Wrong(
        lambda: model().fit(FRAME.assign(c=pd.cut(FRAME.a, 2)), Y),
        TypeError,
        "fit: `x['c']`: expected numbers, got an array of shape (8,) and dtype object. Number the "
        "intervals: x['c'].cat.codes.",
    ),
    "periods": Wrong(
        lambda: model().fit(FRAME.assign(c=pd.period_range("2024", periods=8)), Y),
        TypeError,
        "fit: `x['c']`: expected numbers, got an array of shape (8,) and dtype object. Number the "
        "periods: x['c'].astype('int64').",
    ),
    "gap": Wrong(
        lambda: model().fit(with_gap(pd.DataFrame).convert_dtypes(), Y),
        ValueError,
        "fit: `x['a']`: expected numbers without gaps, got 1 missing of 8, the first at index 2. "
        "Fill them: x['a'].fillna(0).",
    ),
    "gap_of_polars": Wrong(
        lambda: model().predict_on_batch(with_gap(pl.DataFrame)),
        ValueError,
        "predict: `x['a']`: expected numbers without gaps, got 1 missing of 8, the first at index "
        "2. Fill them: x['a'].fill_null(0).",
    ),
    "plan_of_polars": Wrong(
        lambda: model().fit(POLARS.lazy(), Y),
        TypeError,
        "fit: `x`: expected an array, got a LazyFrame. Write x.collect().",
    ),
    "missing_column": Wrong(
        lambda: named().fit(FRAME.rename(columns={"b": "B"}), Y),
        ValueError,
        "fit: `x`: expected a table with the columns a, b, which the inputs have as names, got a, "
        "B: 'b' is missing. Did you mean 'B'?",
    ),
    "missing_column_in_a_batch": Wrong(
        lambda: named().fit(iter([(FRAME[["a"]], Y)])),
        ValueError,
        "fit: batch 0 of the data: `x`: expected a table with the columns a, b, which the inputs "
        "have as names, got a: 'b' is missing.",
    ),
    "labels": Wrong(
        lambda: model().fit(FRAME, pd.Series(PETS, dtype="category")),
        TypeError,
        "fit: `y`: expected numbers, got an array of shape (8,) and dtype object, with 'cat'. "
        "Encode the classes: np.unique(y, return_inverse=True)[1]. The premade "
        "jkeras.estimators.DNNClassifier takes labels as they are.",
    ),
    "words_as_weights": Wrong(
        lambda: model().fit(FRAME, Y, sample_weight=pd.Series(PETS)),
        TypeError,
        "fit: `sample_weight`: expected numbers, got an array of shape (8,) and dtype object, with "
        "'cat'. Encode the classes: np.unique(sample_weight, return_inverse=True)[1].",
    ),
    "words_in_a_call": Wrong(
        lambda: model()(FRAME.assign(c=list("xyzxyzxy"))),
        TypeError,
        "Sequential 'sequential': `x['c']`: expected numbers, got an array of shape (8,) and dtype "
        "object, with 'x'. Encode the classes: x = pd.get_dummies(x, columns=['c']).",
    ),
    "plan_in_a_call": Wrong(
        lambda: model()(POLARS.lazy()),
        TypeError,
        "Sequential 'sequential': `x`: expected an array, got a LazyFrame. Write x.collect().",
    ),
    "words_in_adapt": Wrong(
        lambda: L.Normalization().adapt(FRAME.assign(c=list("xyzxyzxy"))),
        TypeError,
        "Normalization: adapt: `data['c']`: expected numbers, got an array of shape (8,) and dtype "
        "object, with 'x'. Encode the classes: data = pd.get_dummies(data, columns=['c']).",
    ),
    "lengths": Wrong(
        lambda: model().fit(FRAME, pd.Series(Y[1:])),
        ValueError,
        "fit: expected the same number of examples everywhere, got: `x` has 8, `y` has 7.",
    ),
    # -- class weights
    "no_label": Wrong(
        lambda: model().fit(FRAME, Y, class_weight={0: 1.0, 1: 2.0, 7: 3.0}),
        ValueError,
        "fit: `class_weight`: expected labels of `y` (0, 1, 2) as keys, got 7. Did you mean 2?",
    ),
    "no_sign": Wrong(
        lambda: model(1, "hinge").fit(X, np.sign(X[:, 0]), class_weight={0: 1.0, 1: 3.0}),
        ValueError,
        "fit: `class_weight`: expected labels of `y` (-1, 1) as keys, got 0. Did you mean -1?",
    ),
    "no_half": Wrong(
        lambda: model(1, "mse").fit(X, np.array([0.5, 1.5] * 4), class_weight={0.5: 1, 1.25: 3.0}),
        ValueError,
        "fit: `class_weight`: expected labels of `y` (0.5, 1.5) as keys, got 1.25. Did you mean "
        "1.5?",
    ),
    "words_for_ids": Wrong(
        lambda: model().fit(X, Y, class_weight={"cat": 1.0}),
        TypeError,
        f"fit: {FORM}, got {{'cat': 1.0}} (dict). Its keys are the ids that stand in `y`, its "
        "values finite numbers.",
    ),
    "misspelt_balanced": Wrong(
        lambda: model().fit(X, Y, class_weight="balance"),
        TypeError,
        f"fit: {FORM}, got 'balance' (str).",
    ),
    "wrapper": Wrong(
        lambda: wrapped().fit(X, PETS, class_weight={"dog": 2.0, "cart": 1.0}),
        ValueError,
        "SKLearnClassifier: `class_weight`: expected labels of `y` ('cat', 'dog') as keys, got "
        "'cart'. Did you mean 'cat'?",
    ),
    "premade": Wrong(
        lambda: premade(class_weight={"dog": 2.0, "cart": 1.0}),
        ValueError,
        "DNNClassifier: `class_weight`: expected labels of `y` ('cat', 'dog') as keys, got "
        "'cart'. Did you mean 'cat'?",
    ),
    "premade_balanced": Wrong(
        lambda: premade(class_weight="balance"),
        TypeError,
        f"DNNClassifier: {FORM}, got 'balance' (str).",
    ),
    "premade_weights": Wrong(
        lambda: premade(class_weight={"dog": "heavy"}),
        TypeError,
        f"DNNClassifier: {FORM}, got {{1: 'heavy'}} (dict). Its keys are the ids that stand in "
        "`y`, its values finite numbers.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_message_names_what_is_wrong(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if name == "no_text_left":
        (tmp_path / "datasets").mkdir()
        path = small_sets.reuters(tmp_path / "datasets")
        point_at(monkeypatch, "reuters", path, SOURCES["reuters"].url)
    wrong = WRONG[name]
    with pytest.raises(wrong.kind) as caught:
        wrong.use()
    assert str(caught.value) == wrong.message


def test_there_are_enough() -> None:
    assert len(WRONG) >= 20
