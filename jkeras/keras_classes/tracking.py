"""What a subclassed layer or model holds in its attributes: variables, and layers with names.

The attributes are read when they are needed, so layers in lists, tuples and dicts count, whenever
they were put there. Only their order is noted, whenever one is set: it is that in which they came,
as in Keras, where two lists may grow in turns. Those that came between two looks have the order of
their list; in several lists, that in which they were made. Names are given in that order: `dense`,
`dense_1`. A copy of the attributes is read, because another thread may set some meanwhile.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

import jax

from jkeras.core import naming
from jkeras.core.description import GIVEN
from jkeras.core.identity import NOT_COPIED, Identity, identity_of
from jkeras.core.layer import Layer
from jkeras.core.trees import Tree
from jkeras.core.variables import Variable

ORIGIN, RECORD, ORDER = "_origin", "_record", "_order_of_layers"
_OF_OBJECTS = frozenset({ORIGIN, RECORD, ORDER, GIVEN, *NOT_COPIED})
"""Attributes of layers and models that hold nothing of the user's."""

MODEL_PRIVATE = "_trainer_parts"
"""The attribute in which a model keeps what is its trainer's and not the user's."""

Path = tuple[str, ...]
T = TypeVar("T")


class ModelPart(Protocol):
    """A model that is held as a part of another object."""

    @property
    def net(self) -> Any:
        """Its description."""

    def as_layer(self) -> Any:
        """Its description as a layer under its name."""


class Record:
    """What `build` made of an object.

    Attributes:
      lock: held by the thread that builds the object or traces what it has.
      variables: made by `add_weight`, in order.
      shapes: of the inputs it was built for, or None.
      calls_base_build: whether its `build` calls that of the library's layer that it subclasses.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.variables: list[Variable] = []
        self.shapes: Any = None
        self.calls_base_build = False
        self._before: tuple[dict[str, Any], int] | None = None

    def begin(self, owner: object) -> None:
        """Before `build`: the attributes are noted, or, after the first time, restored."""
        own, private = vars(owner), _private_names(owner)
        if self._before is None:
            noted = {n: _shallow(value) for n, value in own.copy().items() if n != RECORD}
            self._before = noted, len(self.variables)
            return
        attributes, count = self._before
        for name in [name for name in own.copy() if name not in attributes and name not in private]:
            del own[name]
        own.update({n: _shallow(v) for n, v in attributes.items() if n not in private})
        del self.variables[count:]

    def __deepcopy__(self, memo: dict[int, Any]) -> Record:
        return Record()

    def __reduce__(self) -> Any:
        return Record, ()


def _private_names(owner: object) -> frozenset[str]:
    """The attributes of an object that hold nothing of the user's."""
    if isinstance(owner, Layer):
        return _OF_OBJECTS
    return _OF_OBJECTS | {MODEL_PRIVATE}


def _shallow(value: T) -> T:
    return copy.copy(value) if type(value) in (list, dict, set) else value


def origin_of(layer: object) -> Any:
    """The user's object, of which a model may hold a view under another name."""
    return vars(layer).get(ORIGIN, layer)


def is_subclassed(layer: object) -> bool:
    """Whether a layer's class defines `call` in Keras's way."""
    return bool(getattr(type(layer), "is_subclassed", False))


def record_of(owner: object) -> Record:
    """The record of an object."""
    own = vars(owner)
    if RECORD not in own:
        own.setdefault(RECORD, Record())  # of two threads, one
    return own[RECORD]


def needs_super_init(layer: object) -> None:
    """Raises unless the constructor of the base class was called.

    Raises:
      RuntimeError: it was not.
    """
    owner = origin_of(layer)
    if ("trainable" if isinstance(owner, Layer) else MODEL_PRIVATE) not in vars(owner):
        raise forgotten(type(owner).__name__)


def forgotten(kind: str) -> RuntimeError:
    """The error for a constructor that does not call that of its base."""
    return RuntimeError(
        f"{kind}: expected `super().__init__()` at the beginning of `__init__`, and it was not "
        "called. Write def __init__(self, ..., **kwargs): super().__init__(**kwargs)."
    )


# -- variables


def own_variables(owner: object) -> dict[Variable, str]:
    """The variables of an object, each with its name there; trained ones first."""
    held: dict[Variable, str] = {}
    for name, value in attributes(owner):
        for variable in _leaves(value, Variable):
            held.setdefault(variable, name)
    listed = list(dict.fromkeys([*record_of(owner).variables, *held]))
    names: dict[Variable, str] = {}
    for variable in listed:
        wanted = variable.name if variable.named else held.get(variable, variable.name)
        names[variable] = naming.unique(wanted.replace("/", "_"), names.values())
    return names


