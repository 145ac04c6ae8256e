"""The base of layers around code of the user's: its arguments, its trees, and its new state.

Laws: a function gets what it names, in whatever order it names it; the new state has the structure,
shapes and dtypes of the old one; leaves of a tree that are no arrays stay in the layer, and its
values have None in their place.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.dtype_policy import weight_dtype
from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, PaddedRows
from jkeras.core.trees import dtype_of, path_names

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

_NUMBERS = (bool, int, float, complex)
_NO_NUMBERS = frozenset("OSTUMm")
"""The kinds of NumPy's dtypes with which no program computes."""
_KINDS = (jnp.bool_, jnp.integer, jnp.floating, jnp.complexfloating)
"""Kinds of numbers, each of which the next one holds."""
_SAME_STATE = "Return the `state` that came, with other values."


class TreeArgument:
    """A tree of arrays, and of what else the user's code reads, as an argument of a description.

    It is equal to itself alone.

    Args:
      tree: any pytree.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def weights(self) -> Any:
        """The arrays as weights, with None in the place of other leaves."""
        return jax.tree.map(lambda leaf: weight(leaf) if is_array(leaf) else None, self.tree)

    def filled(self, arrays: Tree) -> Any:
        """A tree such as that of `weights`, with the other leaves in their places again."""
        leaves, structure = jax.tree.flatten(self.tree)
        values = iter(jax.tree.leaves(arrays))
        return jax.tree.unflatten(structure, [next(values) if is_array(x) else x for x in leaves])

    def __repr__(self) -> str:
        return f"tree of {sum(map(is_array, jax.tree.leaves(self.tree)))} arrays"


def tree_argument(value: object) -> TreeArgument | None:
    """A converter for a tree, or None."""
    return value if value is None or isinstance(value, TreeArgument) else TreeArgument(value)


class ShownArgument:
    """The attribute of an argument that shows something else: what `read_fn(layer)` gives.

    Args:
      name: the argument, one of the class's `hidden_arguments`.
      read_fn: gives the value of the attribute.
    """

    def __init__(self, name: str, read_fn: Callable[[Any], Any]) -> None:
        self.name, self.read_fn = name, read_fn

    def __get__(self, layer: object, owner: type) -> Any:
        return self if layer is None else self.read_fn(layer)

    def __set__(self, layer: object, value: object) -> None:
        vars(layer)[self.name] = value  # by the constructor


def is_array(leaf: object) -> bool:
    """Whether a leaf is a number or an array of numbers."""
    if isinstance(leaf, _NUMBERS):
        return True
    dtype = getattr(leaf, "dtype", None)
    has_shape = hasattr(leaf, "shape") and dtype is not None
    return has_shape and getattr(dtype, "kind", "V") not in _NO_NUMBERS


def weight(value: Any) -> Array:
    """A number or an array as a weight: floating ones have the dtype of weights."""
    array = _array(value)
    return array.astype(weight_dtype()) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _array(value: Any) -> Array:
    """A number or an array as an array of JAX whose dtype no number beside it changes."""
    array = as_jax(np.asarray(value) if isinstance(value, _NUMBERS) else value)
    is_key = jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)
    return array if is_key else array.astype(array.dtype)


def ones(inputs: Tree) -> Any:
    """Ones in place of specs: what a function makes its weights for."""
    return jax.tree.map(lambda x: jnp.ones(x.shape, dtype_of(x.dtype)), inputs)


def single(inputs: Sequence[Any]) -> Any:
    """The input where there is one, else a list of them."""
    return inputs[0] if len(inputs) == 1 else list(inputs)


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function that a call gives: not what `functools.partial` has given by
    name.

    Raises:
      TypeError, ValueError: Python does not know them.
    """
    given = function.keywords if isinstance(function, functools.partial) else {}
    return [p for p in inspect.signature(function).parameters.values() if p.name not in given]


