"""Names inside Keras that its tests of layers are set up by."""

from __future__ import annotations

import contextlib
from typing import Any

import jkeras.ops as numpy
from jkeras import KerasTensor, RematScope, remat
from jkeras.layers import (
    ConvLSTM1D,
    ConvLSTM2D,
    ConvLSTM3D,
    FlaxLayer,
    IntegerLookup,
    JaxLayer,
    StringLookup,
    convolutional_recurrent,
)
from jkeras.layers import GroupQueryAttention as GroupedQueryAttention
from jkeras.layers.einsum_dense import EinsumDense
from jkeras.ops import image
from jkeras.trainer.feature_space import FeatureSpace

__all__ = [
    "FeatureSpace",
    "FlaxLayer",
    "GroupedQueryAttention",
    "JaxLayer",
    "RematScope",
    "image",
    "numpy",
    "remat",
]

SUPPORTS_SPARSE_TENSORS = SUPPORTS_RAGGED_TENSORS = False


def IndexLookup(vocabulary_dtype: str, **kwargs: Any) -> Any:  # Keras's name
    """The lookup of words or of whole numbers, whose base the two have in Keras."""
    kwargs.setdefault("num_oov_indices", 1)
    kind = StringLookup if vocabulary_dtype == "string" else IntegerLookup
    return kind(**kwargs)


def AutocastScope(dtype: Any) -> Any:  # Keras's name
    """Nothing: here a layer casts its weights, whoever calls it."""
    del dtype
    return contextlib.nullcontext()


def _analyze_einsum_string(
    equation: str, bias_axes: Any, input_shape: Any, output_shape: Any
) -> Any:
    """The shapes of kernel, bias and outputs of an `EinsumDense`."""
    layer = EinsumDense(equation, output_shape, bias_axes=bias_axes)
    layer.build(input_shape)
    outputs = layer.compute_output_shape(input_shape)
    return layer.kernel.shape, None if bias_axes is None else layer.bias.shape, outputs


def convert_tf_tensor(value: Any) -> Any:
    """The value, which is no tensor of TensorFlow."""
    return value


class Absent:
    """Stands for a class of Keras's GPTQ or AWQ: it can be made, and does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs


GPTQConfig = AWQConfig = Absent


def set_keras_mask(x: Any, mask: Any) -> None:
    """Gives an array or a symbol its mask."""
    x._keras_mask = mask


def get_keras_mask(x: Any) -> Any:
    """The mask of an array or a symbol, or None."""
    return getattr(x, "_keras_mask", None)


def enable_flash_attention() -> None:
    """Nothing: an attention layer itself says whether it uses cuDNN's kernel."""


disable_flash_attention = enable_flash_attention


def is_flash_attention_enabled() -> bool:
    """Never for all layers together."""
    return False


def standardize_shape(shape: Any) -> tuple[int | None, ...]:
    """The shape of a symbol of this shape."""
    return KerasTensor(shape).shape


def ConvLSTM(rank: int, **kwargs: Any) -> Any:  # Keras's name
    """The ConvLSTM of so many spatial axes."""
    return (ConvLSTM1D, ConvLSTM2D, ConvLSTM3D)[rank - 1](**kwargs)


def ConvLSTMCell(rank: int, kernel_size: int, **kwargs: Any) -> Any:  # Keras's name
    """The cell of a ConvLSTM of so many spatial axes."""
    ones = (1,) * rank
    sizes = {"kernel_size": (kernel_size,) * rank, "strides": ones, "dilation_rate": ones}
    return convolutional_recurrent.ConvLSTMCell(**sizes, **kwargs)


def compute_output_spec(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The symbols that a function, such as a layer, gives for symbols."""
    return function(*args, **kwargs)
