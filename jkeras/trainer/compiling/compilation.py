"""The arguments of `compile`, resolved: optimizer, losses and metrics as objects, how to run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras.core.errors import NotReadyError, WrongTypeError, describe, nearest
from jkeras.core.freezing import layer_paths
from jkeras.core.pickling import packed, unpacked
from jkeras.distribution import (
    DataParallel,
    DeviceMesh,
    Distribution,
    FullyShardedDataParallel,
    LayoutMap,
    get_device_count,
)
from jkeras.training.loss_specs import EMPTY_COMPILE_SPEC, CompileSpec

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.optimizers.resolve import Transformation

ENGINES = ("auto", "resident", "streaming")
NAN_POLICIES = ("stop", "skip", "ignore")


@dataclasses.dataclass(frozen=True)
class Compilation:
    """The arguments of `compile`, resolved.

    Attributes:
      optimizer: the description, or a transformation of optax's.
      transformation: the optax transformation that it makes.
      compile_spec: losses, their weights and metrics, as objects.
      eager: whether steps run in Python, for a debugger.
      steps_per_execution: steps in a dispatch; None where it adapts.
      engine: where arrays lie while they are trained on.
      scales_loss: whether a model in float16 gets a `LossScaleOptimizer`.
      on_nan: "refuse", "stop", "skip" or "ignore".
      distribution: the devices that the model runs on; None for those of `set_distribution`.
    """

    optimizer: Any = None
    transformation: Any = None
    compile_spec: CompileSpec = EMPTY_COMPILE_SPEC
    eager: bool = False
    steps_per_execution: int | None = None
    engine: str = "auto"
    scales_loss: bool = True
    on_nan: str = "refuse"
    distribution: Distribution | None = None

    def __getstate__(self) -> dict[str, Any]:
        return packed(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))

    @property
    def check_nans(self) -> bool:
        """Whether training looks after every step, and stops: as `jax_debug_nans` says, too."""
        debugs = self.on_nan == "refuse" and getattr(jax.config, "jax_debug_nans", False)
        return self.on_nan == "stop" or debugs

    def refuses_nans(self, who: str) -> bool:
        """Whether the data of this method may not hold NaN or infinity."""
        trains = who in ("fit", "train_on_batch")
        return self.on_nan in ("refuse", "stop") or (self.on_nan == "skip" and not trains)

    def with_optimizer(self, optimizer: Transformation) -> Compilation:
        """The compilation with another optimizer of this library."""
        return dataclasses.replace(self, optimizer=optimizer, transformation=optimizer)

    def scaled_for(self, net: object) -> Compilation:
        """The compilation with a loss scale, where layers of the description are in float16."""
        if not (self.scales_loss and in_float16(net)):
            return self
        scaled = with_loss_scale(self.optimizer)
        return self if scaled is self.optimizer else self.with_optimizer(scaled)


def skips_nans(compilation: Compilation | None) -> bool:
    """Whether training leaves steps out that would make NaN or infinity."""
    return compilation is not None and compilation.on_nan == "skip"


def not_compiled(who: str, wanted: str) -> NotReadyError:
    """The error for what needs a compilation, where there is none yet."""
    return NotReadyError(
        f"{who}: `{wanted}` needs a compiled model. "
        "Call compile(optimizer='adam', loss='mse') first."
    )


def nan_policy(given: object) -> str:
    """What `compile(check_nans=)` means: "refuse" (False), "stop" (True), "skip" or "ignore".

    Raises:
      TypeError: it is no bool and no word.
      ValueError: it is another word.
    """
    what = f"compile: `check_nans`: expected False, True or one of {list(NAN_POLICIES)}"
    if isinstance(given, bool | np.bool_):
        return "stop" if given else "refuse"
    if not isinstance(given, str):
        raise WrongTypeError(f"{what}, got {describe(given)}.")
    if given not in NAN_POLICIES:
        raise ValueError(f"{what}, got {given!r}.{nearest(given, NAN_POLICIES)}")
    return given


def resolved_distribution(given: object, who: str = "compile") -> Distribution | None:
    """What the argument `distribution` means.

    Raises:
      TypeError: it is no distribution and no word.
      ValueError: it is another word.
    """
    if given is None or isinstance(given, Distribution):
        return given
    what = f"{who}: `distribution`: expected a jkeras.distribution or one of {list(_WORDS)}"
    if isinstance(given, type) and issubclass(given, Distribution):
        name = given.__name__
        raise WrongTypeError(f"{what}, got the class {name}. Make one: {name}(...).")
    if not isinstance(given, str):
        fix = next((fix for kind, fix in _PARTS_OF_ONE.items() if isinstance(given, kind)), "")
        raise WrongTypeError(f"{what}, got {describe(given)}.{fix}")
    if given not in _WORDS:
        word = given.lower().replace("_", "").replace(" ", "")
        also = next((f" Write {name!r}." for name, all in _ALSO.items() if word in all), "")
        also = _RULES if word in ("model", "modelparallel", "tensorparallel", "tp") else also
        raise ValueError(f"{what}, got {given!r}.{also or nearest(given, _WORDS)}")
    return _WORDS[given]()


_WORDS: dict[str, Callable[[], Distribution | None]] = {
    "auto": lambda: DataParallel() if get_device_count() > 1 else None,
    "data": DataParallel,
    "fsdp": FullyShardedDataParallel,
}

_ALSO = {
    "data": ("dp", "ddp", "dataparallel", "mirrored"),
    "fsdp": ("fullyshardeddataparallel", "zero", "zero3"),
}
"""What others call these."""

_RULES = (
    " Cutting weights needs rules: ModelParallel(layout_map=layouts), with a LayoutMap; 'fsdp' "
    "needs none."
)
_PARTS_OF_ONE = {
    DeviceMesh: " Write DataParallel(mesh).",
    LayoutMap: " Write ModelParallel(layout_map=layouts).",
    list: " Write DataParallel(devices=[...]).",
}
"""What to write for a part of a distribution in the place of one."""


def in_float16(net: object) -> bool:
    """Whether a layer of a description computes in float16."""
    layers = [layer for _, layer in layer_paths(net)] or [net]
    return any(getattr(layer, "dtype", None) == jnp.float16 for layer in layers)


def with_loss_scale(optimizer: Transformation) -> Any:
    """The optimizer with a scale of the loss; those of optax are left to scale it themselves."""
    ours = isinstance(optimizer, optimizers.Optimizer | optimizers.MultiOptimizer)
    scales = getattr(optimizer, "loss_scale_factor", None)
    return optimizers.LossScaleOptimizer(optimizer) if ours and not scales else optimizer


def first_rate(description: Transformation | None) -> float | None:
    """The rate of an optimizer's first update; None where it has none or several."""
    ours = optimizers.Optimizer | optimizers.LossScaleOptimizer
    if not isinstance(description, ours) or not hasattr(description, "learning_rate"):
        return None
    rate = optimizers.get_learning_rate(description.init({}))
    return None if rate is None else float(rate)


def with_rate(
    description: optimizers.Optimizer | optimizers.LossScaleOptimizer, rate: ArrayLike
) -> Any:
    """An optimizer of ours with another rate to start with.

    Raises:
      TypeError, ValueError: a schedule sets the rate, or `rate` is no number of at least 0.
    """
    optimizers.set_learning_rate(description.init({}), rate)  # makes the checks
    if isinstance(description, optimizers.LossScaleOptimizer):
        return description.replace(inner_optimizer=with_rate(description.inner_optimizer, rate))
    return description.replace(learning_rate=rate)


def check_positive(who: str, **values: int | None) -> None:
    """Raises unless every value is None or an integer of at least 1."""
    for name, value in values.items():
        if value is not None:
            _check_integer(who, name, value, 1, "a positive integer")


def check_not_negative(who: str, **values: int) -> None:
    """Raises unless every value is an integer of at least 0."""
    for name, value in values.items():
        _check_integer(who, name, value, 0, "an integer of at least 0")


def _check_integer(who: str, name: str, value: object, least: int, words: str) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"{who}: `{name}`: expected {words}, got {describe(value)}.")
    if int(value.__index__()) < least:
        raise ValueError(f"{who}: `{name}`: expected {words}, got {value}.")
