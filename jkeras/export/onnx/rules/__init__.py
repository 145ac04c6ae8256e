"""What each of JAX's primitives is in ONNX: a table of rules, filled by the modules beside it.

A rule is a function of a `Call` and the operands' values, and returns the value of the result, or a
list of several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.export.onnx.builder import Builder
from jkeras.export.onnx.values import Dim, Value


@dataclasses.dataclass(frozen=True)
class Call:
    """One equation of a traced program.

    Attributes:
      name: of the primitive.
      params: its parameters.
      outs: the shapes and dtypes of the results.
      builder: where nodes go.
      walk: translates the programs inside of it.
    """

    name: str
    params: dict[str, Any]
    outs: tuple[Any, ...]
    builder: Builder
    walk: Any

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape of the first result."""
        return tuple(self.outs[0].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the first result."""
        return np.dtype(self.outs[0].dtype)


Rule = Callable[..., Value | list[Value]]

RULES: dict[str, Rule] = {}
"""The rules by the name of the primitive."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enters a function as the rule of primitives."""

    def entered(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return entered
