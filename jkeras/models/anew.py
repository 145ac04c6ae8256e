"""Layers of a model made anew: equal ones that share nothing, as a clone of a model needs them."""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.calling import call
from jkeras.core.description import fields
from jkeras.core.layer import Layer
from jkeras.core.trees import Tree
from jkeras.layers.input import entrance
from jkeras.models.graph import Graph


def anew(layers: list[Any]) -> list[Any]:
    """Layers equal to these, and to the layers inside them, that share nothing with them.

    One layer at two places stays one.
    """
    made: dict[int, Any] = {}
    return [_anew(layer, made) for layer in layers]


def _anew(value: object, made: dict[int, Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(_anew(item, made) for item in value)
    if not isinstance(value, Layer):
        return value
    if id(value) not in made:
        made[id(value)] = _anew_layer(value, made)
    return made[id(value)]


def _anew_layer(layer: Layer, made: dict[int, Any]) -> Layer:
    if isinstance(layer, Graph):
        inputs, outputs = rebuilt(layer, [_anew(inner, made) for inner in layer.layers])
        return layer.replace(inputs=inputs, outputs=outputs)
    values = {field.name: getattr(layer, field.name) for field in fields(type(layer)) if field.init}
    inner = {name: _anew(value, made) for name, value in values.items()}
    return layer.replace(**{name: new for name, new in inner.items() if new is not values[name]})


def rebuilt(graph: Graph, layers: list[Any]) -> tuple[Any, Any]:
    """The symbols of a graph's inputs and outputs with other layers in place of its own.

    Args:
      graph: the graph.
      layers: for each of its layers the one in its place, inputs and operations included.
    """
    found: dict[int, Any] = {}

    def mapped(tree: Tree) -> Tree:
        return jax.tree.map(lambda leaf: found.get(id(leaf), leaf), tree)

    for symbol, front in zip(graph.input_symbols, graph.wiring.front, strict=True):
        found[id(symbol)] = entrance(layers[front])
    pairs = zip(layers, graph.nodes, strict=True)
    calls = [(node, layer) for layer, nodes in pairs for node in nodes]
    for node, layer in sorted(calls, key=lambda pair: pair[0].serial):  # as they were made
        old = jax.tree.leaves(node.outputs)
        if not all(id(symbol) in found for symbol in old):
            outputs = call(layer, mapped(node.args), mapped(node.options), mapped(node.given))
            found |= {id(a): b for a, b in zip(old, jax.tree.leaves(outputs), strict=True)}
    return mapped(graph.inputs), mapped(graph.outputs)
