"""Programs that equal models share: of ten models of a search the first one compiles.

A description is compared by its values, so the programs of a model belong to what they are made
of: the description, losses and metrics, the optimizer, what is frozen, and the structure of the
batches. They are kept here, for the whole process, and used by every model that is equal in all of
that. A learning rate is a value of the optimizer's state, and may differ.

Laws:
  - Where a user's own class or function takes part, nothing is shared: it may read what changes.
  - What is kept holds no weight of any model, and no layer of a user's: programs are made of a copy
    of the description, with the frozen flags and rematerialization scopes that it had.
  - The programs that were used last are kept, `MOST` of them; `clear_session` lets all go.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any, TypeVar, cast

import jax
import numpy as np

from jkeras import optimizers
from jkeras.core import session
from jkeras.core.description import Description
from jkeras.core.dtype_policy import dtype_policy, floatx
from jkeras.core.freezing import layer_paths
from jkeras.core.identity import Identity, identity_of, same
from jkeras.core.platform import platform
from jkeras.core.symbols import Symbol
from jkeras.models.graph import Graph
from jkeras.training.objective import Objective

MOST = 64
"""What is kept: the first values, training, evaluation and prediction of sixteen models."""

_LIBRARIES = ("builtins", "jkeras", "jax", "jaxlib", "numpy", "optax")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.dtype, np.generic)

T = TypeVar("T")

_kept: OrderedDict[Hashable, object] = OrderedDict()
_lock = Lock()


class _Own(Exception):
    """Something of the user's takes part."""


def shared(objective: Objective, others: tuple[Any, ...], make: Callable[[Objective], T]) -> T:
    """What `make` makes of this objective; what it made for an equal model where there was one.

    Args:
      objective: the model with its losses and metrics.
      others: whatever else the result depends on.
      make: makes programs, or a function to compile, of an objective like this one.
    """
    try:
        net = objective.net
        key = (
            *map(_key, (objective, others)),
            _places(net),
            (floatx(), dtype_policy().name, platform()),
        )
        hash(key)
    except (_Own, TypeError):
        return make(objective)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return cast("T", _kept[key])
    made = make(dataclasses.replace(objective, net=_copied(net)))
    with _lock:
        made = cast("T", _kept.setdefault(key, made))
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made


@session.on_clear
def clear() -> None:
    """Lets all programs go; models go on with those that they have."""
    with _lock:
        _kept.clear()


def _layers(net: Any) -> list[Any]:
    return [net, *(layer for _, layer in layer_paths(net))]


def _places(net: Any) -> Hashable:
    """What layers know beside their descriptions: flags, scopes, whether they wait for `adapt`, and
    which of them are one.
    """
    layers = _layers(net)
    numbers: dict[Identity, int] = {}
    for layer in layers:
        numbers.setdefault(identity_of(layer), len(numbers))
    flags = [[getattr(x, name, None) for x in layers] for name in ("trainable", "awaits_adapt")]
    scopes = [identity_of(layer).remat for layer in layers]
    places = [numbers[identity_of(layer)] for layer in layers]
    return tuple(zip(*flags, scopes, places, strict=True))


def _copied(net: Any) -> Any:
    """A description equal to `net`, whose layers are no one else's."""
    copied = copy.deepcopy(net, _without_origins(net))
    identities: dict[Identity, Identity] = {}
    for old, new in zip(_layers(net), _layers(copied), strict=True):
        before = identity_of(old)
        after = same(new, identities.setdefault(before, Identity()))
        after.trainable, after.remat = before.trainable, before.remat
    return copied


def _without_origins(net: Any) -> dict[int, Any]:
    """The memo of a deep copy: symbols of graphs without the calls that made them, which lead from
    layer to layer and to those of a user.
    """
    memo: dict[int, Any] = {}
    for graph in (layer for layer in _layers(net) if isinstance(layer, Graph)):
        for symbol in jax.tree.leaves((graph.inputs, graph.outputs)):
            if isinstance(symbol, Symbol):
                memo[id(symbol)] = symbol.like(symbol.shape, symbol.dtype)
                memo[id(symbol)].name = symbol.name
        for node in jax.tree.leaves(graph.nodes):
            memo[id(node)] = None
    return memo


def without_rate(transformation: Any) -> Any:
    """An optimizer's type and arguments, but for a learning rate that its state holds."""
    if number_as_rate(transformation) is None:
        return transformation
    names = [field.name for field in dataclasses.fields(transformation)]
    values = {name: transformation.argument(name) for name in names}
    del values["learning_rate"]
    return type(transformation), tuple(values.items())


def number_as_rate(transformation: object) -> Any:
    """The number that an optimizer of the library has as its learning rate; None for none."""
    if not isinstance(transformation, optimizers.Optimizer) or transformation.is_mutable:
        return None
    return None if callable(transformation.learning_rate) else transformation.learning_rate


def _key(value: object) -> Hashable:
    """A hashable value that is equal for equal values of the library's own kinds.

    Raises:
      _Own: something in it is the user's.
    """
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, type):
        return _of_library(value)
    if isinstance(value, list | tuple | frozenset) and type(value).__module__ == "builtins":
        return type(value), tuple(map(_key, value))
    if isinstance(value, Mapping):
        return dict, tuple((_key(name), _key(item)) for name, item in value.items())
    if isinstance(value, Description):
        if value.is_mutable:
            raise _Own
        return _of_library(type(value)), _key(_contents(value))
    if isinstance(value, jax.tree_util.PyTreeDef | jax.ShapeDtypeStruct):
        return value
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return _of_library(type(value)), tuple(_key(getattr(value, name)) for name in names)
    if isinstance(value, tuple):  # a named one
        return _of_library(type(value)), tuple(map(_key, value))
    if callable(value):
        return _of_library(value)
    raise _Own


def _contents(description: Description) -> dict[str, Any]:
    """The arguments of a description; of a graph its wiring in place of the symbols.

    Raises:
      _Own: it has statistics of data.
    """
    if getattr(description, "_adapted_value", None) is not None:
        raise _Own
    names = [field.name for field in dataclasses.fields(description)]  # type: ignore[arg-type]
    contents = {name: description.argument(name) for name in names}
    if (wiring := getattr(description, "wiring", None)) is not None:
        contents |= {"inputs": None, "outputs": wiring}
    return contents


def _of_library(thing: object) -> Any:
    """A class or function of a library, which stands in its module under its name.

    Raises:
      _Own: it is something else.
    """
    module, name = getattr(thing, "__module__", None) or "", getattr(thing, "__name__", "")
    if module.partition(".")[0] not in _LIBRARIES:
        raise _Own
    if getattr(sys.modules.get(module), name, None) is not thing:
        raise _Own
    return thing
