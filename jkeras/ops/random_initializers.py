"""Random initializers.

The source of random numbers is the argument `seed`, the `key` of the call, or, outside of compiled
programs, the next default seed. Laws: the same key (or seed) gives the same numbers, eagerly and
under `jit`; with a `seed` these are the numbers of Keras on JAX for that integer. Numbers are
generated in float32 (or wider), then rounded, so a bfloat16 weight is the rounded float32 weight.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import host_random
from jkeras.core.arrays import on_device
from jkeras.core.description import one_of, option
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.jit_once import jit_once
from jkeras.core.keys import Key
from jkeras.core.layer import Array
from jkeras.core.seeds import key_of
from jkeras.ops.constant_initializers import Initializer, Shape, checked_shape, float32_or

if TYPE_CHECKING:
    from jax.typing import DTypeLike

Axes = Sequence[int]

_TRUNCATED_STDDEV = 0.87962566103423978
"""The standard deviation of a standard normal number kept only within [-2, 2]."""


def _seed(value: object) -> int | None:
    """A seed in [0, 2**32), or None."""
    if value is None:
        return None
    if not hasattr(value, "__index__"):
        raise WrongTypeError(f"expected an integer or None, got {describe(value)}.")
    if not 0 <= operator.index(value) < 2**32:
        raise ValueError(f"expected an integer from 0 to 2**32 - 1, got {operator.index(value)}.")
    return operator.index(value)


class RandomInitializer(Initializer):
    """Base of random initializers: a subclass needs a field `seed` and the method `draw`."""

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        dtype, sizes = float32_or(dtype), checked_shape(self.who, shape)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise value_error(who=self.who, expected="a floating `dtype`", got=dtype)
        wide = dtype if dtype.itemsize > 4 else np.dtype(np.float32)
        key = self._chosen(key)
        if isinstance(key, jax.core.Tracer):
            return self.draw(key, sizes, wide).astype(dtype)
        numbers = self._drawn_on_host(key, sizes, wide)
        if numbers is None:
            # Compiling the drawing of one weight takes a second at the usual level.
            return _drawing(self, sizes, wide)(key).astype(dtype)
        return on_device(numbers.astype(dtype))

    def _drawn_on_host(
        self, key: Key, shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray | None:
        """The numbers of `draw`, without a program for the shape; None where one is needed."""
        return None

    def draw(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """Random numbers of this shape and dtype (float32 or float64); defined by subclasses."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `draw(self, key, shape, dtype)` that "
            "returns an array, and the class defines none."
        )

    def _chosen(self, key: Key | None) -> Key:
        """The key of `seed` if set, else `key`, else the key of the next default seed."""
        seed = getattr(self, "seed", None)
        if seed is not None:
            # Keras's two words and its key type, so that its numbers come out.
            return jax.random.wrap_key_data(jnp.array([seed, 0], jnp.uint32), impl="threefry2x32")
        return key_of(self.who, None, "key") if key is None else key


@functools.lru_cache(maxsize=1024)
def _drawing(
    initializer: RandomInitializer, shape: tuple[int, ...], dtype: np.dtype
) -> Callable[[Key], Array]:
    """The compiled `draw` of an initializer, cached by shape and dtype."""
    return jit_once(lambda key: initializer.draw(key, shape, dtype))


