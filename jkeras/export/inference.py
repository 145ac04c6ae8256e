"""`Inference`: a trained model as a pure function of named arrays, which every format is made from.

Laws: inputs and outputs are flat and named, whatever structure the model gives them; an axis of any
size has a name, such as "batch", and axes of one name have one size; nothing is drawn at random and
no state changes, so equal inputs give equal outputs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import value_error
from jkeras.core.trees import Tree

BATCH = "batch"
"""The name of the first axis where its size is open."""

_BATCHES = (1, 3)
_SIZES = ((5, 8), (16, 24), (33, 65), (64, 96), (240, 480))
"""What is tried for the other open axes, two numbers each."""

DOES_NOT_FIT = (
    *(TypeError, ValueError, IndexError, ZeroDivisionError, NotImplementedError),
    jax.errors.InconclusiveDimensionOperation,
)
"""The errors that a layer, JAX or a user's code raises where inputs do not fit."""


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """What is known of one input or output.

    Attributes:
      name: under which a runtime takes or gives the array.
      shape: a number for a known size, a name for an open one, or a multiple, "4*height"; for
        outputs whatever follows from names.
      dtype: NumPy's name of it.
      limit: what integers have to lie below, such as the number of tokens that an embedding has;
        None where nothing is known of them.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    limit: int | None = None

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape with a number for each open axis."""
        return tuple(n if isinstance(n, int) else _size(n, sizes) for n in self.shape)


def _size(axis: str, sizes: Mapping[str, int]) -> int:
    factor, _, name = axis.rpartition("*")
    return int(factor or 1) * sizes[name]


@dataclasses.dataclass(frozen=True, eq=False)
class Inference:
    """A model outside of training, as a pure function.

    Attributes:
      name: of the model.
      net: the description: a `Chain`, a `Graph`, an adapter of another library's module, ...
      params, state: the values of its weights.
      inputs: the arrays it takes, in order.
      outputs: the arrays it gives, in order.
      structure: of the arguments of `net.apply`, whose leaves are the inputs.
      least: the smallest sizes of open axes, where 1 is too small.
    """

    name: str
    net: Any
    params: Tree
    state: Tree
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    structure: Any
    least: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def apply(self, params: Tree, state: Tree, *arrays: Any) -> tuple[Any, ...]:
        """The outputs for inputs and weights: what is traced for an export."""
        inputs = jax.tree.unflatten(self.structure, arrays)
        outputs, _ = self.net.apply(params, state, *inputs, key=None, training=False)
        return tuple(jax.tree.leaves(outputs))

    def traced(self, sizes: Mapping[str, int] | None = None) -> tuple[Any, Any, Any]:
        """The jaxpr from (params, state, *inputs) to (outputs, state), and the shapes and dtypes of
        these two in the model's structure.

        Args:
          sizes: a number for each open axis; symbols of `jax.export` stand for them when left out.

        Raises:
          TypeError, ValueError: the model cannot take such inputs, or its code needs numbers.
        """

        def program(params: Tree, state: Tree, *arrays: Any) -> Any:
            inputs = jax.tree.unflatten(self.structure, arrays)
            return self.net.apply(params, state, *inputs, key=None, training=False)

        trace = jax.make_jaxpr(program, return_shape=True)
        jaxpr, shapes = trace(self.params, self.state, *self.specs(sizes))
        return jaxpr, *shapes

    @functools.cached_property
    def sizes(self) -> list[dict[str, int]]:
        """Two choices of numbers for the open axes that the model takes; one without open axes.

        Raises:
          TypeError, ValueError: none of those tried fits.
        """
        others = [axis for axis in self.open_axes if axis != BATCH]
        error: Exception | None = None
        for pair in _SIZES if others else _SIZES[:1]:
            for step in (1, 0):  # axes of different sizes, then all of one
                sizes = [
                    {BATCH: rows, **{axis: n + step * i for i, axis in enumerate(others)}}
                    for rows, n in zip(_BATCHES, pair, strict=True)
                ]
                try:
                    for each in sizes:
                        self.traced(each)
                except DOES_NOT_FIT as raised:
                    error = error or raised
                else:
                    return sizes if self.open_axes else sizes[:1]
        assert error is not None
        raise error

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """The outputs for arrays in the order of the inputs, by the model itself."""
        outputs: tuple[Any, ...] = self._compiled(
            self.params, self.state, *map(jnp.asarray, arrays)
        )
        return outputs

    @functools.cached_property
    def _compiled(self) -> Callable[..., Any]:
        return jax.jit(self.apply)

    @property
    def open_axes(self) -> tuple[str, ...]:
        """The names of the inputs' axes of any size, each once."""
        axes = (n for spec in self.inputs for n in spec.shape if isinstance(n, str))
        return tuple(dict.fromkeys(axis.rpartition("*")[2] for axis in axes))

    def specs(self, sizes: Mapping[str, int] | None = None) -> list[jax.ShapeDtypeStruct]:
        """The inputs' shapes and dtypes for tracing.

        Args:
          sizes: a number for each open axis; symbols of `jax.export` stand for them when left out.
        """
        shapes: Sequence[Any] = [spec.shape for spec in self.inputs]
        if sizes is not None:
            shapes = [spec.sized(sizes) for spec in self.inputs]
        elif self.open_axes:
            least = [f"{axis} >= {size}" for axis, size in self.least.items()]
            scope = jax.export.SymbolicScope(least)
            shapes = [
                jax.export.symbolic_shape(", ".join(map(str, shape)), scope=scope)
                for shape in shapes
            ]
        return [
            jax.ShapeDtypeStruct(tuple(shape), spec.dtype)
            for shape, spec in zip(shapes, self.inputs, strict=True)
        ]

    def example(self, sizes: Mapping[str, int], seed: int = 0) -> list[np.ndarray]:
        """Random inputs: normal numbers; integers from 0 to below the limit of an input, or as
        pixels and flags have them.

        Args:
          sizes: a number for each open axis.
          seed: of the numbers.
        """
        random = np.random.default_rng(seed)
        return [_values(random, spec, spec.sized(sizes)) for spec in self.inputs]


def _values(random: np.random.Generator, spec: TensorSpec, shape: tuple[int, ...]) -> np.ndarray:
    if spec.dtype == "bool":
        return random.random(shape) < 0.5
    if spec.limit or jnp.issubdtype(jnp.dtype(spec.dtype), jnp.integer):
        limit = spec.limit or (256 if spec.dtype == "uint8" else 2)
        return random.integers(0, limit, shape).astype(spec.dtype)
    return np.asarray(random.standard_normal(shape), jnp.dtype(spec.dtype))


@contextlib.contextmanager
def explained(who: str, inference: Inference) -> Iterator[None]:
    """Says what to do where a model that is traced inside needs the size of an open axis.

    Args:
      who: the format.
      inference: the model.

    Raises:
      ValueError: it does.
    """
    try:
        yield
    except DOES_NOT_FIT as error:
        if not inference.open_axes:
            raise
        raise value_error(
            who=f"{who}: {inference.name!r}",
            expected=f"a model that any size of {', '.join(inference.open_axes)} goes through",
            got=f"an error: {str(error).splitlines()[0].rstrip('.')}",
            fix="Name axes that are equal alike, or give numbers: input_signature=[(None, 64, 3)].",
        ) from error
