"""Models as scikit-learn's estimators: its own checks, and what people do with estimators."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import jkeras
from jkeras import layers
from jkeras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

pytestmark = pytest.mark.filterwarnings("ignore:softmax over axis")


def network(X: Any, y: Any, loss: str, activation: str | None, units: int = 8) -> Any:
    model = jkeras.Sequential(
        [
            layers.Input(X.shape[1:]),
            layers.Flatten(),
            layers.Dense(units, "relu"),
            layers.Dense(y.shape[1], activation),
        ]
    )
    model.compile(jkeras.optimizers.Adam(0.02), loss)
    return model


def classes(X: Any, y: Any, units: int = 8) -> Any:
    return network(X, y, "categorical_crossentropy", "softmax", units)


def numbers(X: Any, y: Any, units: int = 8) -> Any:
    return network(X, y, "mse", None, units)


EPOCHS = {"epochs": 5}


class Named:
    """A function whose text has no address: the names of tests are equal in every process."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, X: Any, y: Any, units: int = 8) -> Any:
        return self.function(X, y, units)

    def __repr__(self) -> str:
        return str(self.function.__name__)


@parametrize_with_checks(
    [
        SKLearnClassifier(Named(classes), fit_kwargs=EPOCHS),
        SKLearnRegressor(Named(numbers), fit_kwargs=EPOCHS),
        SKLearnTransformer(Named(numbers)),
    ]
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def two_moons(count: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Points, and labels that a line does not divide."""
    X = np.random.default_rng(0).normal(size=(count, 2))
    return X, np.where(X[:, 0] * X[:, 1] > 0, "same", "other")


def test_a_search_over_arguments_of_the_function_and_of_fit() -> None:
    X, y = two_moons()
    pipeline = make_pipeline(StandardScaler(), SKLearnClassifier(classes, random_state=0))
    grid = {
        "sklearnclassifier__model__units": [1, 32],
        "sklearnclassifier__fit__epochs": [30],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_["sklearnclassifier__model__units"] == 32
    assert search.score(X, y) > 0.85
    best = search.best_estimator_[-1]
    assert best.model_.layers[1].units == 32
    assert len(best.history_["loss"]) == 30


def test_a_clone_has_all_parameters_and_no_fit() -> None:
    X, y = two_moons()
    first = SKLearnClassifier(classes, fit_kwargs={"epochs": 2}, random_state=3).fit(X, y)
    copy = clone(first)
    assert copy.get_params() == first.get_params()
    assert copy.get_params()["fit__epochs"] == 2
    assert not hasattr(copy, "model_")
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), first.predict_proba(X))
    assert cross_val_score(copy, X, y, cv=2).shape == (2,)


def test_a_compiled_model_is_cloned_and_stays_as_it_is() -> None:
    X, y = two_moons()
    model = classes(X, np.zeros((1, 2)))
    before = model.get_weights()
    classifier = SKLearnClassifier(model, fit_kwargs={"epochs": 2})
    first, again = (classifier.fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)  # the model has a seed of its own
    for mine, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_warm_start_goes_on() -> None:
    X, y = two_moons()
    classifier = SKLearnClassifier(classes, warm_start=True).fit(X, y)
    first = classifier.model_
    assert classifier.fit(X, y).model_ is first


@pytest.mark.parametrize("kind", ["sparse", "sigmoid"])
def test_targets_are_what_the_model_takes(kind: str) -> None:
    X, y = two_moons()

    def make(X: Any, y: Any) -> Any:
        if kind == "sparse":
            return network(X, y, "sparse_categorical_crossentropy", "softmax", 32)
        return network(X, y[:, :1], "binary_crossentropy", "sigmoid", 32)

    classifier = SKLearnClassifier(make, fit_kwargs={"epochs": 30}, random_state=1).fit(X, y)
    assert classifier.score(X, y) > 0.85
    np.testing.assert_allclose(classifier.predict_proba(X).sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", ["one_hot", "sparse", "sigmoid"])
def test_class_weights_go_by_label(kind: str) -> None:
    X, y = two_moons()
    losses = {"one_hot": "categorical_crossentropy", "sparse": "sparse_categorical_crossentropy"}

    def make(X: Any, y: Any) -> Any:
        y = y[:, :1] if kind == "sigmoid" else y
        last = "sigmoid" if kind == "sigmoid" else "softmax"
        return network(X, y, losses.get(kind, "binary_crossentropy"), last)

    def logs(**kwargs: Any) -> list[float]:
        made = SKLearnClassifier(make, random_state=0, fit_kwargs=kwargs.pop("given", None))
        found: list[float] = made.fit(X, y, **kwargs).history_["loss"]
        return found

    weights = {"same": 1.0, "other": 4.0}
    expected = logs(sample_weight=np.where(y == "other", 4.0, 1.0))
    assert logs(class_weight=weights) == expected != logs()
    assert logs(class_weight={np.str_("other"): 4.0}) == expected
    assert logs(given={"class_weight": weights}) == expected
    assert logs(class_weight={**weights, "absent": 2.0}) == expected
    counts = {label: np.sum(y == label) for label in weights}
    balanced = {label: len(y) / (2 * count) for label, count in counts.items()}
    np.testing.assert_allclose(
        logs(class_weight="balanced"), logs(class_weight=balanced), rtol=1e-6
    )


def test_images_and_several_targets() -> None:
    X = np.random.default_rng(0).random((12, 4, 4, 1), dtype=np.float32)
    regressor = SKLearnRegressor(numbers).fit(X, np.zeros((12, 3)))
    assert regressor.predict(X).shape == (12, 3)
    assert SKLearnTransformer(numbers).fit_transform(X[..., 0].reshape(12, -1)).shape == (12, 16)


def test_a_fitted_estimator_pickles() -> None:
    X, y = two_moons()
    first = SKLearnClassifier(classes, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))


def test_wrong_uses() -> None:
    def said(call: Any) -> str:
        with pytest.raises((TypeError, ValueError)) as error:
            call()
        return str(error.value)

    X, y = two_moons(16)
    classifier = SKLearnClassifier(classes)
    assert said(lambda: classifier.set_params(model__unit=3)) == (
        "SKLearnClassifier: `model__unit`: expected an argument of classes (X, y, units), got "
        "'unit'. Did you mean 'units'?"
    )
    assert said(lambda: classifier.set_params(unit=3)).startswith("Invalid parameter 'unit'")
    assert said(lambda: SKLearnClassifier("mlp").fit(X, y)) == (
        "SKLearnClassifier: `model`: expected a compiled model, or a function of X and y that "
        "returns one, got 'mlp' (str)."
    )
    bare = jkeras.Sequential([layers.Dense(2)])
    assert said(lambda: SKLearnClassifier(bare).fit(X, y)) == (
        "SKLearnClassifier: `model`: expected a compiled model, got one without `compile`. Call "
        "model.compile(optimizer, loss) before."
    )
    assert said(lambda: SKLearnClassifier(lambda X, y: None).fit(X, y)) == (
        "SKLearnClassifier: `model`: expected a compiled model, got None (NoneType). Call "
        "model.compile(optimizer, loss) before."
    )
    assert said(lambda: SKLearnClassifier(bare).set_params(model__units=2)).startswith(
        "SKLearnClassifier: `model__units`: expected a function as `model`, which takes it, got "
    )
    assert said(lambda: classifier.fit(X, np.zeros(16))) == (
        "SKLearnClassifier: `y`: expected labels of at least 2 classes, got 1 class (0.0)."
    )


def test_without_scikit_learn_the_package_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import jkeras\n"
        "try: jkeras.wrappers.SKLearnClassifier\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "jkeras.wrappers need scikit-learn: pip install 'jkeras[sklearn]'"
