"""Frozen dataclasses that are pytrees.

`flax.struct` offers the same, but importing it brings in all of flax.linen, a quarter of the time
that `import jkeras` takes; JAX registers dataclasses by itself.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self, dataclass_transform

import jax


@dataclass_transform(frozen_default=True)
class PyTree:
    """Base of values with named parts: a subclass is a frozen dataclass whose fields are children.

    Example:
      >>> class Point(PyTree):
      ...     x: float
      ...     y: float
      >>> jax.tree.map(lambda a: a + 1, Point(1.0, 2.0)).replace(y=0.0)
      Point(x=2.0, y=0.0)
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True)(cls)
        jax.tree_util.register_dataclass(cls)

    def replace(self, **changes: Any) -> Self:
        """A copy with some parts changed.

        Raises:
          TypeError: there is no such part.
        """
        parts = vars(self)
        if not changes.keys() <= parts.keys():
            # mypy does not see that every subclass is made a dataclass.
            return dataclasses.replace(self, **changes)  # type: ignore[type-var]  # it raises
        new = object.__new__(type(self))  # a fifth of the time that `dataclasses.replace` takes
        vars(new).update(parts, **changes)
        return new
