"""The base of layers with `adapt`, which compute statistics of the data before training.

    layer = Normalization()
    layer.adapt(x_train)                       # as in Keras
    model = Sequential([Normalization().adapt(x_train), Dense(1)])   # `adapt` returns the layer

`adapt` is the one method that modifies a description in place. Laws:

- The adapted value is part of the layer's equality and hash. Sets, dicts and `jit` do not notice
  the change of a key: adapt a layer before it becomes a key. (Models do notice.)
- The adapted value depends on the data of the last `adapt` alone.
- Copies that differ only in `name`, `trainable`, `dtype` or `input_shape` share the adapted value,
  so a layer may be adapted before or after it is added to a model (which makes such a copy to name
  the layer), through either object. Any other copy is not adapted.
- A `separate_copy` has an equal adapted value of its own.
- `init` returns the adapted value in the state, if it is an array; a built model uses a new value
  the next time it runs. The layer then has weights of its own, as if it were built, and a model in
  whose attributes it stands has them, too.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jkeras.core import columns
from jkeras.core.errors import describe, quoted, type_error, value_error
from jkeras.core.identity import note_build
from jkeras.core.layer import State
from jkeras.layers.preprocessing import PreprocessingLayer

if TYPE_CHECKING:
    import jax

    from jkeras.core.typing import Indexable

    Data = jax.Array | np.ndarray | Iterable[Any] | Indexable
    """What `adapt` reads: an array `[examples, ...]`, or batches one after the other."""

_SHARED = {"name", "trainable", "dtype", "input_shape"}


class AdaptedValue:
    """The result of `adapt`, an object that the copies of one layer share.

    Attributes:
      value: an object with equality and hash; None before the first `adapt`.
      specs: the specs of the inputs that the data stand for, where the layer has statistics.
      version: the number of calls of `set`.
      is_awaited: whether a layer that needs the value is of no use without it.
    """

    __slots__ = ("is_awaited", "specs", "value", "version")

    def __init__(self) -> None:
        self.value: Any = None
        self.specs: tuple[jax.ShapeDtypeStruct, ...] = ()
        self.version = 0
        self.is_awaited = True

    def set(self, value: Hashable, specs: tuple[jax.ShapeDtypeStruct, ...]) -> None:
        """Replaces the value and the specs."""
        self.value, self.specs = value, specs
        self.version += 1
        note_build()


class Adaptable(PreprocessingLayer):
    """A layer with `adapt`. A subclass ends its `adapt` with `return self._set_adapted(value)`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fit", AdaptedValue())
        super().__post_init__()

    @property
    def fit_box(self) -> AdaptedValue:
        """The result of `adapt` on this layer or a copy, with its version."""
        fit: AdaptedValue = self.__dict__["_fit"]
        return fit

    @property
    def adapted(self) -> bool:
        """Whether `adapt` was called."""
        return self._adapted_value is not None

    @property
    def awaits_adapt(self) -> bool:
        """Whether a layer that needs what `adapt` finds is of no use before it."""
        return self.fit_box.is_awaited

    @property
    def known_specs(self) -> tuple[Any, ...]:
        """The specs of inputs like the data of `adapt`; empty before it, and without statistics."""
        return self.fit_box.specs

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed.

        The copy shares the adapted value if only `name`, `trainable`, `dtype` or `input_shape`
        change.
        """
        changed = super().replace(**changes)
        if _SHARED.issuperset(changes):
            object.__setattr__(changed, "_fit", self.fit_box)
        return changed

    def separate_copy(self) -> Self:
        """An equal layer that shares nothing with this one."""
        separate = self.replace()
        object.__setattr__(separate, "_fit", copy.copy(self.fit_box))
        return separate

    def fitted_state(self) -> State:
        """The entries of the state that `adapt` computes; an empty dict before `adapt`."""
        return {}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return super().__eq__(other) is True and self._adapted_value == other._adapted_value

    def __hash__(self) -> int:
        return hash((super().__hash__(), self._adapted_value))

    @property
    def _adapted_value(self) -> Any:
        return self.fit_box.value

    def _set_adapted(self, value: Hashable, specs: tuple[jax.ShapeDtypeStruct, ...] = ()) -> Self:
        self.fit_box.set(value, specs)
        return self


def batches(who: str, data: Data) -> Iterator[np.ndarray]:
    """The batches of the data of `adapt`, each checked.

    Args:
      who: the layer, for messages.
      data: one array `[examples, ...]`, or an iterable of batches, each an array or a tuple that
        begins with one: (x, y).

    Raises:
      TypeError: `data` is neither, or holds no numbers.
      ValueError: `data` has no examples, or contains NaN or infinity.

    Example:
      >>> [batch.shape for batch in batches("layer", iter([np.ones((2, 3)), (np.ones((1, 3)), 0)]))]
      [(2, 3), (1, 3)]
    """
    if _is_array(data):
        yield _numbers(who, data, "")
        return
    by_index = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if isinstance(data, str | bytes | dict) or not (hasattr(data, "__iter__") or by_index):
        is_lazy = columns.is_lazy(data)
        raise type_error(
            f"adapt: `data`: expected an array or an iterable of batches, got {describe(data)}."
            + " Write data.collect()." * is_lazy,
            who=who,
        )
    count = 0
    for count, element in enumerate(_elements(data), 1):
        batch = element[0] if isinstance(element, tuple) and element else element
        if not _is_array(batch):
            raise type_error(
                "adapt: `data`: expected an array or an iterable of batches, got an iterable of "
                f"{describe(batch)}. Make it an array: np.asarray(data).",
                who=who,
            )
        yield _numbers(who, batch, f"batch {count - 1}: ")
    if not count:
        raise value_error("adapt: `data`: expected at least one batch, got none.", who=who)


def _numbers(who: str, batch: Any, where: str) -> np.ndarray:
    """A batch as a NumPy array of finite numbers."""
    is_other = columns.is_table(batch) or hasattr(batch, "to_numpy")
    try:
        array = columns.as_numpy("data", batch) if is_other else np.asarray(batch)
    except (TypeError, ValueError) as error:
        raise quoted(error, who=f"{who}: adapt") from None
    if array.dtype.kind not in "buif" and not np.can_cast(array.dtype, np.float32):
        raise type_error(f"adapt: `data`: {where}expected numbers, got {describe(array)}.", who=who)
    if array.ndim == 0 or not array.size:
        raise value_error(
            f"adapt: `data`: {where}expected at least one example behind a batch axis, got "
            f"{describe(array)}.",
            who=who,
        )
    array = array if array.dtype.kind in "buif" else array.astype(np.float32)
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        raise value_error(
            f"adapt: `data`: {where}expected finite numbers, got NaN or infinity in "
            f"{int(bad.sum())} of {len(array)} examples, the first at index {int(bad.argmax())}. "
            "Drop or fill them: np.nan_to_num(data).",
            who=who,
        )
    return array


def _elements(data: Iterable[Any] | Indexable) -> Iterator[Any]:
    return iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))


def _is_array(value: object) -> bool:
    return (hasattr(value, "shape") and hasattr(value, "dtype")) or hasattr(value, "to_numpy")
