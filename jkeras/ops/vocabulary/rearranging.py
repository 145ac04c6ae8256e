"""`keras.ops.rearrange`: axes split, moved and joined as a pattern says, like einops."""

from __future__ import annotations

import math
import re

import jax

Array = jax.Array
Groups = list[list[str]]


def rearrange(tensor: Array, pattern: str, **axes_lengths: int) -> Array:
    """`tensor` with its axes named on the left of `->` put together as on the right.

    Args:
      tensor: any array.
      pattern: axes by name, `(a b)` for one axis that consists of two: "b (h w) c -> b h w c".
      axes_lengths: sizes of named axes; at most one in a group may be left to be inferred.

    Raises:
      ValueError: the pattern does not fit the shape, or the two sides name different axes.

    Example:
      >>> import jax.numpy as jnp
      >>> rearrange(jnp.zeros((2, 6, 3)), "b (h w) c -> b c h w", h=2).shape
      (2, 3, 2, 3)

    Source: Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations".
    """
    left, right = _sides(pattern)
    names, others = [n for group in left for n in group], [n for group in right for n in group]
    if sorted(names) != sorted(others) or len(set(names)) != len(names):
        raise ValueError(
            f"ops.rearrange: expected the same axes, each once, on both sides, got {pattern!r}."
        )
    if len(left) != tensor.ndim:
        raise ValueError(
            f"ops.rearrange: expected {len(left)} axes as in {pattern!r}, got shape {tensor.shape}."
        )
    sizes = _sizes(left, tensor.shape, axes_lengths, pattern)
    split = tensor.reshape([sizes[name] for name in names])
    moved = split.transpose([names.index(name) for name in others])
    return moved.reshape([math.prod(sizes[name] for name in group) for group in right])


def _sides(pattern: str) -> tuple[Groups, Groups]:
    """The two sides, each a list of axes, each a list of names."""
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(
            f"ops.rearrange: expected a pattern such as 'b (h w) c -> b h w c', got {pattern!r}."
        )
    left, right = ([_names(axis) for axis in re.findall(r"\([^)]*\)|\w+", s)] for s in sides)
    return left, right


def _names(axis: str) -> list[str]:
    return re.findall(r"\w+", axis)


def _sizes(
    groups: Groups, shape: tuple[int, ...], known: dict[str, int], pattern: str
) -> dict[str, int]:
    """The size of every named axis."""
    sizes = dict(known)
    for group, size in zip(groups, shape, strict=True):
        missing = [name for name in group if name not in sizes]
        rest = math.prod(sizes[name] for name in group if name in sizes)
        if len(missing) > 1 or size % rest or (not missing and rest != size):
            raise ValueError(
                f"ops.rearrange: axis {' '.join(group)!r} of {pattern!r} has size {size}, got "
                f"{known}. Give all but one of the sizes in a group, with the right product."
            )
        sizes.update({name: size // rest for name in missing})
    return sizes
