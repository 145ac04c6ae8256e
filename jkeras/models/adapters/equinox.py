"""An Equinox module as a layer.

An Equinox module is written for one example: here it runs under `jax.vmap` over the batch, with
the axis name that its BatchNorm wants, and a random key for each example. A module holds its first
values: `init` returns them, whatever the key, and the module itself stays as it is. From a class,
or `functools.partial` of one, that takes nothing but `key`, `init` makes a module with its key.

`params` are the floating arrays; `state` holds the other arrays ("buffers") and what `eqx.nn.State`
does ("state"). A module with state is given with it, as `eqx.nn.make_with_state` returns them:
`(module, state)`. While it is not trained, it runs in `eqx.nn.inference_mode`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.errors import value_error
from jkeras.core.keys import Key, child
from jkeras.core.layer import Params, State, option
from jkeras.core.trees import Tree
from jkeras.models.adapters.foreign import Foreign, ModuleCall, ModuleSource, class_of, is_factory
from jkeras.models.adapters.named import Named


class _Parts:
    """A module and its state taken apart: what is static, and how to put values in."""

    def __init__(self, module: Tree, carried: Tree) -> None:
        params, buffers, self.static = _split(module)
        self.params, self.buffers = Named(params), Named(buffers)
        self.carried: Any = None if carried is None else jax.tree.structure(carried)
        layers = jax.tree.leaves(module, is_leaf=_is_batch_norm)
        names = [layer.axis_name for layer in layers if _is_batch_norm(layer)]
        self.axis_names: tuple[Any, ...] = tuple(dict.fromkeys(names))  # of the batch axis
        self.needs_state = _needs_state(module)

    def values(self, module: Tree, carried: Tree) -> tuple[Params, State]:
        """The params and the state in a module of this structure."""
        params, buffers, _ = _split(module)
        state: State = {}
        if self.buffers.paths:
            state["buffers"] = self.buffers.to_dict(buffers)
        if self.carried is not None:
            leaves = enumerate(jax.tree.leaves(carried))
            state["state"] = {f"{number:03}": leaf for number, leaf in leaves}
        return self.params.to_dict(params), state

    def module(self, params: Params, state: State) -> tuple[Any, Any]:
        """The module with these values, and its state or None."""
        import equinox as eqx

        buffers = self.buffers.to_tree(state.get("buffers", {}))
        module = eqx.combine(self.params.to_tree(params), buffers, self.static)
        if self.carried is None:
            return module, None
        return module, jax.tree.unflatten(self.carried, jax.tree.leaves(state["state"]))


def _split(module: Tree) -> tuple[Any, Any, Any]:
    import equinox as eqx

    params, rest = eqx.partition(module, _is_trained)
    buffers, static = eqx.partition(rest, _is_array)
    return params, buffers, static


def _is_array(leaf: object) -> bool:
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct)


def _is_trained(leaf: object) -> bool:
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and bool(
        jnp.issubdtype(leaf.dtype, jnp.inexact)
    )


def _needs_state(module: Tree) -> bool:
    def is_index(leaf: object) -> bool:
        return type(leaf).__name__ == "StateIndex"

    return any(map(is_index, jax.tree.leaves(module, is_leaf=is_index)))


def _is_batch_norm(leaf: object) -> bool:
    return type(leaf).__name__ == "BatchNorm" and hasattr(leaf, "axis_name")


def _module_and_state(value: object) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) and len(value) == 2 else (value, None)


def _module_source(value: object) -> ModuleSource:
    """The module with its parts; a class or a partial as what makes one.

    Raises:
      TypeError: it cannot be called.
      ValueError: the module has a state, which is missing.
    """
    import equinox as eqx

    if isinstance(value, ModuleSource):
        return value
    example = value
    if is_factory(value):
        example = eqx.filter_eval_shape(_call_factory, value, jax.random.key(0))
    parts = _Parts(*_module_and_state(example))
    if parts.needs_state and parts.carried is None:
        name = class_of(_module_and_state(value)[0]).__name__
        raise ValueError(
            f"expected a module with its state, got {name} alone, which has a state. "
            f"Give both: eqx.nn.make_with_state({name})(...) returns (module, state)."
        )
    return ModuleSource(value, parts, _module_source)


def _call_factory(factory: Callable[..., Any], key: Key) -> Any:
    """The module, or `(module, state)` where it has a state."""
    import equinox as eqx

    module, state = eqx.nn.make_with_state(factory)(key=key)
    return (module, state) if _needs_state(module) else module


class Equinox(Foreign):
    """A module of Equinox as a layer.

    Args:
      module: the module, or `(module, state)`; or a class of modules, or `functools.partial` of
        one, to which `key` is all that is missing.
      batched: whether the module itself takes a batch, so that no `jax.vmap` is needed.

    Example:
      >>> import equinox as eqx
      >>> layer = Equinox(eqx.nn.MLP(3, 2, width_size=4, depth=1, key=jax.random.key(0)))
      >>> params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> sorted(params["layers"]), layer.apply(params, state, jnp.ones((5, 3)))[0].shape
      (['0', '1'], (5, 2))
    """

    library: ClassVar[str] = "Equinox"
    state_advice: ClassVar[str] = "Return the state that state.set(...) or the last layer gave."

    module: Any = option(convert=_module_source)
    batched: bool = False

    def check(self) -> None:
        super().check()
        names = self.module.parts.axis_names
        if len(names) > 1 and not self.batched:
            raise value_error(
                who=self.who,
                expected="one name for the batch axis",
                got=list(names),
                fix="Give every BatchNorm the same `axis_name`.",
            )
        if self._carries and "state" not in self.parameters():
            raise value_error(
                "the module was given with a state, and its `__call__` takes none. Write it as "
                "__call__(self, x, state) that returns (outputs, state).",
                who=self.who,
            )

    shown_as = Foreign.shown_as

    @property
    def kind(self) -> Any:
        return class_of(_module_and_state(self.module.value)[0])

    @property
    def _carries(self) -> bool:
        return self.module.parts.carried is not None

    def known_rows(self) -> str:
        declared = getattr(self.kind, "padded_rows", None)
        alone = not (self.batched or self._carries or self.module.parts.axis_names)
        return declared or ("ignored" if alone else "seen")  # one example under vmap sees no other

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        source = self.module.value
        with self.noting_errors(inputs):
            source = _call_factory(source, key) if is_factory(source) else source
        values = self.module.parts.values(*_module_and_state(source))
        return jax.tree.map(lambda leaf: jnp.array(leaf, leaf.dtype), values)

    def run(self, params: Params, state: State, call: ModuleCall) -> tuple[Any, State]:
        module, carried = self.module.parts.module(params, state)
        module = self._in_mode(module, call.training)
        flags = self.flags(call.training)
        for name in ("deterministic", "inference"):  # inference_mode sets them
            flags.pop(name, None)

        def run(
            inputs: tuple[Any, ...], carried: Tree, key: Key | None, kwargs: dict[str, Any]
        ) -> tuple[Any, Any]:
            kwargs = {**flags, **kwargs}
            if "key" in self.parameters():
                kwargs["key"] = key
            if not self._carries:
                return module(*inputs, **kwargs), None
            return module(*inputs, state=carried, **kwargs)

        key: Any = call.key
        if not self.batched:  # on each example; the state is that of the batch
            if key is not None:
                numbers = jnp.arange(len(jax.tree.leaves(call.inputs)[0]))
                key = jax.vmap(functools.partial(child, key))(numbers)
            axes = (0, None, None if key is None else 0, 0)
            axis_name = next(iter(self.module.parts.axis_names), None)
            run = jax.vmap(run, in_axes=axes, out_axes=(0, None), axis_name=axis_name)
        with self.noting_errors(call.inputs):
            outputs, new = run(call.inputs, carried, key, call.kwargs)
        if not self._carries:
            return outputs, state
        leaves = {f"{number:03}": leaf for number, leaf in enumerate(jax.tree.leaves(new))}
        return outputs, {**state, "state": leaves}

    def _in_mode(self, module: Any, training: bool) -> Any:
        """The module as it trains or not; in a frozen layer, BatchNorm does not."""
        import equinox as eqx

        module = eqx.nn.inference_mode(module, value=not training)
        if training and not self.trainable:
            module = jax.tree.map(
                lambda leaf: eqx.nn.inference_mode(leaf) if _is_batch_norm(leaf) else leaf,
                module,
                is_leaf=_is_batch_norm,
            )
        return module

    def restored(self, params: Params, state: State) -> Any:
        """The module with these values; `(module, state)` where it has a state."""
        module, carried = self.module.parts.module(params, state)
        return (module, carried) if self._carries else module
