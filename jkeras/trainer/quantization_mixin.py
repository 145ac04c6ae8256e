"""Models with weights in 8 or 4 bits, or trained in float8."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from jkeras.core import freezing
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.identity import identity_of
from jkeras.core.tracebacks import api_boundary
from jkeras.ops.quantizers import QuantizationConfig, resolved_config
from jkeras.trainer.loop.parts import TrainerParts

Filters = str | Sequence[str] | Callable[[Any], bool] | None


class QuantizationMixin:
    """What turns the weights of a model's layers into whole numbers, or their products into those
    of float8.
    """

    _trainer_parts: TrainerParts

    @api_boundary
    def quantize(
        self,
        mode: str | None = None,
        config: QuantizationConfig | None = None,
        filters: Filters = None,
        *,
        type_check: bool = True,
    ) -> None:
        """Turns the large weights of all Dense, EinsumDense and Embedding layers into whole
        numbers; other layers stay as they are.

            model.quantize("int8")     # weights and inputs in 8 bits
            model.quantize("int4")     # weights in 4 bits
            model.quantize("float8")   # trained on, with products in float8: not Embedding

        Args:
          mode: "int8", "int4" or "float8"; that of `config` when left out.
          config: a `QuantizationConfig`; the usual one of the mode when left out.
          filters: which layers: a regular expression that is searched in a layer's name, several,
            or a function of a layer.
          type_check: whether subclasses of the three stay as they are, with a warning.

        Raises:
          NotImplementedError: "gptq" or "awq", which are not built.
          TypeError: another kind of `filters`.
          ValueError: an unknown mode, the model is not built, or a layer is quantized already, in
            another form; one in the same form stays as it is.
        """
        found = resolved_config(mode, config)
        accepts = _accepts(filters)
        state = self._trainer_parts.state
        state.need_values()
        unique = {identity_of(layer): layer for _, layer in freezing.layer_paths(state.net)}
        layers = [each for each in unique.values() if hasattr(each, "quantize") and accepts(each)]
        for layer in layers:
            is_in_float8 = layer.quantization_mode == found.mode == "float8"  # of any length
            if layer.quantization not in (None, found.form) and not is_in_float8:
                raise ValueError(
                    f"quantize: {layer.who} is in {layer.quantization} already. Quantize a copy "
                    "that is not quantized, or leave the layer out with `filters`."
                )
        for layer in layers:
            if layer.quantization is not None:
                continue
            try:
                layer.quantize(type_check=type_check, config=found)
            except NotImplementedError as error:
                warnings.warn(str(error), stacklevel=3)


def _accepts(filters: Filters) -> Callable[[Any], bool]:
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, list | tuple):
        raise WrongTypeError(
            "quantize: `filters`: expected a regular expression, a list of them, or a function, "
            f"got {describe(filters)}."
        )
    return lambda layer: any(re.search(pattern, layer.name) for pattern in patterns)
