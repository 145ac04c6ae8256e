"""The platform that programs are made for: that of this process, or another one to lower for.

Some operations have a formulation that is fast on the CPU and another for a GPU or TPU. They ask
here, so that a program can be exported, or looked at, for a device that is not there. What is
traced for one platform is never taken for another: JAX's caches know the difference.
"""

from __future__ import annotations

import contextlib
from typing import Any

import jax

from jkeras.core.errors import value_error

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
"""The names of JAX's lowering; `jax.default_backend` calls cuda and rocm "gpu"."""

_target: Any = jax.make_user_context(None)
_whole: Any = jax.make_user_context(False)
_many: Any = jax.make_user_context(False)
_eigen: Any = jax.make_user_context(False)


def platform() -> str:
    """What programs that are traced here are for: "cpu", "gpu" or "tpu"."""
    return _target.value or jax.default_backend()


def check_platform(who: str, name: str) -> None:
    """Raises ValueError where JAX has no platform of this name."""
    if name not in PLATFORMS:
        expected = " or ".join(map(repr, PLATFORMS))
        raise value_error(who=who, argument="platform", expected=expected, got=repr(name))


def programs_for(name: str) -> contextlib.AbstractContextManager[None]:
    """Within this context programs are traced for a platform of this name.

    Args:
      name: one of `PLATFORMS`.
    """
    kind = "gpu" if name in ("cuda", "rocm") else name
    context: contextlib.AbstractContextManager[None] = _target(kind)
    return context


def cuts_batches() -> bool:
    """Whether a step that is traced here may go through its batch in slices, one by one."""
    return not _whole.value


def whole_batches() -> contextlib.AbstractContextManager[None]:
    """Within this context steps take their batches whole: the rows lie on several devices, which
    work at the same time.
    """
    context: contextlib.AbstractContextManager[None] = _whole(True)
    return context


def maps_models() -> bool:
    """Whether what is traced here is mapped over models, whose kernels differ."""
    return bool(_many.value)


def many_models() -> contextlib.AbstractContextManager[None]:
    """Within this context a function is traced to be mapped over models (`vmap`). Convolutions with
    a kernel for each model would become one in groups, which is slow on every device.
    """
    context: contextlib.AbstractContextManager[None] = _many(True)
    return context


def calls_eigen() -> bool:
    """Whether what is traced here for the CPU is compiled with Eigen's convolutions."""
    return _eigen.value and platform() == "cpu"


def programs_with_eigen() -> contextlib.AbstractContextManager[None]:
    """Within this context programs are traced for XLA with Eigen's convolutions; see `jit_step`."""
    context: contextlib.AbstractContextManager[None] = _eigen(True)
    return context
