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

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.errors import value_error
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.core.trees import Tree
from jkeras.models.adapters.foreign import Foreign, strong
from jkeras.models.adapters.making import Made, class_of, is_factory
from jkeras.models.adapters.named import Named


class _Parts:
    """A module and its state taken apart: what is static, and how to put values in."""

    def __init__(self, module: Tree, carried: Tree) -> None:
        params, buffers, self.static = _split(module)
        self.params, self.buffers = Named(params), Named(buffers)
        self.carried: Any = None if carried is None else jax.tree.structure(carried)
        self.axis_names = _axis_names(module)
        self.waits = any(map(_is_index, _indices(module)))

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
    if not isinstance(leaf, jax.Array | jax.ShapeDtypeStruct):
        return False
    return bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def _is_index(leaf: object) -> bool:
    return type(leaf).__name__ == "StateIndex"


def _indices(module: Tree) -> list[Any]:
    return jax.tree.leaves(module, is_leaf=_is_index)


def _is_batch_norm(leaf: object) -> bool:
    return type(leaf).__name__ == "BatchNorm" and hasattr(leaf, "axis_name")


def _axis_names(module: Tree) -> tuple[Any, ...]:
    """The names of the batch axis that the layers inside want."""
    found = jax.tree.leaves(module, is_leaf=_is_batch_norm)
    names = [leaf.axis_name for leaf in found if _is_batch_norm(leaf)]
    return tuple(dict.fromkeys(names))


def _given(value: Any) -> tuple[Any, Any]:
    """A module and its state, from what the user gave or a factory made."""
    return value if isinstance(value, tuple) and len(value) == 2 else (value, None)


def _made(value: Any) -> Made:
    """The module with its parts; a class or a partial as what makes one.

    Raises:
      TypeError: it cannot be called.
      ValueError: the module has a state, which is missing.
    """
    import equinox as eqx

    if isinstance(value, Made):
        return value
    example = value
    if is_factory(value):
        example = eqx.filter_eval_shape(_built, value, jax.random.key(0))
    parts = _Parts(*_given(example))
    if parts.waits and parts.carried is None:
        name = class_of(_given(value)[0]).__name__
        raise ValueError(
            f"expected a module with its state, got {name} alone, which has a state. "
            f"Give both: eqx.nn.make_with_state({name})(...) returns (module, state)."
        )
    return Made(value, parts)


def _built(factory: Any, key: Key) -> Any:
    """What a factory makes; with its state, if it has one."""
    import equinox as eqx

    module, state = eqx.nn.make_with_state(factory)(key=key)
    return (module, state) if any(map(_is_index, _indices(module))) else module


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

    module: Any = option(convert=_made)
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
        return class_of(_given(self.module.given)[0])

    @property
    def _carries(self) -> bool:
        return self.module.parts.carried is not None

    def known_rows(self) -> str:
        said = getattr(self.kind, "padded_rows", None)
        alone = not (self.batched or self._carries or self.module.parts.axis_names)
        return said or ("ignored" if alone else "seen")  # one example under vmap sees no other

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        given = self.module.given
        with self.noting_errors(inputs):
            made = _built(given, key) if is_factory(given) else given
        values = self.module.parts.values(*_given(made))
        return jax.tree.map(lambda leaf: jnp.array(leaf, leaf.dtype), values)

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
        mask: Any = None,
    ) -> tuple[Any, State]:
        module, carried = self.module.parts.module(params, state)
        module = self._in_mode(module, training)
        named = self.call_kwargs(training, rows, None)
        known = self.data_kwargs(None, mask)
        for name in ("deterministic", "inference"):  # inference_mode sets them
            named.pop(name, None)

        def call(values: Any, carried: Any, own_key: Any, known: Any) -> tuple[Any, Any]:
            kwargs = {**named, **known}
            if "key" in self.parameters():
                kwargs["key"] = own_key
            if not self._carries:
                return module(*values, **kwargs), None
            return module(*values, state=carried, **kwargs)

        values = self.cast_inputs(inputs)
        with self.noting_errors(inputs):
            if self.batched:
                outputs, new = call(values, carried, key, known)
            else:
                outputs, new = self._over_batch(call, values, carried, key, known)
        if not self._carries:
            return outputs, state
        leaves = {f"{i:03}": leaf for i, leaf in enumerate(jax.tree.leaves(new))}
        fix = "Return the state that state.set(...) or the last layer gave."
        self.check_alike(leaves, state["state"], fix)
        return outputs, {**state, "state": strong(leaves, state["state"])}

    def _over_batch(self, call: Any, values: Any, carried: Any, key: Key | None, known: Any) -> Any:
        """The module on each example; its state is that of the batch."""
        keys = None
        if key is not None:
            numbers = jnp.arange(len(jax.tree.leaves(values)[0]))
            keys = jax.vmap(lambda number: child(key, number))(numbers)
        axes = (0, None, None if keys is None else 0, 0)
        name = next(iter(self.module.parts.axis_names), None)
        mapped = jax.vmap(call, in_axes=axes, out_axes=(0, None), axis_name=name)
        return mapped(values, carried, keys, known)

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

    def restored(self, params: Any, state: Any) -> Any:
        """The module with these values; `(module, state)` where it has a state."""
        module, carried = self.module.parts.module(params, state)
        return (module, carried) if self._carries else module
