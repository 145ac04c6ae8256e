"""The variables and named layers in the attributes of a subclassed layer or model.

The attributes are read at every use, so layers in lists, tuples and dicts count, whenever they were
added. Only the order of the layers is recorded, when an attribute is set: as in Keras, it is that
of their addition, and two lists may grow in turns. Layers that were added between two records have
the order of their list; in several lists, the order of their creation. Names follow that order:
`dense`, `dense_1`. A copy of the attributes is read, because another thread may set some meanwhile.
"""

from __future__ import annotations

import copy
import functools
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, Protocol

from jkeras.core import naming
from jkeras.core.description import GIVEN
from jkeras.core.identity import NOT_COPIED, Identity, identity_of
from jkeras.core.layer import Layer
from jkeras.core.object_api import object_api
from jkeras.core.variables import Variable
from jkeras.metrics.base import Metric

ORIGIN, RECORD, ORDER = "_origin", "_record", "_order_of_layers"
_OF_OBJECTS = frozenset({ORIGIN, RECORD, ORDER, GIVEN, *NOT_COPIED})
"""Attributes of layers and models that the library sets."""

MODEL_PRIVATE = "_trainer_parts"
"""The attribute of a model with the parts of its trainer."""

Path = tuple[str, ...]


class ModelPart(Protocol):
    """A model inside another object."""

    @property
    def net(self) -> Any:
        """Its description."""

    def as_layer(self) -> Any:
        """Its description as a layer with its name."""


class Record:
    """The result of an object's `build`.

    Attributes:
      lock: held by the thread that builds the object or traces it for its weights.
      variables: the variables of `add_weight`, in order.
      shapes: the shapes of the inputs that the object was built for, or None.
      calls_base_build: whether `build` calls `super().build` of a layer of the library.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.variables: list[Variable] = []
        self.shapes: Any = None
        self.calls_base_build = False
        self._before: tuple[dict[str, Any], int] | None = None

    def begin(self, owner: object) -> None:
        """Begins a `build`: saves the attributes the first time, restores them later."""

        def shallow(value: object) -> Any:
            return copy.copy(value) if type(value) in (list, dict, set) else value

        current, private = vars(owner), _private_names(owner)
        if self._before is None:
            saved = {n: shallow(value) for n, value in current.copy().items() if n != RECORD}
            self._before = saved, len(self.variables)
            return
        saved, count = self._before
        for name in current.copy().keys() - saved.keys() - private:
            del current[name]
        current.update({n: shallow(v) for n, v in saved.items() if n not in private})
        del self.variables[count:]

    def __deepcopy__(self, memo: dict[int, Any]) -> Record:
        return Record()

    def __reduce__(self) -> Any:
        return Record, ()


def _private_names(owner: object) -> frozenset[str]:
    """The attributes of an object that the library sets."""
    return _OF_OBJECTS if isinstance(owner, Layer) else _OF_OBJECTS | {MODEL_PRIVATE}


def origin_of(layer: object) -> Any:
    """The user's object behind a layer, which may be a view of it under another name."""
    return vars(layer).get(ORIGIN, layer)


def is_subclassed(layer: object) -> bool:
    """Whether a layer's class defines `call` in Keras's way."""
    return bool(getattr(type(layer), "is_subclassed", False))


def record_of(owner: object) -> Record:
    """The record of an object."""
    if RECORD not in vars(owner):
        vars(owner).setdefault(RECORD, Record())  # atomic: two threads get one record
    return vars(owner)[RECORD]


def check_super_init(layer: object) -> None:
    """Checks that the constructor of the base class was called.

    Raises:
      RuntimeError: it was not.
    """
    owner = origin_of(layer)
    if ("trainable" if isinstance(owner, Layer) else MODEL_PRIVATE) not in vars(owner):
        raise missing_super_init(type(owner).__name__)


def missing_super_init(kind: str) -> RuntimeError:
    """The error for a constructor that does not call that of its base class."""
    return RuntimeError(
        f"{kind}: expected `super().__init__()` at the beginning of `__init__`, and it was not "
        "called. Write def __init__(self, ..., **kwargs): super().__init__(**kwargs)."
    )


# -- variables


def own_variables(owner: object) -> dict[Variable, str]:
    """The variables of an object, and their names there: those of `add_weight` first."""
    attribute_of: dict[Variable, str] = {}
    for name, value in attributes(owner):
        for variable in _members(value):
            if isinstance(variable, Variable):
                attribute_of.setdefault(variable, name)
    names: dict[Variable, str] = {}
    for variable in dict.fromkeys([*record_of(owner).variables, *attribute_of]):
        if not variable.has_owner:
            refs = weakref.ref(owner), weakref.ref(variable)
            variable.find_by(functools.partial(_view_of, *refs))
        name = variable.name if variable.named else attribute_of.get(variable, variable.name)
        names[variable] = naming.unique(name.replace("/", "_"), names.values())
    return names


