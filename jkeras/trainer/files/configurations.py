"""A model as a configuration: its layers and what it was compiled with, no weights.

    config = model.get_config()                # Sequential.from_config(config) is a fresh model
    text = model.to_json()                     # jkeras.models.model_from_json(text) is compiled too

The form is Keras's. Weights are saved by `save_weights`; training's state is not part of this.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jkeras import losses, metrics, optimizers
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.errors import describe
from jkeras.core.serialization import read, serialize_keras_object, with_plain_dtypes
from jkeras.models.anew import anew


class Configured:
    """What a model does with configurations; the base of what holds a description."""

    if TYPE_CHECKING:
        name: str
        net: Any
        compile: Callable[..., None]

        @property
        def _who(self) -> str: ...

    def get_config(self) -> dict[str, Any]:
        """The description and the name, as `from_config` takes them.

        Raises:
          TypeError: the description is no layer of jkeras and has no configuration.
        """
        return {"name": self.name, "net": serialize_keras_object(self.net)}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A model with fresh weights.

        Args:
          config: what `get_config` gave.
          custom_objects: the user's own classes and functions by name.

        Raises:
          ValueError: a name in it is unknown, or something is missing.
        """
        parts = read_parts(cls, config, ("net",), custom_objects)
        make: Callable[..., Self] = cls
        return make(parts["net"], name=parts.get("name"))

    def to_json(self, **kwargs: Any) -> str:
        """The model as JSON: what `jkeras.models.model_from_json` reads, and Keras's.

        Args:
          **kwargs: for `json.dumps`, such as `indent=2`.

        Source: `keras.Model.to_json`.
        """
        return json.dumps(serialize_keras_object(self), **kwargs)

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given, by argument; empty for a model that is not compiled.

        Raises:
          TypeError, ValueError: something in it cannot be written, such as an optimizer of optax.

        Source: `keras.Model.get_compile_config`.
        """
        compiled = getattr(self, "_compilation", None)
        if compiled is None:
            return {}
        wanted = compiled.wanted
        return {
            "optimizer": _optimizer(compiled.optimizer, self),
            "loss": _words(wanted.loss, losses.get),
            "loss_weights": wanted.loss_weights,
            "metrics": _words(wanted.metrics, metrics.get) or None,
            "weighted_metrics": _words(wanted.weighted_metrics, metrics.get) or None,
            "run_eagerly": compiled.eager,
            "steps_per_execution": compiled.steps_per_execution or 1,
            "jit_compile": not compiled.eager,
        }

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles the model as another was, by what `get_compile_config` gave here or in Keras.

        Source: `keras.Model.compile_from_config`.
        """
        arguments = {name: read(value) for name, value in with_plain_dtypes(config).items()}
        if arguments.get("steps_per_execution") == 1:  # Keras's way to say nothing
            del arguments["steps_per_execution"]
        self.compile(**arguments)

    def in_config_of_compilation(self) -> dict[str, Any]:
        """`get_compile_config`, or nothing, with a warning, where it cannot be written."""
        try:
            return self.get_compile_config()
        except (TypeError, ValueError) as error:
            warnings.warn(
                f"{self._who}: what it was compiled with is left out of the configuration: {error}",
                stacklevel=4,
            )
            return {}

    def cloned(self, clone_function: Callable[[Any], Any] | None = None) -> Any:
        """A model of the same layers, each made anew, with fresh weights.

        Args:
          clone_function: from a layer to the one that takes its place; None for its equal.

        Raises:
          ValueError: `clone_function` for a model that is no `Sequential`.
        """
        if clone_function is not None:
            raise ValueError(
                f"{self._who}: `clone_function`: expected None, because the model is not made of a "
                f"list of layers, got {describe(clone_function)}."
            )
        make: Any = type(self)
        return make(*anew([self.net]), name=self.name)


def read_parts(
    cls: type,
    config: Any,
    needed: tuple[str, ...],
    custom_objects: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The arguments in a model's configuration, the objects in it made; checked as below."""
    check_parts(cls, config, needed)
    with CustomObjectScope(custom_objects):
        return {name: read(value) for name, value in with_plain_dtypes(config).items()}


def check_parts(cls: type, config: Any, needed: tuple[str, ...]) -> None:
    """Raises unless a model's configuration has the arguments that are needed.

    Raises:
      TypeError: it is no dict.
      ValueError: one that is needed is missing; or it is a whole model's, class and all.
    """
    who = f"{cls.__name__}.from_config"
    if not isinstance(config, Mapping):
        raise TypeError(f"{who}: expected a dict of arguments, got {describe(config)}.")
    if "class_name" in config and "config" in config:
        raise ValueError(
            f"{who}: expected a dict of arguments, got a whole configuration with 'class_name' and "
            "'config'. Pass its 'config', or use jkeras.saving.deserialize_keras_object."
        )
    missing = [name for name in needed if name not in config]
    if missing:
        raise ValueError(
            f"{who}: the configuration lacks `{'`, `'.join(missing)}`. It has: "
            f"{', '.join(config) or 'nothing'}."
        )


def _optimizer(optimizer: Any, model: Any) -> Any:
    """An optimizer with the rate that it has now."""
    rate = getattr(optimizer, "learning_rate", None)
    if isinstance(rate, int | float) and np.float32(rate) != model.learning_rate:
        optimizer = optimizer.replace(learning_rate=model.learning_rate)
    if not hasattr(optimizer, "get_config"):
        raise TypeError(
            "`optimizer`: expected one of jkeras.optimizers, got a transformation of optax's, "
            "which does not tell its arguments."
        )
    return optimizers.serialize(optimizer)


def _words(tree: Any, get: Callable[[Any], Any]) -> Any:
    """Losses or metrics as they were given, a word for what the word alone means."""
    if isinstance(tree, dict):
        return {name: _words(item, get) for name, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_words(item, get) for item in tree]
    name = getattr(tree, "log_name", None)
    try:
        return name if name is not None and get(name) == tree else serialize_keras_object(tree)
    except ValueError:  # no word that `get` knows
        return serialize_keras_object(tree)