def attributes(owner: object) -> list[tuple[str, Any]]:
    """The attributes that a user may have set."""
    private = _private_names(owner)
    return [pair for pair in vars(owner).copy().items() if pair[0] not in private]


def _leaves(value: object, kind: type[T]) -> Iterator[T]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, kind)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item, kind)


# -- layers


def note_layers(owner: object) -> None:
    """Notes the order of the layers that came since the last look; before an attribute is set."""
    held: dict[Any, tuple[str, Layer | ModelPart]] = {}
    for name, value in attributes(owner):
        for part in _parts(value):
            held.setdefault(_key(part), (name, part))
    noted = [_key(part) for part in vars(owner).get(ORDER, ())]
    came = [key for key in held if key not in noted]
    if len({held[key][0] for key in came}) > 1:
        came.sort(key=lambda key: _serial(held[key][1]))
    vars(owner)[ORDER] = [held[key][1] for key in (*noted, *came) if key in held]


def _key(part: Layer | ModelPart) -> Any:
    """What a layer or a model is known by: layers may be added to a model, which stays the same."""
    return identity_of(part) if isinstance(part, Layer) else part


def _serial(part: Layer | ModelPart) -> int:
    net: Any = part if isinstance(part, Layer) else part.net
    return identity_of(net).serial if isinstance(net, Layer) else 0


def may_hold_layers(name: str, value: object) -> bool:
    """Whether setting this attribute may bring layers."""
    kinds = Layer | list | tuple | Mapping
    return name not in _OF_OBJECTS and (isinstance(value, kinds) or hasattr(value, "as_layer"))


def layers_of(owner: object) -> list[Any]:
    """The layers of an object under their names, in the order in which they came."""
    note_layers(owner)
    found: dict[Identity, Any] = {}
    for part in vars(owner)[ORDER]:
        layer = part if isinstance(part, Layer) else part.as_layer()
        found.setdefault(identity_of(layer), layer)
    taken = list(own_variables(owner).values())
    names: list[str] = []
    for layer in found.values():
        wanted = layer.name or naming.snake_case(naming.kind_of(layer))
        names.append(naming.unique(wanted.replace("/", "_"), [*taken, *names]))
    pairs = zip(found.values(), names, strict=True)
    return [layer.renamed(name) for layer, name in pairs]


def _parts(value: Any) -> Iterator[Layer | ModelPart]:
    """The layers and models in a value."""
    if isinstance(value, Layer) or hasattr(value, "as_layer"):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _parts(item)


def paths_of(owner: object) -> dict[Identity, tuple[Path, Any]]:
    """Every layer in an object, and in the layers there, with the path to its values."""
    found: dict[Identity, tuple[Path, Any]] = {}

    def visit(layers: list[Any], path: Path) -> None:
        for layer in layers:
            if identity_of(layer) not in found:
                found[identity_of(layer)] = (*path, str(layer.name)), layer
        for layer in layers:
            own = found[identity_of(layer)][0]
            if own[:-1] == path:
                visit(layer.named_sublayers(), own)

    visit(layers_of(owner), ())
    return found


# -- what must not stay


def holds_tracer(value: Tree) -> bool:
    """Whether an array that is being traced is in a value."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))


class Leaked:
    """Stands in an attribute for a traced array that `call` put there.

    Args:
      who: the object.
      name: the attribute.
    """

    def __init__(self, who: str, name: str) -> None:
        self._who, self._name = who, name

    def _told(self) -> str:
        return (
            f"{self._who}: `self.{self._name}` was set in `call` while a program was compiled, so "
            "it holds no array. Return it from `call`, or keep it in a weight made by "
            "self.add_weight(trainable=False) and assigned."
        )

    def _refuse(self, *args: Any) -> NoReturn:
        raise RuntimeError(self._told())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(self._told())

    __array__ = __jax_array__ = __float__ = __int__ = __bool__ = __len__ = __iter__ = _refuse
    __getitem__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = _refuse
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __neg__ = _refuse

    def __repr__(self) -> str:
        return f"<no array: set while {self._who} was traced>"


__all__ = [
    "MODEL_PRIVATE",
    "Leaked",
    "Record",
    "attributes",
    "forgotten",
    "holds_tracer",
    "is_subclassed",
    "layers_of",
    "may_hold_layers",
    "needs_super_init",
    "note_layers",
    "origin_of",
    "own_variables",
    "paths_of",
    "record_of",
]
