"""One layer in two models is one set of weights, though the models hold the weights.

In Keras a layer object owns its weights, so whatever is built of the same objects shares them: a
feature extractor and its model, an encoder and its autoencoder, a GAN and its two parts. Here
descriptions hold nothing, and each trainer has its values. This module lets trainers agree:

  - a layer's `Identity` (its own, kept by the copies that models name) stands for the layer object;
  - each identity has a `Box`, which knows the trainers that have the layer, the one that wrote its
    values last, and a number that grows with every writing;
  - a trainer looks at the numbers before it uses its values (`pull`) and takes over what is newer,
    and notes that it has written when it sets them (`push`).

Laws:
  - A model that shares nothing pays one comparison.
  - Nothing is copied: both trainers refer to the same arrays, and both note that these are lent, so
    the one that trains next goes on with a copy, and no buffer is donated under the other.
  - Nothing is kept alive: a box refers to its trainers weakly. When a trainer dies, it leaves the
    values of its layers in their boxes, and a box dies with the last copy of its layer. So layers
    taken out of a model keep what they have learned, and a model that is gone is gone.
  - Pure functions know nothing of this: it is between trainers only.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import jax

from jkeras.core.identity import Identity
from jkeras.core.layer import Layer
from jkeras.core.parts import Path, at, leaves, put
from jkeras.core.trees import named_leaves

_boxes: weakref.WeakKeyDictionary[Identity, Box] = weakref.WeakKeyDictionary()
_numbers = itertools.count(1)
_latest = 0


class Box:
    """What is known of one layer.

    Attributes:
      holders: the trainers that have it.
      writer: the trainer that wrote its values last, and the path at which they lie there.
      left: its values, when that trainer is gone.
      version: the number of the last writing; 0 before the first.
    """

    __slots__ = ("holders", "left", "path", "version", "writer")

    def __init__(self) -> None:
        self.holders: weakref.WeakSet[Any] = weakref.WeakSet()
        self.writer: Any = lambda: None
        self.path: Path = ()
        self.left: Any = None
        self.version = 0

    def values(self) -> Any:
        """(params, state) of the layer as they were written last, or None."""
        writer = self.writer()
        return self.left if writer is None else _parts(writer._own, self.path)

    def written(self, writer: Any, path: Path) -> int:
        """Notes a writing; returns its number."""
        global _latest
        self.writer, self.path, self.left = weakref.ref(writer), path, None
        self.version = _latest = next(_numbers)
        return self.version


class Links:
    """What a trainer knows of the layers that it may share.

    Attributes:
      net: the description that this was made for.
      places: each layer's box and path.
      shared: the boxes that another trainer has too, or has left values in.
      seen: the number of the writing that the trainer's values come from.
      looked: the number of the last writing anywhere, when it looked last.
    """

    def __init__(self, net: Any) -> None:
        self.net = net
        self.places: dict[Box, Path] = {}
        self.shared: dict[Box, Path] = {}
        self.seen: dict[Box, int] = {}
        self.looked = 0

    def __deepcopy__(self, memo: Any) -> Links:
        return Links(None)

    def __reduce__(self) -> Any:
        return Links, (None,)


def join(holder: Any) -> Links:
    """Makes a trainer known to the boxes of the layers that it has now."""
    for box in holder._links.places:
        box.holders.discard(holder)
    links = Links(holder._net)
    for identity, path in _layers(holder._net):
        box = _boxes.setdefault(identity, Box())
        links.places[box] = path
        box.holders.add(holder)
        if len(box.holders) > 1 or box.left is not None:
            _link(box)
            links.shared[box] = path
            links.seen[box] = box.version if box.writer() is holder else 0
    return links


def _link(box: Box) -> None:
    """Tells the trainers of a box that it is shared. Before, nobody noted who wrote it."""
    for other in list(box.holders):
        links = other._links
        if box not in links.places or box in links.shared:
            continue
        links.shared[box] = links.places[box]
        if other._own is not None and box.left is None and box.writer() is None:
            links.seen[box] = box.written(other, links.places[box])


def pull(holder: Any) -> None:
    """Brings what other trainers have written into a trainer's values.

    Raises:
      ValueError: a layer has weights of another shape there.
    """
    links, values = holder._links, holder._own
    if not links.shared or values is None or links.looked == _latest:
        return
    links.looked = _latest
    for box, path in links.shared.items():
        if box.version <= links.seen.get(box, 0):
            continue
        found = box.values()
        if found is not None:
            values = _with_parts(holder, values, path, found, box.writer())
        links.seen[box] = box.version
    if values is not holder._own:
        holder._own, holder._lent = values, True


def push(holder: Any) -> None:
    """Notes that a trainer has written its values."""
    links = holder._links
    for box, path in links.shared.items():
        links.seen[box] = box.written(holder, path)


def settle(holder: Any) -> None:
    """After a trainer has made its values: others' go before its own."""
    holder._links = links = join(holder)  # `build` may have made layers
    links.seen, links.looked = {}, -1
    for box in links.shared:
        if box.writer() is holder:  # what it wrote before it was made anew
            box.writer = lambda: None
    fresh = [box for box in links.shared if box.values() is None]
    pull(holder)
    for box in fresh:
        links.seen[box] = box.written(holder, links.shared[box])


