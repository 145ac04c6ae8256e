"""From what a user writes to an optimizer: names, descriptions, classes, and anything of optax's.

Nothing outside this folder needs optax: `as_transformation` gives the pair of functions, and
`apply_updates` adds what they return.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import optax

from jkeras.core.errors import describe, look_up
from jkeras.core.trees import Tree
from jkeras.optimizers.algorithms import SGD, Adam, AdamW, RMSprop
from jkeras.optimizers.base import Optimizer

_BY_NAME: dict[str, Callable[[], Optimizer]] = {
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": SGD,
}
# Keras's optimizers that are not here, but that optax has under the same name.
_ONLY_IN_OPTAX = ("adadelta", "adafactor", "adagrad", "adamax", "lamb", "lion", "nadam")


def get(identifier: Any) -> Optimizer | optax.GradientTransformation:
    """The optimizer that `identifier` stands for.

    Args:
      identifier: a name in any letter case ("adam", "SGD"), an `Optimizer` or its class, or a
        transformation of optax, which comes back as it is.

    Raises:
      TypeError: it is none of these.
      ValueError: the name is unknown.

    Example:
      >>> get("Adam"), get(SGD) == get("sgd")
      (Adam(), True)
    """
    if isinstance(identifier, str):
        return _by_name(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        make: Callable[[], Optimizer] = identifier
        return make()
    if isinstance(identifier, Optimizer | optax.GradientTransformation):
        return identifier
    raise _not_an_optimizer(identifier)


def as_transformation(identifier: Any) -> optax.GradientTransformation:
    """The pure functions (init, update) of whatever `get` accepts."""
    optimizer = get(identifier)
    return optimizer.transformation() if isinstance(optimizer, Optimizer) else optimizer


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """`params + updates`, leaf by leaf, in the dtypes of `params`."""
    return optax.apply_updates(params, updates)


def _by_name(name: str) -> Optimizer:
    if name.lower() in _ONLY_IN_OPTAX:
        raise ValueError(
            f"optimizer {name!r} is not in jkeras.optimizers. "
            f"Use optax's, which works here as it is: optax.{name.lower()}(learning_rate=0.001)."
        )
    return look_up("optimizer", name.lower(), _BY_NAME)()


def _not_an_optimizer(identifier: Any) -> TypeError:
    expected = (
        "expected an optimizer: a name, an object of jkeras.optimizers, or an optax optimizer"
    )
    if inspect.isfunction(identifier):
        name = identifier.__name__
        return TypeError(
            f"{expected}; got the function {name}. Call it to make the optimizer: {name}(0.001)."
        )
    return TypeError(f"{expected}; got {describe(identifier)}. For example: 'adam'.")
