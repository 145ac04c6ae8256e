"""Layers that only networks with published weights have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Params, State, option
from jkeras.layers.deterministic import Deterministic
from jkeras.layers.merging import Merge
from jkeras.layers.options import number, positive_int
from jkeras.ops.constant_initializers import Constant
from jkeras.ops.linear import along

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec

__all__ = ["CustomScaleLayer", "LayerScale"]


class LayerScale(Deterministic):
    """The inputs times a weight for each channel, `gamma`.

    Shapes: [..., projection_dim], kept.

    Args:
      init_values: the first value of the weights.
      projection_dim: the number of channels.

    Source: Touvron et al. 2021, arXiv:2103.17239; `keras.applications.convnext`.
    """

    in_keras: ClassVar[tuple[str, str]] = ("keras.src.applications.convnext", "LayerScale")
    in_slices: ClassVar[InSlices] = "same"

    init_values: float = option(convert=number)
    projection_dim: int = option(convert=positive_int)

    def init(self, key: Key, *inputs: ArraySpec) -> tuple[Params, State]:
        return {"gamma": Constant(self.init_values)((self.projection_dim,), key=key)}, {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        return x * along(-1, params["gamma"].astype(x.dtype), x.ndim)


class CustomScaleLayer(Merge):
    """The first of two inputs plus `scale` times the second.

    Args:
      scale: a number.

    Source: `keras.applications.inception_resnet_v2`.
    """

    in_keras: ClassVar[tuple[str, str]] = (
        "keras.src.applications.inception_resnet_v2",
        "CustomScaleLayer",
    )

    scale: float = option(convert=number)

    def merge(self, arrays: list[Any]) -> Array:
        first, second = arrays
        return first + second * self.scale
