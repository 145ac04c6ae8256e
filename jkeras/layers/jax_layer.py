"""Layers around functions of JAX and modules of Flax, in Keras's form.

    layer = JaxLayer(call_fn=lambda params, inputs: inputs @ params, init_fn=my_init)
    layer = FlaxLayer(MyModule())

A layer of one's own with `init` and `apply` says the same in this library's form, and a Flax module
can stand in a model as it is; these classes take what scripts for Keras give.

Source: `keras.layers.JaxLayer`, `keras.layers.FlaxLayer`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax

from jkeras.core.description import option
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import Key, child
from jkeras.core.layer import Layer, Params, State

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
INIT_ARGUMENTS = ("rng", "inputs", "training")


class _Tree:
    """A tree of arrays that is equal to itself alone, as an argument of a description."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree


def _tree(value: object) -> _Tree | None:
    return value if value is None or isinstance(value, _Tree) else _Tree(value)


def _arrays(box: _Tree | None) -> Any:
    """The tree that was given, with JAX's arrays as leaves; None for none."""
    return None if box is None else jax.tree.map(jax.numpy.asarray, box.tree)


def _function(value: object) -> Callable[..., Any]:
    if not callable(value):
        raise WrongTypeError(f"expected a function, got {describe(value)}.")
    return value


class JaxLayer(Layer):
    """A layer around a pure function.

    Args:
      call_fn: gives the outputs, from the arguments `params`, `state`, `rng`, `inputs`, `training`,
        in this order, of which it names `params` and `inputs` at least. With `state` it gives
        (outputs, new state).
      init_fn: gives the first params from `rng`, `inputs` and `training`, in this order; (params,
        state) where `call_fn` takes a state.
      params, state: the first ones in place of `init_fn`, trees of arrays.
      seed: the seed of `init_fn`; that of the model when left out.

    Raises:
      TypeError: something else than functions.
      ValueError: a function with other arguments, or neither `init_fn` nor `params`.

    Example:
      >>> import jax.numpy as jnp
      >>> def init(rng, inputs):
      ...     return jnp.ones((inputs.shape[-1], 2))
      >>> layer = JaxLayer(lambda params, inputs: inputs @ params, init)
      >>> layer(jnp.ones((1, 3))).tolist()
      [[3.0, 3.0]]

    Source: `keras.layers.JaxLayer`.
    """

    call_fn: Any = option(convert=_function)
    init_fn: Any = option(default=None, convert=lambda v: None if v is None else _function(v))
    params: Any = option(default=None, convert=_tree)
    state: Any = option(default=None, convert=_tree)
    seed: int | None = None

    def check(self) -> None:
        self._check_arguments("call_fn", self.call_fn, CALL_ARGUMENTS, {"params", "inputs"})
        if self.init_fn is not None:
            self._check_arguments("init_fn", self.init_fn, INIT_ARGUMENTS, {"rng", "inputs"})
        elif self.params is None and self.state is None:
            raise self.value_error("`init_fn`, or the first `params`", "neither")

    def _check_arguments(
        self, name: str, function: Callable[..., Any], known: Sequence[str], needed: set[str]
    ) -> None:
        given = list(inspect.signature(function).parameters)
        if [word for word in known if word in given] != given or not needed <= set(given):
            raise self.value_error(
                f"`{name}` with arguments among {', '.join(known)}, in this order, and with "
                f"{' and '.join(sorted(needed))}",
                ", ".join(given) or "none",
            )

    def _takes(self, name: str) -> bool:
        return name in inspect.signature(self.call_fn).parameters

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        params, state = _arrays(self.params), _arrays(self.state)
        if self.init_fn is not None and params is None:
            key = key if self.seed is None else key_of_seed(self.seed)
            zeros = [jax.numpy.zeros(x.shape, x.dtype) for x in inputs]
            values = {"rng": key, "inputs": _single(zeros), "training": True}
            names = inspect.signature(self.init_fn).parameters
            made = self.init_fn(*(values[name] for name in names))
            params, state = made if self._takes("state") else (made, None)
        return (
            {} if params is None else {"params": params},
            {} if state is None else {"state": state},
        )

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        values = {
            "params": params.get("params"),
            "state": state.get("state"),
            "rng": key,
            "inputs": _single(inputs),
            "training": training,
        }
        names = inspect.signature(self.call_fn).parameters
        outputs = self.call_fn(*(values[name] for name in names))
        if "state" not in names:
            return outputs, state
        outputs, new = outputs
        return outputs, {"state": new} if "state" in state else state


def _single(inputs: Sequence[Any]) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)


class FlaxLayer(Layer):
    """A layer around a module of `flax.linen`.

    Args:
      module: the module.
      method: its method, or a function (module, inputs) -> outputs; `__call__` when left out. It
        may have an argument `training`.
      variables: the first variables of the module, by collections.

    Raises:
      TypeError: something else than a module of `flax.linen`.

    Source: `keras.layers.FlaxLayer`.
    """

    module: Any = None
    method: Any = None
    variables: Any = option(default=None, convert=_tree)

    takes_integers: ClassVar[bool] = True

    def check(self) -> None:
        if not hasattr(self.module, "apply") or not hasattr(self.module, "init"):
            raise WrongTypeError(
                f"{self.who}: `module`: expected a module of flax.linen, got "
                f"{describe(self.module)}. Modules of flax.nnx stand in a model as they are."
            )

    def _options(self, training: bool) -> dict[str, Any]:
        method = self.method
        if isinstance(method, str):
            method = getattr(type(self.module), method)
        called = type(self.module).__call__ if method is None else method
        options: dict[str, Any] = {} if method is None else {"method": method}
        if "training" in inspect.signature(called).parameters:
            options["training"] = training
        return options

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        variables = _arrays(self.variables)
        if variables is None:
            zeros = [jax.numpy.zeros(x.shape, x.dtype) for x in inputs]
            rngs = {name: child(key, name) for name in ("params", "dropout")}
            variables = self.module.init(rngs, *zeros, **self._options(True))
        others = {name: value for name, value in variables.items() if name != "params"}
        return dict(variables.get("params", {})), others

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        rngs = {} if key is None else {"dropout": key}
        variables = {"params": params, **state} if params else dict(state)
        outputs, new = self.module.apply(
            variables, *inputs, rngs=rngs, mutable=list(state), **self._options(training)
        )
        return outputs, {**state, **new}


__all__ = ["FlaxLayer", "JaxLayer"]
