"""Layers whose large weight can be kept in 8 or 4 bits: `quantize`.

    layer.quantize("int8")         # of a layer or a model that is built

Laws:
  - The whole numbers, scales and zero points are those of Keras, and so are the files.
  - In int8 the inputs of a layer become whole numbers too, example by example; in int4 the weight
    is read as floating numbers.
  - Whole numbers are frozen; biases and LoRA are trained. The gradient of the inputs is that of the
    product with the weight as its whole numbers say it.

Source: `keras.layers.Dense.quantize`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.description import fields, option
from jkeras.core.dtype_policy import DTypePolicy
from jkeras.core.identity import ChangedInPlace
from jkeras.core.layer import Array, Params
from jkeras.core.object_api import object_api
from jkeras.core.quantized_policy import (
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
    policy_of,
)
from jkeras.core.serialization import if_set, never
from jkeras.core.tracebacks import api_boundary
from jkeras.core.trees import Tree, is_traced
from jkeras.layers.low_rank import LowRank
from jkeras.layers.options import optional
from jkeras.ops import quantizers
from jkeras.ops.float8 import HISTORY
from jkeras.ops.quantization import (
    INT4,
    INT8,
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
    dequantize_grouped,
    pack_int4,
    unpack_int4,
)

Contract = Callable[[Array, Array], Array]
"""The product of inputs and a weight; of whole numbers in 32 bits."""


def _form(value: Any) -> str:
    form = {"int4": "int4/-1", "float8": f"float8/{HISTORY}"}.get(value, str(value))
    quantizers.check_form(form)
    return form


class Quantizable(LowRank):
    """Base of the layers that `quantize` works on."""

    quantization: str | None = option(
        default=None, convert=optional(_form), to_config=never, kw_only=True, is_internal=True
    )
    quantization_config: Any = option(
        default=None, convert=quantizers.get, to_config=if_set, kw_only=True
    )

    quantization_modes: ClassVar[tuple[str, ...]] = ("int8", "int4")
    """The modes that the layer has."""

    is_transposed: ClassVar[bool] = False
    """Whether the weight has its outputs in rows, as a table has its ids."""

    def __post_init__(self) -> None:
        policy = policy_of(self.argument("dtype"))
        if policy is not None:
            mode, source = policy.name.split("_from_")
            length = getattr(policy, "amax_history_length", None)
            object.__setattr__(self, "dtype", source)
            object.__setattr__(self, "quantization", f"{mode}/{length}" if length else mode)
        super().__post_init__()

    def check(self) -> None:
        super().check()
        self._check_mode(self.quantization_mode)

    def _check_mode(self, mode: str | None) -> None:
        if mode is not None and mode not in self.quantization_modes:
            raise NotImplementedError(
                f"{self.who}: expected one of {self.quantization_modes}, got {mode!r}, which is "
                "for layers that multiply: Dense and EinsumDense."
            )
        if mode == "float8" and self.lora_enabled:
            raise NotImplementedError(
                f"{self.who}: expected no LoRA in float8, got `lora_rank`={self.lora_rank}. "
                "quantize('int8') goes together with it."
            )

    def get_config(self) -> dict[str, Any]:
        """As of any layer; the dtype of a quantized one is Keras's policy."""
        config = super().get_config()
        if self.quantization is None:
            return config
        policy = self.dtype_policy
        written = {
            "module": "keras.dtype_policies",
            "class_name": type(policy).__name__,
            "config": policy.get_config(),
            "registered_name": None,
        }
        return {**config, "dtype": written}

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The policy that Keras has for such a layer, such as "int8_from_float32"."""
        source = super().dtype_policy
        if self.quantization is None:
            return source
        mode, _, size = self.quantization.partition("/")
        if mode == "float8":
            return QuantizedFloat8DTypePolicy(mode, source.name, int(size))
        kind = Int4DTypePolicy if size else QuantizedDTypePolicy
        return kind(self.quantization, source.name)

    @property
    def quantization_mode(self) -> str | None:
        """The mode, "int8", "int4" or "float8"; None for floating numbers."""
        return None if self.quantization is None else self.quantization.partition("/")[0]

    @property
    def first_in_files(self) -> str:
        """The name of the weight that Keras's files hold before the others."""
        return self.lora_target

    @property
    def block_size(self) -> int:
        """Inputs that share a scale in int4; -1 for all of them."""
        return int((self.quantization or "").partition("/")[2] or -1)

    @property
    def amax_history_length(self) -> int:
        """How many steps the largest absolute values are remembered in float8."""
        return int((self.quantization or "").partition("/")[2] or HISTORY)

    @property
    def frozen_weights(self) -> frozenset[str]:  # type: ignore[override]
        """The whole numbers and what belongs to them."""
        names = super().frozen_weights
        if self.quantization_mode in (None, "float8"):
            return names
        target = self.lora_target
        return names | {target, f"{target}_scale", f"{target}_zero", "g_idx"}

    @api_boundary
    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """Turns the layer's large weight into whole numbers, or its products into those of float8
        (Dense and EinsumDense), in all models that have the layer.

        Args:
          mode: "int8", "int4" or "float8"; that of `config` when left out.
          type_check: whether subclasses are refused.
          config: a `QuantizationConfig`; the usual one of the mode when left out.

        Raises:
          NotImplementedError: a mode that is not built or not for this layer, a subclass, or float8
            beside LoRA.
          ValueError: an unknown mode; int8 over float16; the layer is not built, or quantized
            already.

        Example:
          >>> from jkeras.layers import Dense
          >>> layer = Dense(3)
          >>> layer.build((None, 5))
          >>> layer.quantize("int8")
          >>> [(weight.name, str(weight.dtype)) for weight in layer.weights]
          [('bias', 'float32'), ('kernel', 'int8'), ('kernel_scale', 'float32')]
        """
        found = quantizers.resolved_config(mode, config)
        if self.quantization is not None:
            raise self.value_error("a layer that is not quantized", f"one in {self.quantization}")
        if type_check and "quantized_layout" not in vars(type(self)):
            raise NotImplementedError(
                f"{self.who}: quantize: expected Dense, EinsumDense or Embedding themselves, got "
                f"the subclass {type(self).__name__}. type_check=False quantizes it as its base."
            )
        self._check_mode(found.mode)
        changed = {"quantization": found.form, "quantization_config": found}
        new = self.replace(**changed)
        _ = new.dtype_policy  # raises for int8 over float16
        rank = self._rank_of_inputs()
        object_api().replace_weights(
            self, changed, lambda params: new.with_whole_numbers(params, rank)
        )

    def _rank_of_inputs(self) -> int | None:
        """The number of axes of the inputs, where the layout of a scale depends on it."""
        return None

    # -- whole numbers

    def quantized_layout(self, rank: int | None) -> Any:
        """(axes over which an int8 scale is shared, function that lays the scale out)."""
        raise NotImplementedError

    def as_matrix(self, weight: Array) -> Array:
        """The weight with inputs in rows and outputs in columns."""
        return weight.T if self.is_transposed else weight

    def with_whole_numbers(self, params: Params, rank: int | None = None) -> Params:
        """The weights with the large one in whole numbers, as `quantization` says."""
        if self.quantization is None:
            return params
        target = self.lora_target
        others = {name: value for name, value in params.items() if name != target}
        whole = self._whole_numbers(params[target], rank)
        return {**others, target: whole.pop(target), **whole}

    def _whole_numbers(self, weight: Array, rank: int | None) -> Params:
        target, config = self.lora_target, self.quantization_config
        quantizer = None if config is None else config.weight_quantizer
        on_host = not is_traced(weight)
        if self.quantization == "int8":
            axes, laid_out = self.quantized_layout(rank)
            if quantizer is None:
                values, scale = abs_max_quantize(weight, axes, INT8, to_numpy=on_host)
            else:
                values, scale = quantizer(weight, to_numpy=on_host)
            return {target: values, f"{target}_scale": laid_out(scale)}
        matrix, size = self.as_matrix(weight), self.block_size
        turn = (lambda x: x.T) if self.is_transposed else (lambda x: x)
        if size == -1:
            if quantizer is None:
                values, scale = abs_max_quantize(matrix, 0, INT4, to_numpy=on_host)
            else:
                values, scale = quantizer(matrix, 0, to_numpy=on_host)
            return {target: pack_int4(turn(values), -1)[0], f"{target}_scale": scale[0]}
        values, scale, zero = abs_max_quantize_grouped_with_zero_point(
            matrix, size, to_numpy=on_host
        )
        return {
            target: pack_int4(turn(values), -1)[0],
            f"{target}_scale": turn(scale),
            f"{target}_zero": turn(zero),
            "g_idx": jnp.arange(matrix.shape[0], dtype=jnp.float32) // size,
        }

    def floating(self, params: Params, shape: tuple[int, ...], dtype: Any) -> Array:
        """The weight that the whole numbers stand for.

        Args:
          params: of the layer.
          shape: of the weight.
          dtype: of the result.
        """
        target = self.lora_target
        values, scale = params[target], params[f"{target}_scale"]
        if self.quantization is None:
            return values.astype(dtype)
        if self.quantization == "int8":
            return (values.astype(scale.dtype) / self.scale_beside(scale)).astype(dtype)
        stored = math.prod(shape) // values.shape[0]
        numbers = unpack_int4(values, stored, -1)
        axis = 1 if self.is_transposed else 0
        if self.block_size == -1:
            beside = scale[:, None] if self.is_transposed else scale[None]
            weight = numbers.astype(scale.dtype) / beside
        else:
            zero, group = params[f"{target}_zero"], params["g_idx"]
            weight = dequantize_grouped(numbers, scale, zero, group, axis)
        return weight.reshape(shape).astype(dtype)

    def scale_beside(self, scale: Array) -> Array:
        """An int8 scale in a shape that goes with the weight."""
        return scale[:, None] if self.is_transposed else scale[None]

    def with_delta(self, params: Params) -> Params:
        """As of any layer with LoRA; whole numbers are made anew from the sum."""
        if not self.lora_enabled or self.quantization is None:
            return super().with_delta(params)
        a, b = (params[name] for name in self.lora_names)
        shape = (*a.shape[:-1], b.shape[-1])
        weight = self.floating(params, shape, a.dtype) + self.lora_scale * (a @ b)
        rank = self._rank_of_inputs()
        return {**params, **self._whole_numbers(weight, rank)}

    # -- products

    def weights_like(self, params: Tree, inputs: Array) -> Tree:
        """The floating weights in the dtype of the inputs; whole numbers as they are."""
        return jax.tree.map(
            lambda w: w.astype(inputs.dtype) if jnp.issubdtype(w.dtype, jnp.floating) else w, params
        )

    def multiplied(
        self, params: Params, x: Array, shape: tuple[int, ...], contract: Contract, layout: Any
    ) -> Array:
        """The product of inputs and the weight of a quantized layer.

        Args:
          params: of the layer.
          x: the inputs.
          shape: of the weight.
          contract: the product of inputs and a weight.
          layout: the axes of the inputs that are summed over, and a function that lays out what has
            size 1 there beside the outputs.
        """
        config = self.quantization_config
        is_int8 = self.quantization == "int8"
        default = quantizers.AbsMaxQuantizer() if is_int8 else None
        quantizer = default if config is None else config.activation_quantizer
        if quantizer is None:
            return contract(x, self.floating(params, shape, x.dtype))
        names = (self.lora_target, f"{self.lora_target}_scale", f"{self.lora_target}_zero", "g_idx")
        numbers = {name: params[name] for name in names if name in params}
        call = _Product(self, shape, contract, quantizer, *layout)
        return _product(call, x, numbers)


