"""The functions of `keras.config`: the global settings of Keras, most of which are constants here.

No global setting changes the numbers of a model that exists. So most settings are constants, and
setting another value raises an error that names the argument of a layer or model to use instead.
The exceptions are the dtype policy, the default dtype and the layout of images, which layers and
arrays read when they are created, what is printed: progress bars or lines, tracebacks with or
without the lines of this package, and the limits of a run, `set_max_epochs` and the like.
"""

from __future__ import annotations

from typing import NoReturn

from jkeras.core.absent import missing
from jkeras.core.data_format import image_data_format, set_image_data_format
from jkeras.core.dtype_policy import dtype_policy, floatx, set_dtype_policy, set_floatx
from jkeras.core.session import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_max_epochs,
    set_max_steps_per_epoch,
)
from jkeras.core.tracebacks import (
    disable_traceback_filtering,
    enable_traceback_filtering,
    is_traceback_filtering_enabled,
)

__all__ = [
    "backend",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]


def backend() -> str:
    """The name of the library that computes: "jax"."""
    return "jax"


def set_backend(backend: str) -> None:
    """Accepts "jax".

    Raises:
      ValueError: another name.
    """
    _keep("set_backend", "backend", backend, "jax", "This package runs on JAX alone.")


def epsilon() -> float:
    """The number that keeps logarithms and divisions finite: 1e-7."""
    return 1e-7


def set_epsilon(value: float) -> None:
    """Accepts 1e-7.

    Raises:
      ValueError: another number.
    """
    fix = "Layers, optimizers and ops take `epsilon=...` of their own."
    _keep("set_epsilon", "value", value, epsilon(), fix)


def is_nnx_enabled() -> bool:
    """Whether variables are those of flax.nnx: always False."""
    return False


_ELSEWHERE = {
    "disable_flash_attention": "Pass flash_attention=False to the attention layer.",
    "enable_flash_attention": "Pass flash_attention=True to the attention layer.",
}


def __getattr__(name: str) -> NoReturn:
    fix = _ELSEWHERE.get(name, "")
    raise missing(f"module {__name__!r} has no attribute {name!r}. {fix}".rstrip())


def _keep(who: str, argument: str, value: object, fixed: object, fix: str) -> None:
    if value != fixed:
        raise ValueError(f"{who}: expected `{argument}` {fixed!r}, got {value!r}. {fix}")
