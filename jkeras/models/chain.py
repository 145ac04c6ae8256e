"""Layers in a row, which together are a layer.

`params` and `state` are dicts from a layer's name to its own; layers that have none do not appear.
The same layer object at two places is one set of weights under one name.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import naming
from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import (
    ACTIVITY_LOSS,
    Array,
    InSlices,
    Layer,
    PaddedRows,
    Params,
    State,
    option,
)


def _named(layers: Any) -> tuple[Layer, ...]:
    """The layers, each knowing its name in this chain; one object keeps one name."""
    if not isinstance(layers, list | tuple):
        raise TypeError(f"expected a list of layers, got {describe(layers)}.")
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(
                f"expected layers, got {describe(layer)} at position {i}. {instead_of(layer)}"
            )
    distinct = list({id(layer): layer for layer in layers}.values())
    kinds = [type(layer).__name__ for layer in distinct]
    names = naming.assign([layer.name for layer in distinct], kinds)
    named = {
        id(layer): layer if layer.name == name else layer.replace(name=name)
        for layer, name in zip(distinct, names, strict=True)
    }
    return tuple(named[id(layer)] for layer in layers)


def instead_of(given: Any) -> str:
    """What to write instead of something that is no layer."""
    if isinstance(given, type):
        return f"Make one: {given.__name__}(...)."
    if isinstance(given, str):
        return f"An activation by name goes in jkeras.layers.Activation({given!r})."
    return "Layers are made by jkeras.layers, or subclass jkeras.layers.Layer."


class Chain(Layer):
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

    layers: tuple[Layer, ...] = option((), convert=_named)

    @property
    def padded_rows(self) -> PaddedRows:  # type: ignore[override]  # here it depends on the layers
        """What filler rows do to the layers: the worst of any."""
        kinds = {_padded_rows(layer) for layer in self.layers}
        return "seen" if "seen" in kinds else "masked" if "masked" in kinds else "ignored"

    @property
    def in_slices(self) -> InSlices:  # type: ignore[override]  # here it depends on the layers
        """Whether a batch is better taken in slices: no layer minds, and one gains."""
        kinds = {layer.in_slices for layer in self.layers}
        return "never" if "never" in kinds else "faster" if "faster" in kinds else "same"

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        seen = set()
        values: Any = inputs
        for layer in self.layers:
            if layer.name not in seen:
                seen.add(layer.name)
                _check_inputs(layer, values)
                own = layer.init(child(key, str(layer.name)), *values)
                _put(params, layer, own[0])
                _put(state, layer, _with_activity(layer, own[1], jnp.zeros(())))
            parts = params.get(str(layer.name), {}), state.get(str(layer.name), {})
            values = jax.eval_shape(functools.partial(_outputs, layer), *parts, *values)
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
    ) -> tuple[Any, State]:
        """As every layer's `apply`; `rows` [batch] bool says which examples are real."""
        state = dict(state)
        runs = list(self._run(params, state, inputs, key, training, rows))
        return _unpacked(runs[-1] if runs else inputs), state

    def layer_outputs(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> list[Any]:
        """The outputs of every layer, in order: what a summary or a feature extractor looks at."""
        runs = self._run(params, dict(state), inputs, key, training, None)
        return [_unpacked(values) for values in runs]

    def penalty(self, params: Params) -> Array | float:
        return sum(
            (layer.penalty(params.get(str(layer.name), {})) for layer in self._distinct()),
            start=0.0,
        )

    def constrain(self, params: Params) -> Params:
        new = dict(params)
        for layer in self._distinct():
            if layer.name in params:
                new[layer.name] = layer.constrain(params[layer.name])
        return new

    def _distinct(self) -> list[Layer]:
        return list({layer.name: layer for layer in self.layers}.values())

    def _run(
        self,
        params: Params,
        state: State,
        values: tuple[Any, ...],
        key: Key | None,
        training: bool,
        rows: Array | None,
    ) -> Iterator[tuple[Any, ...]]:
        """Yields each layer's outputs as a tuple, and replaces the entries of `state` on the
        way.
        """
        turns: dict[str, int] = {}
        for layer in self.layers:
            name = str(layer.name)
            turn = turns[name] = turns.get(name, -1) + 1
            own_key = None if key is None else _key_of_turn(child(key, name), turn)
            told = {"rows": rows} if layer.padded_rows == "masked" else {}
            parts = params.get(name, {}), state.get(name, {})
            outputs, new = layer.apply(*parts, *values, key=own_key, training=training, **told)
            before = parts[1].get(ACTIVITY_LOSS) if turn else None
            _put(state, layer, _with_activity(layer, new, outputs, before))
            values = _as_tuple(outputs)
            yield values


def _outputs(layer: Layer, params: Params, state: State, *inputs: Any) -> tuple[Any, ...]:
    return _as_tuple(layer.apply(params, state, *inputs)[0])


def _key_of_turn(key: Key, turn: int) -> Key:
    """A layer's key when it runs for the first time (turn 0), the second, …: each draws anew."""
    return key if turn == 0 else child(key, turn)


def _unpacked(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _check_inputs(layer: Layer, values: tuple[Any, ...]) -> None:
    """Raises unless the layer takes this many inputs."""
    try:
        inspect.signature(layer.init).bind(None, *values)
    except TypeError:
        raise ValueError(
            f"{layer.who}: got {len(values)} inputs, and takes another number. "
            "A tuple or list of arrays means several inputs."
        ) from None


def _padded_rows(layer: Layer) -> PaddedRows:
    # An activity regularizer is any function of all outputs, so it may see the filler rows.
    return layer.padded_rows if _activity(layer) is None else "seen"


def _activity(layer: Layer) -> Any:
    return getattr(layer, "activity_regularizer", None)


def _with_activity(layer: Layer, state: State, outputs: Any, before: Array | None = None) -> State:
    """The layer's state with the regularization of its outputs, divided by the batch size as in
    Keras; `before` is that of the turns before, when the layer runs more than once.
    """
    rule = _activity(layer)
    if rule is None:
        return state
    terms = [rule(leaf) / (leaf.shape[0] if leaf.ndim else 1) for leaf in jax.tree.leaves(outputs)]
    loss = sum(terms).astype(jnp.float32)
    return {**state, ACTIVITY_LOSS: loss if before is None else before + loss}


def _put(tree: dict[str, Any], layer: Layer, part: dict[str, Any]) -> None:
    if part:
        tree[str(layer.name)] = part
