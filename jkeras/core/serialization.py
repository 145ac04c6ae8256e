"""Descriptions as configurations, plain dicts that Keras reads too, and back.

    config = serialize_keras_object(layer)
    # {"module": "keras.layers", "class_name": "Dense", "config": {...}, "registered_name": None}
    layer = deserialize_keras_object(config)

Laws: reading what was written gives an equal description; what is written becomes JSON; nothing in
a configuration is ever run or imported: names are looked up among this library's, the user's own
(`jkeras.core.custom_objects`) and classes that are loaded already.

An object writes its own part (`get_config`) and its class reads it (`from_config`); descriptions do
both from their fields (`core.description`). An object for which another value stands has a method
`in_config()`. A layer with layers inside needs nothing more: its fields are read and written with
what is in them, and equal named configurations in one list become one object, as they were.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core import code, shared_objects
from jkeras.core.custom_objects import (
    CustomObjectScope,
    get_registered_name,
    get_registered_object,
    is_registered,
    known_names,
)
from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.policies import policy, with_plain_dtypes

__all__ = [
    "LEFT_OUT",
    "check_needed",
    "checked_config",
    "deserialize_keras_object",
    "if_set",
    "never",
    "policy",
    "read",
    "resolved",
    "serialize_keras_object",
    "with_plain_dtypes",
]

LEFT_OUT = object()
"""What a rule for an argument returns when the argument shall not appear in a configuration."""

ROOMS: dict[str, tuple[str, ...]] = {
    "layers": ("jkeras.layers",),
    "models": ("jkeras.models", "jkeras.trainer"),
    "optimizers.schedules": ("jkeras.optimizers.schedules",),
    "optimizers": ("jkeras.optimizers",),
    "losses": ("jkeras.losses",),
    "metrics": ("jkeras.metrics",),
    "activations": ("jkeras.ops.activations",),
    "initializers": (
        "jkeras.ops.initializers",
        "jkeras.ops.constant_initializers",
        "jkeras.ops.random_initializers",
    ),
    "regularizers": ("jkeras.ops.regularizers",),
    "constraints": ("jkeras.ops.constraints",),
    "quantizers": ("jkeras.ops.quantizers",),
    "dtype_policies": ("jkeras.core.quantized_policy",),
    "random": ("jkeras.core.seeds",),
    "applications": ("jkeras.applications.own_layers",),
}
"""For each door with classes or functions that a configuration may name, where these are made."""

_NOT_IN_KERAS = frozenset(
    {"Chain", "FunctionMetric", "LossFunction", "LossMetric", "MeanMetric", "OneCycle", "Trainer"}
)
"""Classes of ours without a counterpart: written with our module, since Keras cannot read them."""

# -- writing


def serialize_keras_object(obj: object) -> Any:
    """What a configuration holds for a value: itself for numbers and strings, a dict for objects.

    Args:
      obj: None, a number, a string, an array, a list, tuple or dict of such things, a description
        or any object with `get_config`, or a function that has a name.

    Raises:
      TypeError: nothing stands for a value of this kind.
      ValueError: a lambda, which has no name to be found under.

    Example:
      >>> from jkeras.regularizers import L2
      >>> serialize_keras_object(L2(0.5))["config"], serialize_keras_object((1, None))
      ({'l2': 0.5}, (1, None))

    Source: `keras.saving.serialize_keras_object`.
    """
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if hasattr(obj, "in_config"):
        return serialize_keras_object(obj.in_config())
    if isinstance(obj, list | tuple):
        return (
            type(obj)(map(serialize_keras_object, obj))
            if type(obj) in (list, tuple)
            else list(map(serialize_keras_object, obj))
        )
    if isinstance(obj, Mapping):
        return {_key(key): serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, np.generic | np.ndarray | jax.Array):
        return _array(np.asarray(obj))
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, slice):
        bounds = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": serialize_keras_object(bounds)}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if obj is ...:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return shared_objects.noted(obj, _object(obj))
    if callable(obj) and hasattr(obj, "__name__") and not isinstance(obj, type):
        return _function(obj)
    fix = "A class of your own needs `get_config`; subclasses of the classes of jkeras have it."
    raise WrongTypeError(f"expected something with a configuration, got {describe(obj)}. {fix}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise WrongTypeError(f"expected dicts with strings as keys, got the key {describe(key)}.")
    return key


def _array(array: np.ndarray) -> Any:
    """One number as such, more as Keras writes arrays of NumPy."""
    if array.ndim == 0:
        return array.item()
    dtype = array.dtype.name
    return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": dtype}}


def _object(obj: Any) -> dict[str, Any]:
    kind = obj.__class__  # of a view, such as model.optimizer, that of what it shows
    module, name = vars(kind).get("in_keras", (_module_of(kind), kind.__name__))
    known = module.partition(".")[0] in ("keras", "jkeras") and "in_keras" not in vars(kind)
    registered = None if known else get_registered_name(kind)
    written = {
        "module": module,
        "class_name": name,
        "config": obj.get_config() if known else _own_config(obj.get_config()),
        "registered_name": name if "in_keras" in vars(kind) else registered,
    }
    if hasattr(obj, "in_config_of_compilation"):
        written["compile_config"] = obj.in_config_of_compilation()
    return written


def _own_config(config: object) -> Any:
    """The configuration of a user's class, with the objects in it written as Keras writes them."""
    if not isinstance(config, dict):
        return config
    written = {}
    for name, value in config.items():
        try:
            written[name] = serialize_keras_object(value)
        except (TypeError, ValueError):  # what nothing stands for is left to the user's class
            written[name] = value
    return written


