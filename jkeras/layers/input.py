"""`Input` and `InputLayer`: the shape and dtype of a model's inputs."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.dtype_policy import compute_dtype, followed
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.identity import identity_of
from jkeras.core.keras_tensor import KerasTensor
from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Params, State, option
from jkeras.core.serialization import if_set, never
from jkeras.core.symbols import Node
from jkeras.core.trees import WORDS, dtype_name, is_words
from jkeras.layers.deterministic import Deterministic
from jkeras.layers.options import optional, positive_int

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

    from jkeras.core.typing import ArraySpec

Shape = tuple[int | None, ...]


def _shape(value: object) -> Shape:
    """`value` as a tuple of positive integers and None (any size)."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        fix = f" Write ({value},)." if isinstance(value, int) else ""
        raise WrongTypeError(f"expected a tuple of sizes, got {describe(value)}.{fix}")
    return tuple(None if size is None else positive_int(size) for size in value)


def _dtype(value: object) -> Any:
    """A dtype to compute in, that of words, or None."""
    is_of_words = is_words(value) or (isinstance(value, str) and value == "string")
    return WORDS if is_of_words else compute_dtype(value)


class InputLayer(Deterministic):
    """Passes inputs of a given shape through, and raises for other shapes.

    Args:
      shape: shape of one example; None for an axis of any size.
      batch_size: number of examples, None for any.
      batch_shape: the shape with the batch axis, in place of `shape` and `batch_size`.
      dtype: the dtype that the inputs are cast to; no cast when left out. "string" for words, which
        a layer such as `StringLookup` has to take.
      optional: whether the input of a graph may be None, which the layers behind it then get.

    Raises:
      ValueError: no shape, or two different shapes; inputs of another shape.

    Example:
      >>> InputLayer((28, 28)), InputLayer((28, 28)).batch_shape
      (InputLayer(shape=(28, 28)), (None, 28, 28))
      >>> InputLayer(batch_shape=(None, 28, 28)) == InputLayer((28, 28))
      True

    Source: `keras.layers.InputLayer`.
    """

    follows_policy: ClassVar[bool] = False
    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    shape: Shape | None = option(default=None, convert=optional(_shape), to_config=never)
    batch_size: int | None = option(default=None, convert=optional(positive_int), to_config=never)
    batch_shape: Shape | None = dataclasses.field(
        default=None, repr=False, metadata={"convert": optional(_shape)}
    )
    optional: bool = option(default=False, convert=bool, to_config=if_set)
    dtype: Any = option(default=None, convert=_dtype, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_shape is not None:
            warnings.warn(
                "InputLayer: `input_shape` is deprecated; write `shape`.", UserWarning, stacklevel=4
            )
            object.__setattr__(self, "shape", self.shape or self.input_shape)
            object.__setattr__(self, "input_shape", None)
        whole = self._whole_shape()
        object.__setattr__(self, "shape", whole[1:])
        object.__setattr__(self, "batch_size", whole[0])
        object.__setattr__(self, "batch_shape", whole)

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, the dtype as a string, as Keras's InputLayer takes it."""
        config = super().get_config()
        if config["trainable"]:
            del config["trainable"]
        return {**config, "dtype": self.dtype and dtype_name(self.dtype)}

    def _whole_shape(self) -> Shape:
        """The shape from the three arguments, batch axis included."""
        parts = None if self.shape is None else (self.batch_size, *self.shape)
        whole = self.batch_shape or parts
        if whole is None:
            raise self.value_error(
                "`shape`, the shape of one example",
                "none",
                fix="For 28 by 28 images write Input((28, 28)), for single numbers Input(()).",
            )
        if (parts or whole) != whole or self.batch_size not in (None, whole[0]):
            raise self.value_error(
                "either `shape` (and `batch_size`) or `batch_shape`",
                f"shape={self.shape}, batch_size={self.batch_size}, batch_shape={self.batch_shape}",
            )
        return whole

    @property
    def takes_words(self) -> bool:  # type: ignore[override]  # here it depends on the dtype
        """Whether the inputs are words; in a program these are ids, of a shape of their own."""
        return is_words(self.dtype)

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self._check_inputs(inputs)
        return {}, {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = as_jax(inputs)
        self._check_inputs(x)
        if self.takes_words:
            return x
        return x if self.dtype is None else x.astype(self.dtype)

    def _check_inputs(self, inputs: ArraySpec) -> None:
        if self.takes_words:
            return
        got, expected = tuple(inputs.shape), self.batch_shape or ()
        pairs = zip(got[1:], expected[1:], strict=False)  # as in Keras, any number of examples
        if len(got) != len(expected) or any(own != n for own, n in pairs if n is not None):
            raise self.value_error(
                f"`inputs` of shape {expected}",
                got,
                fix="None is an axis of any size; the first axis counts the examples.",
            )


def Input(
    shape: Shape | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike | None = None,
    *,
    batch_shape: Shape | None = None,
    name: str | None = None,
    optional: bool = False,
) -> KerasTensor:
    """The inputs of a model, as the symbol that layers are called on.

    `Input` may also begin a `Sequential`: `Sequential([Input((28, 28)), Flatten(), Dense(10)])`.

    Args:
      shape: shape of one example; None for an axis of any size.
      batch_size: number of examples, None for any.
      dtype: the dtype that the inputs are cast to; no cast when left out (but in a graph integers
        become float32). Under `set_dtype_policy("float64")` it is float64 when left out. "string"
        for words, which a layer such as `StringLookup` has to take.
      batch_shape: `shape` and `batch_size` together, in place of both.
      name: the input's name in its model.
      optional: whether the model may get None for it: `call(self, x, y=None)` of a layer behind it
        then gets None, too.

    Raises:
      ValueError: no shape, or two different shapes.

    Example:
      >>> Input((28, 28), name="image")
      <KerasTensor shape=(None, 28, 28), dtype=float32, name=image>
      >>> Input((28, 28)).node.layer == InputLayer(shape=(28, 28))
      True

    Source: `keras.Input`.
    """
    if dtype is None and followed() == jnp.float64:
        dtype = followed()
    layer = InputLayer(shape, batch_size, batch_shape, optional=optional, dtype=dtype, name=name)
    return entrance(layer)


def entrance(layer: InputLayer) -> KerasTensor:
    """The symbol of a model's input, whose layer is `layer`."""
    assert layer.batch_shape is not None
    symbol = KerasTensor(layer.batch_shape, layer.dtype or "float32", layer.name)
    node = Node(layer, (), {})
    identity_of(layer).nodes.append(node)
    node.give(symbol)
    return symbol
