"""`jit_step`: `jax.jit` for programs that train, evaluate or predict."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core.platform import programs_with_eigen

# By itself XLA gives convolutions to YNNPACK, which takes 1.4 to 2 times as long for them as Eigen
# (3 by 3, 32 and 64 channels, batch 32). Left to it are what is named here: products and sums.
_EIGEN = {
    "xla_cpu_experimental_ynn_fusion_type": (
        "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
    )
}


def jit_step(function: Callable[..., Any], **options: Any) -> Any:
    """`jax.jit` with what makes convolutions fast on the CPU: XLA leaves them to Eigen, and they
    are formulated for it, derivatives included.

    Args:
      function: a pure function, such as a step of training, or a loop over steps.
      **options: as for `jax.jit`.

    Example:
      >>> import jax.numpy as jnp
      >>> float(jit_step(lambda x: x + 1)(jnp.float32(1)))
      2.0
    """
    if jax.default_backend() != "cpu" or not _knows_eigen():
        return jax.jit(function, **options)

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        with programs_with_eigen():
            return function(*args, **kwargs)

    return jax.jit(traced, compiler_options=_EIGEN, **options)


@functools.cache
def _knows_eigen() -> bool:
    """Whether this XLA has the option, which is an experimental one: found by a tiny program."""
    try:
        jax.jit(lambda: 0, compiler_options=_EIGEN).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
