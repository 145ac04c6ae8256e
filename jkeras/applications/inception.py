"""What InceptionV3 and InceptionResNetV2 share: branches of convolutions, written as text.

"48 1x1, 64 5x5"           two convolutions, one after the other
"384 1x1, 384 1x3 + 384 3x1"   the last two side by side
"384 3x3/2"                stride 2, without padding; "32 3x3v" without padding
"avg, 32 1x1" and "max"    pooling over 3x3 with stride 1, and with stride 2
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from jkeras.applications.parts import (
    Activation,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    MaxPooling2D,
)
from jkeras.applications.request import channel_axis, normalized
from jkeras.core.keras_tensor import KerasTensor

STEM = "32 3x3/2, 32 3x3v, 64 3x3, max, 80 1x1v, 192 3x3v, max"
"""The convolutions in front of the first block."""

_CONVOLUTION = re.compile(r"(\d+) (\d)x(\d)(v?)(/2)?")


def branch(x: KerasTensor, text: str, joined: Iterator[str | None] | None = None) -> KerasTensor:
    """The outputs of a branch.

    Args:
      x: its inputs.
      text: its convolutions.
      joined: names for the layers that join what stands side by side.
    """
    for step in text.split(", "):
        if step == "max":
            x = MaxPooling2D(3, strides=2)(x)
        elif step == "avg":
            x = AveragePooling2D(3, strides=1, padding="same")(x)
        elif " + " in step:
            sides = [_convolved(x, side) for side in step.split(" + ")]
            x = join(sides, next(joined) if joined is not None else None)
        else:
            x = _convolved(x, step)
    return x


def _convolved(x: KerasTensor, step: str) -> KerasTensor:
    parts = _CONVOLUTION.fullmatch(step)
    assert parts is not None, step
    filters, rows, columns, valid, halves = parts.groups()
    return convolution(
        x,
        int(filters),
        (int(rows), int(columns)),
        strides=2 if halves else 1,
        padding="valid" if valid or halves else "same",
    )


def convolution(
    x: KerasTensor,
    filters: int,
    kernel: tuple[int, int],
    *,
    strides: int = 1,
    padding: str = "same",
    name: str | None = None,
) -> KerasTensor:
    """A convolution without biases, normalization without scale, relu."""
    x = Conv2D(filters, kernel, strides=strides, padding=padding, use_bias=False, name=name)(x)
    x = normalized(x, name and f"{name}_bn", scale=False)
    x = Activation("relu", name=name and f"{name}_ac")(x)
    return x


def join(parts: Sequence[KerasTensor], name: str | None = None) -> KerasTensor:
    """The channels of all parts."""
    x: KerasTensor = Concatenate(axis=channel_axis(), name=name)(list(parts))
    return x