def called(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """What a function returns for those of the values that it names.

    Example:
      >>> called(lambda b, a: (b, a), {"a": 1, "b": 2, "c": 3})
      (2, 1)
    """
    parameters = parameters_of(function)
    by_name = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    args = [values[p.name] for p in parameters if p.name not in by_name]
    return function(*args, **{name: values[name] for name in by_name})


class FunctionLayer(Layer):
    """Base of the layers around code of the user's; the base adds no arguments."""

    takes_integers: ClassVar[bool] = True
    takes_structures: ClassVar[bool] = True
    padded_rows: ClassVar[PaddedRows] = "seen"
    # Keras names there the platforms of TensorFlow's files, and None without them.
    aliases: ClassVar = {**Layer.aliases, "native_serialization_platforms": lambda value: None}

    @property
    def weights_need_shapes(self) -> bool:  # type: ignore[override]  # here it depends on arguments
        """Whether the weights depend on the inputs: unless the arguments say what they are."""
        return not self.known_specs

    @property
    def known_specs(self) -> tuple[Any, ...]:
        """The spec of any input, if the arguments say what the weights are."""
        has_trees = any(isinstance(value, TreeArgument) for value in vars(self).values())
        return (jax.ShapeDtypeStruct((1,), np.float32),) if has_trees else ()

    def in_dtype(self, tree: Tree) -> Any:
        """Arrays as the user's code gets them: floating ones in the layer's dtype, if it is set."""

        def cast(leaf: Any) -> Any:
            if self.dtype is None or not is_array(leaf):
                return leaf
            array = _array(leaf)
            is_floating = jnp.issubdtype(array.dtype, jnp.floating)
            return array.astype(self.dtype) if is_floating else array

        return jax.tree.map(cast, tree)

    def seeded(self, key: Key) -> Key:
        """`key`, another one for every `seed`."""
        seed = getattr(self, "seed", None)
        return key if seed is None else child(key, seed)

    def carried(self, old: Tree, shown: Tree, new: Tree) -> Any:
        """The arrays of a new state in the dtypes of the old one.

        Args:
          old: the arrays of the old state.
          shown: the old state as the user's code got it.
          new: the new one that it returned.

        Raises:
          ValueError: another structure or shape, or floats in the place of whole numbers.
        """
        structures: Any = jax.tree.structure(new), jax.tree.structure(shown)
        if structures[0] != structures[1]:
            expected = f"a new state of the structure of the old one, {_structure(shown)}"
            raise self.value_error(expected, _structure(new), _SAME_STATE)
        before = jax.tree_util.tree_leaves_with_path(shown)
        pairs = zip(before, jax.tree.leaves(new), strict=True)
        returned = [(path, leaf) for (path, kept), leaf in pairs if is_array(kept)]
        arrays, structure = jax.tree.flatten(old)
        leaves = [
            self._carried_leaf("/".join(path_names(path)), array, leaf)
            for array, (path, leaf) in zip(arrays, returned, strict=True)
        ]
        return jax.tree.unflatten(structure, leaves)

    def _carried_leaf(self, name: str, old: Array, new: Any) -> Array:
        if is_array(new):
            array = _array(new)
            if array.shape == old.shape and _holds(old.dtype, array.dtype):
                return array if array.dtype == old.dtype else array.astype(old.dtype)
        place = f" at {name!r}" if name else ""
        expected = f"a new state with {describe(old)}{place}, as the old one"
        raise self.value_error(expected, describe(new), _SAME_STATE)


def _holds(old: Any, new: Any) -> bool:
    """Whether numbers of the dtype `new` may be carried as `old`: floats in another precision,
    whole numbers as floats, but no floats as whole numbers.
    """
    kinds = [
        next((i for i, kind in enumerate(_KINDS) if jnp.issubdtype(dtype, kind)), -1)
        for dtype in (new, old)
    ]
    return bool(new == old) or 0 <= kinds[0] <= kinds[1]


def _structure(tree: Tree) -> str:
    """The structure of a tree, with `*` for a leaf."""
    return str(jax.tree.structure(tree)).removeprefix("PyTreeDef(").removesuffix(")")