def _module_of(kind: type) -> str:
    """The module under which Keras finds a class: of the same door there, or the class's own."""
    for room, sources in ROOMS.items():
        if any(f"{kind.__module__}.".startswith(f"{source}.") for source in sources):
            if kind.__name__ in _NOT_IN_KERAS:
                return f"jkeras.{room}"
            return "keras" if room == "models" else f"keras.{room}"
    return kind.__module__


def _function(function: Any) -> dict[str, Any]:
    name = function.__name__
    if name == "<lambda>":
        return code.written(function, serialize_keras_object)
    registered = is_registered(function)
    doors = _doors(None, "builtins")
    ours = registered or any(getattr(door, name, None) is function for door in doors)
    return {
        # Keras's word for any. A function of another library keeps its own, because a name that we
        # have too would be read as ours.
        "module": "builtins" if ours else getattr(function, "__module__", None) or "builtins",
        "class_name": "function",
        "config": get_registered_name(function) if registered else name,
        "registered_name": "function",
    }


def if_set(value: object) -> Any:
    """A rule for arguments that Keras lacks, or leaves out itself: nothing for None and False."""
    return LEFT_OUT if value is None or value is False else serialize_keras_object(value)


def never(value: object) -> Any:
    """A rule for arguments that others tell already."""
    del value
    return LEFT_OUT


# -- reading


def deserialize_keras_object(
    config: object, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool | None = True
) -> Any:
    """The object that a configuration describes.

    Args:
      config: what `serialize_keras_object` gave, here or in Keras.
      custom_objects: the user's own classes and functions by name.
      safe_mode: whether a lambda's code in it is refused; nothing else in it could run.

    Raises:
      TypeError: an argument in it is of the wrong kind.
      ValueError: a class or function in it is unknown, an argument is missing, or it holds code.

    Example:
      >>> deserialize_keras_object(
      ...     {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.5}}
      ... )
      L2(l2=0.5)

    Source: `keras.saving.deserialize_keras_object`.
    """
    safe = code.checked_safe_mode("deserialize", safe_mode)
    with CustomObjectScope(custom_objects), code.allowed(code.is_allowed() or not safe):
        return read(with_plain_dtypes(config))


