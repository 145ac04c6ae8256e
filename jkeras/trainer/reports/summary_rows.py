"""What `summary()` says of a model: a row for each layer, and the sizes of the weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import jax

from jkeras.core.identity import Identity, identity_of
from jkeras.core.layer import Layer
from jkeras.core.naming import kind_of
from jkeras.core.parts import Own, lies_at
from jkeras.core.symbols import Node, Symbol
from jkeras.core.tracing import is_input as from_input
from jkeras.core.trees import Tree, spec_of
from jkeras.display import Row, size_of
from jkeras.keras_classes.subclassed_model import Subclassed
from jkeras.models.calls import observing
from jkeras.models.chain import Chain
from jkeras.models.graph import Graph, graph_of
from jkeras.models.host_part import names_on_host
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state.freezing import trained_places
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.specs import concrete, is_input, merged_shape
from jkeras.training.inference_key import trace_inference

T = TypeVar("T")
Path = tuple[str, ...]
ShapesFn = Callable[[], dict[Identity, Any]]
"""What the outputs of each layer were when the model was run in shapes alone."""


def sizes(state: ModelState, optimizer_variables: Sequence[Any] | None) -> dict[str, Any]:
    """The sizes of trained and other weights and of the optimizer; nothing before they exist. And
    the layers on the host, if there are some.

    Args:
      state: the model's.
      optimizer_variables: what the optimizer carries; None before it has met data.
    """
    values, names = state.values, names_on_host(state.net)
    on_host = {"on_host": names} if names else {}
    if values is None:
        return on_host
    weights: dict[bool, list[Any]] = {True: [], False: []}
    for trained, weight in zip(trained_places(state), state.ordered(values), strict=True):
        weights[trained].append(weight)
    return {
        **on_host,
        "trainable": size_of(weights[True]),
        "non_trainable": size_of(weights[False]),
        "optimizer": None if optimizer_variables is None else size_of(optimizer_variables),
    }


def rows(state: ModelState, layers: Sequence[Any], expand_nested: bool = False) -> list[Row]:
    """One row per layer: with shapes and counts when the model is built.

    Args:
      state: the model's.
      layers: the layers that the model shows.
      expand_nested: whether models within the model show their layers, too.
    """
    net, counts = state.net, _counts(state)
    shapes_fn = functools.cache(lambda: _seen_shapes(state))
    has_models = any(hasattr(layer, "layers") for layer in layers)
    nested = expand_nested and getattr(net, "made_of_layers", True) and has_models
    if isinstance(net, Graph) or (nested and counts is not None):
        graph = state.graph()
        found = list(_graph_rows(graph, counts or {}, expand_nested, (), shapes_fn))
        return found if isinstance(net, Graph) else [row for row in found if not row.is_input]
    layers = [x for x in getattr(net, "layers", (net,)) if not is_input(x)]
    kinds = [(getattr(x, "name", None) or state.name, kind_of(x)) for x in layers]
    if counts is None:
        return [Row(name, kind, None, _count_unbuilt(kind)) for name, kind in kinds]
    shapes = _output_shapes(state)
    if not hasattr(net, "layers"):
        counts = {(kinds[0][0],): sum(n for path, n in counts.items() if len(path) == 1)}
    found = []
    for layer, (name, kind), shape in zip(layers, kinds, shapes, strict=True):
        found.append(_row(layer, name, kind, shape, counts.get((name,), 0)))
        if expand_nested and _is_model(layer):
            found += _inner_rows(layer, counts, (name,), shapes_fn)
    return found


def _row(layer: object, name: str, kind: str, shape: Tree, count: int, **more: Any) -> Row:
    trained = getattr(layer, "trainable", True) if count else None
    return Row(name, kind, shape, count, trained, **more)


def _counts(state: ModelState) -> dict[Path, int] | None:
    """The number of scalars in the weights of each layer, and of each layer in a layer, by path."""
    if state.values is None:
        return None
    found: dict[Path, int] = {}
    for names, size in _sizes(state):
        for depth in range(1, max(2, len(names))):
            found[names[:depth]] = found.get(names[:depth], 0) + size
    return found


def _sizes(state: ModelState) -> Iterator[tuple[Path, int]]:
    """The path and the number of scalars of each weight, at each place where its layer is."""
    groups = weight_ties_of(state.net).groups if isinstance(state.net, Layer) else ()
    for place, weight in zip(state.order(), state.ordered(state.need_values()), strict=True):
        yield place.names, int(weight.size)
        for group in groups:
            for first in [at for at in group if lies_at(place.names, at)]:
                rest = place.names[len(_plain(first)) :]
                yield from ((_plain(at) + rest, int(weight.size)) for at in group if at != first)


def _plain(place: tuple[Any, ...]) -> Path:
    return tuple(name for name in place if not isinstance(name, Own))


def _is_model(layer: object) -> bool:
    return isinstance(layer, Graph | Chain | Subclassed)


def _inner_rows(
    model: Layer, counts: dict[Path, int], path: Path, shapes_fn: ShapesFn
) -> Iterator[Row]:
    """The rows of the layers in a model, and in the models there, by what a run of it showed."""
    for layer in model.named_sublayers():
        if is_input(layer):
            continue
        own = (*path, str(layer.name))
        shape, count = shapes_fn().get(identity_of(layer)), counts.get(own, 0)
        yield _row(layer, own[-1], kind_of(layer), shape, count, level=len(path))
        if _is_model(layer):
            yield from _inner_rows(layer, counts, own, shapes_fn)


def _seen_shapes(state: ModelState) -> dict[Identity, Any]:
    """The shapes of each layer's outputs where it ran last, wherever it is; as `_output_shapes`."""
    first, second = _for_two_sizes(functools.partial(_shapes_of_run, state))
    return {one: merged_shape(a, second[one]) for one, a in first.items()}


