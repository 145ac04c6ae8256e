"""Shapes of a model's inputs and outputs in which an axis may have any size, written None."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.errors import NotReadyError, WrongTypeError, describe, value_error
from jkeras.core.layer import Layer
from jkeras.core.symbols import Symbol
from jkeras.core.trees import Tree, is_words
from jkeras.models.chain import Chain, input_layer
from jkeras.models.graph import Graph

if TYPE_CHECKING:
    from jax.typing import DTypeLike

InputSpecs = tuple[Any, ...]
"""The spec of each input of a model, in nested dicts and lists where an input has a structure."""


def is_input(layer: object) -> bool:
    """Whether a layer only declares an input."""
    return hasattr(layer, "batch_shape")


def as_layer(value: object) -> Any:
    """What stands in a list of layers, as a layer: of a symbol that `Input` made its `InputLayer`,
    of a model its description; anything else as it is.
    """
    return value.as_layer() if hasattr(value, "as_layer") else input_layer(value)


def spec_of_input(value: Tree, who: str) -> Any:
    """A spec from an array, a spec or a shape, or a list or dict of these; axes of unknown size,
    and the batch, stay None.
    """
    if isinstance(value, Symbol):
        return OpenSpec(value.shape, value.dtype)
    if is_input(value):
        return OpenSpec(value.batch_shape, value.dtype or jnp.float32)
    if isinstance(value, tuple | list) and all(n is None or _is_size(n) for n in value):
        return OpenSpec(tuple(n if n is None else operator.index(n) for n in value), jnp.float32)
    if isinstance(value, dict):
        return {name: spec_of_input(part, who) for name, part in value.items()}
    if isinstance(value, tuple | list) and all(isinstance(part, tuple | list) for part in value):
        return [spec_of_input(part, who) for part in value]
    if not all(hasattr(leaf, "shape") for leaf in jax.tree.leaves(value)):
        raise WrongTypeError(
            f"{who}: build: expected a shape with the batch axis, an array or an Input, got "
            f"{describe(value)}. For example: build((None, 784))."
        )
    return jax.tree.map(lambda a: OpenSpec((None, *a.shape[1:]), a.dtype), trees.specs(value))


def _is_size(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, jax.Array | np.ndarray)


SIZES = (64, 1, 4099)
"""What is tried for unknown axes behind the first: a size that kernels and a few halvings fit into;
one that fits what has a largest length, such as an embedding of positions; and a large one.
"""


class OpenSpec:
    """A shape with unknown axes (None) and a dtype. Not a pytree node: a leaf.

    Attributes:
      shape: None for an axis of any size.
      dtype: of the values.
      size: stands for unknown axes behind the first where the model is traced; no weight depends
        on it.
    """

    def __init__(
        self, shape: tuple[int | None, ...], dtype: DTypeLike, size: int = SIZES[0]
    ) -> None:
        self.shape, self.dtype, self.size = shape, dtype, size


def concrete(spec: Tree, rows: int = 1, *, longer: int = 0) -> Any:
    """The spec with numbers for unknown axes.

    Args:
      spec: specs, `OpenSpec`s among them.
      rows: stands for the batch axis.
      longer: is added to what stands for the other unknown axes.
    """

    def known(spec: Any) -> jax.ShapeDtypeStruct:
        sizes = [rows, *[getattr(spec, "size", 0) + longer] * len(spec.shape)]
        shape = (size if n is None else n for n, size in zip(spec.shape, sizes, strict=False))
        return jax.ShapeDtypeStruct(tuple(shape), spec.dtype)

    return jax.tree.map(known, spec)


def sized(specs: InputSpecs, layers: Iterable[Any]) -> Iterator[InputSpecs]:
    """The specs with one size for unknown axes; once where only the batch is unknown.

    The sizes are `SIZES`, then the numbers that fit into what the layers say.
    """
    unknown = any(None in spec.shape[1:] for spec in jax.tree.leaves(specs))
    for size in SIZES if unknown else SIZES[:1]:
        yield _of_size(specs, size)
    if unknown:
        numbers = {n for layer in layers for n in getattr(layer, "fitting_sizes", None) or ()}
        yield from (_of_size(specs, n) for n in (*sorted(numbers), math.lcm(*numbers)))


def _of_size(specs: InputSpecs, size: int) -> InputSpecs:
    tried: InputSpecs = jax.tree.map(lambda s: OpenSpec(s.shape, s.dtype, size), specs)
    return tried


def merged_shape(a: Tree, b: Tree) -> Any:
    """The shape of two that agree, with None for the axes in which they differ."""
    if hasattr(a, "shape"):
        return tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))
    return jax.tree.map(merged_shape, a, b)


def declared_inputs(net: object) -> tuple[Any, ...]:
    """The inputs that a description says it has: an `Input`, an `input_shape`, those of a graph."""
    if isinstance(net, Graph):
        symbols = tuple(net.input_symbols)
        return net.entrances(symbols) if net.takes_words else symbols
    if isinstance(net, Chain) and net.layers:
        first = net.layers[0]
        is_of_words = is_input(first) and is_words(first.dtype)
        return _of_words(net, first) if is_of_words else _declared_by_first(first)
    return ()


def _of_words(chain: Chain, front: Any) -> tuple[Any, ...]:
    """The entrances of the program of a chain that begins with an `Input` of words; none while
    nothing follows.
    """
    following = chain.layers[1:]
    if following and not following[0].takes_words:
        raise value_error(
            who=following[0].who,
            expected="numbers",
            got="strings, of the Input in front of it",
            fix="Put a StringLookup, a TextVectorization or a Hashing between them.",
        )
    symbol = Symbol(front.batch_shape, front.dtype)
    return tuple(chain.entrances((symbol,))) if following else ()


def _declared_by_first(layer: Layer) -> tuple[Any, ...]:
    """The inputs that the first layer of a chain says it has."""
    if is_input(layer):
        return (layer,)
    if layer.input_shape is not None:
        return ((None, *layer.input_shape),)
    return declared_inputs(layer)


def not_ready(who: str, part: str | None) -> NotReadyError:
    """The error for weights that are not there.

    Args:
      who: the model's name in messages.
      part: the layer whose weights are missing; None where the shapes of the inputs are not known.
    """
    if part is not None:
        return NotReadyError(
            f"{who}: expected layers and models with weights, since it has no `call` that tells "
            f"the shapes of their inputs, got {part} without. Begin it with Input(shape), or call "
            "its build((None, ...))."
        )
    return NotReadyError(
        f"{who}: it has no weights yet, because the shape of its inputs is not known. Begin it "
        "with Input(shape), call build((None, ...)), or fit it first."
    )
