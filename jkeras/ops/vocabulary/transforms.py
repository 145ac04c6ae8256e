"""The functions of `keras.ops.math` that JAX lacks: segments, ranks, distances, Fourier transforms.

A complex array is a pair (real, imaginary) in the Fourier transforms, as Keras has it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.ops import subgradients
from jkeras.ops.vocabulary.arguments import sizes

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Array = jax.Array
Pair = tuple[Array, Array]


def segment_sum(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """The sum of the rows with each id; `num_segments` is how many ids there are."""
    count = _segments("sum", data, segment_ids, num_segments)
    return jax.ops.segment_sum(data, segment_ids, count, indices_are_sorted=sorted)


def segment_max(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """The largest of the rows with each id; `num_segments` is how many ids there are."""
    count = _segments("max", data, segment_ids, num_segments)
    return jax.ops.segment_max(data, segment_ids, count, indices_are_sorted=sorted)


def segment_min(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """The smallest of the rows with each id; `num_segments` is how many ids there are."""
    count = _segments("min", data, segment_ids, num_segments)
    return jax.ops.segment_min(data, segment_ids, count, indices_are_sorted=sorted)


def segment_prod(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """The product of the rows with each id; `num_segments` is how many ids there are."""
    count = _segments("prod", data, segment_ids, num_segments)
    return jax.ops.segment_prod(data, segment_ids, count, indices_are_sorted=sorted)


def _segments(name: str, data: Array, ids: Array, count: int | None) -> int:
    if count is None:
        raise ValueError(
            f"ops.segment_{name}: expected `num_segments`, the number of rows of the result, got "
            "None. Pass it: shapes are fixed before numbers are known."
        )
    if ids.ndim != 1 or data.shape[:1] != ids.shape:
        raise ValueError(
            f"ops.segment_{name}: expected `segment_ids` with one id for each row of `data`, got "
            f"shapes {ids.shape} and {data.shape}."
        )
    return count


def top_k(x: Array, k: int, sorted: bool = True) -> tuple[Array, Array]:
    """The `k` largest entries of the last axis, in descending order, and their indices."""
    values, indices = jax.lax.top_k(x, k)
    return values, indices


def in_top_k(targets: Array, predictions: Array, k: int) -> Array:
    """Whether fewer than `k` classes have a larger prediction than the target's.

    Args:
      targets: `[batch]` class indices.
      predictions: `[batch, classes]`.
      k: a positive integer.

    Returns:
      `[batch]` bool; NaN is never among the largest.
    """
    at_target = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    at_target = jnp.where(jnp.isnan(at_target), -jnp.inf, at_target)
    return jnp.sum(predictions > at_target, axis=-1) < k


def logdet(x: Array) -> Array:
    """The logarithm of the absolute value of the determinant."""
    return jnp.linalg.slogdet(x)[1]


def cdist(x: Array, y: Array) -> Array:
    """The distances between the rows of `x` `[…, n, d]` and of `y` `[…, m, d]`: `[…, n, m]`."""
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            "ops.cdist: expected `x` [..., n, d] and `y` [..., m, d] with the same d, got shapes "
            f"{x.shape} and {y.shape}."
        )
    squares = jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    return subgradients.sqrt(squares)


def view_as_complex(x: Array) -> Array:
    """`[..., 2]`, real and imaginary parts, as complex numbers `[...]`."""
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(f"ops.view_as_complex: expected `x` [..., 2], got shape {x.shape}.")
    return jax.lax.complex(*(x[..., i].astype(jnp.float32) for i in (0, 1)))


def view_as_real(x: Array) -> Array:
    """Complex numbers `[...]` as real and imaginary parts `[..., 2]`."""
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def fft(x: tuple[ArrayLike, ArrayLike]) -> Pair:
    """The Fourier transform of a pair along the last axis, as a pair."""
    return _parts(jnp.fft.fft(_joined("fft", x)))


def fft2(x: tuple[ArrayLike, ArrayLike]) -> Pair:
    """The Fourier transform of a pair along the last two axes, as a pair."""
    return _parts(jnp.fft.fft2(_joined("fft2", x)))


def ifft2(x: tuple[ArrayLike, ArrayLike]) -> Pair:
    """The inverse of `fft2`."""
    return _parts(jnp.fft.ifft2(_joined("ifft2", x)))


def rfft(x: Array, fft_length: int | None = None) -> Pair:
    """The Fourier transform of real numbers along the last axis, as a pair."""
    return _parts(jnp.fft.rfft(x, n=fft_length))


def irfft(x: tuple[ArrayLike, ArrayLike], fft_length: int | None = None) -> Array:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(_joined("irfft", x), n=fft_length)


def extract_sequences(x: Array, sequence_length: int, sequence_stride: int) -> Array:
    """Windows over the last axis: `[..., windows, sequence_length]`."""
    if x.ndim < 1:
        raise ValueError(
            f"ops.extract_sequences: expected `x` [..., samples], got shape {x.shape}."
        )
    (sequence_stride,) = sizes("extract_sequences", "sequence_stride", sequence_stride, 1)
    starts = np.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + np.arange(sequence_length)]


def stft(
    x: Array,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | ArrayLike | None = "hann",
    center: bool = True,
) -> Pair:
    """The Fourier transforms of windows that slide over the last axis, as a pair.

    Args:
      x: `[..., samples]` float32.
      sequence_length: of a window, in samples.
      sequence_stride: between windows, in samples.
      fft_length: of the transform, at least `sequence_length`; windows are filled up around.
      window: "hann", "hamming", an array of `sequence_length` weights, or None for ones.
      center: whether windows are centered at their places: the ends are reflected.

    Returns:
      Real and imaginary parts, `[..., windows, fft_length // 2 + 1]`.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise WrongTypeError(f"ops.stft: expected `x` floating, got {describe(x)}.")
    sizes("stft", "sequence_stride", sequence_stride, 1)
    weights = _window("stft", window, sequence_length, fft_length)
    if center:
        half = fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    return _parts(jnp.fft.rfft(frames * weights.reshape((1,) * (frames.ndim - 1) + (-1,))))


