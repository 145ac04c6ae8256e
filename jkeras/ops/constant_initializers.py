"""The base of initializers, and the initializers without randomness.

An initializer is a frozen description called with a shape:
`initializer(shape, dtype=None, *, key=None)`. The dtype defaults to float32. Laws: the result has
exactly that shape and dtype; equal arguments give equal numbers. Array arguments
(`Constant(matrix)`) are held as bytes, so such a description still compares and hashes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import jax.numpy as jnp
import numpy as np

from jkeras.core.constants import full
from jkeras.core.description import Description, one_of, option
from jkeras.core.dtype_policy import requested_dtype, weight_dtype
from jkeras.core.errors import WrongTypeError, describe, type_error, value_error
from jkeras.core.keys import Key
from jkeras.core.layer import Array

if TYPE_CHECKING:
    import numpy.typing as npt
    from jax.typing import DTypeLike

Shape = Sequence[int]


class Initializer(Description):
    """Base of all initializers. Subclass it, annotate the arguments, define `__call__`.

    Example:
      >>> class Ramp(Initializer):
      ...     step: float = 1.0
      ...     def __call__(self, shape, dtype=None, *, key=None):
      ...         return self.step * jnp.arange(shape[0], dtype=dtype)
      >>> Ramp(0.5)((3,), "float32").tolist()
      [0.0, 0.5, 1.0]
    """

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        """The initial array.

        Args:
          shape: sizes of the result's axes.
          dtype: a dtype or its name; float32 when left out.
          key: a JAX random key, for random initializers.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `__call__(self, shape, dtype=None, *, "
            "key=None)` that returns an array, and the class defines none."
        )


def checked_shape(who: str, shape: Shape) -> tuple[int, ...]:
    """`shape` as a tuple of sizes.

    Raises:
      TypeError: `shape` is not a sequence of integers.
      ValueError: a size is negative.
    """
    if not isinstance(shape, tuple | list) or not all(hasattr(n, "__index__") for n in shape):
        raise type_error(
            who=who,
            expected="`shape` to be a tuple of integers such as (3, 4)",
            got=describe(shape),
        )
    sizes = tuple(operator.index(n) for n in shape)
    if any(n < 0 for n in sizes):
        raise value_error(who=who, expected="sizes ≥ 0 in `shape`", got=sizes)
    return sizes


def float32_or(dtype: DTypeLike | None) -> np.dtype:
    """`dtype`, or for None that of the weights of the layer that is being initialized."""
    return weight_dtype() if dtype is None else requested_dtype(dtype)


class FrozenArray(Description):
    """An array with equality and hash by content, for a field of a description."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes

    @classmethod
    def of(cls, array: npt.ArrayLike) -> Self:
        """The frozen copy of anything NumPy reads as an array of numbers."""
        array = np.asarray(array)
        if array.dtype.kind == "O" or array.dtype.kind in "SU":
            raise WrongTypeError(
                f"expected a number or an array of numbers, got {describe(array)}."
            )
        return cls(array.shape, array.dtype.name, array.tobytes())

    def numpy(self) -> np.ndarray:
        """The array, read-only."""
        return np.frombuffer(self.data, jnp.dtype(self.dtype)).reshape(self.shape)

    def in_config(self) -> np.ndarray:
        """The array."""
        return self.numpy()

    def __repr__(self) -> str:
        return f"array(shape={self.shape}, dtype={self.dtype})"


def _number_or_array(value: npt.ArrayLike | FrozenArray) -> Any:
    """A Python number as it is, an array (or nested list) frozen."""
    if isinstance(value, int | float | FrozenArray):
        return value
    frozen = FrozenArray.of(value)
    return frozen if frozen.shape else frozen.numpy().item()


class Zeros(Initializer):
    """Zeros. Source: `keras.initializers.Zeros`."""

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        return full(checked_shape(self.who, shape), 0, float32_or(dtype))


class Ones(Initializer):
    """Ones. Source: `keras.initializers.Ones`."""

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        return full(checked_shape(self.who, shape), 1, float32_or(dtype))


class Constant(Initializer):
    """One number everywhere, or an array that broadcasts to the shape.

    Args:
      value: a number, or an array (nested lists too) such as a table of pretrained embeddings.

    Raises:
      ValueError: `value` does not broadcast to the shape.

    Example:
      >>> Constant([1.0, 2.0])((2, 2)).tolist(), Constant(0.5)
      ([[1.0, 2.0], [1.0, 2.0]], Constant(value=0.5))

    Source: `keras.initializers.Constant`.
    """

    value: Any = option(default=0.0, convert=_number_or_array)

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        sizes = checked_shape(self.who, shape)
        if not isinstance(self.value, FrozenArray):
            return full(sizes, self.value, float32_or(dtype))
        value_shape = self.value.shape
        if len(value_shape) > len(sizes) or not all(
            n in (1, m) for n, m in zip(value_shape[::-1], sizes[::-1], strict=False)
        ):
            raise value_error(
                who="Constant",
                expected=f"`value` to broadcast to the weight's shape {sizes}",
                got=f"shape {value_shape}",
            )
        return jnp.broadcast_to(jnp.asarray(self.value.numpy(), float32_or(dtype)), sizes)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix (of any height and width), zeros elsewhere.

    Raises:
      ValueError: the shape is not a matrix's.

    Source: `keras.initializers.Identity`.
    """

    gain: float = 1.0

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        sizes = checked_shape(self.who, shape)
        if len(sizes) != 2:
            raise value_error(
                who="Identity",
                expected="`shape` (rows, columns)",
                got=sizes,
                fix="For other ranks use Orthogonal.",
            )
        return self.gain * jnp.eye(*sizes, dtype=float32_or(dtype))


