"""Fourier transforms of windows: what says that an argument does not fit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jkeras import ops

X = np.ones(16, np.float32)
PAIR = (X, X)


@pytest.mark.parametrize("stride", [0, -5, 1.5])
@pytest.mark.parametrize(
    "call",
    [
        lambda stride: ops.stft(X, 4, stride, 8),
        lambda stride: ops.istft((X.reshape(2, 8), X.reshape(2, 8)), 4, stride, 14),
        lambda stride: ops.extract_sequences(X, 4, stride),
    ],
)
def test_a_stride_is_a_positive_integer(call: Callable[[Any], Any], stride: Any) -> None:
    with pytest.raises(ValueError, match=r"`sequence_stride`: expected a positive integer"):
        call(stride)


def test_samples_are_floating_and_have_an_axis() -> None:
    with pytest.raises(TypeError, match=r"ops\.stft: expected `x` floating, got"):
        ops.stft(X.astype(int), 4, 2, 8)
    with pytest.raises(ValueError, match=r"expected `x` \[\.\.\., samples\], got shape \(\)"):
        ops.extract_sequences(1.0, 4, 2)
    with pytest.raises(
        ValueError, match=r"expected `x` a pair of \[\.\.\., windows, frequencies\]"
    ):
        ops.istft(PAIR, 4, 2, 30)
