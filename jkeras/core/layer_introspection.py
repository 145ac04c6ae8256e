"""Keras's attributes of a layer: shapes, symbols, dtypes.

Shapes come from tracing `init` and `apply`; nothing is computed, and no weight is made.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from jkeras.core.calling import arrangement
from jkeras.core.dtype_policy import DTypePolicy
from jkeras.core.errors import describe, type_error
from jkeras.core.identity import first_node
from jkeras.core.symbols import Symbol
from jkeras.core.tracing import traced_outputs


class LayerIntrospection:
    """Keras's attributes and methods for the shapes and dtypes of a layer.

    Source: `keras.layers.Layer`.
    """

    name: str | None
    who: Any
    init: Any
    apply: Any
    dtype: Any
    takes_integers: ClassVar[bool]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbols with the shape and the dtype of the outputs, as the layer called on symbols gives
        them; the layer remembers no call.

        Args:
          *args: symbols, as for a call.
          **kwargs: further arguments of a call.

        Raises:
          TypeError, ValueError: the layer does not take such inputs.

        Example:
          >>> from jkeras import KerasTensor
          >>> from jkeras.layers import Dense
          >>> Dense(3).compute_output_spec(KerasTensor((None, 4))).shape
          (None, 3)
        """
        values, options = arrangement(self, args, kwargs)
        return traced_outputs(self, values, options)

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of the outputs for inputs of a shape, batch axis included.

        Args:
          *shapes: the shape of each input, or one list of shapes; None for an axis of any size, or
            for an input that is left out.
          **named: shapes under Keras's names, `input_shape`.

        Raises:
          TypeError: something else than shapes.
          ValueError: the layer does not take inputs of these shapes.

        Example:
          >>> from jkeras.layers import Concatenate, Conv2D
          >>> Conv2D(8, 3).compute_output_shape((None, 28, 28, 1))
          (None, 26, 26, 8)
          >>> Concatenate().compute_output_shape([(None, 2), (None, 3)])
          (None, 5)
        """
        all_shapes = [*shapes, *named.values()]
        all_shapes = [shape for shape in all_shapes if shape is not None] or all_shapes
        symbols = self.compute_output_spec(*(_symbols(self, shape) for shape in all_shapes))
        return jax.tree.map(lambda symbol: symbol.shape, symbols)

    @property
    def output(self) -> Any:
        """The symbols that the layer gave where it was first called."""
        return first_node(self).outputs

    @property
    def input(self) -> Any:
        """The symbols that the layer was first called on."""
        args = first_node(self).args
        return args[0] if len(args) == 1 else list(args)

    @property
    def compute_dtype(self) -> str:
        """The name of the dtype that the layer computes in, from float32 inputs."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The name of the dtype of its weights: "float32", or "float64"."""
        return self.dtype_policy.variable_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The policy that Keras has for such a layer."""
        name = "float32" if self.dtype is None else self.dtype.name
        return DTypePolicy(f"mixed_{name}" if name in ("bfloat16", "float16") else name)


def _symbols(layer: LayerIntrospection, shape: object) -> Any:
    """Symbols of a shape, or of a structure of shapes."""
    if isinstance(shape, dict):
        return {name: _symbols(layer, part) for name, part in shape.items()}
    if not isinstance(shape, list | tuple):
        raise type_error(
            f"compute_output_shape: expected a shape such as (None, 4), got {describe(shape)}.",
            who=layer.who,
        )
    if all(size is None or hasattr(size, "__index__") for size in shape):
        return Symbol(shape, "int32" if layer.takes_integers else "float32")
    return [_symbols(layer, part) for part in shape]