def resolved(identifier: object, room: str) -> Any:
    """What a `get` looks at: configurations read, the user's own names replaced by what they name.

    Args:
      identifier: what the user gave; anything else comes back as it is.
      room: where names are looked up first: "losses".
    """
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        return read(with_plain_dtypes(identifier), room)
    if isinstance(identifier, str):
        own = get_registered_object(identifier)
        return identifier if own is None else own
    return identifier


def read(config: object, room: str | None = None) -> Any:
    """The value for which a part of a configuration stands; objects in it are made."""
    if isinstance(config, list | tuple):
        return _read_items(config)
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config:
        return {key: read(value) for key, value in config.items()}
    if "config" not in config:
        raise ValueError(
            f"the configuration of {config['class_name']!r} has no key 'config'. It has: "
            f"{', '.join(map(repr, config))}."
        )
    name, content = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise WrongTypeError(f"expected the name of a class as 'class_name', got {describe(name)}.")
    if name in _PLAIN:
        _check_plain(name, content)
        return _PLAIN[name](content)
    if name == "function":
        return _named_function(config, room)
    kind = _named_class(config, room)
    if not isinstance(kind, type):  # a function under a class's name in custom_objects
        return kind
    if (shared := shared_objects.known(config)) is not None:
        return shared
    obj: Any = kind.from_config(content) if hasattr(kind, "from_config") else kind(**read(content))
    if config.get("compile_config") and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(config["compile_config"])
    return shared_objects.remember(config, obj)


def _read_items(items: list[Any] | tuple[Any, ...]) -> list[Any]:
    """The items; equal configurations with one name are one object, as a layer used twice is."""
    objects: list[Any] = []
    for i, item in enumerate(items):
        content = item.get("config") if isinstance(item, Mapping) else None
        named = isinstance(content, Mapping) and content.get("name") is not None
        first = items.index(item) if named else i
        objects.append(objects[first] if first < i else read(item))
    return objects


def _numbers(content: Mapping[str, Any]) -> np.ndarray:
    value, dtype = content["value"], content.get("dtype", "float32")
    try:
        return np.asarray(value, np.dtype(dtype))
    except (TypeError, ValueError):
        raise ValueError(
            f"the configuration of an array: expected numbers of a dtype of NumPy, got "
            f"{describe(value)} of dtype {dtype!r}."
        ) from None


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "__numpy__": _numbers,
    "__tensor__": _numbers,
    "__tuple__": lambda content: tuple(_read_items(content)),
    "__slice__": lambda content: slice(content["start"], content["stop"], content["step"]),
    "__ellipsis__": lambda content: ...,
    "__bytes__": lambda content: str(content["value"]).encode(),
    "__lambda__": lambda content: code.read(content, read),
    "DTypePolicy": lambda content: content["name"],
}


_KEYS = {
    "__numpy__": ("value",),
    "__tensor__": ("value",),
    "__bytes__": ("value",),
    "__slice__": ("start", "stop", "step"),
    "DTypePolicy": ("name",),
}


def _check_plain(name: str, content: object) -> None:
    """Checks the form of the configuration of a plain value."""
    if name == "__tuple__" and not isinstance(content, list | tuple):
        raise ValueError(
            f"the configuration of {name!r}: expected a list of items, got {describe(content)}."
        )
    missing = [
        key
        for key in _KEYS.get(name, ())
        if key not in (content if isinstance(content, Mapping) else ())
    ]
    if missing:
        raise ValueError(
            f"the configuration of {name!r}: expected the keys "
            f"{', '.join(map(repr, _KEYS[name]))}, got {describe(content)}."
        )


def _named_function(config: Mapping[str, Any], room: str | None) -> Any:
    content = config["config"]
    name = content.get("name") if isinstance(content, Mapping) else content
    if not isinstance(name, str):
        raise WrongTypeError(f"expected the name of a function in 'config', got {describe(name)}.")
    function = _look_up(name, config, room, lambda x: callable(x) and not isinstance(x, type))
    if function is None and config.get("module") == "builtins":  # so do files of Keras until 3.6
        ends = f">{name}"
        function = next((x for full, x in known_names().items() if full.endswith(ends)), None)
    if function is None:
        raise _unknown("function", name, room, config)
    return function


