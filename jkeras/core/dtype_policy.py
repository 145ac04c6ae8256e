"""The dtype of a layer's arithmetic: narrower than its weights, or double precision.

    Dense(3, dtype="mixed_bfloat16")                    # one layer
    model.dtype_policy = "mixed_bfloat16"               # one model, its outputs in float32
    mixed_precision.set_dtype_policy("mixed_bfloat16")  # every later layer

Laws:
  - A layer that computes in float64 has float64 weights, which needs JAX's x64 mode. All other
    weights are float32, so "bfloat16" and "mixed_bfloat16" are the same to a layer.
  - A policy for every layer acts where a layer is made, and the layer then says so itself: what a
    description computes never depends on anything but its fields.
  - Losses, metrics, statistics of normalization and optimizers are float32 in narrower policies.
"""

from __future__ import annotations

import contextlib
import contextvars
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe, nearest, quoted
from jkeras.core.trees import Tree, dtype_of, widest_float

NAMES = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float64")


class _OfInputs:
    """The `dtype` of a layer that computes in the dtype of its inputs, whatever the policy is."""

    def __repr__(self) -> str:
        return "None"

    def in_config(self) -> None:
        """What a configuration holds for it."""


OF_INPUTS = _OfInputs()


def _name(value: object) -> str:
    """The name of a policy; of the policy for every new layer for None."""
    return dtype_policy().name if value is None else _name_of(value, integers=True)


def _name_of(value: object, integers: bool = False) -> str:
    if isinstance(value, DTypePolicy):
        value = value.name
    if not isinstance(value, str):
        raise WrongTypeError(f"expected a policy such as 'mixed_bfloat16', got {describe(value)}.")
    if value not in NAMES and not (integers and _is_integer(value)):
        raise ValueError(
            f"expected one of {', '.join(map(repr, NAMES))}, got {value!r}.{nearest(value, NAMES)}"
        )
    if value == "float64":
        check_x64()
    return value


def _is_integer(name: str) -> bool:
    with contextlib.suppress(TypeError):
        return np.dtype(name).name == name and np.dtype(name).kind in "iub"
    return False


def check_x64() -> None:
    """Raises unless JAX computes in 64 bits.

    Raises:
      ValueError: it does not; JAX would use float32 instead.
    """
    if widest_float() != np.float64:
        raise ValueError(
            "expected a dtype that JAX is set to compute in, got 'float64' in 32-bit mode. Switch "
            "64 bits on before the first array: jax.config.update('jax_enable_x64', True), or set "
            "the environment variable JAX_ENABLE_X64=1."
        )


class DTypePolicy(Description):
    """Which dtype a layer computes in.

    Args:
      name: "mixed_bfloat16", "mixed_float16", or the name of a floating dtype; of an integer dtype
        for layers of whole numbers; None for the policy for every new layer.

    Raises:
      TypeError: `name` is no string.
      ValueError: there is no such policy; the message names the nearest. Or it is "float64", and
        JAX computes in 32 bits.

    Example:
      >>> policy = DTypePolicy("mixed_bfloat16")
      >>> policy.compute_dtype, policy.variable_dtype
      ('bfloat16', 'float32')

    Differs from Keras: weights are float32 under "bfloat16" too.

    Source: `keras.DTypePolicy`.
    """

    name: str = option(None, convert=_name)

    quantization_mode = None

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic."""
        return self.name.removeprefix("mixed_")

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights: "float32" for all narrower floating dtypes."""
        narrow = ("bfloat16", "float16")
        return "float32" if self.compute_dtype in narrow else self.compute_dtype


_policy: DTypePolicy | None = None
_floatx = DTypePolicy("float32")


def floating_policy(value: object) -> DTypePolicy:
    """The policy of floating arithmetic that a name stands for.

    Raises:
      TypeError, ValueError: it stands for none, or for integers.
    """
    return DTypePolicy(_name_of(value))


_weight_dtype: contextvars.ContextVar[str] = contextvars.ContextVar("weight_dtype")


def dtype_policy() -> DTypePolicy:
    """The policy for every new layer: the one that was set, else `floatx()`.

    Source: `keras.config.dtype_policy`.
    """
    return _policy or _floatx


def floatx() -> str:
    """The dtype of new layers and arrays that ask for none: "float32", unless another was set.

    Source: `keras.config.floatx`.
    """
    return _floatx.name


