"""Layers around functions of JAX and modules of Flax, in Keras's form.

    layer = JaxLayer(call_fn=lambda params, inputs: inputs @ params, init_fn=my_init)
    layer = FlaxLayer(MyModule())

A layer of one's own with `init` and `apply` says the same in this library's form, and a Flax module
can stand in a model as it is; these classes take what scripts for Keras give.

Source: `keras.layers.JaxLayer`, `keras.layers.FlaxLayer`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from jkeras.core.description import fields, option
from jkeras.core.errors import WrongTypeError, describe, nearest, type_error
from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State
from jkeras.core.object_api import object_api
from jkeras.core.serialization import never, serialize_keras_object
from jkeras.layers.function_layer import (
    FunctionLayer,
    ShownArgument,
    TreeArgument,
    called,
    is_array,
    ones,
    parameters_of,
    single,
    tree_argument,
    weight,
)

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
INIT_ARGUMENTS = ("rng", "inputs", "training")
TREES = ("params", "state")


def _function(value: object) -> Callable[..., Any]:
    if not callable(value):
        raise WrongTypeError(f"expected a function, got {describe(value)}.")
    return value


def _function_or_none(value: object) -> Callable[..., Any] | None:
    return None if value is None else _function(value)


class JaxLayer(FunctionLayer):
    """A layer around a pure function.

    The functions have any of their arguments in any order, `inputs` at least. Several inputs are
    one list there, and a dict or another structure stays one. Floating arrays have the layer's
    `dtype` inside, if it is set.

    Args:
      call_fn: gives the outputs, from `params`, `state`, `rng`, `inputs` and `training`. With
        `state` it gives (outputs, new state). `rng` is a key while training, another one in every
        step, and None otherwise.
      init_fn: gives the first params, from `rng`, `inputs` and `training`, where neither `params`
        nor `state` is given; (params, state) where `call_fn` has a `state`. The inputs are ones of
        the shapes and dtypes of real ones, `training` is True.
      params, state: the first ones, trees of arrays; training changes the params by gradients.
        Floating arrays become float32. A leaf that is no array stays as it is.
      seed: fixes the first weights and the keys of `call_fn`; those of the model when left out.

    Attributes:
      params, state: the current ones, with views on weights in the place of arrays; None before
        they exist.

    Raises:
      TypeError: something else than functions.
      ValueError: a function with other arguments or without `inputs`; none of `init_fn`, `params`
        and `state` where `call_fn` has params or a state. Where it runs: a result that is no pair,
        or a new state of another structure, shape or kind of numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> def init(rng, inputs):
      ...     return jnp.ones((inputs.shape[-1], 2))
      >>> layer = JaxLayer(lambda inputs, params: inputs @ params, init)
      >>> layer(jnp.ones((1, 3))).tolist()
      [[3.0, 3.0]]
      >>> layer.params.shape
      (3, 2)

    Differs from Keras: floats in the place of whole numbers of the state are an error, which Keras
    cuts off; a configuration has the seed, and `params` and `state` where there is no `init_fn`.

    Source: `keras.layers.JaxLayer`.
    """

    call_fn: Any = option(convert=_function)
    init_fn: Any = option(default=None, convert=_function_or_none)
    params: Any = option(default=None, convert=tree_argument, to_config=never)
    state: Any = option(default=None, convert=tree_argument, to_config=never)
    seed: int | None = None

    hidden_arguments: ClassVar[tuple[str, ...]] = TREES

    def check(self) -> None:
        self._check_arguments("call_fn", self.call_fn, CALL_ARGUMENTS)
        if self.init_fn is not None:
            self._check_arguments("init_fn", self.init_fn, INIT_ARGUMENTS)
        elif self._trees and all(self.argument(name) is None for name in TREES):
            raise self.value_error("`init_fn`, or the first `params` or `state`", "neither")

    def _check_arguments(
        self, name: str, function: Callable[..., Any], known: Sequence[str]
    ) -> None:
        try:
            parameters = parameters_of(function)
        except (TypeError, ValueError):
            expected = f"`{name}` with arguments that Python can tell"
            fix = f"Call it in a function: def {name}(inputs): ..."
            raise self.value_error(expected, describe(function), fix) from None
        for p in parameters:
            stars = "*" * (p.kind is p.VAR_POSITIONAL) or "**" * (p.kind is p.VAR_KEYWORD)
            if stars or p.name not in known:
                hint = "" if stars else nearest(p.name, known)
                fix = f"{hint} Other values belong into the function, or a functools.partial of it."
                expected = f"`{name}` with arguments among {', '.join(known)}"
                raise self.value_error(expected, f"`{stars}{p.name}`", fix.strip())
        if "inputs" not in [p.name for p in parameters]:
            listed = ", ".join(f"`{p.name}`" for p in parameters)
            raise self.value_error(f"`{name}` with an argument `inputs`", listed or "no argument")

    @property
    def _trees(self) -> list[str]:
        """Which of `params` and `state` are arguments of `call_fn`."""
        return [name for name in TREES if self._takes(name)]

    def _takes(self, name: str) -> bool:
        return name in [p.name for p in parameters_of(self.call_fn)]

    @property
    def takes_rng(self) -> bool:
        """Whether `call_fn` has an argument `rng`, so that `seed` counts while training."""
        return self._takes("rng")

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        boxes = {} if self.init_fn is not None else {n: self.argument(n) for n in TREES}
        try:
            return config | {n: _written(box.tree) for n, box in boxes.items() if box is not None}
        except TypeError as error:
            raise type_error(str(error), who=self.who) from None

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        boxes = {name: self.argument(name) for name in TREES}
        found = {name: box.weights() for name, box in boxes.items() if box is not None}
        if not found and self.init_fn is not None and self._trees:
            found = self._initial(key, inputs)
        params, state = ({n: found[n]} if n in found else {} for n in TREES)
        return params, state

    def _initial(self, key: Key, inputs: tuple[Any, ...]) -> dict[str, Any]:
        """The trees that `init_fn` makes, by their names."""
        rng = key if self.seed is None else key_of_seed(self.seed)
        made = called(self.init_fn, {"rng": rng, "inputs": single(ones(inputs)), "training": True})
        has_state = self._takes("state")
        trees = self._pair("init_fn", made, "(params, state)") if has_state else (made, None)
        pairs = zip(TREES, trees, strict=True)
        return {n: jax.tree.map(self._first_weight, tree) for n, tree in pairs if tree is not None}

    def _first_weight(self, leaf: Any) -> Array:
        if not is_array(leaf):
            fix = "Give what is no array in the arguments `params` and `state`."
            raise self.value_error("arrays from `init_fn`", describe(leaf), fix)
        return weight(leaf)

    def _pair(self, name: str, result: Any, parts: str) -> Any:
        if not isinstance(result, tuple | list) or len(result) != 2:
            expected = f"{parts} from `{name}`, because `call_fn` has a `state`"
            raise self.value_error(expected, describe(result))
        return result

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        arrays = self._arrays({**params, **state}, inputs)
        boxes = {name: self.argument(name) for name in arrays}
        shown = {n: arrays[n] if box is None else box.filled(arrays[n]) for n, box in boxes.items()}
        values = {name: self.in_dtype(tree) for name, tree in shown.items()}
        values |= {"inputs": self.in_dtype(single(inputs)), "training": training}
        values["rng"] = self.seeded(self.need_key(key)) if training and self.takes_rng else None
        outputs = called(self.call_fn, values)
        if "state" not in arrays:
            return outputs, state
        outputs, new = self._pair("call_fn", outputs, "(outputs, new state)")
        new = self.carried(arrays["state"], shown["state"], new)
        return outputs, {**state, "state": new} if "state" in state else state

    def _arrays(self, found: dict[str, Any], inputs: tuple[Any, ...]) -> dict[str, Any]:
        """The trees that `call_fn` takes, from the values of the layer.

        A model may have no entry for a tree without arrays: then it is as `init` makes it.
        """
        if any(name not in found for name in self._trees):
            made = jax.eval_shape(self.init, key_of_seed(0), *inputs)
            empty = {name: tree for part in made for name, tree in part.items()}
            for name in self._trees:
                if name not in found and jax.tree.leaves(empty.get(name)):
                    raise self.value_error(f"`{name}` as init(key, inputs) gives it", "none")
            found = empty | found
        return {name: found.get(name) for name in self._trees}

    def shown_tree(self, name: str) -> Any:
        """The current `params` or `state`, with views on weights in the place of arrays."""
        box, weights = self.argument(name), object_api().weights(self)
        found = {} if weights.location is None else weights.tree(name)
        if name not in found:
            return None if box is None else box.tree
        return found[name] if box is None else box.filled(found[name])


def _written(tree: Tree) -> Any:
    """A tree as a configuration, which is read as the same tree.

    Raises:
      TypeError: it has other containers than dicts, lists and tuples.
    """
    if type(tree) is dict:
        return {name: _written(part) for name, part in tree.items()}
    if type(tree) in (list, tuple):
        parts = [_written(part) for part in tree]
        return parts if type(tree) is list else {"class_name": "__tuple__", "config": parts}
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    if not is_array(tree) or isinstance(tree, complex):
        raise WrongTypeError(
            "expected `params` and `state` of dicts, lists and tuples of arrays in a "
            f"configuration, got {describe(tree)}. Give an `init_fn`, which makes them anew."
        )
    array = np.asarray(tree)
    content = {"value": array.tolist(), "dtype": array.dtype.name}
    return {"class_name": "__numpy__", "config": content}


def _variables(value: object) -> TreeArgument | None:
    if value is None or isinstance(value, TreeArgument):
        return value
    if not isinstance(value, Mapping):
        raise WrongTypeError(
            f"expected the variables of a module by their collections, got {describe(value)}. "
            "Write variables=module.init(key, inputs)."
        )
    return TreeArgument(_plain(value))


def _plain(tree: Tree) -> Any:
    """A tree with dicts in the place of other mappings, such as Flax's frozen ones."""
    if not isinstance(tree, Mapping):
        return tree
    return {name: _plain(part) for name, part in tree.items()}


