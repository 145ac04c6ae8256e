"""Premade estimators: a frame in one line, scikit-learn's own checks, wrong uses by name."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import jkeras
from jkeras import estimators
from jkeras.estimators import (
    DNNClassifier,
    DNNLinearCombinedClassifier,
    DNNRegressor,
    LinearClassifier,
    LinearRegressor,
)
from jkeras.layers import Embedding

ALL = [getattr(estimators, name) for name in estimators.__all__]
MARGIN = 0.15
"""By how much a classifier of passengers is better than the majority's label."""


def passengers(count: int = 240) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame as that of the Titanic: numbers, categories, words, flags, dates and gaps."""
    random = np.random.default_rng(0)
    age = random.normal(30, 12, count).clip(1)
    sex = random.choice(["female", "male"], count)
    ports = random.choice(["Cherbourg", "Queenstown", "Southampton"], count)
    cabins = [
        f"{deck}{number % 7}" for deck, number in zip("ABCDEF" * 40, range(count), strict=False)
    ]
    first = np.datetime64("1912-04-01") + random.integers(0, 12, count)
    chance = 0.15 + 0.6 * (sex == "female") + 0.2 * (age < 15)
    labels = np.where(random.random(count) < chance, "yes", "no")
    frame = pd.DataFrame(
        {
            "age": np.where(random.random(count) < 0.2, np.nan, age),
            "fare": random.gamma(2, 15, count),
            "siblings": pd.array(random.integers(0, 4, count), dtype="Int64"),
            "sex": sex,
            "port": pd.Categorical(ports),
            "cabin": [None if i % 3 else cabin for i, cabin in enumerate(cabins)],
            "alone": random.random(count) < 0.5,
            "booked": first,
        }
    )
    frame.loc[frame.index[::9], "siblings"] = pd.NA
    return frame, labels


@parametrize_with_checks([kind(epochs=20) for kind in ALL])
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "kind", [DNNClassifier, LinearClassifier, DNNLinearCombinedClassifier], ids=lambda k: k.__name__
)
def test_a_frame_is_learned_in_one_line(kind: Any) -> None:
    frame, labels = passengers()
    classifier = kind(random_state=0).fit(frame, labels)
    majority = max(np.mean(labels == label) for label in ("yes", "no"))
    assert classifier.score(frame, labels) > majority + MARGIN
    assert classifier.classes_.tolist() == ["no", "yes"]
    assert classifier.feature_names_in_.tolist() == list(frame)
    np.testing.assert_allclose(classifier.predict_proba(frame[:9]).sum(1), 1, rtol=1e-5)
    kinds = {column.name: column.kind for column in classifier.columns_}
    assert kinds == {
        **{"age": "number", "fare": "number", "siblings": "number", "sex": "category"},
        **{"port": "category", "cabin": "category", "alone": "category", "booked": "date"},
    }


def test_a_regressor_gives_numbers_in_their_own_units() -> None:
    frame, _ = passengers()
    prices = 1e5 * (frame["sex"] == "female") + 1e3 * frame["fare"]
    regressor = DNNRegressor(random_state=0).fit(frame, prices)
    assert regressor.score(frame, prices) > 0.9
    both = np.stack([prices, -prices], 1)
    assert LinearRegressor(epochs=2).fit(frame, both).predict(frame[:3]).shape == (3, 2)


def test_polars_and_pandas_are_learned_alike() -> None:
    frame, labels = passengers()
    frame["booked"] = frame["booked"].astype("datetime64[us]")
    other = pl.from_pandas(frame)
    first, second = (
        DNNClassifier(epochs=3, random_state=0).fit(each, labels) for each in (frame, other)
    )
    np.testing.assert_allclose(
        first.predict_proba(frame), second.predict_proba(other), rtol=1e-5, atol=1e-6
    )


def test_a_pickled_one_is_equal_in_a_fresh_process(tmp_path: Path) -> None:
    frame, labels = passengers(60)
    classifier = DNNClassifier(epochs=3, random_state=0).fit(frame, labels)
    joblib.dump((classifier, frame), tmp_path / "model.joblib")
    program = (
        "import sys, joblib, numpy as np\n"
        "classifier, frame = joblib.load(sys.argv[1] + '/model.joblib')\n"
        "np.save(sys.argv[1] + '/out.npy', classifier.predict_proba(frame))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), classifier.predict_proba(frame))


def test_the_best_weights_on_rows_held_out_are_kept() -> None:
    frame, labels = passengers()
    classifier = DNNClassifier(random_state=0, patience=3).fit(frame, labels)
    losses = classifier.history_["val_loss"]
    assert len(losses) < 100 and int(np.argmin(losses)) == len(losses) - 4
    whole = DNNClassifier(epochs=2, early_stopping=False).fit(frame, labels)
    assert "val_loss" not in whole.history_


def test_many_categories_are_embedded() -> None:
    frame, labels = passengers()
    model = DNNClassifier(epochs=1).fit(frame, labels).model_
    assert [layer.input_dim for layer in model.layers if isinstance(layer, Embedding)] == [
        1 + frame["cabin"].nunique()
    ]


def test_told_kinds_count() -> None:
    frame, labels = passengers(60)
    kinds = {"siblings": "category", "cabin": "skip"}
    found = DNNClassifier(epochs=1, columns=kinds).fit(frame, labels).columns_
    assert {c.name: c.kind for c in found if c.name in kinds} == kinds


def test_other_categories_count_as_gaps_when_asked_for() -> None:
    frame, labels = passengers(60)
    other = frame[:4].assign(sex="unknown")
    missing = frame[:4].assign(sex=None)
    classifier = DNNClassifier(epochs=1, unknown="missing", random_state=0).fit(frame, labels)
    np.testing.assert_array_equal(
        classifier.predict_proba(other), classifier.predict_proba(missing)
    )


def test_class_weights_go_by_label() -> None:
    frame, labels = passengers(80)

    def fitted_with(weights: Any) -> Any:
        return LinearClassifier(random_state=0, epochs=8).fit(frame, labels, class_weight=weights)

    def same(first: Any, second: Any) -> None:
        for name in ("loss", "val_loss"):
            np.testing.assert_allclose(first.history_[name], second.history_[name], rtol=1e-6)

    plain, heavy = fitted_with(None), fitted_with({"yes": 20.0})
    same(fitted_with({"yes": 1.0, "no": 1}), plain)
    same(fitted_with({"no": 1, np.str_("yes"): np.float32(20)}), heavy)
    counts = {label: np.sum(labels == label) for label in ("yes", "no")}
    balanced = {label: 80 / (2 * count) for label, count in counts.items()}
    same(fitted_with("balanced"), fitted_with(balanced))
    shares = [np.mean(each.predict(frame) == "yes") for each in (plain, heavy)]
    assert shares[0] < 0.7 < shares[1]


def test_rows_do_not_depend_on_each_other() -> None:
    frame, labels = passengers(60)
    classifier = DNNLinearCombinedClassifier(epochs=2, batch_norm=True, dropout=0.2, random_state=0)
    whole = classifier.fit(frame, labels).predict_proba(frame)
    for rows in (slice(7, 9), slice(3, 4), slice(10, 60)):
        np.testing.assert_allclose(whole[rows], classifier.predict_proba(frame[rows]), rtol=1e-6)


WRONG: dict[str, tuple[Callable[[Any, pd.DataFrame, np.ndarray], Any], str]] = {
    "unknown category": (
        lambda c, x, y: c.predict(x.assign(sex="diverse")),
        "DNNClassifier: `column 'sex'`: expected one of the categories of `fit` ('female', "
        "'male'), got 'diverse'. With unknown='missing' others count as gaps.",
    ),
    "missing column": (
        lambda c, x, y: c.predict(x.drop(columns="age")),
        "The feature names should match those that were passed during fit.\nFeature names seen at "
        "fit time, yet now missing:\n- age\n",
    ),
    "another column": (
        lambda c, x, y: c.predict(x.assign(weight=1.0)),
        "The feature names should match those that were passed during fit.\nFeature names unseen "
        "at fit time:\n- weight\n",
    ),
    "another order": (
        lambda c, x, y: c.predict(x[list(x)[::-1]]),
        "The feature names should match those that were passed during fit.\nFeature names must be "
        "in the same order as they were in fit.\n",
    ),
    "words for numbers": (
        lambda c, x, y: c.predict(x.assign(age="old")),
        "DNNClassifier: `column 'age'`: expected numbers, got 'old' (str).",
    ),
    "dates for numbers": (
        lambda c, x, y: c.predict(x.assign(fare=datetime.date(2020, 1, 1))),
        "DNNClassifier: `column 'fare'`: expected numbers, got datetime.date(2020, 1, 1) (date).",
    ),
    "words for dates": (
        lambda c, x, y: c.predict(x.assign(booked="monday")),
        "DNNClassifier: `column 'booked'`: expected dates, got 'monday' (str).",
    ),
    "complex numbers": (
        lambda c, x, y: c.predict(x.assign(fare=1j)),
        "DNNClassifier: `column 'fare'`: expected numbers, got np.complex128(1j) (complex128).",
    ),
    "infinity": (
        lambda c, x, y: c.predict(x.assign(fare=np.inf)),
        "DNNClassifier: `column 'fare'`: expected finite numbers, got infinity.",
    ),
    "no rows": (
        lambda c, x, y: c.predict(x[:0]),
        "DNNClassifier: expected rows, got 0 sample(s).",
    ),
    "not fitted": (
        lambda c, x, y: DNNClassifier().predict(x),
        "This DNNClassifier instance is not fitted yet. Call 'fit' with appropriate arguments "
        "before using this estimator.",
    ),
    "lists in a column": (
        lambda c, x, y: DNNClassifier(epochs=1).fit(x.assign(cabin=[[1]] * len(x)), y),
        "DNNClassifier: `column 'cabin'`: expected numbers, words, flags or dates, got list (such "
        "as [1]). Convert the column, or leave it out: columns={'cabin': 'skip'}.",
    ),
    "fewer labels": (
        lambda c, x, y: DNNClassifier(epochs=1).fit(x, y[:-1]),
        "Found input variables with inconsistent numbers of samples: [60, 59]",
    ),
    "gaps in labels": (
        lambda c, x, y: DNNClassifier(epochs=1).fit(x, [None, *y[1:]]),
        "DNNClassifier: `y`: expected a target in every row, got gaps in 1 of 60 rows (the first "
        "is 0). Leave out these rows.",
    ),
    "one class": (
        lambda c, x, y: DNNClassifier(epochs=1).fit(x, ["yes"] * 60),
        "DNNClassifier: `y`: expected labels of at least 2 classes, got 1 class ('yes').",
    ),
    "measurements as labels": (
        lambda c, x, y: DNNClassifier(epochs=1).fit(x, np.linspace(0, 1, 60)),
        "Unknown label type: continuous. Maybe you are trying to fit a classifier, which expects "
        "discrete classes on a regression target with continuous values.",
    ),
    "words to regress": (
        lambda c, x, y: DNNRegressor().fit(x, y),
        "DNNRegressor: `y`: expected numbers, got 'yes'.",
    ),
    "labels for scores of another kind": (
        lambda c, x, y: c.score(x, np.ones(60)),
        "Mix of label input types (string and number); Got [1.] and ['no' 'yes'].",
    ),
    "a told column that is not there": (
        lambda c, x, y: DNNClassifier(columns={"ages": "number"}).fit(x, y),
        "DNNClassifier: `columns`: expected names of columns (age, fare, siblings, sex, port, "
        "cabin, alone, booked), got 'ages'. Did you mean 'age'?",
    ),
    "a told kind that is none": (
        lambda c, x, y: DNNClassifier(columns={"age": "float"}).fit(x, y),
        "DNNClassifier: `columns['age']`: expected 'number' or 'category' or 'date' or 'skip', "
        "got 'float'.",
    ),
    "all columns skipped": (
        lambda c, x, y: DNNClassifier(columns=dict.fromkeys(x, "skip")).fit(x, y),
        "DNNClassifier: expected a column to learn from, got none.",
    ),
    "an unknown way with unknown categories": (
        lambda c, x, y: DNNClassifier(unknown="ignore").fit(x, y),
        "DNNClassifier: `unknown`: expected 'error' or 'missing', got 'ignore' (str).",
    ),
    "no hidden units": (
        lambda c, x, y: DNNRegressor(hidden_units=None).fit(x, range(60)),
        "DNNRegressor: `hidden_units`: expected the size of each hidden layer, got None "
        "(NoneType). Write hidden_units=(64, 32).",
    ),
    "all rows held out": (
        lambda c, x, y: LinearClassifier(validation_fraction=2).fit(x, y),
        "LinearClassifier: `validation_fraction`: expected a fraction of at least 0 and below 1, "
        "got 2 (int).",
    ),
    "less patience than none": (
        lambda c, x, y: DNNClassifier(patience=-1).fit(x, y),
        "DNNClassifier: `patience`: expected a number of epochs, an integer of at least 0, got -1 "
        "(int).",
    ),
    "a list of told columns": (
        lambda c, x, y: DNNClassifier(columns=["age"]).fit(x, y),
        "DNNClassifier: `columns`: expected a dict from column to kind, such as {'zip': "
        "'category'}, or None, got ['age'] (list).",
    ),
    "a misspelt parameter": (
        lambda c, x, y: DNNClassifier(epoch=2),
        "DNNClassifier: unexpected argument `epoch`. Did you mean 'epochs'? Arguments: "
        "hidden_units, activation, dropout, batch_norm, columns, unknown, optimizer, "
        "learning_rate, epochs, batch_size, early_stopping, validation_fraction, patience, "
        "random_state, verbose.",
    ),
    "one size": (
        lambda c, x, y: DNNClassifier(hidden_units=32).fit(x, y),
        "DNNClassifier: `hidden_units`: expected the size of each hidden layer, got 32 (int). "
        "Write hidden_units=(32,).",
    ),
    "a row": (
        lambda c, x, y: c.predict(x.iloc[0]),
        "DNNClassifier: expected a frame with the columns of `fit`, got one row or column "
        "(Series). Keep a row a frame: frame.iloc[:1].",
    ),
    "no targets": (
        lambda c, x, y: DNNClassifier().fit(x, None),
        "DNNClassifier requires y to be passed, but it is None.",
    ),
    "an unknown optimizer": (
        lambda c, x, y: DNNClassifier(optimizer="adaam").fit(x, y),
        "unknown optimizer 'adaam'. Did you mean 'adam'?",
    ),
}


@pytest.fixture(scope="module")
def fitted() -> tuple[Any, pd.DataFrame, np.ndarray]:
    frame, labels = passengers(60)
    return DNNClassifier(epochs=1, random_state=0).fit(frame, labels), frame, labels


@pytest.mark.parametrize("use", WRONG)
def test_wrong_uses(fitted: Any, use: str) -> None:
    call, expected = WRONG[use]
    classifier, frame, labels = fitted
    with pytest.raises((TypeError, ValueError)) as error:
        call(classifier, frame, labels)
    message = str(error.value).partition(" Known: ")[0]  # the names of all optimizers
    assert message == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [f"2024-01-{1 + row % 9:02}" for row in range(30)],
            "its words are dates, and count as categories. Take them for dates: "
            "columns={'odd': 'date'}.",
        ),
        (
            [f"passenger {row}" for row in range(30)],
            "30 categories in 30 rows teach nothing of other rows. Leave it out: "
            "columns={'odd': 'skip'}.",
        ),
    ],
)
def test_words_that_are_no_categories_are_told(values: list[str], message: str) -> None:
    frame = pd.DataFrame({"age": range(30), "odd": values})
    with pytest.warns(UserWarning) as told:
        LinearClassifier(epochs=1).fit(frame, frame["age"] % 2)
    assert [str(warning.message) for warning in told] == [
        f"LinearClassifier: column 'odd': {message}"
    ]
    assert told[0].filename == __file__
    LinearClassifier(epochs=1, columns={"odd": "category"}).fit(frame, frame["age"] % 2)


def test_other_names_are_told() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'DNNClassifier'"):
        jkeras.estimators.DNNClassifer  # noqa: B018  # it is the mistake
