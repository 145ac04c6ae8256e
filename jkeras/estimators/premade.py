"""The premade estimators: linear, deep, and both, for classes and for numbers.

Laws: a row's prediction depends on that row alone; `fit` changes no parameter; rows held out for
early stopping are never trained on, and the weights kept are those that were best on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from jkeras import optimizers
from jkeras.callbacks import EarlyStopping
from jkeras.core.columns import is_table
from jkeras.core.errors import named_arguments, quoted, value_error
from jkeras.core.keys import default_seed, next_seed
from jkeras.data.arrays import ClassWeight, class_weights
from jkeras.estimators.arguments import check_arguments
from jkeras.estimators.columns import Column, encode, gaps_of, learn
from jkeras.estimators.networks import network
from jkeras.wrappers.sklearn_wrappers import class_ids, class_weight_by_id

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "jkeras.estimators need scikit-learn: pip install 'jkeras[sklearn]'"
    ) from error

BATCH_SIZE = 32
"""Rows that are predicted at once. Batches are filled up, because products of other sizes round
otherwise, and scikit-learn compares predictions of parts and of the whole to seven digits."""

HELD_OUT = 40
"""The fewest rows of which a part is held out for early stopping."""


class _Premade(BaseEstimator):
    """What all premade estimators have in common."""

    is_linear: ClassVar[bool] = False

    @named_arguments
    def __init__(
        self,
        columns: Mapping[Any, str] | None = None,
        unknown: str = "error",
        optimizer: Any = "adam",
        learning_rate: float = 0.01,
        epochs: int = 100,
        batch_size: int = 32,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        patience: int = 10,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | str = 0,
    ) -> None:
        self.columns = columns
        self.unknown = unknown
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state
        self.verbose = verbose

    def _fit_table(
        self,
        X: Any,
        y: np.ndarray,
        outputs: int,
        *,
        weights: np.ndarray | None = None,
        **compiled: Any,
    ) -> Self:
        """Learns the columns, and fits a network to their arrays.

        Args:
          X: a checked table.
          y: `[rows]` class ids or `[rows, targets]` numbers.
          outputs: how many numbers the network gives.
          weights: of the rows, `[rows]`.
          **compiled: `loss` and `metrics` for `compile`, and the outputs' `activation`.
        """
        who = type(self).__name__
        self.columns_: list[Column] = learn(X, self.columns, who)
        arrays = encode(self.columns_, X, who)
        random = check_random_state(self.random_state)
        seed = next_seed() if self.random_state is None else int(random.randint(2**31 - 1))
        with default_seed(seed):
            numbers = arrays["numbers"].shape[1] if "numbers" in arrays else 0
            self.model_ = self._network(numbers, outputs, compiled)
        options: dict[str, Any] = {"epochs": self.epochs}
        kept = held = np.arange(len(y))
        if self.early_stopping and len(y) >= HELD_OUT:
            order = random.permutation(len(y))
            count = max(1, int(len(y) * self.validation_fraction))
            kept, held = np.sort(order[count:]), np.sort(order[:count])
            options["validation_data"] = _rows(arrays, held), y[held], _part(weights, held)
            options["callbacks"] = [
                EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True)
            ]
        x, options["batch_size"] = _rows(arrays, kept), min(self.batch_size, len(kept))
        options["sample_weight"] = _part(weights, kept)
        self.history_ = self.model_.fit(x, y[kept], verbose=self.verbose, **options).history
        return self

    def _network(self, numbers: int, outputs: int, compiled: dict[str, Any]) -> Any:
        deep: dict[str, Any] = {
            "hidden_units": getattr(self, "hidden_units", None),
            "activation": getattr(self, "activation", None),
            "dropout": getattr(self, "dropout", None),
            "batch_norm": getattr(self, "batch_norm", False),
        }
        model = network(
            self.columns_,
            numbers,
            outputs,
            linear=self.is_linear,
            output_activation=compiled.pop("activation"),
            name=type(self).__name__.lower(),
            **deep,
        )
        optimizer = self.optimizer
        if isinstance(optimizer, str):
            kind: Any = type(optimizers.get(optimizer))
            optimizer = kind(learning_rate=self.learning_rate)
        model.compile(optimizer, **compiled)
        return model

    def _outputs(self, X: Any) -> np.ndarray:
        """The network's outputs for a table."""
        check_is_fitted(self, "model_")
        X = self._checked(X, reset=False)
        arrays = encode(self.columns_, X, type(self).__name__, unknown=self.unknown)
        filler = ((0, -len(X) % BATCH_SIZE), (0, 0))
        whole = {name: np.pad(array, filler, "edge") for name, array in arrays.items()}
        outputs: np.ndarray = self.model_.predict(whole, batch_size=BATCH_SIZE, verbose=0)
        return outputs[: len(X)]

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """A table whose columns are those of `fit`, by name and order."""
        if is_table(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if not len(X):
                raise ValueError(f"{type(self).__name__}: expected rows, got 0 sample(s).")
            return X
        if hasattr(X, "to_frame") and hasattr(self, "feature_names_in_"):
            raise ValueError(
                f"{type(self).__name__}: expected a frame with the columns of `fit`, got one row "
                f"or column ({type(X).__name__}). Keep a row a frame: frame.iloc[:1]."
            )
        return validate_data(self, X, reset=reset, ensure_all_finite="allow-nan")

    def _checked_pair(self, X: Any, y: Any, **options: Any) -> tuple[Any, Any]:
        """A table, and targets of as many rows without gaps."""
        check_arguments(self)
        if not is_table(X):
            return validate_data(self, X, y, ensure_all_finite="allow-nan", **options)
        X = self._checked(X, reset=True)
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but it is None.")
        y = np.asarray(y)
        check_consistent_length(X, y)
        gaps = gaps_of(y.reshape(len(y), -1)[:, 0])
        if gaps.any():
            raise value_error(
                who=type(self).__name__,
                argument="y",
                expected="a target in every row",
                got=f"gaps in {gaps.sum()} of {len(y)} rows (the first is {int(gaps.argmax())})",
                fix="Leave out these rows.",
            )
        return X, y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class _Deep(_Premade):
    """The parameters of a deep estimator."""

    @named_arguments
    def __init__(
        self,
        hidden_units: Sequence[int] = (64, 32),
        activation: Any = "relu",
        dropout: float | None = None,
        batch_norm: bool = False,
        columns: Mapping[Any, str] | None = None,
        unknown: str = "error",
        optimizer: Any = "adam",
        learning_rate: float = 0.003,
        epochs: int = 100,
        batch_size: int = 32,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        patience: int = 10,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | str = 0,
    ) -> None:
        super().__init__(
            columns,
            unknown,
            optimizer,
            learning_rate,
            epochs,
            batch_size,
            early_stopping,
            validation_fraction,
            patience,
            random_state,
            verbose,
        )
        self.hidden_units = hidden_units
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm


class _Linear(_Premade):
    """A linear estimator."""

    is_linear = True


class _Combined(_Deep):
    """The parameters of an estimator with a linear and a deep part."""

    is_linear = True


class _Classifier(ClassifierMixin, _Premade):
    """From a table to a class."""

    def fit(self, X: Any, y: Any, class_weight: ClassWeight | None = None) -> Self:
        """Fits the network.

        Args:
          X: a frame of pandas or polars, or `[rows, columns]` numbers.
          y: `[rows]` labels of any kind.
          class_weight: the weight of each label in the loss, also of held-out rows, 1 where it is
            missing; "balanced": each label weighs the same.

        Raises:
          ValueError: a column or the labels hold what cannot be learned; the message names it.
        """
        X, y = self._checked_pair(X, y)
        self.classes_, ids = class_ids(y, type(self).__name__)
        return self._fit_table(
            X,
            ids,
            len(self.classes_),
            weights=self._weights(ids, class_weight),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            activation="softmax",
        )

    def _weights(self, ids: np.ndarray, class_weight: ClassWeight | None) -> np.ndarray | None:
        """The weight of each row."""
        if class_weight is None:
            return None
        who = type(self).__name__
        by_id = class_weight_by_id(class_weight, self.classes_, who)
        try:
            return class_weights(ids, by_id)
        except ValueError as error:
            raise quoted(error, who=who) from None

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class: `[rows, classes]`, in the order of `classes_`.

        Args:
          X: a table with the columns of `fit`.
        """
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label: `[rows]`, of the kind that `fit` got.

        Args:
          X: a table with the columns of `fit`.
        """
        outputs = self._outputs(X)
        labels: np.ndarray = self.classes_[outputs.argmax(1)]
        return labels


class _Regressor(RegressorMixin, _Premade):
    """From a table to a number."""

    def fit(self, X: Any, y: Any) -> Self:
        """Fits the network; inside, targets have mean 0 and standard deviation 1.

        Args:
          X: a frame of pandas or polars, or `[rows, columns]` numbers.
          y: `[rows]` or `[rows, targets]` numbers.

        Raises:
          ValueError: a column or the targets hold what cannot be learned; the message names it.
        """
        X, y = self._checked_pair(X, y, multi_output=True, y_numeric=True)
        try:
            targets = np.asarray(y, np.float64).reshape(len(y), -1)
        except (TypeError, ValueError):
            raise value_error(
                who=type(self).__name__, argument="y", expected="numbers", got=repr(y.tolist()[0])
            ) from None
        self._is_column, scales = y.ndim == 1, targets.std(0)
        self._mean, self._scale = targets.mean(0), np.where(scales > 0, scales, 1.0)
        scaled = ((targets - self._mean) / self._scale).astype(np.float32)
        return self._fit_table(
            X, scaled, scaled.shape[1], loss="mse", metrics=["mae"], activation=None
        )

    def predict(self, X: Any) -> np.ndarray:
        """The predicted numbers, in the shape of the targets.

        Args:
          X: a table with the columns of `fit`.
        """
        outputs: np.ndarray = self._outputs(X).astype(np.float64) * self._scale + self._mean
        return outputs[:, 0] if self._is_column else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class DNNClassifier(_Classifier, _Deep):
    """A deep network that tells classes apart.

    Args:
      hidden_units: the sizes of the hidden layers.
      activation: of the hidden layers.
      dropout: the rate behind each hidden layer; None for none.
      batch_norm: whether hidden layers are normalized over the batch.
      columns: what a column is where its dtype does not say it: "number", "category", "date" or
        "skip", by name.
      unknown: "error", or "missing" to take categories that `fit` did not see for gaps.
      optimizer: a name or an optimizer of `jkeras.optimizers`.
      learning_rate: of an optimizer given by name.
      epochs: the most passes over the data.
      batch_size: rows in a step.
      early_stopping: whether a part of the rows is held out (of 40 rows or more), training ends
        when the loss on them stops falling, and the best weights are kept.
      validation_fraction: the part that is held out.
      patience: epochs without improvement.
      random_state: as everywhere in scikit-learn: a number makes `fit` repeatable.
      verbose: as for `Model.fit`.

    Attributes:
      model_: the fitted `Model`.
      columns_: what was learned of each column.
      history_: the logs of `fit`.
      classes_: the labels, in the order of `predict_proba`.

    Numbers are standardized, gaps filled with the median and told by one more number; up to 8
    categories are one-hot, more are embedded; dates become days, month, day and weekday.

    Example:
      >>> import numpy as np
      >>> X = np.random.default_rng(0).normal(size=(64, 2))
      >>> y = np.where(X[:, 0] > 0, "right", "left")
      >>> classifier = DNNClassifier(epochs=20, random_state=0).fit(X, y)
      >>> classifier.score(X, y) > 0.9
      True

    Source: `tf.estimator.DNNClassifier`.
    """


class DNNRegressor(_Regressor, _Deep):
    """A deep network that predicts numbers. Arguments are those of `DNNClassifier`.

    Source: `tf.estimator.DNNRegressor`.
    """


class LinearClassifier(_Classifier, _Linear):
    """A linear model that tells classes apart. Arguments are those of `DNNClassifier`, without
    those of hidden layers.

    Source: `tf.estimator.LinearClassifier`.
    """


class LinearRegressor(_Regressor, _Linear):
    """A linear model that predicts numbers. Arguments are those of `LinearClassifier`.

    Source: `tf.estimator.LinearRegressor`.
    """


class DNNLinearCombinedClassifier(_Classifier, _Combined):
    """The sum of a linear and a deep model, which tells classes apart. Arguments are those of
    `DNNClassifier`.

    Source: Cheng et al. 2016, arXiv:1606.07792; `tf.estimator.DNNLinearCombinedClassifier`.
    """


class DNNLinearCombinedRegressor(_Regressor, _Combined):
    """The sum of a linear and a deep model, which predicts numbers. Arguments are those of
    `DNNClassifier`.

    Source: Cheng et al. 2016, arXiv:1606.07792; `tf.estimator.DNNLinearCombinedRegressor`.
    """


def _rows(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[rows] for name, array in arrays.items()}


def _part(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weights is None else weights[rows]
