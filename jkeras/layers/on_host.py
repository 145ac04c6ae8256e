"""The base of layers that take words, which no compiled program can.

    lookup = StringLookup(vocabulary=["a", "b"])
    lookup(["b", "c"])                                        # ids, at once
    Sequential([Input((1,), dtype="string"), lookup, Dense(1)])    # the same inside of `fit`

Such a layer has two halves. `encoded` runs on the host, in NumPy and Python: words become ids,
uint32, the dtype that says "made on the host". `apply` takes the ids and is a part of the program:
it gives them as they are, or as vectors. A model runs the first half on its inputs before they
reach the program (`jkeras.models.host_part`).

Laws: words only come from outside, so the first half is at the entrance of a model; numbers that
are not uint32 are the inputs themselves, which some of these layers also take inside of a program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jkeras.core.arrays import as_jax
from jkeras.core.dtype_policy import compute_dtype
from jkeras.core.errors import WrongTypeError, describe, quoted, value_error
from jkeras.core.keras_tensor import KerasTensor
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Params, State, option
from jkeras.core.serialization import policy
from jkeras.core.symbols import Symbol, has_symbols
from jkeras.core.tracing import is_shapes_only
from jkeras.core.trees import is_words
from jkeras.core.words import as_words
from jkeras.layers.adapting import Adaptable

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

MADE_ON_HOST = np.dtype(np.uint32)
NO_ID = np.uint32(0xFFFFFFFF)
"""An id that counts nowhere: -1 as int32."""

Shape = tuple[int | None, ...]


def _dtype(value: object) -> Any:
    """The dtype of vectors; that of words, which Keras writes too, stands for none."""
    is_of_words = is_words(value) or (isinstance(value, str) and value == "string")
    return None if is_of_words else compute_dtype(value)


class OnHost(Adaptable):
    """Base of the layers that take words."""

    dtype: Any = option(default=None, convert=_dtype, to_config=policy, kw_only=True)

    takes_integers: ClassVar[bool] = True
    follows_policy: ClassVar[bool] = False
    takes_words: ClassVar[bool] = True
    weights_need_shapes: ClassVar[bool] = False
    takes_numbers: ClassVar[bool] = False
    """Whether inputs may also be numbers, inside of a program."""
    takes_several: ClassVar[bool] = False
    """Whether there are several inputs."""

    def encoded(self, *inputs: Any) -> np.ndarray:
        """The ids of words, uint32; no part of a program.

        Args:
          *inputs: words, as `core.words.as_words` takes them, or numbers where the layer takes
            those.
        """
        raise NotImplementedError(f"{type(self).__name__}: expected a method `encoded`.")

    def encoded_shape(self, *shapes: Shape) -> Shape:
        """The shape of `encoded`, by those of the inputs."""
        return shapes[0]

    def vectors(self, ids: Array) -> Array:
        """The outputs for ids, int32, of which -1 counts nowhere."""
        return ids

    def ids_of_numbers(self, *inputs: Array) -> Array:
        """The ids of numbers, inside of a program; of words alone, unless overridden."""
        raise WrongTypeError(
            f"{self.who}: expected words, got numbers of shape {tuple(inputs[0].shape)}. A model "
            'of words begins with Input(shape, dtype="string").'
        )

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The outputs for words or numbers, at once; for symbols, the symbols of a call.

        Args:
          *inputs: words or numbers in arrays, lists, columns; several side by side or in a list,
            where the layer takes several.
          **kwargs: `training` is ignored.
        """
        kwargs.pop("training", None)
        if has_symbols(inputs, kwargs):
            return super().__call__(*inputs, **kwargs)
        if kwargs:
            inputs = (*inputs, *kwargs.values())
        inputs = self.side_by_side_values(inputs)
        if any(isinstance(x, Tracer) for x in inputs):
            return self.apply({}, {}, *inputs)[0]
        self.check_ready({})
        return self.apply({}, {}, jnp.asarray(self.encoded(*inputs)))[0]

    def side_by_side_values(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs of a call on values side by side; one, unless overridden."""
        if len(inputs) != 1:
            raise value_error(who=self.who, expected="one input", got=len(inputs))
        return inputs

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: ArrayLike,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        """The second half, which is a part of the program.

        Args:
          params, state: none.
          *inputs: ids that `encoded` made, uint32; or numbers, where the layer takes those.
          key, training: ignored.
        """
        if not is_shapes_only():  # a vocabulary may come later: by `adapt`, or from a file
            self.check_ready(state)
        arrays = [as_jax(x) for x in inputs]
        if len(arrays) == 1 and arrays[0].dtype == MADE_ON_HOST:
            return self.vectors(arrays[0].astype(jnp.int32)), state
        return self.vectors(self.ids_of_numbers(*arrays)), state

    def entrances(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """What stands for the inputs in a program: the symbol of ids in place of those of words."""
        symbols = self.side_by_side_values(args)
        if not any(is_words(x.dtype) for x in symbols if isinstance(x, Symbol)):
            return args
        shape = self.encoded_shape(*(x.shape for x in symbols))
        return (symbols[0].like(shape, MADE_ON_HOST),)

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of the outputs for inputs of a shape; arguments as for every layer."""
        given = [*shapes, *named.values()]
        if self.takes_several and len(given) == 1:
            given = list(given[0])
        dtype = "string" if self.takes_words else "int32"
        return self.compute_output_spec(*(KerasTensor(shape, dtype) for shape in given)).shape

    def words_of(self, value: object, encoding: str = "utf-8") -> np.ndarray:
        """`as_words`, whose errors name the layer."""
        try:
            return as_words(value, encoding)
        except TypeError as error:
            raise quoted(error, who=self.who) from None


def float_dtype(dtype: np.dtype | None) -> DTypeLike:
    """The dtype of vectors: that of a layer if it is floating, else float32."""
    return dtype if dtype is not None and jnp.issubdtype(dtype, jnp.floating) else jnp.float32


def counted(
    ids: Array, depth: int, mode: str, dtype: DTypeLike, weights: Array | None = None
) -> Array:
    """Ids as vectors of length `depth`; an id outside of them counts nowhere.

    Args:
      ids: int32, `[..., ids]`; an array of rank 0 is one id.
      depth: the length.
      mode: "one_hot", `[..., ids, depth]`, without an axis of one id; "multi_hot" or "count",
        `[..., depth]`.
      dtype: of the vectors.
      weights: `[depth]`, what an occurrence of each id counts in the mode "count"; 1 when left out.
    """
    ids = ids.reshape(ids.shape or (1,))
    if mode == "one_hot":
        squeezed = ids[..., 0] if ids.ndim > 1 and ids.shape[-1] == 1 else ids
        return jax.nn.one_hot(squeezed, depth, dtype=dtype)
    places = jnp.where(ids < 0, depth, ids).reshape(-1, ids.shape[-1])
    rows = jnp.arange(len(places), dtype=places.dtype)[:, None]
    zeros = jnp.zeros((len(places), depth), dtype)
    at = zeros.at[rows, places]
    one = jnp.ones((), dtype)
    if mode == "multi_hot":
        vectors = at.set(one, mode="drop")
    else:
        each = one if weights is None else weights.at[places].get(mode="clip")
        vectors = at.add(each, mode="drop")
    return vectors.reshape(*ids.shape[:-1], depth)


def as_numbers(who: str, value: object) -> np.ndarray:
    """Integers as an array of NumPy's.

    Raises:
      TypeError: something else than whole numbers.
    """
    array = np.asarray(value)
    if array.size and array.dtype.kind not in "biu":
        raise WrongTypeError(f"{who}: expected integers, got {describe(array)}.")
    return array.astype(np.int64)
