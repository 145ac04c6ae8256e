"""A graph as a configuration, in the form of Keras's functional models, and back.

Every layer has its own configuration and those of its calls (`inbound_nodes`): the arguments as
they were written, with `[layer, call, output]` in place of a symbol. Operators and the functions of
`jkeras.ops` are written under the names of Keras's operations, and read by these.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax

from jkeras.core.errors import describe, value_error
from jkeras.core.identity import identity_of
from jkeras.core.keras_tensor import OPERATORS
from jkeras.core.naming import snake_case
from jkeras.core.operations import Operation, record
from jkeras.core.serialization import read, serialize_keras_object, with_plain_dtypes
from jkeras.core.symbols import Node, Symbol, symbols_in
from jkeras.core.trees import Tree
from jkeras.layers.input import InputLayer, entrance
from jkeras.models.chain import written_layer
from jkeras.models.wiring import Wiring
from jkeras.ops import activations

if TYPE_CHECKING:
    from jkeras.core.layer import Layer

_TENSOR = "__keras_tensor__"
_GRAPHS = ("Functional", "Model")
_Places = dict[int, list[Any]]
"""From the id of a symbol to its layer, which of the layer's calls, and which of its outputs."""
_CALLED_ON = ("x1", "x2")
"""Arguments of functions that may be numbers, and that Keras's operations are called on."""
_MATH = frozenset(
    "erf erfc erfinv extract_sequences fft fft2 ifft2 in_top_k irfft istft logdet logsumexp rfft "
    "rsqrt segment_max segment_min segment_prod segment_sum stft top_k view_as_complex "
    "view_as_real".split()
)
"""Functions that Keras has in its `math`; what is in no door of its name is in `core`."""
_OF_FUNCTIONS = ("jkeras.ops", "keras.src.ops", "keras.src.activations")
_ACTIVATIONS = {"ReLU": activations.relu, "Mish": activations.mish}
"""The operations that Keras keeps beside its activation functions."""


# -- writing


def config_of_graph(
    wiring: Wiring, nodes: list[list[Node]], inputs: Tree, outputs: Tree
) -> dict[str, Any]:
    """The layers and their calls, as `keras.Model.get_config` gives them.

    Args:
      wiring: the graph without symbols.
      nodes: for each layer its calls.
      inputs, outputs: structures of symbols.

    Raises:
      TypeError, ValueError: a layer or a constant in it cannot be written.
    """
    pairs = list(zip(wiring.layers, nodes, strict=True))
    places: _Places = {}
    for layer, calls in pairs:
        for at, node in enumerate(calls):
            for number, symbol in enumerate(jax.tree.leaves(node.outputs)):
                places.setdefault(id(symbol), [layer.name, at, number])
    for symbol, position in zip(jax.tree.leaves(inputs), wiring.front, strict=True):
        places[id(symbol)] = [wiring.layers[position].name, 0, 0]
    # In these two lists, and only there, Keras counts the call that made an inner graph.
    inner = {layer.name for layer in wiring.layers if hasattr(layer, "wiring")}
    ends = {key: [name, at + (name in inner), number] for key, (name, at, number) in places.items()}
    return {
        "layers": [_layer_config(layer, calls, places) for layer, calls in pairs],
        "input_layers": jax.tree.map(lambda x: ends[id(x)], inputs),
        "output_layers": jax.tree.map(lambda x: ends[id(x)], outputs),
    }


def _layer_config(layer: Layer | Operation, nodes: list[Node], places: _Places) -> dict[str, Any]:
    if isinstance(layer, Operation):
        kind = layer.shown_as
        _function_of(kind, layer.who)  # raises where a configuration cannot name it
        named = [] if kind in OPERATORS else [_named(kind, node)[1].items() for node in nodes]
        options = {
            name: serialize_keras_object(value)
            for pairs in named
            for name, value in pairs
            if _is_option(name, value)
        }
        config: dict[str, Any] = {
            "module": _module_of(kind),
            "class_name": kind,
            "config": {"name": layer.name, **options},
            "registered_name": kind,
        }
    else:
        config = written_layer(layer)
    calls = [] if isinstance(layer, InputLayer) else nodes
    config["name"] = layer.name  # in place, because a shared layer gets an id later
    config["inbound_nodes"] = [_call_config(layer, node, places) for node in calls]
    return config


def _module_of(kind: str) -> str:
    """The module in which Keras has an operation."""
    if kind in _ACTIVATIONS:
        return "keras.src.activations.activations"
    word = snake_case(kind)
    for door in ("numpy", "nn", "linalg", "image") if kind not in OPERATORS else ():
        if word in importlib.import_module(f"jkeras.ops.{door}").__all__:
            return f"keras.src.ops.{door}"
    at = "numpy" if kind in OPERATORS else "math" if word in _MATH else "core"
    return f"keras.src.ops.{at}"


def _named(kind: str, node: Node) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a function's call, options by name though they were written by position."""
    args, kwargs = node.given
    names = list(inspect.signature(_function_of(kind, kind)).parameters)
    pairs = list(zip(names, args, strict=False))
    options = dict(pairs[1:]) if len(pairs) == len(args) else {}
    named = {name: value for name, value in options.items() if _is_option(name, value)}
    kept = [value for name, value in pairs if name not in named] if named else list(args)
    return kept, {**named, **kwargs}


def _is_option(name: str, value: object) -> bool:
    return name not in _CALLED_ON and not symbols_in(value)


