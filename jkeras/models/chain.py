"""Layers in a row, which together are a layer.

`params` and `state` are dicts from a layer's name to its own; layers that have none do not appear.
The same layer object at two places is one set of weights under one name.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core import naming
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.identity import identity_of
from jkeras.core.input_spec import check_inputs
from jkeras.core.keys import Key, child
from jkeras.core.layer import Layer, Params, State, option
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.symbols import Symbol
from jkeras.core.tracing import guessing_values, is_input, shapes_only
from jkeras.core.trees import is_words
from jkeras.core.typing import Masks
from jkeras.models.adapters import all_adapted
from jkeras.models.calls import as_tuple, naming_errors, unpacked, with_activity
from jkeras.models.composite import Composite, masks_of_inputs, put_part


def _named(layers: object) -> tuple[Layer, ...]:
    """The layers, each knowing its name in this chain; one object keeps one name."""
    if not isinstance(layers, list | tuple):
        raise WrongTypeError(f"expected a list of layers, got {describe(layers)}.")
    layers = all_adapted(input_layer(layer) for layer in layers)
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise WrongTypeError(
                f"expected layers, got {describe(layer)} at position {i}. {instead_of(layer)}"
            )
    distinct = {identity_of(layer): layer for layer in layers}
    kinds = [naming.kind_of(layer) for layer in distinct.values()]
    names = naming.assign([layer.name for layer in distinct.values()], kinds)
    named = {
        identity: layer.renamed(name)
        for (identity, layer), name in zip(distinct.items(), names, strict=True)
    }
    return tuple(named[identity_of(layer)] for layer in layers)


def input_layer(value: object) -> Any:
    """The `InputLayer` of a symbol that `Input` returned; anything else as it is."""
    if isinstance(value, Symbol) and value.node is not None and is_input(value):
        return value.node.layer
    return value


def instead_of(value: object) -> str:
    """What to write instead of something that is no layer."""
    if isinstance(value, type):
        return f"Make one: {value.__name__}(...)."
    if isinstance(value, str):
        return f"An activation by name goes in jkeras.layers.Activation({value!r})."
    if callable(value) and hasattr(value, "__name__"):
        name = "f" if value.__name__ == "<lambda>" else value.__name__
        return f"A function goes in jkeras.layers.Lambda({name})."
    return "Layers are made by jkeras.layers, or subclass jkeras.layers.Layer."


class Chain(Composite):
    """Runs its layers in order, each on the outputs of the one before.

    Args:
      layers: a list of layers. Unnamed ones are named here, per chain: `dense`, `dense_1`, …

    Raises:
      TypeError: something else than a layer is in the list.
      ValueError: two layers have the same name.

    Example:
      >>> from jkeras.layers import Dense, Flatten
      >>> net = Chain([Flatten(), Dense(8, activation="relu"), Dense(2)])
      >>> params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3, 4), jnp.float32))
      >>> jax.tree.map(jnp.shape, params)
      {'dense': {'bias': (8,), 'kernel': (12, 8)}, 'dense_1': {'bias': (2,), 'kernel': (8, 2)}}
      >>> outputs, state = net.apply(params, state, jnp.ones((5, 3, 4)))
      >>> outputs.shape
      (5, 2)
    """

    shown_as: ClassVar[str] = "Sequential"
    """Its class in summaries and in names, as in Keras."""

    layers: tuple[Layer, ...] = option((), convert=_named)

    @property
    def takes_words(self) -> bool:  # type: ignore[override]  # here it depends on the layers
        """Whether the first layer takes words, and no `Input` says that the inputs are numbers."""
        front, first = front_and_first(self)
        is_open = front is None or is_words(front.dtype)
        return is_open and first is not None and bool(first.takes_words)

    def entrances(self, args: tuple[Any, ...]) -> Any:
        """Those of the first layer's program; see `layers.on_host`."""
        return front_and_first(self)[1].entrances(args)

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        seen = set()
        values: Any = inputs
        for layer in self.layers:
            name = str(layer.name)
            if name not in seen:
                seen.add(name)
                _check_inputs(layer, values)
                with naming_errors(layer, values):
                    own = layer.init(child(key, name), *values)
                put_part(params, name, own[0])
                put_part(state, name, with_activity(layer, own[1], jnp.zeros(())))
            parts = params.get(name, {}), state.get(name, {})
            with shapes_only():
                values = jax.eval_shape(functools.partial(_outputs, layer), *parts, *values)
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
        pair: tuple[Any, Any] = inputs, tuple(masks_of_inputs(self, masks, len(inputs)))
        for following in self._run(params, state, pair, kwargs):
            pair = following
        return unpacked(pair[0]), unpacked(pair[1])

    def layer_outputs(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> list[Any]:
        """The outputs of every layer, in order: what a summary or a feature extractor looks at."""
        kwargs = {"key": key, "training": training, "rows": None}
        runs = self._run(params, dict(state), (inputs, (None,) * len(inputs)), kwargs)
        return [unpacked(values) for values, _ in runs]

    def _run(
        self, params: Params, state: State, pair: tuple[Any, Any], kwargs: dict[str, Any]
    ) -> Iterator[tuple[Any, Any]]:
        """Yields each layer's outputs with their masks; replaces the entries of `state`."""
        turns: dict[str | None, int] = {}
        params = self.weight_ties.broadcast(params)
        state.update(self.weight_ties.broadcast(state))
        for layer in self.layers:
            turn = turns[layer.name] = turns.get(layer.name, -1) + 1
            pair = self.run_layer(layer, params, state, *pair, turn=turn, **kwargs)
            yield pair


def front_and_first(chain: Chain) -> tuple[Any, Any]:
    """The `InputLayer` in front of a chain and its first other layer, or None."""
    front = chain.layers[0] if chain.layers and hasattr(chain.layers[0], "batch_shape") else None
    others = chain.layers[front is not None :]
    return front, others[0] if others else None


def _outputs(layer: Layer, params: Params, state: State, *inputs: Any) -> tuple[Any, ...]:
    with naming_errors(layer, inputs):
        return as_tuple(layer.apply(params, state, *inputs, key=jax.random.key(0))[0])


def output_specs(layers: Iterable[Layer], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The specs of what layers in a row give for specs of inputs; nothing is computed.

    Raises:
      TypeError, ValueError: a layer does not fit behind those before it.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    for layer in layers:
        _check_inputs(layer, values)
        with naming_errors(layer, values), guessing_values():
            own = jax.eval_shape(layer.init, key, *values)
        with shapes_only(), guessing_values():
            values = jax.eval_shape(functools.partial(_outputs, layer), *own, *values)
    return values


def _check_inputs(layer: Layer, values: tuple[Any, ...]) -> None:
    """Raises unless the layer takes this many inputs, and inputs such as these."""
    check_inputs(layer.input_spec, layer.who, values)
    signature = inspect.signature(layer.init)
    try:
        signature.bind(None, *values)
    except TypeError:
        count = len(signature.parameters) - 1  # without the key
        raise value_error(
            who=layer.who,
            expected=f"{count} input{'' if count == 1 else 's'}",
            got=len(values),
            fix="A tuple or list of arrays means several inputs.",
        ) from None


def written_layer(layer: Layer) -> Any:
    """A layer of a model as a configuration; a chain as the `Sequential` that it is in Keras."""
    if type(layer) is not Chain:
        return serialize_keras_object(layer)
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": sequence_config(layer, str(layer.name)),
        "registered_name": None,
    }


def sequence_config(chain: Chain, name: str) -> dict[str, Any]:
    """What Keras writes for layers in a row; those of a frozen row are frozen one by one."""
    layers = chain.layers
    if not chain.trainable:
        layers = tuple(layer.replace(trainable=False) for layer in layers)
    written = [written_layer(layer) for layer in layers]
    return {"name": name, "trainable": chain.trainable, "dtype": None, "layers": written}