class _Product:
    """A product of whole numbers, and the product of floating ones whose gradient it has."""

    def __init__(
        self,
        layer: Quantizable,
        shape: tuple[int, ...],
        contract: Contract,
        quantizer: Any,
        axes: Any,
        laid_out: Callable[[Array], Array],
    ) -> None:
        self.layer, self.shape, self.contract = layer, shape, contract
        self.quantizer, self.axes, self.laid_out = quantizer, axes, laid_out

    def value(self, x: Array, params: Params) -> Array:
        """The outputs."""
        whole, scale = self.quantizer(x, axis=self.axes)
        scale = self.laid_out(scale)
        if self.layer.quantization != "int8":
            weight = self.layer.floating(params, self.shape, x.dtype)
            return self.contract(whole.astype(x.dtype), weight) / scale
        target = self.layer.lora_target
        outputs = self.contract(whole, params[target]).astype(x.dtype)
        beside = params[f"{target}_scale"].astype(x.dtype)
        missing = tuple(range(outputs.ndim - beside.ndim))
        return outputs / (jax.lax.expand_dims(beside, missing) * scale)

    def smooth(self, x: Array, params: Params) -> Array:
        """The product with the floating weight."""
        return self.contract(x, self.layer.floating(params, self.shape, x.dtype))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(call: _Product, x: Array, params: Params) -> Array:
    return call.value(x, params)


def _forward(call: _Product, x: Array, params: Params) -> Any:
    return call.value(x, params), (x, params)


def _backward(call: _Product, saved: Any, upstream: Array) -> Any:
    x, params = saved
    return (*jax.vjp(lambda x: call.smooth(x, params), x)[1](upstream), None)


_product.defvjp(_forward, _backward)


def complete(kind: type[Quantizable]) -> None:
    """Makes the fields of quantization attributes that `quantize` may change."""
    fields(kind)
    for name in ("quantization", "quantization_config"):
        if name in vars(kind):
            setattr(kind, name, ChangedInPlace(name))


complete(Quantizable)
