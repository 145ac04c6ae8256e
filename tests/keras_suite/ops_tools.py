"""What Keras's tests of `keras.ops` use: symbols, dtypes, operation classes."""

from __future__ import annotations

from jkeras import Function, KerasTensor, config, random
from jkeras.backend import result_type
from jkeras.ops import cast, convert_to_numpy, convert_to_tensor, is_tensor, numpy
from jkeras.ops.vocabulary.arguments import checked_format
from tests.keras_suite import operations

__all__ = [
    "Function",
    "KerasTensor",
    "cast",
    "config",
    "convert_to_numpy",
    "convert_to_tensor",
    "is_tensor",
    "numpy",
    "random",
    "result_type",
]

SUPPORTS_COMPLEX_DTYPES = True
SUPPORTS_RAGGED_TENSORS = SUPPORTS_SPARSE_TENSORS = False

BOOL_TYPES = ("bool",)
INT_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
FLOAT8_TYPES = ("float8_e4m3fn", "float8_e5m2")
COMPLEX_TYPES = ("complex64", "complex128")
ALLOWED_DTYPES = (
    *("float16", "float32", "float64", "uint8", "uint16", "uint32", "uint64"),
    *("int8", "int16", "int32", "int64", "bfloat16", "bool", "string"),
    *(*FLOAT8_TYPES, *COMPLEX_TYPES),
)


def standardize_data_format(data_format: str | None) -> str:
    """The layout, "channels_last" for None."""
    return checked_format("standardize_data_format", data_format)


def __getattr__(name: str) -> object:
    return operations.class_named(name)
