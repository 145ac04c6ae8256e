"""A bare pair of functions as a layer: `(init, apply)`.

    params = init(key, *inputs)                      # or init(key)
    outputs = apply(params, *inputs)

    params, state = init(key, *inputs)
    outputs, state = apply(params, state, *inputs)   # where `apply` has an argument `state`

`init` gets zeros of the inputs' shapes. Where `apply` has an argument for a random key (key, rng,
rngs, rng_key, prng_key) or for the flag of training, it gets them. A pair of
`jax.example_libraries.stax`, whose `init` takes an `input_shape`, is understood too.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax

from jkeras.core.errors import WrongTypeError, describe, type_error
from jkeras.core.keys import Key
from jkeras.core.layer import Params, State, option
from jkeras.core.naming import snake_case
from jkeras.models.adapters.foreign import Foreign, ModuleCall, parameters_of, zeros_of

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

_KEYS = ("key", "rng", "rngs", "rng_key", "prng_key")
_STAX = "input_shape"


def _pair(value: Any) -> tuple[Any, Any]:
    """`value` as two functions."""
    pair = (value.init, value.apply) if hasattr(value, "apply") else value
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(map(callable, pair))):
        raise WrongTypeError(f"expected two functions, (init, apply), got {describe(value)}.")
    return pair


class Pair(Foreign):
    """Two functions as a layer.

    Args:
      module: `(init, apply)`, or an object with these two attributes.

    Raises:
      TypeError: it is neither.

    Example:
      >>> import jax.numpy as jnp
      >>> def init(key, x):
      ...     return {"kernel": jax.random.normal(key, (x.shape[-1], 2))}
      >>> def apply(params, x):
      ...     return x @ params["kernel"]
      >>> layer = Pair((init, apply))
      >>> params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> layer.apply(params, state, jnp.ones((5, 3)))[0].shape
      (5, 2)
    """

    library: ClassVar[str] = "(init, apply)"
    state_advice: ClassVar[str] = "Let `apply` return what `init` made, with other values."

    module: tuple[Any, Any] = option(convert=_pair)

    @property
    def kind(self) -> Any:
        return type(self.module[1])

    @property
    def shown_as(self) -> str:
        return "Pair"

    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return parameters_of(self.module[1])

    @property
    def has_state(self) -> bool:
        """Whether `apply` takes a state and returns a new one."""
        return "state" in self._front()

    def _front(self) -> list[str]:
        """The arguments between params and inputs: a state, a random key, both or none."""
        names = list(self.parameters())[1:]
        return list(itertools.takewhile(lambda name: name in ("state", *_KEYS), names))

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        with self.noting_errors(inputs):
            values = self._initial(key, inputs)
        if not self.has_state:
            return self._checked("params", values), {}
        if not (isinstance(values, tuple) and len(values) == 2):
            raise type_error(
                who=self.who,
                expected="`init` to return (params, state), because `apply` takes a `state`",
                got=describe(values),
            )
        return self._checked("params", values[0]), self._checked("state", values[1])

    def _initial(self, key: Key, inputs: tuple[Any, ...]) -> Any:
        """The result of `init`."""
        init, taken = self.module[0], parameters_of(self.module[0])
        if _STAX in taken:
            return init(key, *(x.shape for x in inputs))[1]
        flags = self.flags(self.initial_flag, taken)
        takes_any = any(p.kind is p.VAR_POSITIONAL for p in taken.values())
        if len(taken) - len(flags) == 1 and not takes_any:
            return init(key, **flags)
        return init(key, *self.cast_inputs(self.examples(key, inputs)), **flags)

    def examples(self, key: Key, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs that `init` gets."""
        del key
        return zeros_of(inputs)

    initial_flag: ClassVar[bool] = False
    """The flag of training that `init` gets, if it has an argument for it."""

    def _checked(self, part: str, tree: Tree) -> Any:
        """`tree`, if it is a container of arrays: a model keeps parts by name."""
        wrong = [leaf for leaf in jax.tree.leaves(tree) if not hasattr(leaf, "dtype")]
        if not isinstance(tree, dict | list | tuple | Mapping) or wrong:
            expected = f"`init` to return {part} as a dict, list or tuple of arrays"
            got = describe(wrong[0] if wrong else tree)
            raise type_error(who=self.who, expected=expected, got=got)
        return tree

    def run(self, params: Params, state: State, call: ModuleCall) -> tuple[Any, State]:
        kwargs = self.flags(call.training) | call.kwargs
        front = self._front()
        for name, p in self.parameters().items():
            by_name = p.kind is p.KEYWORD_ONLY or p.default is not p.empty  # so it is no input
            if name in _KEYS and name not in front and by_name:
                kwargs[name] = call.key
        if _STAX in parameters_of(self.module[0]):
            kwargs["rng"] = call.key
        values = [state if name == "state" else call.key for name in front]
        with self.noting_errors(call.inputs):
            outputs = self.module[1](params, *values, *call.inputs, **kwargs)
        if not self.has_state:
            return outputs, state
        if not (isinstance(outputs, tuple) and len(outputs) == 2):
            raise type_error(
                who=self.who,
                expected="`apply` to return (outputs, state), because it takes a `state`",
                got=describe(outputs),
            )
        return outputs[0], outputs[1] if self.trainable else state

    def restored(self, params: Params, state: State) -> Any:
        """`params`, or `(params, state)` where there is a state."""
        return (params, state) if self.has_state else params


def name_of(function: object, otherwise: str) -> str:
    """What a function is called, in the form of a class name; `otherwise` for a lambda."""
    name = getattr(function, "__name__", type(function).__name__)
    words = snake_case(name).split("_") if name.isidentifier() else []
    return "".join(word.title() for word in words) or otherwise
