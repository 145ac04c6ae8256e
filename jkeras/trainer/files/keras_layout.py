"""The groups of a model's weights in Keras's files.

Keras traverses a model's objects from attribute to attribute. The group of a layer is the first
path to it: `layers/dense_1` for the second Dense in `layers`, `layers/lstm/cell` for the cell of an
LSTM, `encoder/layers/dense` for a layer of a model in an attribute. Members of a list are named by
their classes with a count, not by the layers' names. Here a layer's weights are entries of trees,
so each rule below lists the attributes of a layer that hold layers, and the paths of their weights.

Laws: every weight of a model is in a group; a layer at two places has the group of the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from jkeras.core.description import fields
from jkeras.core.identity import Identity, identity_of
from jkeras.core.layer import Layer
from jkeras.core.naming import kind_of, snake_case
from jkeras.core.operations import Operation
from jkeras.keras_classes.subclassed_model import Subclassed
from jkeras.keras_classes.tracking import attributes, is_subclassed, layers_of, origin_of
from jkeras.layers.cells import StackedRNNCells
from jkeras.layers.multi_head_attention import GroupQueryAttention
from jkeras.layers.projected_attention import ProjectedAttention
from jkeras.layers.recurrent import Recurrent
from jkeras.layers.recurrent_wrappers import Bidirectional
from jkeras.layers.spectral_normalization import SpectralNormalization
from jkeras.layers.wrapper import Wrapper
from jkeras.models.chain import Chain
from jkeras.models.graph import Graph
from jkeras.ops.activations import LayerActivation
from jkeras.trainer.state.specs import is_input
from jkeras.trainer.state.weight_order import Place
from jkeras.training.net import Net

Path = tuple[str, ...]
NO_WEIGHTS = None
"""The path of a layer without weights, which has a group nevertheless."""


class Section(NamedTuple):
    """One group of a file.

    Attributes:
      path: the path of the group, such as "layers/dense".
      name: the layer's name, an attribute of the group.
      weights: for each array of the group the places of its weight in the model.
    """

    path: str
    name: str
    weights: list[list[Place]]


class _Inner(NamedTuple):
    """A layer inside a layer.

    Attributes:
      word: the attribute of the outer layer.
      layer: the inner layer.
      below: the path of its weights in those of the outer layer; None if it has none.
    """

    word: str
    layer: Any
    below: Path | None


def sections(
    net: Net, name: str, places: Iterable[Place], skipped: Collection[Identity] = ()
) -> list[Section]:
    """The groups of a model's weights.

    Args:
      net: the description of the model.
      name: the name of the model.
      places: the places of its weights, in Keras's order.
      skipped: the layers that are left out, with all in them.
    """
    walk = _Walk(list(places), skipped)
    walk.visit(net, "", (), name)
    return walk.found


def layers_by_path(net: Net) -> list[tuple[str, Any]]:
    """The layers in a model, each once, with the paths of their groups."""
    walk = _Walk([])
    walk.visit(net, "", (), "model")
    return walk.layers


class _Walk:
    def __init__(self, places: list[Place], skipped: Collection[Identity] = ()) -> None:
        self.places, self.skipped = places, skipped
        self.found: list[Section] = []
        self.layers: list[tuple[str, Any]] = []
        self.first: dict[Identity, tuple[int, int, Path]] = {}

    def visit(self, layer: object, path: str, at: Path | None, name: str | None = None) -> None:
        """Adds the group of a layer, and of those in it."""
        is_layer = isinstance(layer, Layer)
        if is_layer and identity_of(layer) in self.skipped:
            return
        if is_layer and identity_of(layer) in self.first:
            self._add_weights_at(at, *self.first[identity_of(layer)])
            return
        start = len(self.found)
        inner = _inner(layer)
        own = [] if at is None else self._own(layer, at, inner)
        named = name or getattr(layer, "name", None) or snake_case(kind_of(layer))
        self.found.append(Section(path, str(named), [[place] for place in own]))
        self.layers.append((path, layer))
        if is_layer:
            self.first[identity_of(layer)] = (start, start + 1, at or ())
        for word, part, below in inner:
            place = None if at is None or below is None else (*at, *below)
            self.visit(part, f"{path}/{word}".lstrip("/"), place)
        if is_layer:
            self.first[identity_of(layer)] = (start, len(self.found), at or ())

    def _add_weights_at(self, at: Path | None, start: int, stop: int, before: Path) -> None:
        """The weights at a second place of a layer belong to the groups that it has already."""
        if at is None or at == before:
            return
        known = {(place.part, place.names): place for place in self.places}
        for section in self.found[start:stop]:
            for same in section.weights:
                twin = known.get((same[0].part, (*at, *same[0].names[len(before) :])))
                if twin is not None and twin not in same:
                    same.append(twin)

    def _own(self, layer: object, at: Path, inner: list[_Inner]) -> list[Place]:
        """The weights of a layer that no layer in it has."""
        if isinstance(layer, SpectralNormalization):  # the wrapped kernel, again, and the vector
            kernels = [(*at, "layer", name) for name in ("kernel", "embeddings")]
            first = [place for place in self.places if place.names in kernels]
            return first + [place for place in self.places if place.names == (*at, "vector_u")]
        left_out = getattr(layer, "weights_not_in_files", ())
        others = [(*at, *below) for _, _, below in inner if below is not None]
        leading = getattr(layer, "first_in_files", None)
        own = [
            place
            for place in self.places
            if place.names[-1] not in left_out
            and _begins(place.names, at)
            and not any(_begins(place.names, o) for o in others)
        ]
        return sorted(own, key=lambda place: place.names[-1] != leading) if leading else own


def _begins(names: Path, start: Path) -> bool:
    return names[: len(start)] == start


# -- the layers in a layer, under Keras's names


def _inner(layer: object) -> list[_Inner]:
    """The layers in a layer, in the order of Keras's traversal."""
    if isinstance(layer, Chain):
        return _listed("layers", [part for part in layer.layers if not is_input(part)])
    if isinstance(layer, Graph):
        return _listed("layers", [p for p in layer.layers if not isinstance(p, Operation)])
    if is_subclassed(layer):
        return _of_attributes(layer)
    if isinstance(layer, Recurrent):
        return [_Inner("cell", layer._cell, ())]
    if isinstance(layer, StackedRNNCells):
        return _listed("cells", layer.cells)
    if isinstance(layer, Bidirectional):
        forward, backward = layer.both
        return [
            _Inner("backward_layer", backward, (backward.name,)),
            _Inner("forward_layer", forward, (forward.name,)),
        ]
    if isinstance(layer, ProjectedAttention):
        return _of_attention(layer)
    if getattr(layer, "is_kept_twice", False):
        return [_Inner("_lookup_layer", _Mentioned("string_lookup"), NO_WEIGHTS)]
    if isinstance(layer, Wrapper):
        below = ("layer",) if isinstance(layer, SpectralNormalization) else ()
        return [_Inner("layer", layer.layer, below)]
    return _mentioned(layer)


