"""`SKLearnClassifier`, `SKLearnRegressor` and `SKLearnTransformer`: models with scikit-learn's
contract.

Laws: `fit` makes a new model, unless `warm_start`; the parameters are never changed by `fit`, and
fitted attributes end with an underscore; with a `random_state` two fits on equal data are equal.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest, value_error
from jkeras.core.keys import default_seed, next_seed
from jkeras.data.arrays import ClassWeight
from jkeras.models.cloning import clone_model
from jkeras.trainer import Trainer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("jkeras.wrappers need scikit-learn: pip install 'jkeras[sklearn]'") from error

NESTED = {"model__": "model_kwargs", "fit__": "fit_kwargs"}
"""The prefixes of parameters of the function that makes the model, and of `fit`."""


class _Wrapper(BaseEstimator):
    """What the three have in common."""

    def __init__(
        self,
        model: Trainer | Callable[..., Trainer],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state

    # -- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; with `deep` those of `model` and `fit`, as `model__units`.

        Args:
          deep: whether these are among them.
        """
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for prefix, name in NESTED.items():
                nested = params[name] if isinstance(params[name], Mapping) else {}
                params |= {prefix + key: value for key, value in nested.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Sets parameters, `model__units` and `fit__epochs` among them.

        Args:
          **params: the values by name.

        Raises:
          ValueError: the model's function has no argument of this name.
        """
        own = {}
        for name, value in params.items():
            prefix, _, key = name.partition("__")
            attribute = NESTED.get(f"{prefix}__") if key else None
            if attribute is None:
                own[name] = value
                continue
            self._check_nested(prefix, key)
            setattr(self, attribute, {**(getattr(self, attribute) or {}), key: value})
        super().set_params(**own)
        return self

    def _check_nested(self, prefix: str, key: str) -> None:
        function = self.model if prefix == "model" else Trainer.fit
        if isinstance(function, Trainer):
            raise value_error(
                who=type(self).__name__,
                argument=f"model__{key}",
                expected="a function as `model`, which takes it",
                got=describe(function),
            )
        known = inspect.signature(function).parameters
        name = getattr(function, "__name__", type(function).__name__)
        kinds = {parameter.kind for parameter in known.values()}
        if key not in known and inspect.Parameter.VAR_KEYWORD not in kinds:
            raise value_error(
                who=type(self).__name__,
                argument=f"{prefix}__{key}",
                expected=f"an argument of {name} ({', '.join(known)})",
                got=repr(key),
                fix=nearest(key, known).strip(),
            )

    # -- models

    def _new_model(self, X: np.ndarray, y: np.ndarray | None, seed: int | None) -> Any:
        """A compiled model that is not trained."""
        model = self.model
        if isinstance(model, Trainer):
            with default_seed(model.seed if seed is None else seed):
                made = clone_model(model)
        elif callable(model):
            with default_seed(next_seed() if seed is None else seed):
                made = model(X, y, **(self.model_kwargs or {}))
        else:
            raise WrongTypeError(
                f"{type(self).__name__}: `model`: expected a compiled model, or a function of X "
                f"and y that returns one, got {describe(model)}."
            )
        if not isinstance(made, Trainer) or not getattr(made, "compiled", False):
            raise value_error(
                who=type(self).__name__,
                argument="model",
                expected="a compiled model",
                got=describe(made) if not isinstance(made, Trainer) else "one without `compile`",
                fix="Call model.compile(optimizer, loss) before.",
            )
        return made

    def _fit_model(self, X: np.ndarray, y: np.ndarray, fit_kwargs: Mapping[str, Any]) -> Self:
        """Fits a model to arrays, and keeps it as `model_`."""
        if not (self.warm_start and hasattr(self, "model_")):
            seed = None
            if self.random_state is not None:
                seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            self.model_ = self._new_model(X, y, seed)
        options = {"verbose": 0} | dict(self.fit_kwargs or {}) | dict(fit_kwargs)
        self.history_ = self.model_.fit(X, self._targets(y), **options).history
        return self

    def _targets(self, y: np.ndarray) -> np.ndarray:
        return y

    def _outputs(self, X: Any) -> np.ndarray:
        """The model's outputs for checked examples."""
        check_is_fitted(self, "model_")
        X = validate_data(self, X, reset=False, allow_nd=True)
        outputs: np.ndarray = self.model_.predict(_floats(X), verbose=0)
        return outputs


class SKLearnClassifier(ClassifierMixin, _Wrapper):
    """A model as a classifier.

    Args:
      model: a compiled model; or a function `(X, y, **model_kwargs)` that returns one, where `y` is
        one-hot, `[examples, classes]`.
      warm_start: whether `fit` goes on with the model of the last `fit`.
      model_kwargs: for the function; `model__name` in `set_params` and searches.
      fit_kwargs: for the model's `fit`; `fit__name` there.
      random_state: as everywhere in scikit-learn: a number makes `fit` repeatable.

    Attributes:
      model_: the fitted model.
      history_: the logs of its `fit`.
      classes_: the labels, in the order of `predict_proba`.

    The model's outputs are one number per class, or a single one, which is the probability of the
    second of two classes; a loss on class ids (`sparse_categorical_crossentropy`) gets class ids.

    Example:
      >>> import numpy as np, jkeras
      >>> def build(X, y, units=8):
      ...     layers = jkeras.layers
      ...     model = jkeras.Sequential(
      ...         [layers.Dense(units, "relu"), layers.Dense(y.shape[1], "softmax")]
      ...     )
      ...     model.compile("adam", "categorical_crossentropy")
      ...     return model
      >>> X, y = np.random.default_rng(0).normal(size=(64, 2)), np.array(["a", "b"] * 32)
      >>> classifier = SKLearnClassifier(build, random_state=0).set_params(model__units=4)
      >>> classifier.fit(X, y, epochs=2).predict(X[:2]).shape, classifier.classes_.tolist()
      ((2,), ['a', 'b'])

    Source: `keras.wrappers.SKLearnClassifier`.
    """

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Fits a model.

        Args:
          X: `[examples, ...]` numbers.
          y: `[examples]` labels of any kind.
          **kwargs: for the model's `fit`, such as `epochs` and `sample_weight`; the keys of
            `class_weight` are labels of `y`.

        Raises:
          ValueError: numbers of examples differ, or labels are no classes.
        """
        X, y = validate_data(self, X, y, allow_nd=True)
        self.classes_, ids = class_ids(y, type(self).__name__)
        return self._fit_model(_floats(X), np.eye(len(self.classes_), dtype="float32")[ids], kwargs)

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """One-hot targets, class ids, or of two classes the second, as the model's loss takes."""
        if not self.model_.built:
            self.model_.build((None, *self._example_shape))
        shape = self.model_.compute_output_shape((None, *self._example_shape))
        losses = np.ravel(getattr(self.model_, "loss", ""))
        if shape[-1] == 1:
            return y[:, -1:]
        return y.argmax(1) if any("sparse" in _loss_name(loss) for loss in losses) else y

    def _fit_model(self, X: np.ndarray, y: np.ndarray, fit_kwargs: Mapping[str, Any]) -> Self:
        self._example_shape = X.shape[1:]
        weights = {**(self.fit_kwargs or {}), **fit_kwargs}.get("class_weight")
        if weights is not None:
            by_id = class_weight_by_id(weights, self.classes_, type(self).__name__)
            fit_kwargs = {**fit_kwargs, "class_weight": by_id}
        return super()._fit_model(X, y, fit_kwargs)

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """The model's outputs: `[examples, classes]`; probabilities where its last activation makes
        them.

        Args:
          X: `[examples, ...]` as in `fit`.
        """
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[-1] == 1 else outputs

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The label with the largest output: `[examples]`.

        Args:
          X: `[examples, ...]` as in `fit`.
        """
        check_is_fitted(self, "model_")
        labels: np.ndarray = self.classes_[self.predict_proba(X)[:, : len(self.classes_)].argmax(1)]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # with the few epochs of the checks
        return tags


class SKLearnRegressor(RegressorMixin, _Wrapper):
    """A model as a regressor. Arguments and attributes are those of `SKLearnClassifier`; the
    function gets `y` as `[examples, targets]`.

    Source: `keras.wrappers.SKLearnRegressor`.
    """

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Fits a model.

        Args:
          X: `[examples, ...]` numbers.
          y: `[examples]` or `[examples, targets]` numbers.
          **kwargs: for the model's `fit`.

        Raises:
          ValueError: numbers of examples differ.
        """
        X, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=True)
        self._is_column, self._dtype = y.ndim == 1, y.dtype
        return self._fit_model(_floats(X), _floats(y.reshape(len(y), -1)), kwargs)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """The model's outputs, in the shape of the targets.

        Args:
          X: `[examples, ...]` as in `fit`.
        """
        outputs = self._outputs(X)
        if self._dtype == np.float64:
            outputs = outputs.astype("float64")
        return outputs[:, 0] if self._is_column and outputs.ndim == 2 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(TransformerMixin, _Wrapper):
    """A model as a transformer: its outputs are features. Arguments and attributes are those of
    `SKLearnClassifier`.

    Source: `keras.wrappers.SKLearnTransformer`.
    """

    def fit(self, X: Any, y: Any = None, **kwargs: Any) -> Self:
        """Fits a model; to its inputs where `y` is None.

        Args:
          X: `[examples, ...]` numbers.
          y: `[examples]` or `[examples, targets]` numbers, or None.
          **kwargs: for the model's `fit`.

        Raises:
          ValueError: numbers of examples differ.
        """
        if y is None:
            X = validate_data(self, X, allow_nd=True)
            return self._fit_model(_floats(X), _floats(X), kwargs)
        X, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=True)
        return self._fit_model(_floats(X), _floats(y.reshape(len(y), -1)), kwargs)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """The model's outputs: `[examples, ...]`; doubles for doubles, as scikit-learn has it.

        Args:
          X: `[examples, ...]` as in `fit`.
        """
        outputs = self._outputs(X)
        return outputs.astype("float64") if np.asarray(X).dtype == np.float64 else outputs