def set_floatx(value: str) -> None:
    """Sets the dtype of later layers and arrays that ask for none.

    Those that exist stay as they are. A change takes the place of an earlier `set_dtype_policy`.

    Args:
      value: "float32", "float64", "float16" or "bfloat16".

    Raises:
      TypeError, ValueError: it is none of these; or it is "float64", and JAX computes in 32 bits.

    Source: `keras.config.set_floatx`.
    """
    global _floatx, _policy
    try:
        policy = floating_policy(value)
        if policy.compute_dtype != policy.name:
            raise ValueError(f"expected a dtype, got {value!r}. Call set_dtype_policy({value!r}).")
    except (TypeError, ValueError) as error:
        raise quoted(error, who="set_floatx", argument="value") from None
    if policy != _floatx:
        _floatx, _policy = policy, None


def set_dtype_policy(policy: object) -> None:
    """Sets the policy of every later layer without a `dtype`.

    Layers that exist stay as they are.

    Args:
      policy: "mixed_bfloat16", "mixed_float16", a floating dtype's name, or a `DTypePolicy`;
        "float32" is none: layers then compute in the dtype of their inputs.

    Raises:
      TypeError, ValueError: it is none of these.

    Source: `keras.config.set_dtype_policy`.
    """
    global _policy
    try:
        _policy = floating_policy(policy)
    except (TypeError, ValueError) as error:
        raise quoted(error, who="set_dtype_policy", argument="policy") from None


def followed() -> np.dtype | None:
    """The dtype that a layer without one computes in by that policy; None for its inputs'."""
    policy = dtype_policy()
    return None if policy.name == "float32" else dtype_of(policy.compute_dtype)


def compute_dtype(value: object) -> np.dtype | None:
    """The dtype to compute in that a layer's `dtype` stands for: a policy, or a dtype.

    Raises:
      TypeError: it is neither.
      ValueError: it sounds like a policy, and there is none of this name; or it is float64, and
        JAX computes in 32 bits.
    """
    if value is None or isinstance(value, _OfInputs):
        return None
    if isinstance(value, DTypePolicy):
        value = value.compute_dtype
    elif isinstance(value, str) and value.startswith("mixed"):
        value = floating_policy(value).compute_dtype
    # By identity: NumPy's float64 is equal to Python's float, which means float32 in Keras.
    dtype: np.dtype = jnp.dtype("float32" if value is float else value)  # type: ignore[call-overload]
    if dtype == np.float64:
        check_x64()
    return dtype_of(dtype)


def requested_dtype(value: Any) -> np.dtype:
    """`dtype_of`, with a warning where that makes float32 of a float64 that the user asks for."""
    dtype = dtype_of(value)
    if dtype != np.float64 and value is not float and jnp.dtype(value) == np.float64:
        warnings.warn(
            "float64 is not available in JAX's 32-bit mode; the result is float32. Switch 64 bits "
            "on: jax.config.update('jax_enable_x64', True).",
            UserWarning,
            stacklevel=4,
        )
    return dtype


def narrowed(net: Any, values: Tree) -> Any:
    """Arrays as a model takes them: float64 as float32 unless the model computes in float64."""
    if widest_float() != np.float64 or computes_in_float64(net):
        return values
    return jax.tree.map(lambda x: x.astype(np.float32) if x.dtype == np.float64 else x, values)


@contextlib.contextmanager
def weights_of(layer: Any, inputs: Iterable[Any]) -> Iterator[None]:
    """Within, initializers without a dtype make the weights of this layer: float64 where the layer
    computes in it, because of its `dtype` or of its inputs; else float32.
    """
    dtypes = [layer.dtype] if layer.dtype is not None else [
        leaf.dtype for leaf in jax.tree.leaves(tuple(inputs)) if hasattr(leaf, "dtype")
    ]  # fmt: skip
    token = _weight_dtype.set("float64" if np.float64 in dtypes else "float32")
    try:
        yield
    finally:
        _weight_dtype.reset(token)


def weight_dtype() -> np.dtype:
    """The dtype of new weights that ask for none: `floatx()`, but within `weights_of`."""
    return dtype_of(_weight_dtype.get(_floatx.name))


def computes_in_float64(layer: Any) -> bool:
    """Whether a layer, a model or a layer in it has the dtype float64."""
    if widest_float() != np.float64:
        return False
    parts = [*getattr(layer, "layers", ()), getattr(layer, "layer", None)]
    return getattr(layer, "dtype", None) == np.float64 or any(
        computes_in_float64(part) for part in parts if part is not None
    )
