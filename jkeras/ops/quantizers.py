"""Quantizers and their configurations, which say how weights and inputs become whole numbers.

    model.quantize("int8")
    model.quantize(config=Int8QuantizationConfig(activation_quantizer=None))  # weights alone

Source: `keras.quantizers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.registry import deserializer, function_for
from jkeras.core.serialization import serialize_keras_object
from jkeras.ops.float8 import HISTORY
from jkeras.ops.quantization import (
    EPSILON,
    INT4,
    INT8,
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
    compute_float8_amax_history,
    compute_float8_scale,
    fake_quant_with_min_max_vars,
    pack_int4,
    quantize_and_dequantize,
    unpack_int4,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jax.typing import ArrayLike

MODES = ("int8", "float8", "int4", "gptq", "awq")
_BLOCK = 128

_NOT_BUILT = {
    "gptq": "the algorithm is not built; quantize('int4') needs no data",
    "awq": "the algorithm is not built; quantize('int4') needs no data",
}


def _range(value: object) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise WrongTypeError(f"expected (least, largest), got {describe(value)}.")
    return int(value[0]), int(value[1])


def _axes(value: int | Iterable[int] | None) -> tuple[int, ...] | None:
    return None if value is None else (value,) if isinstance(value, int) else tuple(value)


class Quantizer(Description):
    """Base of all quantizers: gives its input back. Subclass it and define `__call__`.

    Args:
      output_dtype: the dtype of the whole numbers.

    Source: `keras.quantizers.Quantizer`.
    """

    output_dtype: str = option(default="int8", convert=str, kw_only=True)

    def __call__(self, x: jax.Array) -> Any:
        """The quantized array."""
        return x


class AbsMaxQuantizer(Quantizer):
    """Whole numbers in a range of the largest absolute value.

    Args:
      axis: the axes over which a scale is shared, where the call names none.
      value_range: the least and the largest whole number.
      epsilon: added to the largest absolute value.
      output_dtype: of the whole numbers.

    Raises:
      ValueError: a range that int8 does not have.

    Example:
      >>> import jax.numpy as jnp
      >>> quantized, scale = AbsMaxQuantizer()(jnp.array([[1.0, -2.0]]))
      >>> quantized.tolist()
      [[64, -127]]

    Source: `keras.quantizers.AbsMaxQuantizer`.
    """

    axis: tuple[int, ...] | None = option(default=None, convert=_axes)
    value_range: tuple[int, int] = option(default=INT8, convert=_range)
    epsilon: float = EPSILON

    def check(self) -> None:
        low, high = self.value_range
        if self.output_dtype == "int8" and (low < -128 or high > 127):
            raise ValueError(
                f"{self.who}: `value_range`: expected a range within -128 to 127 for int8, got "
                f"{self.value_range}."
            )

    def __call__(
        self, x: ArrayLike, axis: int | Sequence[int] | None = None, to_numpy: bool = False
    ) -> tuple[jax.Array, jax.Array]:
        """The whole numbers and their scale; over the last axis where no axis is given."""
        axes = self.axis if axis is None else axis
        return abs_max_quantize(
            x,
            -1 if axes is None else axes,
            self.value_range,
            self.output_dtype,
            self.epsilon,
            to_numpy,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments; `axis` only where it is set, as Keras writes them."""
        config = super().get_config()
        return {name: value for name, value in config.items() if name != "axis" or value}


def _quantizer(value: object) -> Any:
    return get(value)


def _activation_quantizer(value: object) -> Any:
    return AbsMaxQuantizer() if value == "default" else get(value)