def _listed(word: str, layers: Iterable[Any]) -> list[_Inner]:
    """Layers in a list, named by their classes."""
    pairs = _counted(list(layers))
    return [_Inner(f"{word}/{own}", layer, (str(layer.name),)) for own, layer in pairs]


def _counted(layers: list[Any]) -> list[tuple[str, Any]]:
    counts: dict[str, int] = {}
    found = []
    for layer in layers:
        word = _word(layer)
        counts[word] = number = counts.get(word, -1) + 1
        found.append((f"{word}_{number}" if number else word, layer))
    return found


def _word(layer: object) -> str:
    """The name of a layer in a list: that of its class in Keras."""
    if isinstance(layer, GroupQueryAttention):
        return "grouped_query_attention"
    return snake_case(kind_of(layer))


class _Mentioned:
    """A layer that exists in Keras only: a group name."""

    def __init__(self, name: str) -> None:
        self.name = name


def _of_attention(layer: ProjectedAttention) -> list[_Inner]:
    """The projections, and the other layers of Keras's attention layers."""
    hidden = "_" if isinstance(layer, GroupQueryAttention) else ""
    words = {name: f"{hidden}{name}_dense" for name in ("query", "key", "value")}
    words |= {"attention_output": f"{hidden}output_dense"}
    words |= {"gate": "_gate_dense"} if layer.use_gate else {}
    own = [_Inner(word, _Mentioned(name), (name,)) for name, word in words.items()]
    others = {"_softmax": "softmax", "_dropout_layer": "dropout"}
    return own + [_Inner(word, _Mentioned(name), NO_WEIGHTS) for word, name in others.items()]


def _mentioned(layer: object) -> list[_Inner]:
    """Layers in a layer's arguments, such as an activation, which have no weights."""
    if not isinstance(layer, Layer):
        return []
    values = {field.name: layer.argument(field.name) for field in fields(type(layer))}
    pairs = [
        (name, value.layer if isinstance(value, LayerActivation) else value)
        for name, value in sorted(values.items())
    ]
    return [_Inner(name, value, NO_WEIGHTS) for name, value in pairs if isinstance(value, Layer)]


def _of_attributes(layer: object) -> list[_Inner]:
    """The layers in the attributes of a subclassed layer or model."""
    owner = origin_of(layer)
    named = {identity_of(part): str(part.name) for part in layers_of(owner)}
    values = _values(owner)
    if isinstance(layer, Subclassed):  # in Keras a model has an attribute `layers`
        values["layers"] = layers_of(owner)
    found: list[_Inner] = []
    for name in sorted(values, key=lambda name: f"~{name}" if name[0] == "_" else name):
        for word, part in _reached(name, values[name]):
            if identity_of(part) in named:
                found.append(_Inner(word, part, (named[identity_of(part)],)))
    return found


def _values(owner: object) -> dict[str, Any]:
    """The attributes of an object, and the properties of the user's classes."""
    values = {name: value for name, value in attributes(owner) if not name.startswith("__")}
    for kind in type(owner).__mro__:
        if kind.__module__.partition(".")[0] in ("jkeras", "builtins"):
            continue
        for name, member in vars(kind).items():
            # The library puts some properties of its own into the user's class.
            module = str(getattr(getattr(member, "fget", None), "__module__", ""))
            is_ours = module.startswith("jkeras.")
            if isinstance(member, property) and not is_ours and name not in values:
                try:
                    values[name] = getattr(owner, name)
                except Exception:  # a property may fail as it likes: Keras passes it over, too
                    continue
    return values


def _reached(word: str, value: object) -> list[tuple[str, Any]]:
    """The layers in an attribute's value, each with the words that lead to it."""
    value = value.as_layer() if hasattr(value, "as_layer") else value
    if isinstance(value, Layer):
        return [(word, value)]
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return []
    counts: dict[str, int] = {}
    found: list[tuple[str, Any]] = []
    for item in value:
        item = item.as_layer() if hasattr(item, "as_layer") else item
        is_container = isinstance(item, list | tuple | Mapping)
        if isinstance(item, Layer) or is_container:
            kind = "container" if is_container else _word(item)
            counts[kind] = number = counts.get(kind, -1) + 1
            found += _reached(f"{word}/{kind}_{number}" if number else f"{word}/{kind}", item)
    return found