def _method_in_config(method: Any) -> Any:
    """A method of a module by its name, a function as any other."""
    is_bound = getattr(method, "__self__", None) is not None
    return method.__name__ if is_bound else serialize_keras_object(method)


class FlaxLayer(FunctionLayer):
    """A layer around a module of `flax.linen`.

    Several inputs are one list for the module. The collections beside "params" are the state of
    the layer, which the module may change in any call. Floating arrays have the layer's `dtype`
    inside, if it is set.

    Args:
      module: the module.
      method: its method or the name of it, or a function (module, inputs) -> outputs; `__call__`
        when left out. It may have an argument `training`.
      variables: the first variables of the module, by collections; floating arrays become float32.
      seed: fixes the first variables and the keys of the module's stream "dropout"; those of the
        model when left out.

    Attributes:
      params, state: the current variables, those of the collection "params" as a dict with this
        name, and the others; with views on weights in the place of arrays; None before they exist.

    Raises:
      TypeError: something else than a module of `flax.linen`, a method or variables.
      ValueError: the module has no method of this name. Where it runs: a new state of another
        structure, shape or kind of numbers.

    Source: `keras.layers.FlaxLayer`.
    """

    module: Any = None
    method: Any = option(default=None, convert=lambda value: value, to_config=_method_in_config)
    variables: Any = option(default=None, convert=_variables, to_config=never)
    seed: int | None = option(default=None, convert=lambda value: value, kw_only=True)

    hidden_arguments: ClassVar[tuple[str, ...]] = ("variables",)

    def check(self) -> None:
        kind, method = type(self.module), self.method
        if not hasattr(self.module, "apply") or not hasattr(self.module, "init"):
            raise WrongTypeError(
                f"{self.who}: `module`: expected a module of flax.linen, got "
                f"{describe(self.module)}. Modules of flax.nnx stand in a model as they are."
            )
        if isinstance(method, str) and not callable(getattr(kind, method, None)):
            fix = nearest(method, dir(kind)).strip()
            raise self.value_error(f"a method of {kind.__name__}", repr(method), fix, "method")
        if method is not None and not isinstance(method, str) and not callable(method):
            expected, got = f"a method of {kind.__name__} or a function", describe(method)
            raise type_error(who=self.who, argument="method", expected=expected, got=got)

    @property
    def takes_rng(self) -> bool:
        """Whether a seed is given: a module does not tell whether it draws."""
        return self.seed is not None

    def _options(self, training: bool) -> dict[str, Any]:
        method = self.method
        if isinstance(method, str):
            method = getattr(type(self.module), method)
        called_fn = type(self.module).__call__ if method is None else method
        options: dict[str, Any] = {} if method is None else {"method": method}
        if "training" in inspect.signature(called_fn).parameters:
            options["training"] = training
        return options

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        box = self.argument("variables")
        if box is None:
            key = key if self.seed is None else key_of_seed(self.seed)
            rngs = {name: child(key, name) for name in ("params", "dropout")}
            made = self.module.init(rngs, single(ones(inputs)), **self._options(True))
            box = TreeArgument(_plain(made))
        variables = box.weights()
        return variables.pop("params", {}), variables

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        variables, values = self._filled(params, state), self.in_dtype(single(inputs))
        options = {"mutable": list(state), **self._options(training)}
        options["rngs"] = {} if key is None else {"dropout": self.seeded(key)}
        outputs, new = self.module.apply(self.in_dtype(variables), values, **options)
        before = {name: part for name, part in variables.items() if name in state}
        return outputs, self.carried(state, before, before | _plain(new))

    def _filled(self, params: Tree, state: Tree) -> Any:
        """The variables of params and state, with the leaves that are no arrays in their places."""
        variables = {"params": params, **state} if params else dict(state)
        box = self.argument("variables")
        return variables if box is None else box.filled(variables)

    def _shown(self) -> Any:
        """The current variables, with views on weights in the place of arrays."""
        box, weights = self.argument("variables"), object_api().weights(self)
        if weights.location is None:
            return None if box is None else box.tree
        return self._filled(weights.tree("params"), weights.tree("state"))

    @property
    def params(self) -> Any:
        """The variables that gradients change."""
        shown = self._shown()
        return shown and {name: part for name, part in shown.items() if name == "params"}

    @property
    def state(self) -> Any:
        """The other variables."""
        shown = self._shown()
        return shown and {name: part for name, part in shown.items() if name != "params"}


# `fields` completes a class, which puts the defaults of arguments where these attributes belong.
for _kind in (JaxLayer, FlaxLayer):
    fields(_kind)
for _name in TREES:
    _show_tree = functools.partial(lambda name, layer: layer.shown_tree(name), _name)
    setattr(JaxLayer, _name, ShownArgument(_name, _show_tree))
_weights = ShownArgument("variables", lambda layer: layer.weights)
setattr(FlaxLayer, "variables", _weights)  # noqa: B010  # mypy: an argument

__all__ = ["FlaxLayer", "JaxLayer"]
