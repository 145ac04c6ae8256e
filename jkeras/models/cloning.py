"""New models from old ones: clones, graphs with other layers in place, and models from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from jkeras.core.calling import call
from jkeras.core.description import fields
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.identity import identity_of
from jkeras.core.layer import Layer
from jkeras.core.operations import Operation
from jkeras.core.serialization import deserialize_keras_object
from jkeras.core.symbols import Symbol
from jkeras.core.trees import Tree
from jkeras.layers.adapting import Adaptable
from jkeras.layers.input import InputLayer, entrance
from jkeras.models.chain import Chain
from jkeras.models.graph import Graph


class CloneOptions(NamedTuple):
    """How a model is cloned.

    Attributes:
      clone_fn: from a layer to the one that takes its place; None for its equal.
      call_fn: (layer, *args, **kwargs) -> the outputs of the call that takes the place of one; None
        for the same call.
      inputs: the symbols of the new model's inputs; None for new ones.
      recursive: whether models inside the model are cloned by these options, too.
    """

    clone_fn: Callable[[Any], Any] | None = None
    call_fn: Callable[..., Any] | None = None
    inputs: Any = None
    recursive: bool = False

    def check_plain(self, who: str, **names: str) -> None:
        """Raises unless the options of these names are None; the values say why."""
        for name, reason in names.items():
            value = getattr(self, name)
            if value is not None:
                public = _PUBLIC[name]
                raise ValueError(
                    f"{who}: `{public}`: expected None, {reason}, got {describe(value)}."
                )


_PUBLIC = {"clone_fn": "clone_function", "call_fn": "call_function", "inputs": "input_tensors"}


def clone_model(
    model: Any,
    input_tensors: Tree = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers with fresh weights, compiled alike; the two share nothing.

    Layers keep what `adapt` found, unless the model is a class with a `call` of its own.

    Args:
      model: a `Sequential`, a `Model` or a `Trainer`.
      input_tensors: what `Input` returned, in the structure of the model's inputs, or its
        `InputLayer`; new inputs by default.
      clone_function: from a layer to the one that takes its place in the new model; called for
        each layer but the inputs. By default the layer's equal. A layer that it returns itself is
        shared by the two models.
      call_function: `(layer, *args, **kwargs)` -> outputs, called in place of each layer of a graph
        to insert other layers before or behind it.
      recursive: whether the models inside the model are cloned by these functions, too; else each
        is one layer of it.
      **kwargs: none.

    Raises:
      TypeError: it is no model, or there is no such argument.
      ValueError: an argument does not go with the model.

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
    for name in kwargs:
        raise TypeError(f"clone_model: unexpected argument `{name}`.")
    made = model.cloned(CloneOptions(clone_function, call_function, input_tensors, recursive))
    if model.compiled and not made.compiled:
        config = model.in_config_of_compilation()
        if config:
            made.compile_from_config(config)
    return made


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
        items = tuple(_clone_value(item, clones) for item in value)
        is_same = all(new is old for new, old in zip(items, value, strict=True))
        return value if is_same else items
    if not isinstance(value, Layer):
        return value
    if id(value) not in clones:
        clones[id(value)] = _clone_layer(value, clones)
    return clones[id(value)]


def _clone_layer(layer: Layer, clones: dict[int, Any]) -> Layer:
    if isinstance(layer, Adaptable):
        return layer.separate_copy()
    if isinstance(layer, Graph):
        layers = [_clone_value(inner, clones) for inner in layer.layers]
        inputs, outputs = rebuild_graph(layer, layers)
        return layer.replace(inputs=inputs, outputs=outputs)
    values = {field.name: layer.argument(field.name) for field in fields(type(layer)) if field.init}
    inner = {name: _clone_value(value, clones) for name, value in values.items()}
    return layer.replace(**{name: new for name, new in inner.items() if new is not values[name]})


def replaced_layers(net: Graph | Chain, options: CloneOptions) -> list[Any]:
    """The layers that take the places of those of a graph or a chain.

    Args:
      net: the graph or chain.
      options: how they are made.
    """
    layers = list(net.layers)
    if options.clone_fn is None and options.call_fn is None and not options.recursive:
        return clone_layers(layers)
    done: dict[Any, Any] = {}
    for layer in layers:
        if identity_of(layer) not in done:
            done[identity_of(layer)] = _replaced(layer, options)
    return [done[identity_of(layer)] for layer in layers]


def _replaced(layer: Layer, options: CloneOptions) -> Any:
    if options.recursive and isinstance(layer, Graph):
        inner = options._replace(inputs=None)
        inputs, outputs = rebuild_graph(layer, replaced_layers(layer, inner), inner)
        return layer.replace(inputs=inputs, outputs=outputs)
    if options.recursive and isinstance(layer, Chain):
        return layer.replace(layers=tuple(replaced_layers(layer, options)))
    if options.clone_fn is None or isinstance(layer, InputLayer | Operation):
        return clone_layers([layer])[0]
    return options.clone_fn(layer)


def rebuild_graph(
    graph: Graph, layers: list[Any], options: CloneOptions | None = None
) -> tuple[Any, Any]:
    """The symbols of a graph's inputs and outputs with other layers in place of its own.

    Args:
      graph: the graph.
      layers: for each of its layers the one in its place, inputs and operations included.
      options: which calls and inputs take the places of its own; None for the same.

    Raises:
      ValueError: the inputs have another structure than the graph's.
    """
    new: dict[int, Any] = {}  # the symbol in place of each old one, by its id
    options = options or CloneOptions()

    def mapped(tree: Tree) -> Tree:
        return jax.tree.map(lambda leaf: new.get(id(leaf), leaf), tree)

    if options.inputs is None:
        for symbol, front in zip(graph.input_symbols, graph.wiring.front, strict=True):
            new[id(symbol)] = entrance(layers[front])
    else:
        given = given_inputs(graph.inputs, options.inputs)
        new |= {id(a): b for a, b in zip(graph.input_symbols, given, strict=True)}
    pairs = zip(layers, graph.nodes, strict=True)
    calls = [(node, layer) for layer, nodes in pairs for node in nodes]
    for node, layer in sorted(calls, key=lambda pair: pair[0].serial):  # in the order of the calls
        old = jax.tree.leaves(node.outputs)
        if not all(id(symbol) in new for symbol in old):
            if options.call_fn is None or isinstance(layer, Operation):
                outputs = call(layer, mapped(node.args), mapped(node.options), mapped(node.given))
            else:
                args, kwargs = mapped(node.given)
                outputs = options.call_fn(layer, *args, **kwargs)
            new |= {id(a): b for a, b in zip(old, jax.tree.leaves(outputs), strict=True)}
    return mapped(graph.inputs), mapped(graph.outputs)


def given_inputs(own: Tree, inputs: Tree) -> list[Any]:
    """The symbols that take the places of a model's own inputs, which are symbols or names."""
    inputs = jax.tree.map(lambda x: getattr(x, "output", x), inputs)
    single = isinstance(inputs, list | tuple) and len(inputs) == len(jax.tree.leaves(own)) == 1
    found = list(inputs) if single else jax.tree.leaves(inputs)
    wanted: Any = jax.tree.structure(own)
    alike = single or jax.tree.structure(inputs) == wanted
    if not alike or not all(isinstance(symbol, Symbol) for symbol in found):
        names = jax.tree.map(lambda symbol: getattr(symbol, "name", symbol), own)
        raise ValueError(
            f"clone_model: `input_tensors`: expected what Input() returned in the structure of the "
            f"model's inputs, {names}, got {describe(inputs)}."
        )
    return found
