"""Layers with a rule of their own, seen while a model is traced.

A recurrent cell over a sequence, for example, is one node in ONNX, and a loop in a traced program.
While a model is traced for ONNX such a call becomes a program with a name that leads here. Where
its rule cannot be used (a mask it does not take, weights that are computed), the program is
translated as any other.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.interception import intercepting
from jkeras.core.layer import Layer
from jkeras.export.onnx.values import Value, same_sizes
from jkeras.layers import GRUCell, LayerNormalization, LSTMCell, SimpleRNNCell
from jkeras.layers.embedding import Embedding, ReversibleEmbedding

KINDS: dict[type, str] = {
    LSTMCell: "recurrent",
    GRUCell: "recurrent",
    SimpleRNNCell: "recurrent",
    Embedding: "embedding",
    ReversibleEmbedding: "embedding",
    LayerNormalization: "layer_normalization",
}
"""The rule by the class of a layer; subclasses may compute something else."""


Arguments = tuple[Any, ...]
Options = dict[str, Any]
Ruled = list[Value] | None
"""The results of a layer by its rule; None where it is translated as any other program."""


@dataclasses.dataclass(frozen=True, eq=False)
class Captured:
    """A call of a layer.

    Attributes:
      kind: the name of the rule.
      layer: the layer.
      leaves, structure: of its arguments; None for each array.
      shapes: of the arrays, in order.
    """

    kind: str
    layer: Any
    leaves: tuple[Any, ...]
    structure: Any
    shapes: tuple[tuple[Any, ...], ...]

    def fits(self, values: Sequence[Value]) -> bool:
        """Whether these are the arrays; they are others under `vmap`."""
        return len(values) == len(self.shapes) and all(
            same_sizes(value.shape, shape) for value, shape in zip(values, self.shapes, strict=True)
        )

    def arguments(self, values: Sequence[Value]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments, with values in the place of arrays."""
        rest = iter(values)
        leaves = [next(rest) if leaf is _ARRAY else leaf for leaf in self.leaves]
        pair: tuple[Any, Any] = jax.tree.unflatten(self.structure, leaves)
        return pair


_ARRAY = object()


@contextlib.contextmanager
def capturing() -> Iterator[dict[str, Captured]]:
    """While it is entered, calls of layers that are traced have the layer's name, and those of
    layers with a rule are programs; yields a dict that gets these by name.
    """
    captured: dict[str, Captured] = {}

    def around(layer: Layer, function: Callable[..., Any]) -> Callable[..., Any]:
        kind = KINDS.get(type(layer))
        name = str(getattr(layer, "name", None) or "")

        def call(*args: Any, **kwargs: Any) -> Any:
            with jax.named_scope(name) if name else contextlib.nullcontext():
                if kind is None or kwargs.get("training"):
                    return function(*args, **kwargs)
                return _as_program(captured, kind, layer, function, args, kwargs)

        return call

    with intercepting(around):
        yield captured


def _as_program(
    captured: dict[str, Captured],
    kind: str,
    layer: Layer,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    leaves, structure = jax.tree.flatten((args, kwargs))
    arrays = [leaf for leaf in leaves if isinstance(leaf, jax.Array | np.ndarray)]
    kept = [_ARRAY if isinstance(leaf, jax.Array | np.ndarray) else leaf for leaf in leaves]

    def program(*arrays: Any) -> Any:
        rest = iter(arrays)
        filled = [next(rest) if leaf is _ARRAY else leaf for leaf in kept]
        own_args, own_kwargs = jax.tree.unflatten(structure, filled)
        return function(*own_args, **own_kwargs)

    name = program.__name__ = f"captured_{kind}_{len(captured)}"
    shapes = tuple(tuple(array.shape) for array in arrays)
    captured[name] = Captured(kind, layer, tuple(kept), structure, shapes)
    return jax.jit(program)(*arrays)
