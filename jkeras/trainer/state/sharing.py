"""One layer in two models is one set of weights, though the models hold the weights.

In Keras a layer object owns its weights, so whatever is built of the same objects shares them: a
feature extractor and its model, an encoder and its autoencoder, a GAN and its two parts. Here
descriptions hold nothing, and each model has its values. This module lets models agree:

  - a layer's `Identity` (its own, kept by the copies that models name) stands for the layer object;
  - each identity has `SharedWeights`, which knows the models that have the layer, the one that
    wrote its values last, and a number that grows with every writing;
  - a model looks at the numbers before it uses its values (`refresh`) and takes over what is newer,
    and notes that it has written when it sets them (`publish`).

Laws:
  - A model that shares nothing pays one comparison.
  - Nothing is copied: both models refer to the same arrays, and both note that these are lent, so
    the one that trains next goes on with a copy, and no buffer is donated under the other.
  - Nothing is kept alive: `SharedWeights` refers to its models weakly. When a model dies, it leaves
    the values of its layers there, and they die with the last copy of their layer. So layers taken
    out of a model keep what they have learned, and a model that is gone is gone.
  - Pure functions know nothing of this: it is between models only.
  - Threads may meet: what models know of each other changes under one lock, in which nothing of a
    user's runs. A model that shares nothing, or for which there is nothing new, takes no lock.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Protocol

import jax

from jkeras.core.identity import Identity, note_build
from jkeras.core.layer import Layer
from jkeras.core.parts import Path, at, leaves, put
from jkeras.core.trees import Tree, first_difference, named_leaves
from jkeras.training.net import Net
from jkeras.training.state import TrainState

_shared_weights: weakref.WeakKeyDictionary[Identity, SharedWeights] = weakref.WeakKeyDictionary()
_numbers = itertools.count(1)
_latest = 0
_lock = threading.RLock()


class Subscriber(Protocol):
    """The interface that sharing needs of a model: description, values, and the subscription."""

    net: Any
    stored: TrainState | None
    lent: bool
    thread: int
    steps: bool
    subscription: Subscription

    @property
    def who(self) -> str:
        """How messages name the model."""


def _no_writer() -> None:
    """The writer of values that no living model wrote last."""


class SharedWeights:
    """What is known of the weights of one layer.

    Attributes:
      subscribers: the models that have the layer.
      writer: a weak reference to the model that wrote the values last.
      path: where the values lie in that model.
      left: the values, when that model is gone.
      version: the number of the last writing; 0 before the first.
    """

    __slots__ = ("left", "path", "subscribers", "version", "writer")

    def __init__(self) -> None:
        self.subscribers: weakref.WeakSet[Any] = weakref.WeakSet()
        self.writer: Any = _no_writer
        self.path: Path = ()
        self.left: Any = None
        self.version = 0

    def values(self) -> Any:
        """(params, state) of the layer as they were written last, or None."""
        writer = self.writer()
        return self.left if writer is None else _parts(writer.stored, self.path)

    def written(self, writer: Subscriber, path: Path) -> int:
        """Notes a writing; returns its number."""
        global _latest
        self.writer, self.path, self.left = weakref.ref(writer), path, None
        self.version = _latest = next(_numbers)
        return self.version


class Subscription:
    """A model's subscription to the layers that it may share.

    Attributes:
      net: the description that the subscription was made for.
      places: the weights of each layer, and their path.
      shared: those that another model has too, or has left values in.
      seen: the number of the writing that the model's values come from.
      looked: the number of the last writing anywhere, when the model looked last.
    """

    def __init__(self, net: Net | None) -> None:
        self.net = net
        self.places: dict[SharedWeights, Path] = {}
        self.shared: dict[SharedWeights, Path] = {}
        self.seen: dict[SharedWeights, int] = {}
        self.looked = 0

    def __deepcopy__(self, memo: object) -> Subscription:
        return Subscription(None)

    def __reduce__(self) -> Any:
        return Subscription, (None,)


def subscribers_of(identity: Identity) -> list[Any] | None:
    """The models that have a layer, the one that wrote its values last first; None where nobody
    ever had it.
    """
    weights = _shared_weights.get(identity)
    if weights is None:
        return None
    with _lock:
        return sorted(weights.subscribers, key=lambda model: model is not weights.writer())


def subscribe(model: Subscriber, force: bool = False) -> None:
    """Makes a model known to the weights of the layers that it has now; `force` subscribes again to
    the same description, whose layers may have changed.
    """
    net: Any = model.net
    layers = list(leaves(net)) if isinstance(net, Layer) else []
    with _lock:
        if not force and model.subscription.net is net:  # another thread did it
            return
        for weights in model.subscription.places:
            weights.subscribers.discard(model)
        subscription = Subscription(net)
        for identity, path in layers:
            weights = _shared_weights.setdefault(identity, SharedWeights())
            subscription.places[weights] = path
            weights.subscribers.add(model)
            if len(weights.subscribers) > 1 or weights.left is not None:
                _note_sharing(weights)
                subscription.shared[weights] = path
                subscription.seen[weights] = weights.version if weights.writer() is model else 0
        model.subscription = subscription


def _note_sharing(weights: SharedWeights) -> None:
    """Tells the models that have the weights that these are shared: writings are noted now."""
    for other in list(weights.subscribers):
        theirs = other.subscription
        if weights not in theirs.places or weights in theirs.shared:
            continue
        theirs.shared[weights] = theirs.places[weights]
        if other.stored is not None and weights.left is None and weights.writer() is None:
            theirs.seen[weights] = weights.written(other, theirs.places[weights])


def refresh(model: Subscriber) -> None:
    """Brings what other models have written into a model's values.

    Raises:
      ValueError: a layer has weights of another shape there.
    """
    subscription, values = model.subscription, model.stored
    if not subscription.shared or values is None or subscription.looked == _latest:
        return
    with _lock:
        subscription, values, latest = model.subscription, model.stored, _latest
        if values is None:
            return
        try:
            for weights, path in subscription.shared.items():
                if weights.version <= subscription.seen.get(weights, 0):
                    continue
                parts, writer = weights.values(), weights.writer()
                if writer is not None and writer.steps and writer.thread != threading.get_ident():
                    latest = -1  # the last finished values are those that the model has
                    continue
                if parts is not None:
                    values = _with_parts(model, values, path, parts, writer)
                subscription.seen[weights] = weights.version
            if values is not model.stored:
                model.stored, model.lent = values, True
        finally:
            subscription.looked = latest  # at the end: until then another thread waits for values


@contextlib.contextmanager
def stepping(model: Subscriber) -> Iterator[None]:
    """While the context is entered, the model's arrays may be donated, and models in other threads
    keep what they have.
    """
    with _lock:
        model.thread, model.steps = threading.get_ident(), True
    try:
        yield
    finally:
        model.steps = False


def publish(model: Subscriber) -> None:
    """Notes that a model has written its values."""
    subscription = model.subscription
    if not subscription.shared:
        return
    with _lock:
        for weights, path in subscription.shared.items():
            subscription.seen[weights] = weights.written(model, path)


def on_built(model: Subscriber) -> None:
    """After a model has made its values: others' go before its own."""
    note_build()
    subscribe(model, force=True)  # `build` may have made layers
    subscription = model.subscription
    with _lock:
        subscription.seen, subscription.looked = {}, -1
        for weights in subscription.shared:
            if weights.writer() is model:  # what it wrote before it was built again
                weights.writer = _no_writer
        fresh = [weights for weights in subscription.shared if weights.values() is None]
        refresh(model)
        for weights in fresh:
            subscription.seen[weights] = weights.written(model, subscription.shared[weights])


