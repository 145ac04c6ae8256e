"""Maps of the plane: which place of an image a pixel of the result is read from, and back.

Eight numbers a0 a1 a2 b0 b1 b2 c0 c1 mean: at column x and row y, read column
(a0 x + a1 y + a2) / k and row (b0 x + b1 y + b2) / k, with k = c0 x + c1 y + 1. A map is an array
`[..., 8]`. What is drawn in an image moves the other way, by the inverse map.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

Array = jax.Array


def affine(a0: Array, a1: Array, a2: Array, b0: Array, b1: Array, b2: Array) -> Array:
    """The map of six numbers `[batch]`, without perspective."""
    zero = jnp.zeros_like(a2)
    numbers = jnp.broadcast_arrays(a0, a1, a2, b0, b1, b2, zero, zero)
    return jnp.stack(numbers, axis=-1)


def rotation(degrees: Array, height: int, width: int) -> Array:
    """The map that turns images by angles `[batch]`, against the clock, around their middle."""
    angle = degrees * jnp.asarray(jnp.pi / 180, degrees.dtype)
    middle_x, middle_y = 0.5 * (width - 1), 0.5 * (height - 1)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    a2 = middle_x - middle_x * cos + middle_y * sin
    b2 = middle_y - middle_x * sin - middle_y * cos
    return affine(cos, -sin, a2, sin, cos, b2)


def zoom(x: Array, y: Array, height: int, width: int) -> Array:
    """The map that divides sizes by `x` and `y` `[batch]` around the middle."""
    zero = jnp.zeros_like(x)
    a2, b2 = (width - 1) / 2 * (1 - x), (height - 1) / 2 * (1 - y)
    return affine(x, zero, a2, zero, y, b2)


def translation(x: Array, y: Array) -> Array:
    """The map that moves images to the right and down by pixels `[batch]`."""
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return affine(one, zero, -x, zero, one, -y)


def shear(x: Array, y: Array) -> Array:
    """The map that moves rows by `x` and columns by `y` pixels for each pixel from the corner."""
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return affine(one, x, zero, y, one, zero)


def homography(start_points: Array, end_points: Array) -> Array:
    """The map that moves four points, and all between them, as in a picture of a plane.

    Args:
      start_points: `[..., 4, 2]` floating: columns and rows in the image.
      end_points: the same in the result.

    Eight linear equations in the map's numbers: start · k = map(end), with k = c0 x + c1 y + 1.
    """
    x, y = jnp.moveaxis(end_points, -1, 0)
    zeros, row = jnp.zeros((*x.shape, 3), x.dtype), jnp.stack([x, y, jnp.ones_like(x)], axis=-1)
    equations = [
        jnp.concatenate([*parts, -start_points[..., i, None] * row[..., :2]], axis=-1)
        for i, parts in enumerate([(row, zeros), (zeros, row)])
    ]
    known = jnp.concatenate([start_points[..., 0], start_points[..., 1]], axis=-1)
    return jnp.linalg.solve(jnp.concatenate(equations, axis=-2), known[..., None])[..., 0]


def inverse(numbers: Array) -> Array:
    """The map back: the adjugate of the matrix of a map, so that its last number is 1 again."""
    a0, a1, a2, b0, b1, b2, c0, c1 = jnp.moveaxis(numbers, -1, 0)
    parts = (
        *(b1 - b2 * c1, a2 * c1 - a1, a1 * b2 - a2 * b1),
        *(b2 * c0 - b0, a0 - a2 * c0, a2 * b0 - a0 * b2),
        *(b0 * c1 - b1 * c0, a1 * c0 - a0 * c1),
    )
    return jnp.stack(parts, axis=-1) / (a0 * b1 - a1 * b0)[..., None]


def moved(numbers: Array, x: Array, y: Array, *, perspective: bool = True) -> tuple[Array, Array]:
    """The places that maps give to places `x` and `y`.

    Args:
      numbers: `[..., 8]`.
      x, y: broadcast with `[..., 1, 1]`, the maps.
      perspective: whether the last two numbers count; affine maps need no division.
    """
    a0, a1, a2, b0, b1, b2, c0, c1 = jnp.moveaxis(numbers, -1, 0)[..., None, None]
    new_x, new_y = a0 * x + a1 * y + a2, b0 * x + b1 * y + b2
    if not perspective:
        return new_x, new_y
    k = c0 * x + c1 * y + 1
    return new_x / k, new_y / k


def places(
    numbers: Array, height: int, width: int, *, perspective: bool = True
) -> tuple[Array, Array]:
    """The rows and columns that the pixels of images are read from, `[batch, height, width]`.

    Example:
      >>> rows, columns = places(translation(jnp.ones(1), jnp.zeros(1)), 1, 3)
      >>> columns.tolist()
      [[[-1.0, 0.0, 1.0]]]
    """
    x = jnp.arange(width, dtype=numbers.dtype)[None, None, :]
    y = jnp.arange(height, dtype=numbers.dtype)[None, :, None]
    columns, rows = jnp.broadcast_arrays(*moved(numbers, x, y, perspective=perspective))
    return rows, columns
