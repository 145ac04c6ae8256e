"""Which library a module comes from, and the layer that it becomes.

Nothing is imported to find out: a class tells where it was defined. The adapter of a library, and
with it the library, is imported when the first of its modules arrives.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import Layer
from jkeras.models.adapters.foreign import class_of, is_factory, parameters_of

_ELSEWHERE = {
    "torch": "A torch module does not compute in JAX: rewrite it with jkeras.layers, or as a pair "
    "of functions (init, apply).",
    "keras": "Of Keras, models and layers are taken, made by KERAS_BACKEND=jax.",
    "tensorflow": "A layer of TensorFlow does not compute in JAX: write it with jkeras.layers.",
    "optax": "An optimizer goes in compile(optimizer=...).",
}


def library_of(value: object) -> str | None:
    """Which library's module this is: "linen", "nnx", "haiku", "equinox", "keras", "pair", or
    None.

    Example:
      >>> import flax.linen as nn
      >>> library_of(nn.Dense(2)), library_of((print, print)), library_of("relu")
      ('linen', 'pair', None)
    """
    if type(value) is tuple:
        if len(value) != 2:
            return None
        if library_of(value[0]) == "equinox" and not is_factory(value[0]):
            return "equinox" if type(value[1]).__name__ == "State" else None
        return "pair" if all(map(callable, value)) else None
    if any(_is_of_keras(base) for base in class_of(value).__mro__):
        return "keras"
    bases = [base.__module__ for base in class_of(value).__mro__ if base.__name__ == "Module"]
    for package, library in _PACKAGES.items():
        if any(module.startswith(package) for module in bases):
            return library
    if type(value).__module__.startswith("haiku.") and hasattr(value, "apply"):
        return "haiku"
    named_pair = {"init", "apply"} <= set(getattr(value, "_fields", ()))
    return "pair" if isinstance(value, tuple) and named_pair else None


def _is_of_keras(base: type) -> bool:
    return base.__name__ == "Layer" and base.__module__.partition(".")[0] == "keras"


_PACKAGES = {"flax.linen": "linen", "flax.nnx": "nnx", "equinox": "equinox"}
"""The packages whose classes `Module` are recognized."""


def as_layer(module: Any, **options: Any) -> Layer:
    """A module of another library as a layer, for chains, graphs and trainers.

    Args:
      module: a `flax.linen` or `flax.nnx` module, what `hk.transform` or `hk.transform_with_state`
        returned, an Equinox module or `(module, state)`, a model or layer of Keras (JAX backend),
        a pair of functions `(init, apply)` or an object with these; a layer is returned as it is.
        For nnx and Equinox also a class, or `functools.partial` of one, from which `init` makes a
        module with its random key.
      **options: `name`, `dtype`, `trainable` and `input_shape` as of every layer; `padded_rows`,
        `training_argument` and `supports_masking` as of `Foreign`; and what the library's adapter
        takes beside these: `collections` (linen), `batched` (Equinox).

    Raises:
      TypeError: it is none of these, or an option is unknown.
      ValueError: the module cannot be used as it is; the message says why.

    Example:
      >>> import flax.linen as nn, jax, jax.numpy as jnp
      >>> from jkeras.layers import Input
      >>> from jkeras.models import Graph
      >>> x = Input((3,))
      >>> net = Graph(x, as_layer(nn.Dense(2), name="flax")(x))
      >>> params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> list(params), net.apply(params, state, jnp.ones((5, 3)))[0].shape
      (['flax'], (5, 2))
    """
    return _layer_of(module, options, "as_layer: ")


def _layer_of(module: Any, options: Mapping[str, Any], who: str) -> Layer:
    if isinstance(module, Layer):
        return module.replace(**options) if options else module
    library = library_of(module)
    if library is None and hasattr(module, "init") and hasattr(module, "apply"):
        library = "pair"
    if library is None:
        raise WrongTypeError(
            f"{who}expected a module of flax.linen, flax.nnx, Haiku, Equinox or Keras, or a pair "
            f"of functions (init, apply), got {describe(module)}. {instead_of(module)}"
        )
    if library == "linen" and is_factory(module):
        name = class_of(module).__name__
        raise WrongTypeError(
            f"{who}expected a module, got the class {name}. Make one: {name}(...)."
        )
    adapter = importlib.import_module(f"jkeras.models.adapters.{library}")
    layer: Layer = getattr(adapter, library.title())(module, **options)
    return layer


def adapted(value: object, among: Sequence[Any] = ()) -> Any:
    """A module of another library as a layer; anything else as it is.

    Args:
      value: anything.
      among: the layers of the same model: a module that is one of them already is that layer, so
        that one module at two places has one set of weights.

    Raises:
      TypeError, ValueError: it is such a module, and cannot be used; the message says why.
    """
    if isinstance(value, Layer) or library_of(value) is None:
        return value
    for layer in among:
        module = getattr(layer, "module", None)
        if module is value or getattr(module, "value", None) is value:
            return layer
    return _layer_of(value, {}, "")


def trained_as(value: object) -> Any:
    """A trainer's net: a module of another library as a layer. A pair that has the whole
    contract (a state, a key and the flag `training`) stays as it is, as any other object does.

    Raises:
      TypeError, ValueError: it is a module, and cannot be used; the message says why.
    """
    if library_of(value) == "pair" and hasattr(value, "apply"):
        contract = {"state", "key", "training"} <= set(parameters_of(value.apply))
        return value if contract else adapted(value)
    return adapted(value)


def all_adapted(values: Iterable[Any]) -> list[Any]:
    """Each of a model's layers as `adapted` gives it."""
    layers: list[Any] = []
    for value in values:
        layers.append(adapted(value, layers))
    return layers


def instead_of(value: object) -> str:
    """What to do with something that is no module."""
    package = class_of(value).__module__.split(".")[0]
    if package in _ELSEWHERE:
        return _ELSEWHERE[package]
    if callable(value) and not isinstance(value, type):
        return (
            "A function of Haiku modules is transformed first: hk.transform(function); one of "
            "arrays alone goes in jkeras.layers.Lambda(function)."
        )
    return "Layers are made by jkeras.layers, or subclass jkeras.layers.Layer."