def _window(value: npt.ArrayLike | FrozenArray | None) -> Any:
    """A window's name checked by SciPy, an array frozen, None."""
    if isinstance(value, str):
        from scipy.signal import get_window  # type: ignore[import-untyped]

        get_window(value, 1)
    return value if value is None or isinstance(value, str) else _number_or_array(value)


class STFT(Initializer):
    """The cosines or sines of a short-time Fourier transform as a Conv1D kernel.

    For sample t and frequency f of a transform of n = 2 · (frequencies - 1) samples, times the
    window: cos(2π·t·f/n) on the "real" side, -sin(2π·t·f/n) on the "imag" side.

    Args:
      side: "real" or "imag".
      window: a name that `scipy.signal.get_window` knows, `frame_length` numbers, or None.
      scaling: divide by √Σw² ("density"), by Σ|w| ("spectrum"), or not (None).
      periodic: periodic rather than symmetric windows.

    Raises:
      ValueError: the shape is not (frame_length, channels, frequencies), or the window's
        length is not `frame_length`.

    Source: `keras.initializers.STFT`.
    """

    side: Literal["real", "imag"] = option(default="real", convert=one_of("real", "imag"))
    window: Any = option(default="hann", convert=_window)
    scaling: Literal["density", "spectrum"] | None = option(
        default="density", convert=one_of("density", "spectrum", None)
    )
    periodic: bool = False

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        sizes = checked_shape(self.who, shape)
        if len(sizes) != 3 or sizes[2] < 2:
            raise value_error(
                who="STFT",
                expected=(
                    "`shape` (frame_length, channels, frequencies) with at least 2 frequencies"
                ),
                got=sizes,
            )
        length, _, frequencies = sizes
        angle = np.outer(np.arange(length), np.arange(frequencies)) * (math.pi / (frequencies - 1))
        waves = np.cos(angle) if self.side == "real" else -np.sin(angle)
        kernel = (waves * self.weights(length)[:, None])[:, None, :]
        return jnp.broadcast_to(jnp.asarray(kernel, float32_or(dtype)), sizes)

    def weights(self, length: int) -> np.ndarray:
        """The scaled window: `[length]`, float64."""
        if self.window is None:
            return np.ones(length)
        window = self._unscaled(length)
        total = {"density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window))}
        return window / total.get(self.scaling or "", 1.0)

    def _unscaled(self, length: int) -> np.ndarray:
        from scipy.signal import get_window

        if isinstance(self.window, str):
            return np.asarray(get_window(self.window, length, fftbins=self.periodic))
        window = self.window.numpy().astype(np.float64)
        if window.shape != (length,):
            raise value_error(
                who="STFT",
                expected=f"`window` to have frame_length = {length} numbers",
                got=f"shape {window.shape}",
            )
        return window
