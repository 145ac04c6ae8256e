"""`losses.get`: a loss from a word, an object, a class or a function.

A word is a function's name ("mean_squared_error"), a class's ("MeanSquaredError") or Keras's short
form ("mse"); the loss keeps a function's word as its name. The meaning of "crossentropy" and "ce"
depends on the shapes of a batch (`ByShape`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import jax
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, unknown_name
from jkeras.core.registry import deserializer
from jkeras.core.serialization import resolved, serialize_keras_object
from jkeras.losses.base import Array, Loss, LossFunction
from jkeras.losses.circle import Circle
from jkeras.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from jkeras.losses.ctc import CTC
from jkeras.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
)
from jkeras.losses.formula import FormulaLoss
from jkeras.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
)
from jkeras.losses.overlap import Dice, Tversky
from jkeras.losses.probabilistic import KLDivergence, Poisson
from jkeras.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from jkeras.core.typing import ArraySpec

_CLASSES: tuple[type[FormulaLoss], ...] = (
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle,
    CosineSimilarity, CTC, Dice, Hinge, Huber, KLDivergence, LogCosh, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge, Tversky,
)  # fmt: skip
FUNCTIONS = {loss.loss_fn: loss for loss in _CLASSES}
"""Each function, and the loss made of it."""

_SHORT: dict[str, type[Loss]] = {
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
_BY_FUNCTION = {fn.__name__: loss for fn, loss in FUNCTIONS.items()} | _SHORT
_BY_CLASS = {loss.__name__: loss for loss in FUNCTIONS.values()}
_BY_SHORT = {word.upper(): loss for word, loss in _SHORT.items()}
CROSSENTROPY_WORDS = ("ce", "crossentropy")

LossLike: TypeAlias = str | Loss | type[Loss] | Mapping[str, Any] | Callable[..., Any]
"""What `get` makes a loss of: a word, a loss, its class, its configuration or a function."""


def get(identifier: LossLike) -> Loss:
    """The loss for an identifier.

    Args:
      identifier: a word, a `Loss`, a class of losses, the configuration of a loss, or a function
        `(y_true, y_pred)` that returns one value an example or one number a batch.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown word; the message suggests the nearest.

    Example:
      >>> from jkeras.losses import hinge
      >>> get("mse"), get("Huber"), get(hinge)
      (MeanSquaredError(name='mse'), Huber(), Hinge())
      >>> get("mse2")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ValueError: unknown loss 'mse2'. Did you mean 'mse'? Known: bce, ...
    """
    identifier = resolved(identifier, "losses")
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        return _by_name(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if hasattr(identifier, "update_state"):
        raise WrongTypeError(
            f"expected a loss, got the metric {describe(identifier)}. "
            "Pass it to compile(metrics=[...])."
        )
    if not isinstance(identifier, type) and callable(identifier):
        return _by_function(identifier)
    raise WrongTypeError(
        f"expected a loss: a name, a Loss, a class of losses or a function (y_true, y_pred), got "
        f'{describe(identifier)}. For example loss="mse".'
    )


class ByShape(Loss):
    """A cross-entropy that is binary, sparse or categorical, by the shapes of each batch.

    Args:
      word: "crossentropy" or "ce", in any letter case; the logs keep it.
    """

    independent: ClassVar[bool] = True

    word: str

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: ArrayLike | None = None,
        *,
        valid: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> Array:
        """The loss of a batch, by its shapes; arguments as for every loss."""
        loss = resolve(self.word, y_true, y_pred)
        return loss(y_true, y_pred, sample_weight, valid=valid, mask=mask)

    def parts(
        self, y_true: Any, y_pred: Any, *args: Any, **kwargs: Any
    ) -> tuple[Array, Array | None]:
        """Those of the loss that the shapes call for."""
        return resolve(self.word, y_true, y_pred).parts(y_true, y_pred, *args, **kwargs)

    def values(self, y_true: Any, y_pred: Any, *, valid: jax.Array | None = None) -> Array:
        """Those of the loss that the shapes call for."""
        return resolve(self.word, y_true, y_pred).values(y_true, y_pred, valid=valid)

    def check_data(self, y_true: ArrayLike, outputs: jax.ShapeDtypeStruct) -> None:
        """`check_data` of the loss that fits the shapes."""
        resolve(self.word, np.asarray(y_true), outputs).check_data(y_true, outputs)

    @property
    def log_name(self) -> str:
        """The word as the user wrote it."""
        return self.word


def _by_name(word: str) -> Loss:
    if word in _BY_CLASS:
        return _BY_CLASS[word]()
    table = _BY_SHORT | _BY_FUNCTION
    if word in table:
        return table[word]().replace(name=word)
    if word.lower() in CROSSENTROPY_WORDS:
        return ByShape(word)
    candidates = _BY_CLASS | _BY_SHORT if word[:1].isupper() else _BY_FUNCTION
    raise unknown_name("loss", word, candidates)


def _by_function(fn: Callable[..., Any]) -> Loss:
    try:
        known = FUNCTIONS.get(fn)
    except TypeError:
        raise WrongTypeError(
            f"expected a hashable loss function, got {describe(fn)}. Wrap it: "
            "loss=lambda y_true, y_pred: fn(y_true, y_pred)."
        ) from None
    return LossFunction(fn) if known is None else known().replace(name=fn.__name__)


def resolve(identifier: LossLike, y_true: ArraySpec, y_pred: ArraySpec) -> Loss:
    """Like `get`, with "crossentropy" and "ce" (in any case) chosen by shapes.

    One output: binary. Targets of a lower rank, or with a last axis of one: sparse. Else
    categorical. The word remains the name of the loss.

    Args:
      identifier: as for `get`.
      y_true: targets, an array or `jax.ShapeDtypeStruct`, batch axis included.
      y_pred: predictions, likewise.

    Example:
      >>> import numpy as np
      >>> resolve("crossentropy", np.zeros(32), np.zeros((32, 10)))
      SparseCategoricalCrossentropy(name='crossentropy')
    """
    if not isinstance(identifier, str) or identifier.lower() not in CROSSENTROPY_WORDS:
        return get(identifier)
    choice = {
        "binary": BinaryCrossentropy,
        "sparse": SparseCategoricalCrossentropy,
        "categorical": CategoricalCrossentropy,
    }[kind_of_targets(y_true.shape, y_pred.shape)]
    return choice().replace(name=identifier)


def kind_of_targets(targets: tuple[int, ...], outputs: tuple[int, ...]) -> str:
    """One of "binary", "sparse" and "categorical", by Keras's rule for the two shapes.

    Example:
      >>> kind_of_targets((32,), (32, 1)), kind_of_targets((32, 1), (32, 10))
      ('binary', 'sparse')
    """
    if len(outputs) < 2 or outputs[-1] == 1:
        return "binary"
    return "sparse" if len(targets) < len(outputs) or targets[-1] == 1 else "categorical"


def serialize(loss: Loss | Callable[..., Any]) -> Any:
    """The configuration of a loss.

    Example:
      >>> serialize(Huber())["class_name"]
      'Huber'

    Source: `keras.losses.serialize`.
    """
    return serialize_keras_object(loss)


deserialize = deserializer(get, "loss", "losses")
