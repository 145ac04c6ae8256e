"""A `flax.nnx` module as a layer.

An nnx module holds its first values: `init` returns them, whatever the key, and the module itself
stays as it is. From a class, or `functools.partial` of one, that takes nothing but `rngs`, `init`
makes a module with its key.

`params` are the variables of type `nnx.Param`, `state` all others but the random streams, which
follow from `key` in every call. `module.train()` and `module.eval()` are called as the step is.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.keys import Key, child
from jkeras.core.layer import Params, State, option
from jkeras.models.adapters.foreign import Foreign, ModuleCall, ModuleSource, class_of, is_factory
from jkeras.models.adapters.named import Named, Path


class _Parts:
    """A module taken apart: what is static, and how to put values in."""

    def __init__(self, module: Any) -> None:
        self.graph, params, streams, rest = _split(module)
        self.streams = jax.tree.map(trees.spec_of, streams)
        self.params, self.rest = Named(params, _variable), Named(rest, _variable)
        self.kind = type(module)

    def values(self, module: Any) -> tuple[Params, State]:
        """The params and the state in a module of this structure."""
        _, params, _, rest = _split(module)
        return self.params.to_dict(params), self.rest.to_dict(rest)

    def module(self, params: Params, state: State, key: Key | None) -> Any:
        """A module with these values, whose random streams begin with this key."""
        from flax import nnx

        streams = jax.tree_util.tree_map_with_path(
            functools.partial(_stream, jax.random.key(0) if key is None else key), self.streams
        )
        parts = self.params.to_tree(params), streams, self.rest.to_tree(state)
        # Flattened and put together again: variables belong to the trace that makes them.
        return nnx.merge(self.graph, *jax.tree.map(lambda leaf: leaf, parts))


def _split(module: Any) -> Any:
    from flax import nnx

    return nnx.split(module, nnx.Param, nnx.RngState, ...)


def _variable(path: Path) -> Path:
    """The words of a variable's path, without that of its value."""
    return path[:-1] if path[-1:] == ("value",) else path


def _stream(key: Key, path: tuple[Any, ...], spec: Any) -> Any:
    """The start of a random stream: a key of its own, or a count of zero."""
    if not jnp.issubdtype(spec.dtype, jax.dtypes.prng_key):
        return jnp.zeros(spec.shape, spec.dtype)
    own = child(key, "/".join(trees.path_names(path)))
    return own if not spec.shape else jax.random.split(own, spec.shape)


def _module_source(value: Any) -> ModuleSource:
    """The module with its parts; a class or a partial as what makes one."""
    from flax import nnx

    if isinstance(value, ModuleSource):
        return value
    example = value
    if is_factory(value):
        example = nnx.eval_shape(lambda: value(rngs=nnx.Rngs(jax.random.key(0))))
    return ModuleSource(value, _Parts(example), _module_source)


class Nnx(Foreign):
    """A module of `flax.nnx` as a layer.

    Args:
      module: the module; or a class of modules, or `functools.partial` of one, to which `rngs` is
        all that is missing.

    Example:
      >>> from flax import nnx
      >>> layer = Nnx(functools.partial(nnx.Linear, 3, 2))
      >>> params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> jax.tree.map(jnp.shape, params), layer.apply(params, state, jnp.ones((5, 3)))[0].shape
      ({'bias': (2,), 'kernel': (3, 2)}, (5, 2))
    """

    library: ClassVar[str] = "flax.nnx"
    state_advice: ClassVar[str] = (
        "Make every variable in the module's `__init__`, and collect with nnx.capture."
    )

    module: Any = option(convert=_module_source)

    shown_as = Foreign.shown_as

    @property
    def kind(self) -> Any:
        return class_of(self.module.value)

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        from flax import nnx

        module = self.module.value
        with self.noting_errors(inputs):
            module = module(rngs=nnx.Rngs(key)) if is_factory(module) else module
        return trees.copy(self.module.parts.values(module))

    def run(self, params: Params, state: State, call: ModuleCall) -> tuple[Any, State]:
        from flax import nnx

        parts: _Parts = self.module.parts
        if call.training and jax.tree.leaves(parts.streams):
            self.need_key(call.key)
        module = parts.module(params, state, call.key)
        module.train() if call.training else module.eval()
        if not self.trainable:
            module.set_attributes(use_running_average=True, raise_if_not_found=False)
        kwargs = self.flags(call.training) | call.kwargs
        if "rngs" in self.parameters() and call.key is not None:
            kwargs["rngs"] = nnx.Rngs(call.key)
        with self.noting_errors(call.inputs):
            outputs = module(*call.inputs, **kwargs)
        _, _, _, rest = _split(module)
        return outputs, Named(rest, _variable).to_dict(rest)

    def restored(self, params: Params, state: State) -> Any:
        """A module with these values; its random streams begin with `jax.random.key(0)`."""
        return self.module.parts.module(*trees.copy((params, state)), None)