def is_known(holder: Any) -> bool:
    """Whether a trainer without values will find some that others have for its layers."""
    return any(box.values() is not None for box in holder._links.shared)


def leave(holder: Any) -> None:
    """When a trainer dies: leaves the values that nobody has newer ones of."""
    links, values = holder._links, holder._own
    for box, path in links.places.items() if values is not None else ():
        writer = box.writer()
        current = links.seen.get(box, 0) == box.version
        if (writer is None or writer is holder) and current:
            box.left, box.writer = _parts(values, path), lambda: None
            box.version = box.version or 1


def _layers(net: Any) -> Iterator[tuple[Identity, Path]]:
    """The layers of a description that are not made of layers, each with the path to its values."""
    return leaves(net) if isinstance(net, Layer) else iter(())


def _parts(values: Any, path: Path) -> tuple[Any, Any] | None:
    if values is None:
        return None
    found = at(values.params, path), at(values.state, path)
    gone = any(leaf.is_deleted() for leaf in jax.tree.leaves(found) if hasattr(leaf, "is_deleted"))
    return None if gone else found


def _with_parts(holder: Any, values: Any, path: Path, found: Any, writer: Any) -> Any:
    """A trainer's values with those of one layer replaced."""
    params, state = found
    if not params and not state:
        return values
    if not at(values.params, path) and not at(values.state, path):
        return values  # a layer that the model has and never calls
    _check_alike(holder, path, params, at(values.params, path), writer)
    if writer is not None:
        writer._lent = True
    mine = at(values.state, path)
    kept = {  # an entry of another shape belongs to a batch of another size
        name: part if _shapes(part) == _shapes(mine.get(name, part)) else mine[name]
        for name, part in state.items()
    }
    return values.replace(
        params=put(values.params, path, params), state=put(values.state, path, kept)
    )


def _check_alike(holder: Any, path: Path, found: Any, mine: Any, writer: Any) -> None:
    theirs, own = _shapes(found), _shapes(mine)
    for name in [*own, *theirs]:
        if own.get(name) != theirs.get(name):
            where = "another model" if writer is None else writer._who
            name_of_layer = "/".join(map(str, path))
            raise ValueError(
                f"{holder._who}: its layer {name_of_layer!r} is that of {where}, where {name} has "
                f"the shape {theirs.get(name)}; here it would be {own.get(name)}. Give both inputs "
                "of the same size, or make another layer."
            )


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(leaf.shape) for name, leaf in named_leaves(tree).items()}
