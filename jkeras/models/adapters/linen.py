"""A `flax.linen` module as a layer.

`params` is Flax's collection of that name, `state` holds all other collections (`batch_stats`, …),
which `apply` may change. The call's flag may be `train`, `training`, `is_training`,
`deterministic` or `use_running_average`, an argument of `__call__` or a field of the module.
`self.make_rng(name)` draws from the layer's key, whatever the name. Sown values are not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import Params, State, option
from jkeras.models.adapters.foreign import Foreign, ModuleCall, zeros_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_SOWN = "intermediates"


def _names(value: Iterable[str] | None) -> tuple[str, ...] | None:
    """Names of collections, or None for all.

    Raises:
      TypeError: it is no list of strings.
    """
    if value is None:
        return None
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise WrongTypeError(f"expected a list of names of collections, got {describe(value)}.")
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
    state_advice: ClassVar[str] = "Say which collections to carry: collections=['batch_stats']."

    module: Any
    collections: tuple[str, ...] | None = option(None, convert=_names, kw_only=True)

    shown_as = Foreign.shown_as

    @property
    def kind(self) -> Any:
        return type(self.module)

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        module, flags = self._module_and_flags(False)
        with self.noting_errors(inputs):
            variables = dict(module.init(key, *self.cast_inputs(zeros_of(inputs)), **flags))
        params = variables.pop("params", {})
        variables.pop(_SOWN, None)
        kept = variables if self.collections is None else self.collections
        return params, {name: variables[name] for name in kept if name in variables}

    def run(self, params: Params, state: State, call: ModuleCall) -> tuple[Any, State]:
        module, flags = self._module_and_flags(call.training)
        key = call.key
        # A stream that is not named falls back on "params"; dropout is named, as it usually is.
        rngs = None if key is None else {"params": key, "dropout": child(key, "dropout")}
        variables, kwargs = {"params": params, **state}, {"rngs": rngs, **flags, **call.kwargs}
        with self.noting_errors(call.inputs):
            outputs, changed = module.apply(variables, *call.inputs, mutable=list(state), **kwargs)
        return outputs, {**state, **changed}

    def _module_and_flags(self, training: bool) -> tuple[Any, dict[str, Any]]:
        """The module and the flags of its call; where the flag is a field, the module has it."""
        flags = self.flags(training)
        fields = getattr(self.module, "__dataclass_fields__", {})
        # A flag that the module was made with is not passed to its call again.
        fixed = [n for n in flags if n in fields and getattr(self.module, n, None) is not None]
        if flags:
            return self.module, {n: value for n, value in flags.items() if n not in fixed}
        fields = self.flags(training, fields)
        return (self.module.clone(**fields) if fields else self.module), {}

    def restored(self, params: Params, state: State) -> Any:
        """The variables that `module.apply` takes: `{"params": …, "batch_stats": …}`."""
        return {"params": params, **state}