class QuantizationConfig(Description):
    """How weights and inputs of layers are quantized.

    Args:
      weight_quantizer: of weights; the one of the mode when left out.
      activation_quantizer: of inputs; None for inputs as they are.

    Source: `keras.quantizers.QuantizationConfig`.
    """

    weight_quantizer: Any = option(default=None, convert=_quantizer)
    activation_quantizer: Any = option(default=None, convert=_quantizer)

    @property
    def mode(self) -> str:
        """The mode: "int8" and so on."""
        raise NotImplementedError(f"{type(self).__name__}: expected a subclass with a `mode`.")

    @property
    def form(self) -> str:
        """The mode with its block size, as a layer holds it."""
        return self.mode


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in 8 bits with a scale for each output; inputs in 8 bits as they come.

    Args:
      weight_quantizer: of weights.
      activation_quantizer: of inputs; None for inputs as they are.

    Source: `keras.quantizers.Int8QuantizationConfig`.
    """

    activation_quantizer: Any = option(default="default", convert=_activation_quantizer)
    mode: ClassVar[str] = "int8"

    def check(self) -> None:
        weights = self.weight_quantizer
        if weights is not None and weights.output_dtype != "int8":
            raise ValueError(
                f"{self.who}: `weight_quantizer`: expected one with output_dtype='int8', got "
                f"{weights.output_dtype!r}."
            )


def _weights_alone(value: object) -> Any:
    return None if value == "default" else get(value)


class Int4QuantizationConfig(QuantizationConfig):
    """Weights in 4 bits, two in a byte; inputs as they are.

    Args:
      weight_quantizer: of weights, with a range of (-8, 7); only without blocks.
      activation_quantizer: of inputs; only without blocks.
      block_size: inputs that share a scale and a zero point for an output; None or -1 for one
        scale for an output.

    Source: `keras.quantizers.Int4QuantizationConfig`.
    """

    activation_quantizer: Any = option(default="default", convert=_weights_alone)
    block_size: int | None = _BLOCK
    mode: ClassVar[str] = "int4"

    @property
    def form(self) -> str:
        """`int4/128`: the mode with its block size, -1 for none."""
        return f"int4/{-1 if self.block_size is None else self.block_size}"

    def check(self) -> None:
        size, weights = self.block_size, self.weight_quantizer
        if size is not None and size != -1 and size <= 0:
            raise ValueError(
                f"{self.who}: `block_size`: expected None, -1 or a positive integer, got {size}."
            )
        if size not in (None, -1) and (weights, self.activation_quantizer) != (None, None):
            raise ValueError(
                f"{self.who}: expected no quantizers beside a `block_size`, got {size}. Pass "
                "block_size=None with them."
            )
        if weights is not None and tuple(weights.value_range) != INT4:
            raise ValueError(
                f"{self.who}: `weight_quantizer`: expected value_range=(-8, 7), got "
                f"{weights.value_range}."
            )
        if weights is not None and weights.output_dtype != "int8":
            raise ValueError(
                f"{self.who}: `weight_quantizer`: expected output_dtype='int8', got "
                f"{weights.output_dtype!r}."
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Int4QuantizationConfig:
        """As of any description; a configuration without `block_size` means none, as in Keras."""
        return super().from_config({"block_size": None, **config})


class Float8QuantizationConfig(QuantizationConfig):
    """Training in float8: factors and gradients are rounded, weights stay floating.

    Source: `keras.quantizers.Float8QuantizationConfig`.
    """

    mode: ClassVar[str] = "float8"

    @property
    def form(self) -> str:
        """`float8/1024`: the mode with the length of its histories."""
        return f"float8/{HISTORY}"

    def get_config(self) -> dict[str, Any]:
        """Nothing, as in Keras."""
        return {}


_CONFIGS: dict[str, Any] = {
    kind.mode: kind
    for kind in (Int8QuantizationConfig, Int4QuantizationConfig, Float8QuantizationConfig)
}


def resolved_config(mode: Any, config: Any = None) -> QuantizationConfig:
    """The configuration for the arguments of `quantize`.

    Raises:
      ValueError: an unknown mode, one that is not built, or a configuration of another mode.
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode is not None and mode not in MODES:
        built = [name for name in MODES if name not in _NOT_BUILT]
        raise ValueError(
            f"quantize: `mode`: expected one of {', '.join(map(repr, built))}, got "
            f"{mode!r}.{nearest(str(mode), built)}"
        )
    if config is None and mode is None:
        raise ValueError("quantize: expected `mode`, such as 'int8', or `config`, got neither.")
    if config is not None and not isinstance(config, QuantizationConfig):
        raise ValueError(f"quantize: `config`: expected a QuantizationConfig, got {config!r}.")
    wanted = config.mode if config is not None else mode
    if mode is not None and wanted != mode:
        raise ValueError(f"quantize: `mode` is {mode!r}, and `config` is of mode {wanted!r}.")
    if wanted in _NOT_BUILT:
        raise NotImplementedError(f"quantize: {wanted!r}: {_NOT_BUILT[wanted]}.")
    if config is not None:
        return config
    return _CONFIGS[wanted]()


def check_form(form: str) -> None:
    """Raises a NotImplementedError for a mode that is not built."""
    mode = form.partition("/")[0]
    if mode in _NOT_BUILT:
        raise NotImplementedError(f"{mode!r}: {_NOT_BUILT[mode]}.")


TABLE: dict[str, Any] = {
    "quantizer": Quantizer,
    "abs_max_quantizer": AbsMaxQuantizer,
    "quantization_config": QuantizationConfig,
    "int8_quantization_config": Int8QuantizationConfig,
    "int4_quantization_config": Int4QuantizationConfig,
    "float8_quantization_config": Float8QuantizationConfig,
}
TABLE |= {kind.__name__: kind for kind in TABLE.values()}
"""What each name stands for."""


def get(identifier: object, **kwargs: Any) -> Any:
    """The quantizer for a name, a configuration, or an object; None for None.

    Raises:
      TypeError: it is none of these.
      ValueError: an unknown name; the message suggests the nearest.
    """
    if isinstance(identifier, str) and identifier in TABLE:
        return TABLE[identifier](**kwargs)
    if isinstance(identifier, QuantizationConfig):
        return identifier
    expected = "a quantizer: a name such as 'abs_max_quantizer', an object, or None"
    kinds = (Quantizer, QuantizationConfig)
    return function_for(identifier, "quantizers", TABLE, base=kinds, expected=expected)  # type: ignore[arg-type]


def serialize(initializer: object) -> Any:
    """The configuration of a quantizer."""
    return serialize_keras_object(initializer)


deserialize = deserializer(get, "quantizer", "quantizers")


__all__ = [
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]
