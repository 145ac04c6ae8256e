"""What Keras's tests hold things with: variables, dtypes, conversions, seeds. None of it is judged.

`keras.backend`, `keras.config`, `keras.dtype_policies`, the handful of `keras.ops` that differ from
`jax.numpy` in name, and the marks of Keras's `conftest`.
"""

from __future__ import annotations

import contextlib
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

numpy = jnp
nn = jax.nn

_SCOPES: list[str] = []
_MASKS: dict[int, tuple[Any, Any]] = {}
_SEEDS = itertools.count(1)


class Variable:
    """A value with a name that can be assigned: what Keras's optimizers are given.

    Args:
      initializer: an array, or a function of (shape, dtype) with `shape`.
      shape: for such a function.
      dtype: float32 when left out.
      trainable: kept.
      name: "variable" when left out; `path` has the open name scopes before it.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str = "variable",
        **kwargs: Any,
    ) -> None:
        del kwargs
        value = initializer(shape, dtype) if callable(initializer) else initializer
        self.value = convert_to_tensor(value, dtype=dtype or "float32")
        self.trainable, self.name = trainable, name
        self.path = "/".join([*_SCOPES, name])
        self.constraint: Callable[[Any], Any] | None = None
        self.overwrite_with_gradient = False

    def assign(self, value: Any) -> jax.Array:
        """Gives the variable a new value of its dtype."""
        self.value = jnp.asarray(_plain(value), self.value.dtype)
        return self.value

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array."""
        return np.asarray(self.value)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.value, dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "value":
            raise AttributeError(name)
        return getattr(self.value, name)  # shape, dtype, ndim

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> jax.Array:
        return self.value[index]

    def __add__(self, other: Any) -> jax.Array:
        return self.value + _plain(other)

    def __sub__(self, other: Any) -> jax.Array:
        return self.value - _plain(other)

    def __mul__(self, other: Any) -> jax.Array:
        return self.value * _plain(other)

    def __truediv__(self, other: Any) -> jax.Array:
        return self.value / _plain(other)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else value


# -- keras.backend, keras.ops


def backend() -> str:
    """The backend that Keras's tests should take this for."""
    return "jax"


def convert_to_numpy(x: Any) -> np.ndarray:
    """An array, variable or list as a NumPy array."""
    return np.asarray(_plain(x))


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None) -> jax.Array:
    """A device array, 32 bits wide at most; Python's floats are float32."""
    del sparse
    return jnp.asarray(_plain(x), dtype)


array = convert_to_tensor


def cast(x: Any, dtype: Any) -> jax.Array:
    """`x` in another dtype."""
    return jnp.asarray(_plain(x)).astype(dtype)


def shape(x: Any) -> tuple[int, ...]:
    """The shape as a tuple."""
    return tuple(jnp.shape(_plain(x)))


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of the backend."""
    return isinstance(x, jax.Array)


def standardize_dtype(dtype: Any) -> str:
    """A dtype's name."""
    return floatx() if dtype is None else jnp.dtype(dtype).name


def floatx() -> str:
    """The default dtype, which here is float32 always."""
    return "float32"


def set_floatx(value: str) -> None:
    """Refuses every other default: dtypes here follow the inputs."""
    if value != "float32":
        raise NotImplementedError(f"there is no global dtype here to set to {value!r}")


def epsilon() -> float:
    """Keras's fuzz factor."""
    return 1e-7


@contextlib.contextmanager
def name_scope(name: str, **kwargs: Any) -> Iterator[None]:
    """Variables that are made inside have `name/` before their name."""
    del kwargs
    _SCOPES.append(name)
    try:
        yield
    finally:
        _SCOPES.pop()


def set_keras_mask(x: Any, mask: Any) -> None:
    """Keeps a mask for an array, and the array with it, so that no other gets its identity."""
    _MASKS[id(x)] = (x, mask)


def keras_mask(x: Any) -> Any:
    """The mask kept for an array, None for none."""
    return _MASKS.get(id(x), (x, None))[1]


class KerasTensor:
    """A symbol of Keras's backends, which nothing here takes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        raise NotImplementedError("symbols of the backend do not exist here")


# -- keras.random


class SeedGenerator:
    """A seed that is another one at every use, as Keras's."""

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        del kwargs
        self.seed = next(_SEEDS) if seed is None else seed


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, **kwargs: Any) -> jax.Array:
    """Uniform numbers, other ones at every call."""
    del kwargs
    return jax.random.uniform(jax.random.key(next(_SEEDS)), shape, minval=minval, maxval=maxval)


random = types.SimpleNamespace(SeedGenerator=SeedGenerator, uniform=uniform)


# -- keras.dtype_policies


class DTypePolicy(str):
    """The name of the dtype that a policy computes in: "float16" for "mixed_float16"."""

    def __new__(cls, name: str) -> DTypePolicy:
        """The policy with this name."""
        return super().__new__(cls, name.removeprefix("mixed_"))


def set_dtype_policy(policy: Any) -> None:
    """Refuses every policy but the default."""
    set_floatx(str(policy))


def dtype_policy() -> DTypePolicy:
    """The default policy."""
    return DTypePolicy("float32")


# -- conftest


def skip_if_backend(name: str, reason: str) -> Callable[[Any], Any]:
    """Keras's mark for tests that some backend, never this one, cannot run."""
    del name, reason
    return lambda test: test