def is_known(model: Subscriber) -> bool:
    """Whether a model without values will find some that others have for its layers."""
    with _lock:
        return any(weights.values() is not None for weights in model.subscription.shared)


def release(model: Subscriber) -> None:
    """When a model dies: leaves the values that nobody has newer ones of."""
    subscription, values = model.subscription, model.stored
    for weights, path in subscription.places.items() if values is not None else ():
        writer = weights.writer()
        current = subscription.seen.get(weights, 0) == weights.version
        if (writer is None or writer is model) and current:
            weights.left, weights.writer = _parts(values, path), _no_writer
            weights.version = weights.version or 1


def _parts(values: TrainState | None, path: Path) -> tuple[Any, Any] | None:
    if values is None:
        return None
    found = at(values.params, path), at(values.state, path)
    gone = any(leaf.is_deleted() for leaf in jax.tree.leaves(found) if hasattr(leaf, "is_deleted"))
    return None if gone else found


def _with_parts(
    model: Subscriber,
    values: TrainState,
    path: Path,
    found: tuple[Tree, Tree],
    writer: Subscriber | None,
) -> TrainState:
    """A model's values with those of one layer replaced."""
    params, state = found
    own, mine = at(values.params, path), at(values.state, path)
    if not (params or state) or not (own or mine):  # no weights, or a layer that is never called
        return values
    difference = first_difference(own, params, lambda leaf: tuple(leaf.shape))
    if difference is not None:
        name, shape, theirs = difference
        where = "another model" if writer is None else writer.who
        raise ValueError(
            f"{model.who}: its layer {'/'.join(map(str, path))!r} is that of {where}, where {name} "
            f"has the shape {theirs}; here it would be {shape}. Give both inputs of the same size, "
            "or make another layer."
        )
    if writer is not None:
        writer.lent = True
    kept = {  # an entry of another shape belongs to a batch of another size
        name: part if _shapes(part) == _shapes(mine.get(name, part)) else mine[name]
        for name, part in state.items()
    }
    return values.replace(
        params=put(values.params, path, params), state=put(values.state, path, kept)
    )


def _shapes(tree: Tree) -> dict[str, tuple[int, ...]]:
    return {name: tuple(leaf.shape) for name, leaf in named_leaves(tree).items()}
