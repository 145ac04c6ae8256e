"""A number of a running training, read at every use: a learning rate, a count of updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from jkeras.core.trees import is_traced

if TYPE_CHECKING:
    from jax.typing import DTypeLike


class LiveNumber(NDArrayOperatorsMixin):
    """A number that is read at every use, and can be set.

    It computes, compares and prints as a NumPy scalar with its current value.

    Args:
      name: the name of the number, for messages.
      read: returns the current value.
      write: sets the value; None for a number that cannot be set.

    Example:
      >>> cell = [0.5]
      >>> rate = LiveNumber("rate", lambda: np.float32(cell[0]), lambda x: cell.__setitem__(0, x))
      >>> rate.assign(rate * 0.5)
      >>> float(rate), round(rate, 1), bool(rate < 1), f"{rate:.3f}"
      (0.25, 0.2, True, '0.250')

    Source: `keras.Variable`.
    """

    def __init__(
        self, name: str, read: Callable[[], Any], write: Callable[[Any], None] | None = None
    ) -> None:
        self.name, self._read, self._write = name, read, write

    @property
    def value(self) -> Any:
        """The current value, as an array without axes."""
        return self._read()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value: `()` for a number."""
        return tuple(np.shape(self.value))

    @property
    def dtype(self) -> Any:
        """The dtype of the value: float32 or int32 for a number."""
        return self.value.dtype

    def numpy(self) -> Any:
        """The current value, as a NumPy scalar."""
        return np.asarray(self.value)[()]

    def assign(self, value: object) -> None:
        """Sets the number.

        Raises:
          AttributeError: the number cannot be set.
        """
        if self._write is None:
            raise AttributeError(f"{self.name} is counted by training, and cannot be set.")
        self._write(value)

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __index__(self) -> int:
        return self.numpy().__index__()

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.numpy().item(), digits)

    def __format__(self, how: str) -> str:
        return format(self.numpy().item(), how)

    def __hash__(self) -> int:
        return hash(self.numpy())

    def __repr__(self) -> str:
        return f"<{self.name}: {self.numpy()!s}>"

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        return np.array(self.value, dtype)

    def __jax_array__(self) -> jax.Array:
        return jax.numpy.asarray(self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        values = [x.value if isinstance(x, LiveNumber) else x for x in inputs]
        if is_traced(values) and method == "__call__":  # in a step: a function of JAX's
            return getattr(jax.numpy, ufunc.__name__)(*values, **kwargs)
        plain = [x.numpy() if isinstance(x, LiveNumber) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)
