"""`Inference`: a trained model as a pure function of named arrays, which every format is made from.

Laws: inputs and outputs are flat and named, whatever structure the model gives them; an axis of any
size has a name, such as "batch", and axes of one name have one size; nothing is drawn at random and
no state changes, so equal inputs give equal outputs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from jkeras.core.trees import Tree

BATCH = "batch"
"""The name of the first axis where its size is open."""


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """What is known of one input or output.

    Attributes:
      name: under which a runtime takes or gives the array.
      shape: a number for a known size, a name for an open one.
      dtype: NumPy's name of it.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape with a number for each open axis."""
        return tuple(n if isinstance(n, int) else sizes[n] for n in self.shape)


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
    """

    name: str
    net: Any
    params: Tree
    state: Tree
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    structure: Any

    def apply(self, params: Tree, state: Tree, *arrays: Any) -> tuple[Any, ...]:
        """The outputs for inputs and weights: what is traced for an export."""
        inputs = jax.tree.unflatten(self.structure, arrays)
        outputs, _ = self.net.apply(params, state, *inputs, key=None, training=False)
        return tuple(jax.tree.leaves(outputs))

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
        named = (n for spec in self.inputs for n in spec.shape if isinstance(n, str))
        return tuple(dict.fromkeys(named))

    def specs(self, sizes: Mapping[str, int] | None = None) -> list[jax.ShapeDtypeStruct]:
        """The inputs' shapes and dtypes for tracing.

        Args:
          sizes: a number for each open axis; symbols of `jax.export` stand for them when left out.
        """
        shapes: Sequence[Any] = [spec.shape for spec in self.inputs]
        if sizes is not None:
            shapes = [spec.sized(sizes) for spec in self.inputs]
        elif self.open_axes:
            symbols = dict(
                zip(
                    self.open_axes, jax.export.symbolic_shape(",".join(self.open_axes)), strict=True
                )
            )
            shapes = [tuple(symbols.get(n, n) for n in shape) for shape in shapes]
        return [
            jax.ShapeDtypeStruct(tuple(shape), spec.dtype)
            for shape, spec in zip(shapes, self.inputs, strict=True)
        ]

    def example(self, sizes: Mapping[str, int], seed: int = 0) -> list[np.ndarray]:
        """Random inputs: normal numbers, or for integers small ones from 0, as class and token ids
        are.

        Args:
          sizes: a number for each open axis.
          seed: of the numbers.
        """
        random = np.random.default_rng(seed)
        return [_values(random, spec.sized(sizes), spec.dtype) for spec in self.inputs]


def _values(random: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if np.issubdtype(np.dtype(dtype), np.integer):
        return random.integers(0, 2, shape).astype(dtype)
    if dtype == "bool":
        return random.random(shape) < 0.5
    return random.standard_normal(shape).astype(dtype)