def istft(
    x: tuple[ArrayLike, ArrayLike],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | ArrayLike | None = "hann",
    center: bool = True,
) -> Array:
    """The samples of which `stft` with the same arguments gives `x`.

    Windows are added up where they overlap, and divided by the sum of their squared weights.
    """
    sizes("istft", "sequence_stride", sequence_stride, 1)
    weights = _window("istft", window, sequence_length, fft_length)
    spectra = _joined("istft", x)
    if spectra.ndim < 2:
        raise ValueError(
            f"ops.istft: expected `x` a pair of [..., windows, frequencies], got shape "
            f"{spectra.shape}."
        )
    frames = jnp.fft.irfft(spectra, n=fft_length) * weights
    count = frames.shape[-2]
    places = np.arange(count)[:, None] * sequence_stride + np.arange(fft_length)
    total = fft_length + sequence_stride * (count - 1)
    samples = jnp.zeros((*frames.shape[:-2], total), frames.dtype).at[..., places].add(frames)
    norms = np.zeros(total, np.float64)
    np.add.at(norms, places, np.broadcast_to(np.square(weights), places.shape))
    samples = samples / np.where(norms > 1e-10, norms, 1.0).astype(frames.dtype)
    start = fft_length // 2 if center else 0
    end = total - start if length is None else start + length
    return samples[..., start:end]


def _window(who: str, window: str | ArrayLike | None, length: int, fft_length: int) -> np.ndarray:
    """The weights of a window, filled up with zeros around to `fft_length`."""
    if fft_length < length:
        raise ValueError(
            f"ops.{who}: expected `fft_length` of at least `sequence_length` {length}, "
            f"got {fft_length}."
        )
    left = (fft_length - length) // 2
    if window is None:
        return np.ones(fft_length, np.float32)
    if isinstance(window, str):
        shares = {"hann": 0.5, "hamming": 0.54}
        if window not in shares:
            raise ValueError(
                f"ops.{who}: expected `window` 'hann', 'hamming', an array or None, got {window!r}."
            )
        share = shares[window]
        weights = share - (1 - share) * np.cos(2 * math.pi * np.arange(length) / length)
    else:
        weights = np.asarray(window)
        if weights.shape != (length,):
            raise ValueError(
                f"ops.{who}: expected `window` of shape ({length},), the `sequence_length`, got "
                f"{describe(weights)}."
            )
    return np.pad(weights, (left, fft_length - length - left)).astype(np.float32)


def _joined(who: str, x: tuple[ArrayLike, ArrayLike]) -> Array:
    """A pair of real arrays as one complex array."""
    if not isinstance(x, tuple | list) or len(x) != 2:
        raise ValueError(
            f"ops.{who}: expected `x` a pair (real, imaginary) of arrays, got {describe(x)}. "
            f"Write {who}((x, ops.zeros_like(x)), ...)."
        )
    real, imaginary = (jnp.asarray(part) for part in x)
    if real.shape != imaginary.shape or not jnp.issubdtype(real.dtype, jnp.floating):
        raise ValueError(
            f"ops.{who}: expected `x` a pair of floating arrays of one shape, got "
            f"{describe(real)} and {describe(imaginary)}."
        )
    return jax.lax.complex(real, imaginary)


def _parts(x: Array) -> Pair:
    return jnp.real(x), jnp.imag(x)
