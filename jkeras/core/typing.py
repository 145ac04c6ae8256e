"""Types that several rooms share: the inputs of layers, and how users name an object.

Annotations alone use them, so a module imports them under `TYPE_CHECKING`. Beside them stand
`jax.typing.ArrayLike`, an array of JAX or NumPy or a scalar, and `jax.typing.DTypeLike`, a dtype or
what names one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np
from jax.typing import ArrayLike

ArraySpec = jax.ShapeDtypeStruct | jax.Array | np.ndarray
"""An input of `init`: a shape and a dtype, alone or with the array."""

Identifier = str | Callable[..., Any] | Mapping[str, Any] | None
"""What a user may write for a function or an object with a name: the name, the function or object,
its class, or its configuration; None for none."""

Config = str | Mapping[str, Any] | None
"""What a configuration holds for a function or an object with a name."""

Masks = ArrayLike | Sequence[ArrayLike | None] | None
"""The mask of an input, bool, or None where it has none; for several inputs a tuple of those."""


class HoldsArray(Protocol):
    """A weight that stands for its array: a `Variable`, or a live view of a model's weight."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __jax_array__(self) -> jax.Array: ...


class Indexable(Protocol):
    """Items by position without iteration, as a `keras.utils.PyDataset` has its batches."""

    def __getitem__(self, index: int, /) -> Any: ...

    def __len__(self) -> int: ...