def class_weight_by_id(class_weight: ClassWeight | None, classes: np.ndarray, who: str) -> Any:
    """Weights by label as weights by the number of the class; anything else unchanged.

    Args:
      class_weight: a dict from labels to weights, "balanced" or None.
      classes: the labels, in order.
      who: how messages name the estimator.

    Raises:
      ValueError: a key is no label, while a label has no weight: it may be mistyped.
    """
    if not isinstance(class_weight, Mapping):
        return class_weight
    labels = classes.tolist()
    given = {
        key.item() if isinstance(key, np.generic) else key: weight
        for key, weight in class_weight.items()
    }
    for key in given:
        if key not in labels and any(label not in given for label in labels):
            raise value_error(
                who=who,
                argument="class_weight",
                expected=f"labels of `y` ({', '.join(map(repr, labels[:8]))}) as keys",
                got=repr(key),
                fix=nearest(str(key), map(str, labels)).strip(),
            )
    return {i: given[label] for i, label in enumerate(labels) if label in given}


def class_ids(y: ArrayLike, who: str) -> tuple[np.ndarray, np.ndarray]:
    """The classes in order, and the number of each example's.

    Args:
      y: `[examples]` labels of any kind.
      who: how messages name the estimator.

    Raises:
      ValueError: labels are no classes, or there is only one.
    """
    check_classification_targets(y)
    kind = type_of_target(y)
    if kind not in ("binary", "multiclass"):
        raise ValueError(f"{who}: expected 1-dimensional labels, got a target of type {kind}.")
    classes, ids = np.unique(np.ravel(y), return_inverse=True)
    if len(classes) < 2:
        raise value_error(
            who=who,
            argument="y",
            expected="labels of at least 2 classes",
            got=f"1 class ({classes.tolist()[0]!r})",
        )
    return classes, ids


def _loss_name(loss: object) -> str:
    name: str = (
        loss if isinstance(loss, str) else getattr(loss, "name", None) or type(loss).__name__
    )
    return name.lower()


def _floats(array: np.ndarray) -> np.ndarray:
    """Doubles as the floats that models compute in; others as they are."""
    return array.astype("float32") if array.dtype == np.float64 else array
