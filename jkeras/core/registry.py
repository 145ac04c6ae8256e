"""What `get` and `deserialize` share in every module of objects with names.

Losses, metrics, optimizers, schedules, layers, activations, initializers, regularizers and
constraints each have a table of names; the rules for reading an identifier are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.errors import WrongTypeError, describe, look_up
from jkeras.core.serialization import resolved

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Deserialize(Protocol[T_co]):
    """The signature of `deserialize`, the same for every kind of object."""

    def __call__(
        self, config: Identifier, custom_objects: Mapping[str, Any] | None = None
    ) -> T_co: ...


def function_for(
    identifier: object,
    module: str,
    table: Mapping[str, Any],
    *,
    base: type | tuple[()] = (),
    expected: str,
) -> Any:
    """The function or callable object for an identifier; None for None.

    Args:
      identifier: a name, a callable object, a subclass of `base`, or the configuration of one.
      module: where a configuration's class is looked up first: "regularizers".
      table: what each name stands for.
      base: a class whose subclasses are called without arguments.
      expected: what fits, for the error message: "a regularizer: a name such as 'l2', …".

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown name; the message suggests the nearest.
    """
    value = resolved(identifier, module)
    if isinstance(value, str):
        value = look_up(module.removesuffix("s"), value, table)
    if isinstance(value, type) and issubclass(value, base):
        return value()
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    raise WrongTypeError(f"expected {expected}, got {describe(value)}.")


def reader(kind: str, module: str, accepts: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """A function from a configuration to its object, where no table has names.

    Args:
      kind: what the object is, for the error message: "layer".
      module: where its class is looked up first: "layers".
      accepts: whether an object is of that kind; the function raises a TypeError for others.
    """

    def read(config: object) -> Any:
        value = resolved(config, module)
        if not accepts(value):
            raise WrongTypeError(
                f"expected the configuration of a {kind}, a dict with 'class_name' and 'config', "
                f"got {describe(config)}."
            )
        return value

    return read


def deserializer(get: Callable[[Any], T], kind: str, source: str) -> Deserialize[T]:
    """The function `deserialize` of a module.

    Args:
      get: from a name or a configuration to the object.
      kind: the word for the object in the docstring: "loss".
      source: the module of Keras, for the docstring: "losses".

    Example:
      >>> from jkeras.losses import deserialize
      >>> deserialize({"class_name": "Huber", "config": {"delta": 2.0}})
      Huber(delta=2.0)
      >>> print(deserialize.__doc__.splitlines()[0])
      The loss for a name or a configuration.
    """

    def deserialize(config: Identifier, custom_objects: Mapping[str, Any] | None = None) -> T:
        with CustomObjectScope(custom_objects):
            return get(config)

    deserialize.__module__ = f"jkeras.{source}"
    deserialize.__qualname__ = "deserialize"
    deserialize.__doc__ = f"""The {kind} for a name or a configuration.

    Args:
      config: the return value of `serialize`, here or in Keras; or a name, where `get` knows names.
      custom_objects: the user's own classes and functions by name.

    Raises:
      TypeError: `config` does not describe the {kind}.
      ValueError: a name in it is unknown, or an argument is missing.

    Source: `keras.{source}.deserialize`.
    """
    return deserialize