def _view_of(owner: weakref.ref[Any], variable: weakref.ref[Variable]) -> Any:
    return object_api().variable_view(owner(), variable())


def attributes(owner: object) -> list[tuple[str, Any]]:
    """The attributes that the user's code may have set, by name."""
    private = _private_names(owner)
    return [pair for pair in vars(owner).copy().items() if pair[0] not in private]


def metrics_in(owner: object) -> list[Any]:
    """The metrics that an object's attributes hold, in lists and dicts too."""
    members = (member for _, value in attributes(owner) for member in _members(value))
    return list({id(m): m for m in members if isinstance(m, Metric)}.values())


def _members(value: object) -> Iterator[Any]:
    """The members of nested lists, tuples and dicts; for any other value the value itself."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _members(item)
    else:
        yield value


# -- layers


def record_order(owner: object) -> None:
    """Records the order of the layers that were added since the last record."""
    parts: dict[Any, tuple[str, Layer | ModelPart]] = {}
    for name, value in attributes(owner):
        for part in _members(value):
            if is_part(part):
                parts.setdefault(_key(part), (name, part))
    recorded = [_key(part) for part in vars(owner).get(ORDER, ())]
    added = [key for key in parts if key not in recorded]
    if len({parts[key][0] for key in added}) > 1:
        added.sort(key=lambda key: _serial(parts[key][1]))
    vars(owner)[ORDER] = [parts[key][1] for key in (*recorded, *added) if key in parts]


def is_part(value: object) -> bool:
    """Whether a value is a layer or a model."""
    return isinstance(value, Layer) or hasattr(value, "as_layer")


def _key(part: Layer | ModelPart) -> Any:
    """The identity of a layer; a model itself, whose layer changes when layers are added to it."""
    return identity_of(part) if isinstance(part, Layer) else part


def _serial(part: Layer | ModelPart) -> int:
    net: Any = part if isinstance(part, Layer) else part.net
    return identity_of(net).serial if isinstance(net, Layer) else 0


def may_hold_layers(name: str, value: object) -> bool:
    """Whether an attribute of this name and value may hold layers."""
    return name not in _OF_OBJECTS and (isinstance(value, list | tuple | Mapping) or is_part(value))


def layers_of(owner: object) -> list[Any]:
    """The layers of an object under their names, in the order of their addition."""
    record_order(owner)
    layers: dict[Identity, Any] = {}
    for part in vars(owner)[ORDER]:
        layer = part if isinstance(part, Layer) else part.as_layer()
        layers.setdefault(identity_of(layer), layer)
    taken = list(own_variables(owner).values())
    named = []
    for layer in layers.values():
        name = layer.name or naming.snake_case(naming.kind_of(layer))
        taken.append(naming.unique(name.replace("/", "_"), taken))
        named.append(layer.renamed(taken[-1]))
    return named


def paths_of(owner: object) -> dict[Identity, tuple[Path, Any]]:
    """All layers in an object, however deep, by their identities: (path to the values, layer)."""
    paths: dict[Identity, tuple[Path, Any]] = {}

    def visit(layers: list[Any], path: Path) -> None:
        for layer in layers:
            paths.setdefault(identity_of(layer), ((*path, str(layer.name)), layer))
        for layer in layers:
            layer_path = paths[identity_of(layer)][0]
            if layer_path[:-1] == path:
                visit(layer.named_sublayers(), layer_path)

    visit(layers_of(owner), ())
    return paths


# -- traced arrays in attributes


class Leaked:
    """Replaces a traced array that `call` stored in an attribute; raises an error when it is used.

    Args:
      who: the object's name in messages.
      name: the attribute.
    """

    def __init__(self, who: str, name: str) -> None:
        self._who, self._name = who, name

    def _message(self) -> str:
        return (
            f"{self._who}: `self.{self._name}` was set in `call` while a program was compiled, so "
            "it holds no array. Return it from `call`, or keep it in a weight made by "
            "self.add_weight(trainable=False) and assigned."
        )

    def _refuse(self, *args: Any) -> NoReturn:
        raise RuntimeError(self._message())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(self._message())

    __array__ = __jax_array__ = __float__ = __int__ = __bool__ = __len__ = __iter__ = _refuse
    __getitem__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = _refuse
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __neg__ = _refuse

    def __repr__(self) -> str:
        return f"<no array: set while {self._who} was traced>"
