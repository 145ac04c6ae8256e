"""Layers that form a graph, which together are a layer.

    inputs = Input((784,))
    hidden = Dense(64, activation="relu")(inputs)
    net = Graph(inputs, Dense(10)(hidden))

Laws: a graph is what lies between its inputs and its outputs, and nothing else; a layer that is
called twice has one set of weights under one name; graphs that were built alike are equal; a graph
is a layer, so it is called on symbols to become a part of another.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp

from jkeras.core.errors import nearest, quoted, value_error
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, Params, State, option
from jkeras.core.symbols import Node, Symbol
from jkeras.core.tracing import shapes_only
from jkeras.core.trees import Tree
from jkeras.core.typing import Masks
from jkeras.layers.input import Input, InputLayer, entrance
from jkeras.models import host_part
from jkeras.models.calls import as_tuple, unpacked, with_activity
from jkeras.models.chain import Chain
from jkeras.models.composite import Composite, masks_of_inputs, put_part
from jkeras.models.graph_config import config_of_graph, graph_parts
from jkeras.models.wiring import Call, Wiring, wired


def _structure(value: object) -> Any:
    """Kept as it is: a list stays a list, since outputs come in this structure."""
    return value


class Graph(Composite):
    """Runs the layers that lie between some symbols and others.

    Args:
      inputs: symbols made by `Input`, or by layers: one, or a list, tuple or dict of them.
      outputs: symbols that depend on these alone, in the structure that the outputs shall have; a
        list of one is that one.

    Attributes:
      layers: the layers in Keras's order, those of the inputs and the operations included.
      input_names, output_names: of the inputs in order, and of the layers of the outputs.

    Raises:
      TypeError: something else than a symbol.
      ValueError: the outputs depend on an `Input` that is not among `inputs`; two layers with one
        name.

    Example:
      >>> from jkeras.layers import Add, Dense, Input
      >>> x = Input((4,))
      >>> net = Graph(x, Add()([x, Dense(4)(x)]))
      >>> [layer.name for layer in net.layers]
      ['input_layer', 'dense', 'add']
      >>> params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((2, 4), jnp.float32))
      >>> net.apply(params, state, jnp.ones((2, 4)))[0].shape
      (2, 4)

    Source: `keras.Model(inputs, outputs)`.
    """

    shown_as: ClassVar[str] = "Functional"
    in_keras: ClassVar[tuple[str, str]] = ("keras.src.models.functional", "Functional")

    inputs: Any = option(convert=_structure)
    outputs: Any = option(convert=_structure)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            wiring, nodes = wired(self.inputs, self.outputs)
        except (TypeError, ValueError) as error:
            raise quoted(error, who=self.who) from None
        object.__setattr__(self, "wiring", wiring)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "host_part", host_part.split(self.who, wiring))

    # Set by `__post_init__`: the wiring, and for each layer its calls here.
    wiring: ClassVar[Wiring]
    nodes: ClassVar[list[list[Node]]]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _compared(self) == _compared(other)

    def __hash__(self) -> int:
        return hash((type(self), _compared(self)))

    def __repr__(self) -> str:
        name = f"name={self.name!r}, " if self.name else ""
        return f"{type(self).__name__}({name}layers={list(self.layers)})"

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.wiring.layers

    # -- words

    @property
    def takes_words(self) -> bool:  # type: ignore[override]  # here it depends on the inputs
        """Whether an input is of words."""
        return self.host_part is not None

    def entrances(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The entrances of the program, as symbols, for symbols of the inputs."""
        return tuple(host_part.entrances(self, args))

    # -- inputs and outputs

    @property
    def input_symbols(self) -> list[Symbol]:
        """The inputs, in order."""
        return list(jax.tree.leaves(self.inputs))

    @property
    def output_symbols(self) -> list[Symbol]:
        """The outputs, in order."""
        return list(jax.tree.leaves(self.outputs))

    @property
    def input_names(self) -> list[str]:
        """A name for each input: its key in a dict of inputs, else that of its `Input`."""
        if isinstance(self.inputs, dict) and len(self.inputs) == len(self.input_symbols):
            return sorted(self.inputs)
        return [str(self.layers[position].name) for position in self.wiring.front]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs, in order."""
        made_by = {number: call.layer for call in self.wiring.calls for number in call.outputs}
        made_by = {**dict(enumerate(self.wiring.front)), **made_by}
        return [str(self.layers[made_by[number]].name) for number in self.wiring.outputs.holes]

    def arranged(self, values: Sequence[Any]) -> list[Any]:
        """Inputs in order, from how a caller may give them: side by side, or in one list or dict.
        Of a graph that takes words, the entrances of its program, as they are.

        Raises:
          ValueError: there are more or fewer, or a name is none of the inputs'.
        """
        if self.host_part is not None and host_part.are_entrances(values):
            return list(jax.tree.leaves(values))
        return self.arranged_inputs(values)

    def arranged_inputs(self, values: Sequence[Any]) -> list[Any]:
        """Inputs in order, words among them; arguments and errors as for `arranged`."""
        flat = list(values)
        while len(flat) == 1 and isinstance(flat[0], list | tuple):
            flat = list(flat[0])
        if len(flat) == 1 and isinstance(flat[0], dict):
            flat = self._by_name(flat[0])
        flat = jax.tree.leaves(flat, is_leaf=lambda leaf: leaf is None)
        if len(flat) != len(self.input_names):
            listed = ", ".join(self.input_names)
            raise value_error(
                who=self.who, expected=f"{len(self.input_names)} inputs ({listed})", got=len(flat)
            )
        for position, value in zip(self.wiring.front, flat, strict=True):
            layer = self.layers[position]
            if value is None and not getattr(layer, "optional", False):
                expected = "an array, because this input is not optional"
                raise value_error(
                    who=self.who, argument=str(layer.name), expected=expected, got="None"
                )
        return flat

    def check_structure(self, given: object) -> None:
        """Looks at inputs as a user gives them, beside a dict of inputs that the graph has.

        Raises:
          ValueError: they have no names, and the dict was not made in the order of its names.

        Warns:
          UserWarning: they have no names, or other names, too.
        """
        is_encoded = self.host_part is not None and host_part.are_entrances(given)
        if (
            is_encoded
            or not isinstance(self.inputs, dict)
            or len(self.inputs) < 1 + (not isinstance(given, dict))
        ):
            return
        expected, start = (
            self.inputs,
            "The structure of `inputs` doesn't match the expected structure",
        )
        if not isinstance(given, dict):
            start = f"{start}: expected a dict with {', '.join(expected)}, got them without names"
            if list(expected) != sorted(expected):
                raise value_error(f"{start}, in an order that is not clear.", who=self.who)
            warnings.warn(f"{start}. They are taken in this order.", stacklevel=4)
        elif others := [str(name) for name in given if name not in expected]:
            ignored = f"{', '.join(others)} ignored"
            warnings.warn(f"{start}: expected {', '.join(expected)}; {ignored}.", stacklevel=4)

    def _by_name(self, values: dict[str, Any]) -> list[Any]:
        names = self.input_names
        if isinstance(self.inputs, dict) and len(names) != len(self.inputs):  # a nested dict
            with contextlib.suppress(LookupError, TypeError, ValueError):
                return _chosen(self.inputs, values)
        if set(values) >= set(names):
            return [values[name] for name in names]
        missing = [name for name in names if name not in values]
        extra = [name for name in values if name not in names]
        why = f"{missing[0]!r} is missing."
        if extra:
            why = f"{extra[0]!r} is no input.{nearest(str(extra[0]), missing)}"
        raise value_error(
            f"expected inputs named {', '.join(names)}, got {', '.join(map(str, values))}: {why}",
            who=self.who,
        )

    def get_config(self) -> dict[str, Any]:
        """The layers and their calls, as Keras's functional models write them."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            **config_of_graph(self.wiring, self.nodes, self.inputs, self.outputs),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        inputs, outputs = graph_parts(config)
        kept = {name: config[name] for name in ("name", "trainable") if name in config}
        return cls(inputs, outputs, **kept)

    # -- the contract

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        values = self._checked(inputs)
        for call in self._program_calls():
            layer, name = self.layers[call.layer], str(self.layers[call.layer].name)
            args = call.arguments.filled(values)[0]
            if name not in params and name not in state:
                own = layer.init(child(key, name), *args)
                put_part(params, name, own[0])
                put_part(state, name, with_activity(layer, own[1], jnp.zeros(())))
            parts = params.get(name, {}), state.get(name, {})
            run = functools.partial(_outputs, layer, call, key)
            needed = {number: values[number] for number in call.arguments.holes}
            with shapes_only():
                outputs = jax.eval_shape(run, *parts, needed)
            values.update(zip(call.outputs, jax.tree.leaves(outputs), strict=True))
        weight_ties = self.weight_ties
        weight_ties.check_shapes(self.who, params)
        return weight_ties.deduplicate(params), weight_ties.deduplicate(state)

    def run_layers(
        self,
        params: Params,
        state: State,
        inputs: tuple[Any, ...],
        masks: Masks,
        kwargs: dict[str, Any],
    ) -> tuple[Any, Any]:
        values, known = self._run(params, state, inputs, masks, kwargs)
        outputs, out_masks = self.wiring.outputs.filled(values), self.wiring.outputs.filled(known)
        single = isinstance(outputs, list | tuple) and len(outputs) == 1  # itself, as in Keras
        return (outputs[0], out_masks[0]) if single else (outputs, out_masks)

    def layer_outputs(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> list[Any]:
        """The outputs of every call in the order in which they run, and the graph's at the end."""
        kwargs = {"key": key, "training": training, "rows": None}
        values, _ = self._run(params, dict(state), inputs, None, kwargs)
        calls = [unpacked(tuple(values[n] for n in call.outputs)) for call in self._program_calls()]
        outputs = self.wiring.outputs.filled(values)
        single = isinstance(outputs, list | tuple) and len(outputs) == 1
        return [*calls, outputs[0] if single else outputs]

    def _run(
        self,
        params: Params,
        state: State,
        inputs: tuple[Any, ...],
        masks: Masks,
        kwargs: dict[str, Any],
    ) -> tuple[dict[int, Any], dict[int, Any]]:
        """Every value by its number, and their masks; replaces the entries of `state`."""
        values = self._checked(inputs)
        known = dict(zip(values, masks_of_inputs(self, masks, len(values)), strict=True))
        turns: dict[int, int] = {}
        params = self.weight_ties.broadcast(params)
        state.update(self.weight_ties.broadcast(state))
        for call in self._program_calls():
            turns[call.layer] = turn = turns.get(call.layer, -1) + 1
            layer = self.layers[call.layer]
            args, options = call.arguments.filled(values)
            arg_masks, _ = call.arguments.filled(known, constants=None)
            flags = kwargs | {"training": options.pop("training", kwargs["training"])}
            flags |= {"options": options, "turn": turn}
            outputs, new_masks = self.run_layer(layer, params, state, args, arg_masks, **flags)
            leaves = jax.tree.leaves(outputs)
            out_masks = jax.tree.leaves(new_masks, is_leaf=lambda mask: mask is None)
            values.update(zip(call.outputs, leaves, strict=True))
            if len(out_masks) != len(leaves):
                out_masks = [None] * len(leaves)
            known.update(zip(call.outputs, out_masks, strict=True))
        return values, known

    def _program_calls(self) -> tuple[Call, ...]:
        """The calls of the program."""
        part = self.host_part
        return self.wiring.calls if part is None else part.program

    def _checked(self, inputs: tuple[Any, ...]) -> dict[int, Any]:
        """The entrances of the program by their numbers, each as its `InputLayer` lets it through;
        ids that the host made as they are.
        """
        part = self.host_part
        numbers = range(len(self.wiring.front)) if part is None else part.numbers
        layers = [self.layers[position] for position in self.wiring.front]
        return {
            number: _entered(layers[number], value) if number < len(layers) else value
            for number, value in zip(numbers, self.arranged(inputs), strict=True)
        }


def _chosen(structure: Tree, values: Tree) -> list[Any]:
    """The values in the places of a structure's leaves, in their order.

    Raises:
      LookupError, TypeError, ValueError: a place is not there.
    """
    if isinstance(structure, dict):
        parts = [(structure[name], values[name]) for name in sorted(structure)]
    elif isinstance(structure, list | tuple):
        parts = list(zip(structure, values, strict=True))
    else:
        return [values]
    return [leaf for part in parts for leaf in _chosen(*part)]


def _compared(graph: Graph) -> tuple[Any, ...]:
    """The values by which graphs are compared, without symbols."""
    return graph.name, graph.dtype, graph.trainable, graph.wiring, graph.weight_ties


def _entered(layer: Layer, value: Array | jax.ShapeDtypeStruct | None) -> Any:
    """An input as the graph computes with it: integers become float32, as an `Input` without dtype
    says; None of an optional input stays.
    """
    if value is None:
        return None
    dtype = layer.dtype
    if dtype is None and not jnp.issubdtype(value.dtype, jnp.inexact):
        dtype = jnp.float32
    if isinstance(value, jax.ShapeDtypeStruct):
        layer.init(None, value)
        return jax.ShapeDtypeStruct(value.shape, dtype or value.dtype)
    outputs, _ = layer.apply({}, {}, value)
    return outputs if dtype is None else outputs.astype(dtype)


def _outputs(
    layer: Layer, call: Call, key: Key, params: Params, state: State, values: dict[int, Any]
) -> Any:
    args, options = call.arguments.filled(values)
    return layer.apply(params, state, *args, **options, key=key)[0]


def _known_entrance(layer: InputLayer) -> Symbol:
    """The symbol that `Input` returned for a layer; a new one where it is gone."""
    for node in identity_of(layer).nodes:
        if isinstance(node.outputs, Symbol) and not node.args:
            return node.outputs
    return entrance(layer)


def graph_of(chain: Chain, specs: Sequence[Any]) -> Graph:
    """The layers of a chain, called one after the other, as a graph.

    Args:
      chain: the layers.
      specs: what has the shape and the dtype of each input; not used where the chain begins with an
        `InputLayer`.
    """
    layers: list[Any] = list(chain.layers)
    if layers and isinstance(layers[0], InputLayer):
        first = layers.pop(0)
        inputs = [_known_entrance(first)]
    else:
        inputs = [Input(batch_shape=spec.shape, dtype=spec.dtype) for spec in specs]
    values: tuple[Any, ...] = tuple(inputs)
    for layer in layers:
        values = as_tuple(layer(*values))
    return Graph(unpacked(tuple(inputs)), unpacked(values), name=chain.name)
