"""New models from old ones: clones, graphs with other layers in place, and models from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jax

from jkeras.core.calling import call
from jkeras.core.description import fields
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import Layer
from jkeras.core.serialization import deserialize_keras_object
from jkeras.core.trees import Tree
from jkeras.layers.input import entrance
from jkeras.models.graph import Graph


def clone_model(
    model: Any,
    input_tensors: None = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers with fresh weights; the two share nothing.

    Args:
      model: a `Sequential`, a `Model` or a `Trainer`.
      input_tensors, call_function: None.
      clone_function: from a layer to the one that takes its place in the new model; called for
        each layer but the inputs. By default the layer's equal.
      recursive: False; models inside a model are one layer of it.
      **kwargs: none.

    Raises:
      TypeError: it is no model.
      ValueError: an argument has another value, or the model cannot take a `clone_function`.

    Example:
      >>> import jkeras
      >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(2)], seed=0)
      >>> copy = clone_model(model)
      >>> copy.name, copy.count_params(), copy.params is model.params
      ('sequential', 8, False)

    Source: `keras.models.clone_model`.
    """
    if not hasattr(model, "cloned"):
        raise WrongTypeError(f"clone_model: `model`: expected a model, got {describe(model)}.")
    others = {"input_tensors": input_tensors, "call_function": call_function, **kwargs}
    for name, value in {**others, "recursive": recursive or None}.items():
        if value is not None:
            raise ValueError(
                f"clone_model: `{name}`: expected it to be left out, because there is no such way "
                f"here, got {describe(value)}. `clone_function` changes layers."
            )
    return model.cloned(clone_function)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `model.to_json()` wrote, here or in Keras: fresh weights, compiled as it was.

    Args:
      json_string: the text.
      custom_objects: the user's own classes and functions by name.

    Raises:
      TypeError: it is no text.
      ValueError: it is no JSON, or names something that is not known.

    Example:
      >>> import jkeras
      >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(2)])
      >>> model_from_json(model.to_json()).count_params()
      8

    Source: `keras.models.model_from_json`.
    """
    if not isinstance(json_string, str):
        raise WrongTypeError(
            f"model_from_json: expected the text that to_json() gave, got {describe(json_string)}."
        )
    try:
        config = json.loads(json_string)
    except json.JSONDecodeError as error:
        raise ValueError(f"model_from_json: expected JSON: {error}.") from None
    return deserialize_keras_object(config, custom_objects)


def clone_layers(layers: list[Any]) -> list[Any]:
    """Layers equal to these, and to the layers inside them, that share nothing with them.

    One layer at two places stays one.
    """
    clones: dict[int, Any] = {}
    return [_clone_value(layer, clones) for layer in layers]


def _clone_value(value: object, clones: dict[int, Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(_clone_value(item, clones) for item in value)
    if not isinstance(value, Layer):
        return value
    if id(value) not in clones:
        clones[id(value)] = _clone_layer(value, clones)
    return clones[id(value)]


def _clone_layer(layer: Layer, clones: dict[int, Any]) -> Layer:
    if isinstance(layer, Graph):
        layers = [_clone_value(inner, clones) for inner in layer.layers]
        inputs, outputs = rebuild_graph(layer, layers)
        return layer.replace(inputs=inputs, outputs=outputs)
    values = {field.name: layer.argument(field.name) for field in fields(type(layer)) if field.init}
    inner = {name: _clone_value(value, clones) for name, value in values.items()}
    return layer.replace(**{name: new for name, new in inner.items() if new is not values[name]})


def rebuild_graph(graph: Graph, layers: list[Any]) -> tuple[Any, Any]:
    """The symbols of a graph's inputs and outputs with other layers in place of its own.

    Args:
      graph: the graph.
      layers: for each of its layers the one in its place, inputs and operations included.
    """
    new: dict[int, Any] = {}  # the symbol in place of each old one, by its id

    def mapped(tree: Tree) -> Tree:
        return jax.tree.map(lambda leaf: new.get(id(leaf), leaf), tree)

    for symbol, front in zip(graph.input_symbols, graph.wiring.front, strict=True):
        new[id(symbol)] = entrance(layers[front])
    pairs = zip(layers, graph.nodes, strict=True)
    calls = [(node, layer) for layer, nodes in pairs for node in nodes]
    for node, layer in sorted(calls, key=lambda pair: pair[0].serial):  # in the order of the calls
        old = jax.tree.leaves(node.outputs)
        if not all(id(symbol) in new for symbol in old):
            outputs = call(layer, mapped(node.args), mapped(node.options), mapped(node.given))
            new |= {id(a): b for a, b in zip(old, jax.tree.leaves(outputs), strict=True)}
    return mapped(graph.inputs), mapped(graph.outputs)