def _named_class(config: Mapping[str, Any], room: str | None) -> Any:
    name, module = config["class_name"], config.get("module")
    name = "Model" if name == "Functional" else name  # Keras's class of a model that is a graph
    kind = _look_up(name, config, room, lambda x: isinstance(x, type))
    if kind is None:  # a user's class in a module that is loaded already, made from one of ours
        loaded = getattr(sys.modules.get(str(module)), name, None)
        bases = loaded.__mro__[1:] if isinstance(loaded, type) else ()
        kind = loaded if any(base.__module__.startswith("jkeras.") for base in bases) else None
    if kind is None:
        raise _unknown("class", name, room, config)
    return kind


def _look_up(
    name: str, config: Mapping[str, Any], room: str | None, fits: Callable[[Any], bool]
) -> Any:
    """The user's object under the registered name or the name itself, else ours; None for none."""
    registered = config.get("registered_name")
    custom = get_registered_object(registered) if registered != "function" else None
    custom = get_registered_object(name) if custom is None else custom
    if custom is not None:
        return custom
    doors = [door for door in _doors(room, config.get("module")) if name in door.__all__]
    found = next((x for door in doors if fits(x := getattr(door, name, None))), None)
    if found is not None and registered not in (None, "", name, config["class_name"]):
        raise ValueError(
            f"the configuration of {name!r}: expected none or {name!r} as 'registered_name', got "
            f"{describe(registered)}, which is not registered: with that name it is not the "
            f"{name!r} of jkeras. Register it, or take 'registered_name' out."
        )
    return found


def checked_config(kind: type, config: object) -> Mapping[str, Any]:
    """What `from_config` of a class was given, if it is a dict of arguments.

    Raises:
      TypeError: it is no dict.
      ValueError: it is a whole configuration, class and all.
    """
    who = f"{kind.__name__}.from_config"
    if not isinstance(config, Mapping):
        raise WrongTypeError(f"{who}: expected a dict of arguments, got {describe(config)}.")
    if "class_name" in config and "config" in config:
        raise ValueError(
            f"{who}: expected a dict of arguments, got a whole configuration with 'class_name' and "
            "'config'. Pass its 'config', or use jkeras.saving.deserialize_keras_object."
        )
    return config


def check_needed(
    kind: type, config: Mapping[str, Any], needed: Iterable[str], names: Container[str]
) -> None:
    """Raises unless every argument that a class needs is among the names in its configuration.

    Raises:
      ValueError: one is missing.
    """
    missing = [name for name in needed if name not in names]
    if missing:
        raise ValueError(
            f"{kind.__name__}.from_config: the configuration lacks `{'`, `'.join(missing)}`. "
            f"It has: {', '.join(config) or 'nothing'}."
        )


def _doors(room: str | None, module: object) -> list[Any]:
    """The modules to search for a name of ours: the configuration's own, the room's, or all."""
    path = str(module or "").removeprefix("j").removeprefix("keras.").removeprefix("src.")
    near = [name for name in ROOMS if path == name or path.startswith(f"{name}.")]
    if module and not near and str(module).split(".")[0] not in ("keras", "jkeras", "builtins"):
        return []
    order = near or ([room] if room else []) + [name for name in ROOMS if name != room]
    paths = [f"jkeras.{name}" for name in order] + (["jkeras"] if "models" in order else [])
    return [importlib.import_module(path) for path in paths]


def _unknown(kind: str, name: object, room: str | None, config: Mapping[str, Any]) -> ValueError:
    names = {word for door in _doors(room, config.get("module")) for word in door.__all__}
    return ValueError(
        f"the configuration names the {kind} {name!r}, which is not known here."
        f"{nearest(str(name), sorted(names))} If it is your own, pass it: "
        f"custom_objects={{{name!r}: {name}}}, or decorate it with "
        "@jkeras.saving.register_keras_serializable()."
    )
