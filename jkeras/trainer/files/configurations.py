"""A model as a configuration: its layers and what it was compiled with, no weights.

    config = model.get_config()                # Sequential.from_config(config) is a fresh model
    text = model.to_json()                     # jkeras.models.model_from_json(text) is compiled too

The form is Keras's. Weights are saved by `save_weights`; training's state is not part of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jkeras import losses, metrics, optimizers
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.errors import WrongTypeError
from jkeras.core.serialization import (
    check_needed,
    checked_config,
    read,
    serialize_keras_object,
    with_plain_dtypes,
)
from jkeras.core.trees import widest_float
from jkeras.trainer.compiling.compilation import Compilation

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import Transformation


def compile_config(compilation: Compilation | None, rate_fn: Callable[[], float]) -> dict[str, Any]:
    """The arguments of `compile` by name; empty for a model that is not compiled. `rate_fn` returns
    the learning rate as it is now.

    Raises:
      TypeError, ValueError: something in it cannot be written, such as an optimizer of optax.
    """
    if compilation is None:
        return {}
    spec = compilation.compile_spec
    return {
        "optimizer": _optimizer(compilation.optimizer, rate_fn),
        "loss": _words(spec.loss, losses.get),
        "loss_weights": spec.loss_weights,
        "metrics": _words(spec.metrics, metrics.get) or None,
        "weighted_metrics": _words(spec.weighted_metrics, metrics.get) or None,
        "run_eagerly": compilation.eager,
        "steps_per_execution": compilation.steps_per_execution or 1,
        "jit_compile": not compilation.eager,
    }


def compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` that `compile_config` wrote, here or in Keras."""
    arguments = {name: read(value) for name, value in with_plain_dtypes(config).items()}
    if arguments.get("steps_per_execution") == 1:  # Keras's way to say nothing
        del arguments["steps_per_execution"]
    return arguments


def read_parts(
    cls: type,
    config: Mapping[str, Any],
    needed: tuple[str, ...],
    custom_objects: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The arguments in a model's configuration, the objects in it made; checked as below."""
    check_parts(cls, config, needed)
    with CustomObjectScope(custom_objects):
        return {name: read(value) for name, value in with_plain_dtypes(config).items()}


def check_parts(cls: type, config: object, needed: tuple[str, ...]) -> None:
    """Raises unless a model's configuration has the arguments that are needed.

    Raises:
      TypeError: it is no dict.
      ValueError: one that is needed is missing; or it is a whole model's, class and all.
    """
    arguments = checked_config(cls, config)
    check_needed(cls, arguments, needed, arguments)


def _optimizer(optimizer: Transformation, rate_fn: Callable[[], float]) -> Any:
    """An optimizer with the rate that it has now."""
    rate = getattr(optimizer, "learning_rate", None)
    if isinstance(rate, int | float) and widest_float().type(rate) != rate_fn():
        optimizer = optimizer.replace(learning_rate=rate_fn())
    if not hasattr(optimizer, "get_config"):
        raise WrongTypeError(
            "`optimizer`: expected one of jkeras.optimizers, got a transformation of optax's, "
            "which does not tell its arguments."
        )
    return optimizers.serialize(optimizer)


def _words(tree: object, get: Callable[[Any], Any]) -> Any:
    """Losses or metrics as they were given: a word for what the word alone means, a function or a
    loss where that was passed.
    """
    if isinstance(tree, dict):
        return {name: _words(item, get) for name, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_words(item, get) for item in tree]
    if isinstance(tree, losses.LossFunction | metrics.FunctionMetric | metrics.LossMetric):
        given = tree.loss if isinstance(tree, metrics.LossMetric) else tree.fn
        if get(given) == tree:  # classes that Keras lacks: the user passed what they hold
            return serialize_keras_object(given)
    name = getattr(tree, "log_name", None)
    try:
        return name if name is not None and get(name) == tree else serialize_keras_object(tree)
    except ValueError:  # no word that `get` knows
        return serialize_keras_object(tree)
