"""Names inside Keras that its tests of quantizers import: those of GPTQ are not here."""

from __future__ import annotations

from typing import Any

from jkeras.ops.quantization import dequantize_grouped
from jkeras.ops.quantizers import resolved_config as validate_and_resolve_config

__all__ = ["validate_and_resolve_config"]


def dequantize_with_sz_map(
    weights_matrix: Any, scale: Any, zero: Any, g_idx: Any, group_axis: int = -1
) -> Any:
    """Floating numbers from whole ones in groups."""
    return dequantize_grouped(weights_matrix, scale, zero, g_idx, group_axis)


def _of_gptq(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError("GPTQ is not built")


compute_quantization_parameters = quantize_with_sz_map = _of_gptq
quantize_with_zero_point = dequantize_with_zero_point = _of_gptq
