"""`optimizers.get`: an optimizer from a name, a description, a class or a transformation of optax.

A transformation of optax is recognized by its two functions, `init` and `update`, so this module
does not import optax, which takes a fifth of a second.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import jax

from jkeras.core.errors import WrongTypeError, describe, look_up
from jkeras.core.registry import deserializer
from jkeras.core.serialization import resolved, serialize_keras_object
from jkeras.core.trees import Tree
from jkeras.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from jkeras.optimizers.adaptive import Adadelta, Adafactor, Adagrad, RMSprop
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.descent import SGD, Lion
from jkeras.optimizers.ftrl import Ftrl
from jkeras.optimizers.multi import MultiOptimizer
from jkeras.optimizers.muon import Muon

if TYPE_CHECKING:
    import optax

    from jkeras.optimizers.loss_scale import LossScaleOptimizer

_CLASSES: tuple[type[Any], ...] = (
    SGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, Muon, Nadam, RMSprop,
    ScheduleFreeAdamW,
)  # fmt: skip
_BY_NAME = {make.__name__.lower(): make for make in _CLASSES}

if TYPE_CHECKING:
    Transformation: TypeAlias = (
        Optimizer | MultiOptimizer | LossScaleOptimizer | optax.GradientTransformation
    )
    OptimizerLike: TypeAlias = str | Transformation | type[Optimizer] | Mapping[str, Any]


def get(identifier: OptimizerLike) -> Transformation:
    """The optimizer for an identifier.

    Args:
      identifier: a name in any letter case ("adam", "SGD"), an optimizer, its class or its
        configuration, or a transformation of optax, which is returned unchanged.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: the name is unknown.

    Example:
      >>> get("Adam"), get(SGD) == get("sgd")
      (Adam(), True)
    """
    identifier = resolved(_with_class(identifier), "optimizers")
    if isinstance(identifier, str):
        return look_up("optimizer", identifier.lower(), _BY_NAME)()
    if inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        make: Callable[[], Optimizer] = identifier
        return make()
    if not inspect.isclass(identifier) and all(hasattr(identifier, n) for n in ("init", "update")):
        return identifier
    raise _not_an_optimizer(identifier)


as_transformation = get
"""Another name of `get`: the pair of pure functions `init` and `update` for an identifier."""


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """`params + updates`, leaf by leaf, in the dtypes of `params`; None leaves a leaf unchanged."""

    def added(update: jax.Array | None, param: jax.Array) -> Any:
        return param if update is None else (param + update).astype(param.dtype)

    return jax.tree.map(added, updates, params, is_leaf=lambda leaf: leaf is None)


def _with_class(identifier: object) -> Any:
    """The configuration with the exact name of the class, for a `class_name` in any letter case."""
    if not isinstance(identifier, Mapping):
        return identifier
    word = identifier.get("class_name")
    if not isinstance(word, str) or word.lower() not in _BY_NAME:
        return identifier
    return {**identifier, "class_name": _BY_NAME[word.lower()].__name__}


def _not_an_optimizer(identifier: object) -> TypeError:
    expected = (
        "expected an optimizer: a name, an object of jkeras.optimizers, or an optax optimizer"
    )
    if inspect.isfunction(identifier):
        name = identifier.__name__
        return WrongTypeError(
            f"{expected}; got the function {name}. Call it to make the optimizer: {name}(0.001)."
        )
    return WrongTypeError(f"{expected}; got {describe(identifier)}. For example: 'adam'.")


def serialize(optimizer: Transformation) -> Any:
    """The configuration of an optimizer.

    Example:
      >>> serialize(SGD(0.1))["class_name"]
      'SGD'

    Source: `keras.optimizers.serialize`.
    """
    return serialize_keras_object(optimizer)


deserialize = deserializer(get, "optimizer", "optimizers")
