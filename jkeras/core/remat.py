"""Rematerialization: a layer's activations are recomputed in the backward pass, instead of kept.

    with jkeras.RematScope():
        block = jkeras.models.Chain([Dense(4096, activation="gelu"), Dense(512)])

A layer remembers the scope that it was made in. Laws:
  - It changes memory and time, and no number; so it is no part of a layer's description.
  - Of layers inside layers the outermost one that was made in a scope is rematerialized: only what
    goes into it is kept.

On the CPU the memory that is saved depends on XLA's scheduler. The default one looks for work that
can run concurrently, so it recomputes all activations at the beginning of the backward pass, where
they are kept after all: the recomputation is there (common subexpression elimination does not
remove it), and the barrier that orders it is gone before the schedule is made. A process that
begins with `XLA_FLAGS=--xla_cpu_enable_concurrency_optimized_scheduler=false` saves memory. Eight
blocks Dense(1024), Dense(256) on 1024 examples, temporary MiB of the gradient
(`compiled.memory_analysis().temp_size_in_bytes`, jaxlib 0.10.2):

    scope           default    with the flag
    none                146              143
    "full"              133               61
    "activations"       164               71

An option of one compilation does not do: XLA reads the flag once in a process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import jax
import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest, type_error, value_error

if TYPE_CHECKING:
    from jax.extend.core import Primitive

Mode = Literal["full", "activations", "larger_than", "list_of_layers"]
F = TypeVar("F", bound=Callable[..., Any])

_MODES = ("full", "activations", "larger_than", "list_of_layers")
_PRODUCTS = ("dot_general", "conv_general_dilated")
_scopes: ContextVar[tuple[Any, ...]] = ContextVar("scopes", default=())
_inside: ContextVar[bool] = ContextVar("inside", default=False)


class RematScope:
    """Layers that are made while it is entered are rematerialized when they are trained.

    Args:
      mode: "full", all of them; "activations", all but products of matrices and convolutions, which
        are kept; "larger_than", those with outputs larger than the threshold; "list_of_layers",
        those whose name is listed; None, none of them.
      output_size_threshold: scalars in all outputs, batch included.
      layer_names: names of layers.

    Raises:
      TypeError: `layer_names` is no list of strings.
      ValueError: there is no such mode; or "list_of_layers" without a list.

    Differs from Keras: the scope counts where a layer is made, not where it is called, and the mode
    "activations" recomputes everything but products.

    Source: `keras.RematScope`; Chen et al. 2016, arXiv:1604.06174.
    """

    def __init__(
        self,
        mode: Mode | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Iterable[str] | None = None,
    ) -> None:
        if mode is not None and mode not in _MODES:
            known = ", ".join(map(repr, _MODES))
            hint = nearest(mode, _MODES) if isinstance(mode, str) else ""
            text = f"expected one of {known}, got {mode!r}.{hint}"
            raise value_error(text, who="RematScope", argument="mode")
        names = [] if layer_names is None else layer_names
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise type_error(
                who="RematScope",
                argument="layer_names",
                expected="a list of names",
                got=describe(layer_names),
            )
        if mode == "list_of_layers" and not names:
            expected = "`layer_names` for 'list_of_layers'"
            raise value_error(who="RematScope", expected=expected, got="none")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(names)

    def __enter__(self) -> Self:
        _scopes.set((*_scopes.get(), self))
        return self

    def __exit__(self, *error: Any) -> None:
        _scopes.set(_scopes.get()[:-1])

    def covers(self, name: str | None, run: Callable[..., Any], *values: Any) -> bool:
        """Whether a layer made in the scope is rematerialized; `run(*values)` gives its outputs."""
        if self.mode == "list_of_layers":
            return name in self.layer_names
        if self.mode == "larger_than":
            outputs = jax.tree.leaves(jax.eval_shape(run, *values)[0])
            return sum(int(np.prod(x.shape)) for x in outputs) > self.output_size_threshold
        return self.mode is not None


def current() -> RematScope | None:
    """The innermost scope that is entered, or None."""
    scopes = _scopes.get()
    return scopes[-1] if scopes else None


def rematerialized(
    scope: RematScope | None, name: str | None, run: Callable[..., Any], *values: Any
) -> Any:
    """`run(*values)`, rematerialized as the scope says.

    Args:
      scope: the scope that the layer was made in, or None.
      name: the layer's name.
      run: maps trees of arrays to (outputs, state).
      *values: these trees.
    """
    if scope is None or _inside.get() or not scope.covers(name, run, *values):
        return run(*values)

    def inside(*values: Any) -> Any:
        token = _inside.set(True)
        try:
            return run(*values)
        finally:
            _inside.reset(token)

    def is_product(primitive: Primitive, *_: Any, **__: Any) -> bool:
        return primitive.name in _PRODUCTS

    kept = is_product if scope.mode == "activations" else None
    return jax.checkpoint(inside, policy=kept)(*values)


def remat(f: F) -> F:
    """The function, rematerialized: on the way back it is computed again.

    Example:
      >>> import jax.numpy as jnp
      >>> float(jax.grad(remat(jnp.sin))(0.0))
      1.0

    Source: `keras.remat`.
    """
    if not callable(f):
        raise WrongTypeError(f"remat: expected a function, got {describe(f)}.")
    return functools.wraps(f)(jax.checkpoint(f))  # type: ignore[return-value]
