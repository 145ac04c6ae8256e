"""The layers that a layer holds, and where in its values theirs lie.

A layer with `layers` has each one's values under its name. Any other layer that holds layers says
where in its method `sublayer_paths`: pairs of a path and a layer, `[((), self.layer)]` where the
values are the inner layer's own, `[(("layer",), self.layer)]` where they lie beside others.

Laws:
  - `leaves` gives every layer that is not made of layers once, however many ways lead to it: at the
    first place, in the order of the layers.
  - Two places with one `Identity` are one layer. Its values are kept at the first place only; what
    runs the layers puts them at the others, too (`jkeras.models.weight_tying`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from jkeras.core.identity import Identity, identity_of

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

Path = tuple[Any, ...]  # of names, at the end perhaps an `Own`


class Own(frozenset[str]):
    """Ends the path to a layer's own weights, beside those of the layers with these names."""

    def __str__(self) -> str:
        return "own"


def sublayer_paths(net: Any) -> list[tuple[Path, Any]]:
    """The layers in a layer, or in anything with the layer contract: each once, with the paths to
    their values.

    Example:
      >>> from jkeras.layers import Dense, SpectralNormalization, TimeDistributed
      >>> sublayer_paths(TimeDistributed(Dense(2))), sublayer_paths(Dense(2))
      ([((), Dense(units=2))], [])
      >>> sublayer_paths(SpectralNormalization(Dense(2)))
      [(('layer',), Dense(units=2))]
    """
    if hasattr(net, "sublayer_paths"):
        return list(net.sublayer_paths())
    return paths_by_name(getattr(net, "layers", ()))


def paths_by_name(layers: Iterable[Any]) -> list[tuple[Path, Any]]:
    """Layers, each once, with the paths to values that lie under their names."""
    return [((name,), layer) for name, layer in {str(x.name): x for x in layers}.items()]


def places(net: object, path: Path = ()) -> Iterator[tuple[Identity, Path]]:
    """The layers that are not made of layers, with the path to their values; one that is reached
    in several ways comes with each of them.
    """
    parts = sublayer_paths(net)
    names = Own(part[0][0] for part in parts if part[0])
    made_of_layers = getattr(net, "made_of_layers", hasattr(net, "layers"))
    if not parts and not made_of_layers:
        yield identity_of(net), path
    elif names and not made_of_layers:
        yield identity_of(net), (*path, names)
    for inner_path, part in parts:
        yield from leaves(part, (*path, *inner_path))


def leaves(net: object, path: Path = ()) -> Iterator[tuple[Identity, Path]]:
    """The parts, each at the first of its places."""
    first: dict[Identity, Path] = {}
    for identity, place in places(net, path):
        first.setdefault(identity, place)
    yield from first.items()


def path_to(net: object, identity: Identity, path: Path = ()) -> Path | None:
    """Where the values of a layer with this identity lie in those of `net`; None for nowhere."""
    if identity_of(net) is identity:
        return path
    for inner_path, part in sublayer_paths(net):
        place = path_to(part, identity, (*path, *inner_path))
        if place is not None:
            return place
    return None


def layers_by_path(net: object, path: Path = ()) -> dict[Path, Any]:
    """The innermost layer at each path to values, `net` included."""
    found = {path: net}
    for inner_path, part in sublayer_paths(net):
        found |= layers_by_path(part, (*path, *inner_path))
    return found


# -- values at a place


def lies_at(names: Path, place: Path) -> bool:
    """Whether the weight with this path is one of the layer at a place.

    Example:
      >>> lies_at(("a", "kernel"), ("a",)), lies_at(("a", "b", "w"), ("a", Own(["b"])))
      (True, False)
    """
    own = place[-1] if place and isinstance(place[-1], Own) else None
    front = place if own is None else place[:-1]
    inside = names[: len(front)] == front
    return inside and (own is None or names[len(front)] not in own)


def at(tree: Tree, path: Path) -> Any:
    """The part of nested dicts at a path; an empty dict where there is none."""
    for name in path:
        if isinstance(name, Own):
            return {key: part for key, part in tree.items() if key not in name}
        tree = tree.get(name, {})
    return tree


def put(tree: Tree, path: Path, part: Tree) -> Any:
    """Nested dicts with another part at a path; an empty part leaves nothing there.

    Example:
      >>> put({"a": {"b": 1}, "c": 2}, ("a", "b"), {}), put({}, ("a", Own(["b"])), {"w": 1})
      ({'c': 2}, {'a': {'w': 1}})
    """
    if not path:
        return part
    if isinstance(path[0], Own):
        return {key: tree[key] for key in tree if key in path[0] or key in part} | part
    inner = put(tree.get(path[0], {}), path[1:], part)
    if isinstance(inner, dict) and not inner:
        return {key: value for key, value in tree.items() if key != path[0]}
    return {**tree, path[0]: inner}
