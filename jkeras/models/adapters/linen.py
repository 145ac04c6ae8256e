"""A `flax.linen` module as a layer.

`params` is Flax's collection of that name, `state` holds all other collections (`batch_stats`, …),
which `apply` may change. The call's flag may be `train`, `training`, `is_training`,
`deterministic` or `use_running_average`, an argument of `__call__` or a field of the module.
`self.make_rng(name)` draws from the layer's key, whatever the name. Sown values are not kept.
"""

from __future__ import annotations

from typing import Any, ClassVar

from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.models.adapters.foreign import Foreign, strong, zeros_of

_SOWN = "intermediates"


def _names(value: Any) -> tuple[str, ...] | None:
    """Names of collections, or None for all.

    Raises:
      TypeError: it is no list of strings.
    """
    if value is None:
        return None
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"expected a list of names of collections, got {describe(value)}.")
    return tuple(value)


class Linen(Foreign):
    """A module of `flax.linen` as a layer.

    Args:
      module: the module.
      collections: the collections that are carried from call to call; all that `module.init` makes
        beside the params when left out.

    Example:
      >>> import flax.linen as nn, jax, jax.numpy as jnp
      >>> layer = Linen(nn.Dense(2))
      >>> params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> jax.tree.map(jnp.shape, params), state
      ({'bias': (2,), 'kernel': (3, 2)}, {})
    """

    library: ClassVar[str] = "flax.linen"

    module: Any
    collections: tuple[str, ...] | None = option(None, convert=_names, kw_only=True)

    shown_as = Foreign.shown_as

    @property
    def kind(self) -> Any:
        return type(self.module)

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        module, flags = self._told(False)
        with self.noting_errors(inputs):
            made = dict(module.init(key, *self.cast_inputs(zeros_of(inputs)), **flags))
        params = made.pop("params", {})
        made.pop(_SOWN, None)
        kept = made if self.collections is None else self.collections
        return params, {name: made[name] for name in kept if name in made}

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
        module, named = self._told(training)
        named |= self.data_kwargs(rows, mask)
        # A stream that is not named falls back on "params"; dropout is named, as it usually is.
        rngs = None if key is None else {"params": key, "dropout": child(key, "dropout")}
        with self.noting_errors(inputs):
            outputs, changed = module.apply(
                {"params": params, **state},
                *self.cast_inputs(inputs),
                rngs=rngs,
                mutable=list(state),
                **named,
            )
        new = {**state, **changed}
        fix = "Say which collections to carry: collections=['batch_stats']."
        self.check_alike(new, state, fix)
        return outputs, strong(new, state)

    def _told(self, training: bool) -> tuple[Any, dict[str, Any]]:
        """The module and the flags of its call; where the flag is a field, the module has it."""
        flags = self.flags(training)
        own = {name: value for name, value in flags.items() if _is_set(self.module, name)}
        flags = {name: value for name, value in flags.items() if name not in own}
        if flags or own:
            return self.module, flags
        fields = self.flags(training, getattr(self.module, "__dataclass_fields__", {}))
        return (self.module.clone(**fields) if fields else self.module), {}

    def restored(self, params: Any, state: Any) -> Any:
        """The variables that `module.apply` takes: `{"params": …, "batch_stats": …}`."""
        return {"params": params, **state}


def _is_set(module: Any, name: str) -> bool:
    """Whether a module was made with this flag, which is then not given to its call again."""
    return getattr(module, name, None) is not None and name in module.__dataclass_fields__
