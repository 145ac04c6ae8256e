"""Mixed precision: weights in float32, arithmetic in a narrower dtype.

    Dense(3, dtype="mixed_bfloat16")                    # one layer
    model.dtype_policy = "mixed_bfloat16"               # one model, its outputs in float32
    mixed_precision.set_dtype_policy("mixed_bfloat16")  # every later layer

Laws:
  - Weights are float32 always, so "bfloat16" and "mixed_bfloat16" are the same to a layer.
  - A policy for every layer acts where a layer is made, and the layer then says so itself: what a
    description computes never depends on anything but its fields.
  - Losses, metrics, statistics of normalization and optimizers are float32 whatever the policy.
"""

from __future__ import annotations

import numpy as np

from jkeras.core.description import Description, option
from jkeras.core.errors import describe, nearest, quoted
from jkeras.core.trees import dtype_of

NAMES = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float64")


class _Follow:
    """The default `dtype` of a layer: that of the policy for every layer."""

    def __repr__(self) -> str:
        return "None"


FOLLOW = _Follow()


def _name(value: object) -> str:
    if isinstance(value, DTypePolicy):
        return value.name
    if not isinstance(value, str):
        raise TypeError(f"expected a policy such as 'mixed_bfloat16', got {describe(value)}.")
    if value not in NAMES:
        raise ValueError(
            f"expected one of {', '.join(map(repr, NAMES))}, got {value!r}.{nearest(value, NAMES)}"
        )
    return value


class DTypePolicy(Description):
    """Which dtype a layer computes in.

    Args:
      name: "mixed_bfloat16", "mixed_float16", or the name of a floating dtype.

    Raises:
      TypeError: `name` is no string.
      ValueError: there is no such policy; the message names the nearest.

    Example:
      >>> policy = DTypePolicy("mixed_bfloat16")
      >>> policy.compute_dtype, policy.variable_dtype
      ('bfloat16', 'float32')

    Differs from Keras: weights are float32 under "bfloat16" too.

    Source: `keras.DTypePolicy`.
    """

    name: str = option(convert=_name)

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic."""
        return self.name.removeprefix("mixed_")

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights: "float32"."""
        return "float32"


_policy = DTypePolicy("float32")


def dtype_policy() -> DTypePolicy:
    """The policy for every new layer.

    Source: `keras.config.dtype_policy`.
    """
    return _policy


def set_dtype_policy(policy: object) -> None:
    """Sets the policy of every later layer without a `dtype`.

    Layers that exist stay as they are.

    Args:
      policy: "mixed_bfloat16", "mixed_float16", a floating dtype's name, or a `DTypePolicy`;
        "float32" is none: layers then compute in the dtype of their inputs.

    Raises:
      TypeError, ValueError: it is none of these.

    Source: `keras.config.set_dtype_policy`.
    """
    global _policy
    try:
        _policy = DTypePolicy(_name(policy))
    except (TypeError, ValueError) as error:
        raise quoted(error, who="set_dtype_policy", argument="policy") from None


def followed() -> np.dtype | None:
    """The dtype that a layer without one computes in by that policy; None for its inputs'."""
    return None if _policy.name == "float32" else dtype_of(_policy.compute_dtype)


def compute_dtype(value: object) -> np.dtype | None:
    """The dtype to compute in that a layer's `dtype` stands for: a policy, or a dtype.

    Raises:
      TypeError: it is neither.
      ValueError: it sounds like a policy, and there is none of this name.
    """
    if value is None or value is FOLLOW:
        return None
    if isinstance(value, DTypePolicy):
        return dtype_of(value.compute_dtype)
    if isinstance(value, str) and value.startswith("mixed"):
        return dtype_of(DTypePolicy(_name(value)).compute_dtype)
    return dtype_of(value)
