"""Initializers under Keras's names, and `get`, the initializer for an identifier.

`initializer(shape, dtype=None, *, key=None)` is Keras's call plus the key. Initializers without
randomness are in `constant_initializers`, the random ones in `random_initializers`; this module has
those from a user's function or array, Keras's lower-case names, and the table of names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import option
from jkeras.core.errors import value_error
from jkeras.core.keys import Key
from jkeras.core.layer import Array
from jkeras.core.registry import deserializer, function_for
from jkeras.core.serialization import resolved, serialize_keras_object
from jkeras.ops.constant_initializers import (
    STFT,
    Constant,
    FrozenArray,
    Identity,
    Initializer,
    Ones,
    Shape,
    Zeros,
    checked_shape,
    float32_or,
)
from jkeras.ops.random_initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

    from jkeras.core.typing import Identifier


class FromFunction(Initializer):
    """A plain function as an initializer.

    Args:
      function: `(key, shape, dtype) -> array` as in `jax.nn.initializers`, or Keras's
        `(shape, dtype) -> array`.
      form: "jax" or "keras": the signature of `function`.

    Raises:
      ValueError: the function needs a key and the call has none, or returns another shape.

    Example:
      >>> init = FromFunction(lambda shape, dtype=None: jnp.full(shape, 2.0), form="keras")
      >>> init((3,)).tolist()
      [2.0, 2.0, 2.0]
    """

    function: Callable[..., Any]
    form: Literal["jax", "keras"]

    def in_config(self) -> Callable[..., Any]:
        """The function."""
        return self.function

    @property
    def who(self) -> str:
        """The function's name, for error messages."""
        return f"initializer `{getattr(self.function, '__name__', type(self.function).__name__)}`"

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        sizes, dtype = checked_shape(self.who, shape), float32_or(dtype)
        numbers = jnp.asarray(self._called(sizes, dtype, key))
        if numbers.shape != sizes:
            raise value_error(
                who=self.who,
                expected=f"it to return an array of shape {sizes}",
                got=numbers.shape,
            )
        return numbers.astype(dtype)

    def _called(self, shape: tuple[int, ...], dtype: np.dtype, key: Key | None) -> Any:
        if self.form == "keras":
            return self.function(shape, dtype=dtype)
        if key is None:
            raise value_error(
                who=self.who,
                expected="a random `key`",
                got="None",
                fix="Pass one: initializer(shape, key=jax.random.key(0)).",
            )
        return self.function(key, shape, dtype)


class FromArray(Initializer):
    """An array as the initial weight, of exactly the same shape.

    Example:
      >>> FromArray([[1.0, 2.0]])((1, 2)).tolist()
      [[1.0, 2.0]]
    """

    value: Any = option(convert=FrozenArray.of)

    def in_config(self) -> np.ndarray:
        """The array."""
        return self.value.numpy()

    def __call__(
        self, shape: Shape, dtype: DTypeLike | None = None, *, key: Key | None = None
    ) -> Array:
        sizes = checked_shape(self.who, shape)
        if self.value.shape != sizes:
            raise value_error(
                who="FromArray",
                expected=f"an array of the weight's shape {sizes}",
                got=self.value.shape,
                fix="To repeat it along leading axes use Constant(array).",
            )
        return jnp.asarray(self.value.numpy(), float32_or(dtype))


IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
STFTInitializer = STFT

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_SNAKE: dict[str, type[Initializer]] = {
    **{"constant": Constant, "identity": Identity, "ones": Ones, "stft": STFT, "zeros": Zeros},
    **{"glorot_normal": GlorotNormal, "glorot_uniform": GlorotUniform},
    **{"he_normal": HeNormal, "he_uniform": HeUniform},
    **{"lecun_normal": LecunNormal, "lecun_uniform": LecunUniform},
    **{"orthogonal": Orthogonal, "random_normal": RandomNormal, "random_uniform": RandomUniform},
    **{"truncated_normal": TruncatedNormal, "variance_scaling": VarianceScaling},
}
TABLE: dict[str, type[Initializer]] = {
    **_SNAKE,
    **{cls.__name__: cls for cls in _SNAKE.values()},
    **{"normal": RandomNormal, "uniform": RandomUniform, "one": Ones, "zero": Zeros},
    **{"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal},
    "STFTInitializer": STFT,
}
"""Every name that `get` knows: Keras's two spellings and its short forms."""

_KEY_NAMES = ("key", "rng", "prng_key", "rng_key")


def get(identifier: Identifier | ArrayLike) -> Initializer | None:
    """The initializer for an identifier; None for None.

    Args:
      identifier: a name in either of Keras's spellings, an `Initializer` or its class, a function
        in JAX's form `(key, shape, dtype)` or in Keras's `(shape, dtype)` (recognized by the name
        of the first argument), an array, or the configuration of an initializer.

    Raises:
      TypeError: `identifier` is none of these.
      ValueError: an unknown name; the message suggests the nearest.

    Example:
      >>> get("glorot_uniform"), get("HeNormal"), get(Zeros), get(None)
      (GlorotUniform(), HeNormal(), Zeros(), None)
    """
    identifier = resolved(identifier, "initializers")
    if isinstance(identifier, np.ndarray | np.generic | jax.Array | FrozenArray):
        return FromArray(identifier)
    expected = (
        "an initializer: a name such as 'glorot_uniform', an object such as HeNormal(), "
        "a function (shape, dtype) or (key, shape, dtype), an array or None"
    )
    value = function_for(identifier, "initializers", TABLE, base=Initializer, expected=expected)
    names = [] if value is None else list(inspect.signature(value).parameters)
    if value is None or (isinstance(value, Initializer) and "key" in names):
        return value
    return FromFunction(value, form="jax" if names and names[0] in _KEY_NAMES else "keras")


def serialize(initializer: Callable[..., Any] | None) -> Any:
    """The configuration of an initializer.

    Example:
      >>> serialize(RandomNormal(stddev=0.5))["config"]
      {'mean': 0.0, 'stddev': 0.5, 'seed': None}

    Source: `keras.initializers.serialize`.
    """
    return serialize_keras_object(initializer)


deserialize = deserializer(get, "initializer", "initializers")


__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