def _call_config(layer: Layer | Operation, node: Node, places: _Places) -> dict[str, Any]:
    args, kwargs = node.given
    if isinstance(layer, Operation) and layer.shown_as not in OPERATORS:
        args, named = _named(layer.shown_as, node)
        kwargs = {name: value for name, value in named.items() if not _is_option(name, value)}

    def written(value: object) -> Any:
        if not isinstance(value, Symbol):
            return serialize_keras_object(value)
        history = {
            "shape": list(value.shape),
            "dtype": value.dtype.name,
            "keras_history": places[id(value)],
        }
        return {"class_name": _TENSOR, "config": history}

    return {"args": _mapped(written, list(args)), "kwargs": _mapped(written, dict(kwargs))}


def _mapped(change: Callable[[Any], Any], value: object) -> Any:
    """A structure with its leaves changed. Tuples become lists, as in JSON."""
    if isinstance(value, Mapping):
        return {key: _mapped(change, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(change, item) for item in value]
    return change(value)


# -- reading


def graph_parts(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """The symbols of inputs and outputs that a configuration describes.

    Args:
      config: what `config_of_graph` or Keras wrote.

    Raises:
      ValueError: a name in it is unknown, or its calls do not fit together.
    """
    plain = with_plain_dtypes(config)
    outputs: dict[tuple[str, int], list[Any]] = {}
    waiting = []
    for layer_config in plain["layers"]:
        name, callee = layer_config["name"], _callee(layer_config)
        if isinstance(callee, InputLayer):
            outputs[name, 0] = [entrance(callee)]
        nodes = enumerate(layer_config["inbound_nodes"])
        waiting += [(name, at, callee, node) for at, node in nodes]
    while waiting:
        ready = [item for item in waiting if _sources(item[3]) <= set(outputs)]
        if not ready:
            names = ", ".join(sorted({item[0] for item in waiting}))
            raise ValueError(f"the configuration's layers {names} wait for inputs that none makes.")
        for name, at, callee, node in ready:
            args, kwargs = _filled(node["args"], outputs), _filled(node["kwargs"], outputs)
            if jax.tree.leaves(kwargs.get("mask")) == []:
                kwargs.pop("mask", None)
            if kwargs.get("training") is False and hasattr(callee, "go_backwards"):
                del kwargs["training"]  # Keras's recurrent layers always write it
            outputs[name, at] = jax.tree.leaves(callee(*args, **kwargs))
        waiting = [item for item in waiting if item not in ready]
    inner = [part["name"] for part in plain["layers"] if part["class_name"] in _GRAPHS]
    ends = {(name, at + 1 if name in inner else at): outputs[name, at] for name, at in outputs}
    return _chosen(plain["input_layers"], ends), _chosen(plain["output_layers"], ends)


def _callee(config: Mapping[str, Any]) -> Callable[..., Any]:
    """What is called: a layer, a model, or a function."""
    module, kind = str(config.get("module")), config["class_name"]
    if not module.startswith(_OF_FUNCTIONS):
        callee: Callable[..., Any] = read({**config, "build_config": None})
        return callee
    options = {name: read(v) for name, v in config["config"].items() if name != "name"}
    function = _function_of(kind, kind)

    def call(*args: Any, **kwargs: Any) -> Any:
        if kind == "GetItem":
            args = (args[0], tuple(args[1]) if isinstance(args[1], list) else args[1])
        symbols = record(function, args, {**options, **kwargs}, kind=kind)
        node = jax.tree.leaves(symbols)[0].node
        nodes = identity_of(node.layer).nodes
        node.layer = node.layer.replace(name=config["config"].get("name"))
        identity_of(node.layer).nodes.extend(nodes)
        return symbols

    return call


def _function_of(kind: str, who: str) -> Callable[..., Any]:
    """The function of an operation that Keras calls `kind`.

    Raises:
      ValueError: neither the operators nor `jkeras.ops` have it.
    """
    from jkeras import ops

    known: dict[str, Callable[..., Any]] = {**OPERATORS, **_ACTIVATIONS}
    function = known.get(kind) or getattr(ops, snake_case(kind), None)
    if function is None:
        raise value_error(
            who=who,
            expected="an operator or a function of jkeras.ops, which a configuration can name",
            got=describe(kind),
            fix="Put a function of your own in a layer.",
        )
    return function


def _sources(value: object) -> set[tuple[str, int]]:
    """The calls that arguments come from."""
    if isinstance(value, Mapping):
        if value.get("class_name") == _TENSOR:
            name, at, _ = value["config"]["keras_history"]
            return {(name, at)}
        return set().union(*map(_sources, value.values()))
    return set().union(*map(_sources, value)) if isinstance(value, list | tuple) else set()


def _filled(value: object, outputs: dict[tuple[str, int], list[Any]]) -> Any:
    """Arguments with symbols where the configuration has places."""
    if isinstance(value, Mapping):
        if value.get("class_name") == _TENSOR:
            return _chosen(value["config"]["keras_history"], outputs)
        if "class_name" in value:
            return read(value)
        return {key: _filled(item, outputs) for key, item in value.items()}
    return [_filled(item, outputs) for item in value] if isinstance(value, list | tuple) else value


def _chosen(value: Any, outputs: dict[tuple[str, int], list[Any]]) -> Any:
    """A place, or a structure of places, as symbols."""
    if isinstance(value, Mapping):
        return {key: _chosen(item, outputs) for key, item in value.items()}
    if len(value) == 3 and isinstance(value[0], str):
        return outputs[value[0], value[1]][value[2]]
    chosen = [_chosen(item, outputs) for item in value]
    return tuple(chosen) if isinstance(value, tuple) else chosen
