"""`Function`: what lies between some symbols and others, as a thing to call on arrays."""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.tracebacks import api_boundary
from jkeras.core.trees import Tree
from jkeras.trainer.model import Model


class Function:
    """Computes symbols from symbols, for arrays. Layers in it have the weights they have.

    Args:
      inputs: symbols made by `Input`, or by layers: one, or a list, tuple or dict of them.
      outputs: symbols that depend on these alone, in the structure to return.
      name: how messages call it.

    Raises:
      TypeError: something else than a symbol.
      ValueError: the outputs depend on an `Input` that is not among `inputs`.

    Example:
      >>> import jkeras
      >>> x = jkeras.Input((2,))
      >>> double = Function(x, [x * 2.0])
      >>> [y.tolist() for y in double(jax.numpy.ones((1, 2)))]
      [[[2.0, 2.0]]]

    Source: `keras.Function`.
    """

    @api_boundary
    def __init__(self, inputs: Tree, outputs: Tree, name: str | None = None) -> None:
        self._model = Model(inputs, outputs, name=name or "function")
        self.name = self._model.name
        self.inputs, self.outputs = self._model.inputs, self._model.outputs
        self._given = outputs

    @api_boundary
    def __call__(self, *inputs: Any) -> Any:
        """The outputs for arrays, in the structure of the symbols; symbols for symbols.

        Args:
          *inputs: in the order of `inputs`, side by side or in their structure.
        """
        outputs = self._model(*inputs)
        single = isinstance(self._given, list | tuple) and len(self._given) == 1
        return type(self._given)([outputs]) if single else outputs

    def compute_output_spec(self, inputs: Tree) -> Any:
        """Symbols with the shapes and dtypes of the outputs for such inputs."""
        return self._model.compute_output_spec(inputs)

    def __repr__(self) -> str:
        shapes = [tuple(symbol.shape) for symbol in jax.tree.leaves(self._given)]
        return f"<Function {self.name!r}: outputs of shape {', '.join(map(str, shapes))}>"
