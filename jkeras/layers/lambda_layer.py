"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import jax
import jax.numpy as jnp

from jkeras.core import code
from jkeras.core.code import checked_safe_mode
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.elementwise import leaves_examples_apart
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.fixed_values import FixedArray, FixedDict, thawed
from jkeras.core.keys import Key
from jkeras.core.layer import Layer, PaddedRows, Params, State, option
from jkeras.core.serialization import if_set
from jkeras.layers.deterministic import cast_floating

if TYPE_CHECKING:
    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks


def _function(value: object) -> Any:
    if not callable(value):
        raise WrongTypeError(f"expected a function of arrays, got {describe(value)}.")
    if isinstance(value, Layer):
        raise WrongTypeError(
            f"expected a function of arrays, got {value!r}. Put the layer in itself."
        )
    return value


def _mask(value: object) -> Any:
    return value if value is None or callable(value) else FixedArray(value)


def _arguments(value: object) -> FixedDict:
    if value is not None and not isinstance(value, Mapping):
        raise WrongTypeError(f"expected a dict of keyword arguments, got {describe(value)}.")
    return FixedDict(value or {})


def _output_shape(value: object) -> Any:
    if value is None or callable(value):
        return value
    if not isinstance(value, tuple | list):
        fix = f" Write ({value},)." if isinstance(value, int) else ""
        raise WrongTypeError(
            f"expected a tuple of sizes or a function, got {describe(value)}.{fix}"
        )
    return tuple(value)


class Lambda(Layer):
    """A pure function of arrays as a layer: `function(inputs, **arguments)`.

    The layer has no weights, and the function is traced: use `jax.numpy` or `jkeras.ops`, not
    NumPy, and no random numbers. The layer passes `training` and `mask` if the function has such
    arguments. Several inputs are passed as one list. Floating inputs are cast to the layer's
    `dtype`, if set.

    Args:
      function: maps an array, or a list of them, to an array or several.
      output_shape: the expected shape of one example, without the batch axis, or a function of the
        inputs' shape. The shape follows from `function`; this argument only checks it.
      mask: the mask of the outputs: a function (inputs, mask) -> mask, or an array; without this
        argument the outputs have no mask.
      arguments: further keyword arguments of the function.

    Raises:
      TypeError: `function` is not callable, or `arguments` is not a dict.
      ValueError: the shape of the outputs is not `output_shape`.

    Example:
      >>> Lambda(lambda x: x**2).apply({}, {}, jnp.array([[1.0, 3.0]]))[0].tolist()
      [[1.0, 9.0]]

    Source: `keras.layers.Lambda`.
    """

    function: Any = option(convert=_function)
    output_shape: Any = option(default=None, convert=_output_shape, to_config=if_set)
    mask: Any = option(
        default=None,
        convert=lambda value: value if value is None or callable(value) else FixedArray(value),
        to_config=if_set,
    )
    arguments: FixedDict = option(default=None, convert=_arguments)

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Self:
        """The layer that `get_config` described.

        Args:
          config: the arguments by name.
          custom_objects: functions and classes by name, beside those that are registered.
          safe_mode: False also reads a lambda, which is stored as code.

        Raises:
          ValueError: as for every layer; the function is a lambda, and `safe_mode` is not False.
        """
        safe = checked_safe_mode(cls.__name__, safe_mode) and not code.is_allowed()
        with CustomObjectScope(custom_objects or {}), code.allowed(not safe):
            return super().from_config(config)

    @property
    def padded_rows(self) -> PaddedRows:
        """Functions of single numbers leave examples apart; others may mix them."""
        is_apart = not self.arguments and leaves_examples_apart(self.function)
        return "ignored" if is_apart else "seen"

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]  # here it depends on arguments
        """Whether the argument `mask` is set."""
        return self.mask is not None

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]  # here it depends on arguments
        """Whether the outputs may have a mask without one of the inputs."""
        return self.mask is not None

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        """The mask of the argument `mask`."""
        if isinstance(self.mask, FixedArray):
            return jnp.asarray(self.mask.values, bool)
        return None if self.mask is None else self.mask(_listed(inputs), _listed(mask))

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        mask: Masks = None,
    ) -> tuple[Any, State]:
        """`Layer.apply`; `mask` is the mask of the inputs, a tuple for several inputs."""
        arrays = [jax.tree.map(lambda leaf: cast_floating(self, leaf), x) for x in inputs]
        known = {"mask": _listed(mask), "training": training}
        expected = inspect.signature(self.function).parameters
        options = {name: value for name, value in known.items() if name in expected}
        options = thawed(self.arguments) | options
        outputs = self.function(arrays[0] if len(arrays) == 1 else arrays, **options)
        outputs = jax.tree.map(jnp.asarray, outputs)
        self._check_shape(outputs, inputs)
        return (tuple(outputs) if isinstance(outputs, list) else outputs), state

    def _check_shape(self, outputs: Tree, inputs: tuple[Any, ...]) -> None:
        if self.output_shape is None or not hasattr(outputs, "shape"):
            return
        if callable(self.output_shape):
            shapes = [tuple(x.shape) for x in inputs]
            expected = tuple(self.output_shape(shapes[0] if len(shapes) == 1 else shapes))[1:]
        else:
            expected = self.output_shape
        got = tuple(outputs.shape[1:])
        pairs = zip(expected, got, strict=False)
        if len(expected) != len(got) or any(size not in (None, own) for size, own in pairs):
            raise self.value_error(
                f"outputs of shape {expected} behind the batch axis, as `output_shape` says",
                got,
                fix="Leave `output_shape` out: it follows from the function.",
            )


def _listed(values: Tree) -> Any:
    return list(values) if isinstance(values, tuple) else values