class _ScaledDraw(RandomInitializer):
    """Base of initializers whose elements are independent draws with two parameters."""

    def parameters(self, shape: tuple[int, ...]) -> tuple[_Draw, float, float]:
        """A distribution and its two parameters for a weight of this shape."""
        raise NotImplementedError

    def draw(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """Random numbers of this shape and dtype."""
        draw, *parameters = self.parameters(shape)
        return draw.of_key(key, shape, dtype, *parameters)

    def _drawn_on_host(
        self, key: Key, shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray | None:
        if dtype != np.float32 or type(self).draw is not _ScaledDraw.draw:
            return None
        draw, *parameters = self.parameters(shape)
        return host_random.drawn(draw.of_bits, key, shape, *parameters)


class _Draw(NamedTuple):
    """A distribution with two parameters: of a key in a program, and of random bits on the host."""

    of_key: Callable[..., Array]
    of_bits: host_random.NumbersFn


def _uniform(key: Key, shape: tuple[int, ...], dtype: np.dtype, low: float, high: float) -> Array:
    return jax.random.uniform(key, shape, dtype, low, high)


def _normal(key: Key, shape: tuple[int, ...], dtype: np.dtype, stddev: float, mean: float) -> Array:
    return jax.random.normal(key, shape, dtype) * stddev + mean


def _truncated_normal(
    key: Key, shape: tuple[int, ...], dtype: np.dtype, stddev: float, mean: float
) -> Array:
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * stddev + mean


_UNIFORM = _Draw(_uniform, host_random.uniform)
_NORMAL = _Draw(_normal, host_random.normal)
_TRUNCATED_NORMAL = _Draw(_truncated_normal, host_random.truncated_normal)


class RandomNormal(_ScaledDraw):
    """Normal numbers. Source: `keras.initializers.RandomNormal`.

    Example:
      >>> RandomNormal(stddev=0.5)((2, 3), key=jax.random.key(0)).shape
      (2, 3)
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = option(default=None, convert=_seed)

    def parameters(self, shape: tuple[int, ...]) -> tuple[_Draw, float, float]:
        """`mean + stddev · normal`."""
        return _NORMAL, self.stddev, self.mean


class TruncatedNormal(_ScaledDraw):
    """Normal numbers truncated at two `stddev` from the mean.

    The result's standard deviation is 0.88 · `stddev`.

    Source: `keras.initializers.TruncatedNormal`.
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = option(default=None, convert=_seed)

    def parameters(self, shape: tuple[int, ...]) -> tuple[_Draw, float, float]:
        """`mean + stddev · truncated normal`."""
        return _TRUNCATED_NORMAL, self.stddev, self.mean


class RandomUniform(_ScaledDraw):
    """Uniform numbers in [`minval`, `maxval`). Source: `keras.initializers.RandomUniform`."""

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = option(default=None, convert=_seed)

    def parameters(self, shape: tuple[int, ...]) -> tuple[_Draw, float, float]:
        """Uniform numbers."""
        return _UNIFORM, self.minval, self.maxval


def fans(
    shape: Shape, input_axes: Axes | None = None, output_axes: Axes | None = None
) -> tuple[int, int]:
    """The fans of a weight: the number of inputs of one output, and of outputs of one input.

    Kernels are (..., in, out): the leading axes are the receptive field and count in both. Both
    fans of a vector are its size. `input_axes` and `output_axes`, if both are set, are the axes to
    count instead.

    Example:
      >>> fans((784, 128)), fans((3, 3, 16, 32)), fans((10,)), fans(())
      ((784, 128), (144, 288), (10, 10), (1, 1))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[i] for i in input_axes), math.prod(shape[i] for i in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def _scale(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongTypeError(f"expected a number > 0, got {describe(value)}.")
    if not value > 0:
        raise ValueError(f"expected a number > 0, got {value!r}.")
    return float(value)


def _distribution(value: object) -> str:
    """Keras's words in any letter case; "normal" is the truncated one."""
    word = value.lower() if isinstance(value, str) else value
    if word == "normal":
        return "truncated_normal"
    return one_of("truncated_normal", "untruncated_normal", "uniform")(word)


class VarianceScaling(_ScaledDraw):
    """Numbers of mean 0 and variance `scale / fan`: signals keep their size through a layer.

    Args:
      scale: number > 0.
      mode: the fan in the variance: "fan_in", "fan_out", or "fan_avg" for their mean.
      distribution: "truncated_normal", "untruncated_normal" or "uniform".
      seed: the seed of the numbers; each call needs a `key` when left out.
      input_axes, output_axes: axes to count the fans over, when a weight is not (..., in, out).

    Example:
      >>> w = VarianceScaling(2.0, seed=0)((400, 100))
      >>> bool(abs(w.var() - 2 / 400) < 1e-4)
      True

    Source: He et al. 2015, arXiv:1502.01852; `keras.initializers.VarianceScaling`.
    """

    scale: float = option(default=1.0, convert=_scale)
    mode: Literal["fan_in", "fan_out", "fan_avg"] = option(
        default="fan_in", convert=one_of("fan_in", "fan_out", "fan_avg")
    )
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = option(
        default="truncated_normal", convert=_distribution
    )
    seed: int | None = option(default=None, convert=_seed)
    input_axes: Axes | None = None
    output_axes: Axes | None = None

    def parameters(self, shape: tuple[int, ...]) -> tuple[_Draw, float, float]:
        """Numbers of the variance `scale / fan`."""
        variance = self.variance(shape)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return _UNIFORM, -limit, limit
        if self.distribution == "untruncated_normal":
            return _NORMAL, math.sqrt(variance), 0.0
        return _TRUNCATED_NORMAL, math.sqrt(variance) / _TRUNCATED_STDDEV, 0.0

    def variance(self, shape: Shape) -> float:
        """The variance of one number in a weight of this shape."""
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        return self.scale / max(1.0, fan)


class _FixedScaling(VarianceScaling):
    """Base of the scalings whose only argument is the seed; the rest are class attributes."""

    scale: float = dataclasses.field(default=1.0, init=False, repr=False)
    mode: Any = dataclasses.field(default="fan_in", init=False, repr=False)
    distribution: Any = dataclasses.field(default="uniform", init=False, repr=False)


class GlorotUniform(_FixedScaling):
    """Uniform with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010."""

    mode = "fan_avg"
    distribution = "uniform"


class GlorotNormal(_FixedScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010."""

    mode = "fan_avg"
    distribution = "truncated_normal"


class LecunUniform(_FixedScaling):
    """Uniform with variance 1 / fan_in. Source: LeCun et al. 1998, Efficient BackProp."""

    distribution = "uniform"


class LecunNormal(_FixedScaling):
    """Truncated normal with variance 1 / fan_in. Source: LeCun et al. 1998, Efficient BackProp."""

    distribution = "truncated_normal"


class HeUniform(_FixedScaling):
    """Uniform with variance 2 / fan_in, for relu layers. Source: He et al. 2015."""

    scale = 2.0
    distribution = "uniform"


class HeNormal(_FixedScaling):
    """Truncated normal with variance 2 / fan_in, for relu layers. Source: He et al. 2015."""

    scale = 2.0
    distribution = "truncated_normal"


class Orthogonal(RandomInitializer):
    """`gain` times a matrix with orthonormal columns (rows when it is wide), uniform among these.

    The weight is read as a matrix (all leading axes, last axis). It is the Q of a normal matrix's
    QR decomposition, with the signs that make R's diagonal positive.

    Raises:
      ValueError: the shape has fewer than two axes.

    Example:
      >>> q = Orthogonal(seed=0)((5, 3))
      >>> bool(jnp.allclose(q.T @ q, jnp.eye(3), atol=1e-5))
      True

    Source: Saxe et al. 2013, arXiv:1312.6120; `keras.initializers.Orthogonal`.
    """

    gain: float = 1.0
    seed: int | None = option(default=None, convert=_seed)

    def draw(self, key: Key, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """An orthogonal matrix in this shape."""
        if len(shape) < 2:
            raise value_error(
                who="Orthogonal",
                expected="a `shape` of at least two axes",
                got=shape,
                fix="For vectors use RandomNormal.",
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = jnp.linalg.qr(jax.random.normal(key, tall, dtype))
        q = q * jnp.sign(jnp.diag(r))[None, :]
        return self.gain * jnp.reshape(q if rows >= columns else q.T, shape)
