"""Bidirectional and TimeDistributed: wrappers around layers for sequences."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.description import fields
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.identity import Identity, identity_of, same
from jkeras.core.keys import Key, child
from jkeras.core.layer import (
    ACTIVITY_LOSS,
    Array,
    Layer,
    PaddedRows,
    Params,
    State,
    check_rank,
    option,
)
from jkeras.core.layer_object import WeightsArgument
from jkeras.core.logits import carried
from jkeras.core.naming import snake_case
from jkeras.core.parts import Path
from jkeras.core.serialization import never
from jkeras.core.trees import widest_float
from jkeras.layers.cells import drops
from jkeras.layers.options import one_of, optional
from jkeras.layers.recurrent import first_mask
from jkeras.layers.wrapper import NamedParts, Wrapper
from jkeras.ops.recurrence import over_time

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import ArraySpec, Masks

_SHARED = ("return_sequences", "return_state", "stateful")
_pairs: weakref.WeakKeyDictionary[Identity, tuple[Identity, Identity]] = weakref.WeakKeyDictionary()
"""For the identity of a Bidirectional those of the layers it makes, which all its copies share."""


def over_sequences(value: object) -> Any:
    """A recurrent layer, whose direction can be reversed; raises a TypeError for others."""
    if not isinstance(value, Layer) or not hasattr(value, "go_backwards"):
        raise WrongTypeError(
            f"expected a recurrent layer, such as LSTM(32) or RNN(cell), got {describe(value)}."
        )
    return value


def without_weights(value: object) -> None:
    """None, since a description holds no weights; raises a ValueError for others."""
    if value is not None:
        raise ValueError(
            "expected None: a layer holds no weights. Set them when the model is built: "
            "model.set_weights(weights)."
        )


class Bidirectional(NamedParts):
    """A recurrent layer in both directions, the outputs merged.

    Shapes: the two outputs, `[batch, units]` or, with the layer's `return_sequences`,
    `[batch, time, units]` in the order of the inputs, merged by `merge_mode`, by default
    concatenated on the last axis. With the layer's `return_state` the states follow, those of the
    forward layer first. Further inputs are initial states, in the same order.

    Weights: under `forward_…` and `backward_…`, followed by the layer's name.

    Args:
      layer: a recurrent layer: SimpleRNN, LSTM, GRU, ConvLSTM or RNN.
      merge_mode: "concat", "sum", "mul", "ave", or None for two outputs.
      weights: None. (Keras 3 accepts initial weights here, and ignores them.)
      backward_layer: the layer for the backward direction; a reversed copy of `layer` when left
        out.

    A masked step gives zeros in sequences, so that repeated outputs of the two directions do not
    mix.

    Raises:
      TypeError: `layer` is not a recurrent layer.
      ValueError: both layers have the same direction, or differ in `return_sequences` or
        `return_state`; half of the initial states is missing.

    Example:
      >>> from jkeras.layers import LSTM
      >>> layer = Bidirectional(LSTM(4, return_sequences=True))
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 3)))
      >>> list(params), layer.apply(params, state, jnp.ones((2, 5, 3)))[0].shape
      (['forward_lstm', 'backward_lstm'], (2, 5, 8))

    Source: Schuster and Paliwal 1997, doi:10.1109/78.650093; `keras.layers.Bidirectional`.
    """

    supports_masking: ClassVar[bool] = True
    follows_policy: ClassVar[bool] = False  # its layers do
    makes_masks: ClassVar[bool] = False
    hidden_arguments: ClassVar[tuple[str, ...]] = ("weights",)

    layer: Any = option(convert=over_sequences)
    merge_mode: str | None = option(
        default="concat", convert=optional(one_of("concat", "sum", "mul", "ave"))
    )
    weights: None = option(default=None, convert=without_weights, to_config=never)
    backward_layer: Any = option(default=None, convert=optional(over_sequences))

    def check(self) -> None:
        forward, backward = self.both
        if forward.go_backwards == backward.go_backwards:
            raise self.value_error(
                "a `backward_layer` that goes the other way",
                f"go_backwards={forward.go_backwards} for both",
                fix="Set it to True for one of them.",
            )
        for name in _SHARED:
            values = getattr(forward, name), getattr(backward, name)
            if values[0] != values[1]:
                raise self.value_error(
                    f"both layers to have the same `{name}`",
                    f"{values[0]} forward and {values[1]} backward",
                )

    def reset_state(self) -> None:
        """Sets the states of stateful layers to zero, in the model with this layer."""
        for layer in self.both:
            layer.reset_state()

    reset_states = reset_state

    @property
    def both(self) -> tuple[Any, Any]:
        """The forward and the backward layer, as they run: named, and with zeros for masked
        steps of sequences.
        """
        name = self.layer.name or snake_case(type(self.layer).__name__)
        forward = _directed(self.layer, f"forward_{name.removeprefix('forward_')}")
        first, second = _pairs.setdefault(identity_of(self), (Identity(), Identity()))
        same(forward, first)
        if self.backward_layer is None:
            turned = self.layer.replace(go_backwards=True)
            backward = _directed(turned, f"backward_{name.removeprefix('backward_')}")
            same(backward, second)
        else:
            name = self.backward_layer.name or snake_case(type(self.backward_layer).__name__)
            backward = _directed(self.backward_layer, name)
            same(backward, identity_of(self.backward_layer))
        return forward, backward

    @property
    def forward_layer(self) -> Any:
        """The forward layer, a renamed copy of `layer` with its own weights, as in Keras."""
        return self.both[0]

    @property
    def parts(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.both}

    def wrapped_layer(self) -> None:
        """None: the layer runs two copies of its argument `layer`."""

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the layers
        """`padded_rows` of the two layers: the stricter one."""
        kinds = {layer.padded_rows for layer in self.both}
        if "seen" in kinds or any(_activity(layer) for layer in self.both):
            return "seen"
        return "masked" if "masked" in kinds else "ignored"

    def init(self, key: Key, inputs: ArraySpec, *initial: Any) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        for layer, states in zip(self.both, self._halves(initial), strict=True):
            weights, kept = layer.init(child(key, layer.name), inputs, *states)
            if _activity(layer):
                kept = {**kept, ACTIVITY_LOSS: jnp.zeros((), widest_float())}
            params |= {layer.name: weights} if weights else {}
            state |= {layer.name: kept} if kept else {}
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *initial: Any,
        key: Key | None = None,
        training: bool = False,
        mask: ArrayLike | None = None,
        rows: Array | None = None,
    ) -> tuple[Any, State]:
        """As every recurrent layer's `apply`."""
        x = self.cast(inputs)
        options = {"mask": mask} if mask is not None else {}
        both = []
        for layer, states in zip(self.both, self._halves(initial), strict=True):
            own_key = self.need_key(key) if training and drops(layer) else key
            own_key = None if own_key is None else child(own_key, layer.name)
            known = options | ({"rows": rows} if layer.padded_rows == "masked" else {})
            parts = params.get(layer.name, {}), state.get(layer.name, {})
            outputs, kept = layer.apply(*parts, x, *states, key=own_key, training=training, **known)
            if (rule := _activity(layer)) is not None:
                terms = [rule(leaf) / leaf.shape[0] for leaf in jax.tree.leaves(outputs)]
                kept = {**kept, ACTIVITY_LOSS: sum(terms).astype(jnp.float32)}
            state = {**state, layer.name: kept} if kept else state
            both.append(outputs if isinstance(outputs, tuple) else (outputs,))
        return self._merged(*both), state

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        """Sequences keep the mask of the inputs, both where they are not merged."""
        kept = first_mask(mask) if self.layer.return_sequences else None
        return (kept, kept) if self.merge_mode is None else kept

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        """The mask of the sequence; as in Keras, not beside initial states (`mask=` says it)."""
        return {"mask": masks[0]} if len(masks) == 1 else {}

    def _halves(self, initial: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
        leaves = jax.tree.leaves(initial)
        if len(leaves) % 2:
            raise self.value_error(
                "initial states for both directions, half of them for each", len(leaves)
            )
        return leaves[: len(leaves) // 2], leaves[len(leaves) // 2 :]

    def _merged(self, forward: tuple[Any, ...], backward: tuple[Any, ...]) -> Any:
        """The outputs of both directions, merged, and then all states."""
        (a, *states), (b, *others) = forward, backward
        if self.layer.return_sequences:
            b = jnp.flip(b, 1)
        if self.merge_mode is None:
            return (a, b, *states, *others)
        kinds = {
            "concat": lambda: jnp.concatenate([a, b], -1),
            "sum": lambda: a + b,
            "mul": lambda: a * b,
            "ave": lambda: (a + b) / 2,
        }
        merged = kinds[self.merge_mode]()
        return (merged, *states, *others) if self.layer.return_state else merged


fields(Bidirectional)  # completes the class, which puts the argument's default where this belongs:
setattr(Bidirectional, "weights", WeightsArgument())  # noqa: B010  # mypy: an argument


def _directed(layer: Layer, name: str) -> Any:
    """The layer under this name, with zeros for masked steps where it returns sequences."""
    names = [field.name for field in dataclasses.fields(layer)]
    if "zero_output_for_mask" in names:
        return layer.replace(name=name, zero_output_for_mask=layer.return_sequences)
    return layer.replace(name=name)


def _activity(layer: Layer) -> Any:
    return getattr(layer, "activity_regularizer", None)


class TimeDistributed(Wrapper):
    """The same layer at every time step: `[batch, time, ...]` to `[batch, time, ...]`.

    Weights: the layer's.

    A layer that treats examples independently runs once, on `[batch * time, ...]`. A layer that
    depends on the whole batch or has a state, such as BatchNormalization, runs step by step, and
    each step passes its state to the next.

    Args:
      layer: a layer over `[batch, ...]`.

    Raises:
      TypeError: `layer` is not a layer.
      ValueError: the inputs have no time axis, or a `mask` has another shape.

    Example:
      >>> from jkeras.layers import Dense
      >>> layer = TimeDistributed(Dense(4))
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 3)))
      >>> layer.apply(params, state, jnp.ones((2, 5, 3)))[0].shape
      (2, 5, 4)

    Source: `keras.layers.TimeDistributed`.
    """

    supports_masking: ClassVar[bool] = True

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The wrapped layer, whose weights are those of this layer."""
        return [((), self.layer)]

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self._check_inputs(inputs)
        step = jax.ShapeDtypeStruct((inputs.shape[0], *inputs.shape[2:]), inputs.dtype)
        return self.layer.init(key, step)

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
        mask: ArrayLike | None = None,
        rows: Array | None = None,
    ) -> tuple[Any, State]:
        """`Layer.apply`; `mask` [batch, time, ...] is passed to a layer that accepts one."""
        x = as_jax(inputs) if self.dtype is None else self.cast(inputs)
        self._check_inputs(x)
        mask = self._checked_mask(mask, x)
        if self.layer.padded_rows == "ignored" and not jax.tree.leaves(state):
            options: dict[str, Any] = {"key": key, "training": training}
            if not all(
                isinstance(n, int) for n in x.shape[1:2]
            ):  # JAX does not multiply sizes such as n - 2
                return self._side_by_side(params, state, x, mask, options), state
            options |= {} if mask is None else {"mask": _joined(mask)}
            outputs, _ = self.inner.apply(params, state, _joined(x), **options)
            return jax.tree.map(functools.partial(_split, x.shape[:2]), outputs), state
        return self._step_by_step(params, state, x, mask, key, training, rows)

    def _side_by_side(
        self, params: Params, state: State, x: Array, mask: Array | None, options: dict[str, Any]
    ) -> Any:
        """The outputs of all steps by `vmap`, which leaves the axis of time where it is."""

        def step(x: Array, mask: Array | None) -> Any:
            kept = options if mask is None else options | {"mask": mask}
            return self.inner.apply(params, state, x, **kept)[0]

        return jax.vmap(step, 1, 1)(x, mask)

    def _step_by_step(
        self,
        params: Params,
        state: State,
        x: Array,
        mask: Array | None,
        key: Key | None,
        training: bool,
        rows: Array | None,
    ) -> tuple[Any, State]:
        options = {"rows": rows} if self.layer.padded_rows == "masked" else {}

        def step(state: State, slices: tuple[Array, Array, Array | None]) -> tuple[State, Any]:
            t, x_t, mask_t = slices
            known = options if mask_t is None else options | {"mask": mask_t}
            own_key = None if key is None else child(key, t)
            outputs, new = self.inner.apply(
                params, state, x_t, key=own_key, training=training, **known
            )
            return new, outputs

        first = [None if a is None else jnp.moveaxis(a, 1, 0) for a in (x, mask)]
        new, outputs = over_time(step, state, (jnp.arange(x.shape[1]), *first))
        return jax.tree.map(lambda y: jnp.moveaxis(y, 0, 1), outputs), new if training else state

    def _check_inputs(self, inputs: ArraySpec) -> None:
        check_rank(self, inputs, 3, "[batch, time, ...]", or_more=True)

    def _checked_mask(self, mask: ArrayLike | None, x: Array) -> Array | None:
        """The mask; None for a layer without an argument `mask`."""
        if mask is None:
            return None
        mask = jnp.asarray(mask)
        if mask.shape[:2] != x.shape[:2]:
            raise self.value_error(
                f"`mask` of shape {x.shape[:2]}, or with more axes behind, as the inputs begin",
                mask.shape,
            )
        return mask if "mask" in inspect.signature(self.layer.apply).parameters else None


def _split(sizes: tuple[int, ...], x: Array) -> Array:
    return carried(lambda y: y.reshape(*sizes, *y.shape[1:]), x)


def _joined(x: Array) -> Array:
    return x.reshape(-1, *x.shape[2:])
