"""Resizing of images: crop boxes, margins, and interpolation.

An axis of n entries is stretched to m so that the outer edges coincide: entry i of the result lies
at (i + 1/2) · n/m - 1/2 of the original. Interpolation is separable, so along each axis it is the
product with a sparse matrix `weights` [m, n], whose rows sum to one. The layers leave that to
`jax.image.resize`; `resized` does it with NumPy, for files of many sizes, where XLA would compile a
program for each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

METHODS = {
    "bicubic": "cubic",
    "bilinear": "linear",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
    "nearest": "nearest",
}
"""Keras's words for interpolations, and those of `jax.image.resize`."""

Size = tuple[int, int]
"""Height and width."""


def crop_box(size: Size, target: Size) -> tuple[slice, slice]:
    """The largest part in the middle that has the aspect ratio of `target`.

    Example:
      >>> crop_box((340, 500), (200, 200))
      (slice(0, 340, None), slice(80, 420, None))
    """
    height, width = size
    rows = _larger(_smaller(height, width * target[0] // target[1]), 1)
    columns = _larger(_smaller(width, height * target[1] // target[0]), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return slice(top, top + rows), slice(left, left + columns)


def margins(size: Size, target: Size) -> tuple[int, int]:
    """The margins (vertical, horizontal) of each side for the aspect ratio of `target`.

    Both sides have the same margin, so an odd total is rounded down.

    Example:
      >>> margins((340, 500), (200, 200))
      (80, 0)
    """
    height, width = size
    rows = _larger(height, width * target[0] // target[1])
    columns = _larger(width, height * target[1] // target[0])
    return (rows - height) // 2, (columns - width) // 2


def _smaller(a: int, b: int) -> int:
    """The smaller of two sizes, which may be symbols of `jax.export`."""
    known = isinstance(a, int) and isinstance(b, int)
    smaller: int = min(a, b) if known else jax.core.min_dim(a, b)
    return smaller


def _larger(a: int, b: int) -> int:
    """The larger of two sizes, which may be symbols of `jax.export`."""
    known = isinstance(a, int) and isinstance(b, int)
    larger: int = max(a, b) if known else jax.core.max_dim(a, b)
    return larger


def resized(image: np.ndarray, target: Size, method: str = "bilinear") -> np.ndarray:
    """An image `[height, width, channels]` in another height and width, as float32.

    Args:
      image: numbers of any dtype.
      target: height and width.
      method: one of `METHODS`.

    Example:
      >>> resized(np.array([[[0.0], [4.0]]]), (1, 4)).ravel().tolist()
      [0.0, 1.0, 3.0, 4.0]

    Source: `jax.image.resize` without anti-aliasing; `keras.ops.image.resize`.
    """
    image = image.astype(np.float32)
    if image.shape[:2] == target:
        return image
    columns = taps(image.shape[1], target[1], method)
    rows = taps(image.shape[0], target[0], method)
    wide = sum(image[:, where] * weight[:, None] for where, weight in columns)
    return np.asarray(sum(wide[where] * weight[:, None, None] for where, weight in rows))


@functools.lru_cache(maxsize=256)
def taps(size: int, target: int, method: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The matrix `weights` as pairs of `[target]`: entries of the original, and their weights.

    Few of a row's weights are not zero, and they lie side by side.
    """
    matrix = weights(size, target, method)
    first = (matrix != 0).argmax(axis=1)
    last = size - (matrix[:, ::-1] != 0).argmax(axis=1)
    offsets = range(int((last - first).max()))
    every = np.arange(target)
    places = [np.minimum(first + offset, size - 1) for offset in offsets]
    inside = [first + offset < size for offset in offsets]
    return [
        (where, np.where(real, matrix[every, where], np.float32(0)))
        for where, real in zip(places, inside, strict=True)
    ]


def weights(size: int, target: int, method: str) -> np.ndarray:
    """The matrix `[target, size]` that stretches `size` entries to `target`, float32."""
    where = (np.arange(target) + 0.5) * size / target - 0.5
    if method == "nearest":
        chosen = np.floor(where + 0.5).astype(int)
        return np.eye(size, dtype=np.float32)[chosen]
    raw = _KERNELS[method](np.abs(where[:, None] - np.arange(size)))
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - x)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys's kernel with a = -1/2. Source: Keys 1981, doi:10.1109/TASSP.1981.1163711."""
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(radius: float) -> Callable[[np.ndarray], np.ndarray]:
    def kernel(x: np.ndarray) -> np.ndarray:
        return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0.0)

    return kernel


_KERNELS: dict[str, Callable[[Any], Any]] = {
    "bicubic": _cubic,
    "bilinear": _triangle,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}
