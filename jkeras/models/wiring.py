"""The layers between some symbols and others, read off the symbols and put in Keras's order.

`wired(inputs, outputs)` walks from the outputs back to the inputs and numbers every value on the
way. The wiring it returns holds no symbol: graphs that were built alike have equal ones.

Order of layers, as in Keras's functional models: by depth, which is the longest way to an output,
the deepest first; layers of one depth in the order in which the walk meets them. Names are chosen
in the order in which the layers were made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import jax

from jkeras.core import naming
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.identity import Identity, identity_of
from jkeras.core.layer import Layer
from jkeras.core.operations import Template, template
from jkeras.core.symbols import Node, Symbol
from jkeras.core.tracing import is_input, origin
from jkeras.core.trees import Tree
from jkeras.layers.input import InputLayer


class Call(NamedTuple):
    """One call of a layer.

    Attributes:
      layer: its position among the layers.
      arguments: `(args, options)` with the numbers of values in the holes.
      outputs: the numbers of its outputs, leaf by leaf.
    """

    layer: int
    arguments: Template
    outputs: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Wiring:
    """A graph of layers without symbols.

    Attributes:
      layers: the layers under their names, in Keras's order.
      calls: what runs, in order. The inputs have the first numbers.
      front: for each input the position of its `InputLayer`.
      inputs, outputs: the structure of the inputs and of the outputs, with numbers in the holes.
    """

    layers: tuple[Layer, ...]
    calls: tuple[Call, ...]
    front: tuple[int, ...]
    inputs: Template
    outputs: Template


def wired(inputs: Tree, outputs: Tree) -> tuple[Wiring, list[list[Node]]]:
    """The wiring between symbols, and the calls of each of its layers.

    Args:
      inputs: symbols, or a list, tuple or dict of symbols.
      outputs: the same.

    Raises:
      TypeError: something else than a symbol is among them.
      ValueError: the outputs need an `Input` that is not among the inputs, an input occurs twice,
        or two layers have one name.
    """
    walk = _Walk(_symbols("inputs", inputs), _symbols("outputs", outputs))
    order = walk.order()
    numbers = {id(symbol): number for number, symbol in enumerate(walk.inputs)}
    running = [node for node in walk.nodes if node not in walk.fronts]
    running.sort(key=lambda node: -walk.depths[node])
    calls = tuple(_call(node, order, numbers) for node in running)
    calls_of: dict[Identity, list[Node]] = {identity: [] for identity in order}
    for node in sorted({*walk.fronts, *walk.nodes}, key=lambda node: node.serial):
        calls_of[identity_of(node.layer)].append(node)
    wiring = Wiring(
        layers=_named(calls_of),
        calls=calls,
        front=tuple(order.index(identity_of(node.layer)) for node in walk.fronts),
        inputs=_numbered(inputs, numbers),
        outputs=_numbered(outputs, numbers),
    )
    return wiring, list(calls_of.values())


class _Walk:
    """From the outputs back to the inputs.

    Attributes:
      inputs: the inputs.
      fronts: for each of them the node of its `InputLayer`.
      nodes: every node that the outputs need, each behind those that it needs itself.
      depths: for each node the number of calls on the longest way to an output.
    """

    def __init__(self, inputs: list[Symbol], outputs: list[Symbol]) -> None:
        self.inputs = inputs
        self.fronts = [_front(symbol) for symbol in inputs]
        self._front_of = dict(zip(map(id, inputs), self.fronts, strict=True))
        self._visited: dict[Identity, int] = {}
        self.nodes: list[Node] = []
        for symbol in outputs:
            self._visit(symbol)
        self.depths = self._depths_of_nodes()

    def _visit(self, output: Symbol) -> None:
        """Appends what this output needs. A stack in place of recursion: graphs may be deep."""
        finished = set(self.nodes)
        stack = [self._begun(output, finished)]
        while stack:
            node, following = stack[-1]
            symbol = next(following, None)
            if symbol is not None:
                begun = self._begun(symbol, finished, node)
                stack += [begun] if begun[0] not in finished else []
            else:
                stack.pop()
                if node not in finished:
                    finished.add(node)
                    self.nodes.append(node)

    def _begun(
        self, symbol: Symbol, finished: set[Node], after: Node | None = None
    ) -> tuple[Node, Iterator[Symbol]]:
        node = self._source(symbol, after)
        if node not in finished:
            self._visited.setdefault(identity_of(node.layer), len(self._visited))
        return node, iter(node.inputs)

    def _source(self, symbol: Symbol, after: Node | None) -> Node:
        """The call that makes a symbol; the input layer for one of the inputs."""
        node = self._front_of.get(id(symbol), symbol.node)
        if node is None or (is_input(symbol) and id(symbol) not in self._front_of):
            where = "is an output" if after is None else f"goes into {after.layer.who}"
            names = [f"{origin(x)} {x.shape}" for x in self.inputs]
            listed = ", ".join(names) or "none"
            alike = f"{origin(symbol)} {symbol.shape}" in names
            fix = (
                "The two look alike and come from two calls: keep one, and use it in both places."
                if alike
                else "Add it: Model(inputs=[...], outputs=...)."
            )
            raise ValueError(
                f"graph disconnected: {origin(symbol)} {symbol.shape} {where} and is not "
                f"among `inputs` ({listed}). {fix}"
            )
        return node

    def sources(self, node: Node) -> list[Node]:
        """The calls that make the inputs of a call."""
        return [self._source(symbol, node) for symbol in node.inputs]

    def _depths_of_nodes(self) -> dict[Node, int]:
        """A layer that is called several times has the depth of its deepest call so far."""
        depths: dict[Node, int] = {}
        of_layers: dict[Identity, int] = {}
        for node in reversed(self.nodes):
            identity = identity_of(node.layer)
            depth = max(depths.get(node, 0), of_layers.get(identity, 0))
            depths[node] = of_layers[identity] = depth
            for source in self.sources(node):
                depths[source] = max(depth + 1, depths.get(source, 0))
        self._of_layers = of_layers
        return depths

    def order(self) -> list[Identity]:
        """The layers: the deepest first, inputs that nothing needs at the end."""
        for node in self.fronts:
            if identity_of(node.layer) not in self._visited:
                self._of_layers[identity_of(node.layer)] = 0
                self._visited[identity_of(node.layer)] = -1
        identities = sorted(self._of_layers, key=lambda identity: self._visited[identity])
        return sorted(identities, key=lambda identity: -self._of_layers[identity])


def _symbols(argument: str, structure: Tree) -> list[Symbol]:
    """The leaves of a structure, which have to be symbols."""
    leaves = jax.tree.leaves(structure, is_leaf=lambda leaf: leaf is None)
    for leaf in leaves:
        if not isinstance(leaf, Symbol):
            raise WrongTypeError(
                f"`{argument}`: expected what Input(shape) and layers called on it return, got "
                f"{describe(leaf)}."
            )
    if not leaves:
        raise ValueError(f"`{argument}`: expected at least one symbol, got {describe(structure)}.")
    for i, leaf in enumerate(leaves if argument == "inputs" else []):
        if any(leaf is other for other in leaves[:i]):
            raise ValueError(f"`inputs`: {origin(leaf)} {leaf.shape} is given twice.")
    return leaves


def _front(symbol: Symbol) -> Node:
    """The node of the input layer of a symbol; a new one for a symbol from within a graph."""
    if is_input(symbol):
        assert symbol.node is not None
        return symbol.node
    layer = InputLayer(batch_shape=symbol.shape, dtype=symbol.dtype)
    node = Node(layer, (), {})
    node.outputs = symbol
    return node


def _call(node: Node, order: list[Identity], numbers: dict[int, int]) -> Call:
    """A call with numbers in place of symbols; its outputs get the next ones."""
    arguments, symbols = template((node.args, node.options))
    known = arguments.renumbered([numbers[id(symbol)] for symbol in symbols])
    outputs = []
    for symbol in jax.tree.leaves(node.outputs):
        number = numbers.setdefault(id(symbol), len(numbers))
        outputs.append(number)
    return Call(order.index(identity_of(node.layer)), known, tuple(outputs))


def _numbered(structure: Tree, numbers: dict[int, int]) -> Template:
    arguments, symbols = template(structure)
    return arguments.renumbered([numbers[id(symbol)] for symbol in symbols])


def _named(calls_of: dict[Identity, list[Node]]) -> tuple[Layer, ...]:
    """The layers, each a copy that knows its name and its calls here."""
    by_age = sorted(calls_of, key=lambda identity: identity.serial)
    user_names = [
        next((node.layer.name for node in calls_of[identity] if node.layer.name), None)
        for identity in by_age
    ]
    kinds = [naming.kind_of(calls_of[identity][0].layer) for identity in by_age]
    names = dict(zip(by_age, naming.assign(user_names, kinds), strict=True))
    layers = []
    for identity, nodes in calls_of.items():
        layer = nodes[0].layer.renamed(names[identity])
        object.__setattr__(layer, "_calls", nodes)
        layers.append(layer)
    return tuple(layers)