def _for_two_sizes(shapes_fn: Callable[..., T]) -> tuple[T, T]:
    """Shapes for two sizes of unknown axes; what differs between them depends on such an axis."""
    first = shapes_fn(rows=2, longer=0)
    try:
        return first, shapes_fn(rows=3, longer=32)
    except (TypeError, ValueError):  # a layer has a largest length
        return first, shapes_fn(rows=3, longer=1)


def _shapes_of_run(state: ModelState, rows: int, longer: int) -> dict[Identity, Any]:
    values, seen = state.need_values(), {}

    def note(layer: object, inputs: Tree, outputs: Tree) -> None:
        seen[identity_of(layer)] = jax.tree.map(spec_of, outputs)

    with observing(note):
        trace_inference(
            state.net.apply,
            values.params,
            values.state,
            *(concrete(spec, rows, longer=longer) for spec in state.specs or ()),
        )
    return seen


def _graph_rows(
    graph: Graph, counts: dict[Path, int], expand_nested: bool, path: Path, shapes_fn: ShapesFn
) -> Iterator[Row]:
    plain = bool(path) or _is_in_a_row(graph)
    for layer, nodes in zip(graph.layers, graph.nodes, strict=True):
        own = (*path, str(layer.name))
        shapes = [symbol.shape for symbol in jax.tree.leaves(nodes[-1].outputs)]
        yield _row(
            layer,
            str(layer.name),
            kind_of(layer),
            shapes,
            counts.get(own, 0),
            connected_to=None if plain else _connections(graph, nodes),
            level=len(path),
            is_input=is_input(layer),
        )
        if expand_nested and isinstance(layer, Graph):
            yield from _graph_rows(layer, counts, True, own, shapes_fn)
        elif expand_nested and isinstance(layer, Chain):
            inner = graph_of(layer, nodes[-1].inputs)
            found = _graph_rows(inner, counts, True, own, shapes_fn)
            yield from (row for row in found if not row.is_input)
        elif expand_nested and isinstance(layer, Subclassed):
            yield from _inner_rows(layer, counts, own, shapes_fn)


def _is_in_a_row(graph: Graph) -> bool:
    """Whether each layer runs once, on the one output of the layer before."""
    calls = graph.wiring.calls
    made: Sequence[int] = (0,)
    for call in calls:
        holes = call.arguments.holes
        if len(holes) != 1 or holes[0] not in made:
            return False
        made = call.outputs
    return len(graph.wiring.front) == 1 and len({call.layer for call in calls}) == len(calls)


def _connections(graph: Graph, nodes: list[Node]) -> str:
    """What the calls of a layer take: the layer, which of its calls, and which of its outputs."""
    names = {identity_of(layer): str(layer.name) for layer in graph.layers}
    fronts = dict(zip(map(id, graph.input_symbols), graph.wiring.front, strict=True))
    found = []
    for symbol in (symbol for node in nodes for symbol in node.inputs):
        if id(symbol) in fronts and not from_input(symbol):
            found.append(f"{graph.layers[fronts[id(symbol)]].name}[0][0]")
        else:
            found.append(_place(symbol, names))
    return ", ".join(found) or "-"


def _place(symbol: Symbol, names: dict[Any, str]) -> str:
    node = symbol.node
    assert node is not None
    calls = identity_of(node.layer).nodes
    at = calls.index(node) if node in calls else 0
    outputs = [id(output) for output in jax.tree.leaves(node.outputs)]
    return f"{names[identity_of(node.layer)]}[{at}][{outputs.index(id(symbol))}]"


def _output_shapes(state: ModelState) -> list[Any]:
    """Each layer's output shape; axes that follow an unknown axis of the inputs are None."""
    shapes = _for_two_sizes(functools.partial(_traced_shapes, state))
    return [merged_shape(a, b) for a, b in zip(*shapes, strict=True)]


def _traced_shapes(state: ModelState, rows: int, longer: int) -> list[Any]:
    net, values = state.net, state.need_values()
    specs = [concrete(spec, rows, longer=longer) for spec in state.specs or ()]
    arguments = (values.params, values.state, *specs)
    if not hasattr(net, "layer_outputs"):
        return [trace_inference(net.apply, *arguments)[0]]
    outputs = jax.eval_shape(lambda *a: net.layer_outputs(*a, key=jax.random.key(0)), *arguments)
    pairs = zip(net.layers, outputs, strict=True)
    return [out for layer, out in pairs if not is_input(layer)]


def _count_unbuilt(kind: str) -> int | None:
    """What Keras says of an unbuilt layer: 0 weights for these kinds, of others nothing yet."""
    simple = ("Activation", "ActivityRegularization", "ELU", "GaussianNoise", "Reshape", "Softmax")
    families = ("Dropout", "Pooling1D", "Pooling2D", "Pooling3D", "ReLU")
    known = kind in simple or (kind.endswith(families) and kind != "PReLU")
    return 0 if known else None
