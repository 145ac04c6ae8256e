"""Wrapper: the base of layers around another layer."""

from __future__ import annotations

from typing import Any, ClassVar

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.layer import Array, Layer, PaddedRows, Params, State, option
from jkeras.core.parts import Path


def one_layer(value: object) -> Any:
    """A layer as it is, a model as its description; raises a TypeError for others."""
    value = value.as_layer() if hasattr(value, "as_layer") else value
    if isinstance(value, Layer):
        return value
    kind = value if isinstance(value, type) else type(value)
    fix = f" Make one: {kind.__name__}(...)." if isinstance(value, type) else ""
    if not fix and any(base.__module__.startswith(("flax.", "equinox")) for base in kind.__mro__):
        fix = " A module of another library becomes one by jkeras.models.as_layer(module)."
    raise WrongTypeError(f"expected a layer, got {describe(value)}.{fix}")


class NamedParts(Layer):
    """Base of layers that are made of others, whose values lie under their names."""

    @property
    def parts(self) -> dict[str, Layer]:
        """The layers that it is made of, by name."""
        raise NotImplementedError(f"{self.who}: expected the class to define `parts`.")

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The parts, each with the path to its values."""
        return [((name,), part) for name, part in self.parts.items()]

    def penalty(self, params: Params) -> Array | float:
        parts = self.parts.items()
        return sum((part.penalty(params.get(name, {})) for name, part in parts), start=0.0)

    def constrain(self, params: Params) -> Params:
        parts = {name: part for name, part in self.parts.items() if name in params}
        return {name: part.constrain(params[name]) for name, part in parts.items()}


class Wrapper(Layer):
    """Base of layers around a layer, with the layer's weights, shapes and outputs by default.

    Args:
      layer: the layer that is wrapped.

    Raises:
      TypeError: `layer` is not a layer.

    Example: the wrapped layer's outputs, doubled.
      >>> import jax, jax.numpy as jnp
      >>> from jkeras.layers import Dense
      >>> class Twice(Wrapper):
      ...     def apply(self, params, state, inputs, **kwargs):
      ...         outputs, state = self.layer.apply(params, state, inputs, **kwargs)
      ...         return 2 * outputs, state
      >>> layer = Twice(Dense(1, kernel_initializer="ones"))
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((1, 3)))
      >>> layer.apply(params, state, jnp.ones((1, 3)))[0].tolist()
      [[6.0]]

    Source: `keras.layers.Wrapper`.
    """

    follows_policy: ClassVar[bool] = False

    layer: Any = option(convert=one_layer)

    def sublayer_paths(self) -> list[tuple[Path, Any]]:
        """The wrapped layer, with the path to its weights (see `core.parts`).

        By default these are all weights of the wrapper.
        """
        return [((), self.layer)] if type(self).init is Wrapper.init else []

    @property
    def inner(self) -> Any:
        """The wrapped layer, with the wrapper's dtype if set, and frozen if the wrapper is."""
        changes = {} if self.dtype is None else {"dtype": self.dtype}
        changes |= {} if self.trainable else {"trainable": False}
        return self.layer.replace(**changes) if changes else self.layer

    @property
    def padded_rows(self) -> PaddedRows:  # it is the wrapped layer's
        """`padded_rows` of the wrapped layer."""
        return self.layer.padded_rows

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]  # it is the wrapped layer's
        """Whether the wrapped layer accepts integers."""
        return self.layer.takes_integers

    # Both take anything, so that a type checker lets each subclass name its own inputs.
    def init(self, *args: Any, **kwargs: Any) -> tuple[Params, State]:
        """`init` of the wrapped layer."""
        return self.inner.init(*args, **kwargs)

    def apply(self, *args: Any, **kwargs: Any) -> tuple[Any, State]:
        """`apply` of the wrapped layer, with all keyword arguments (`rows`, `mask`)."""
        return self.inner.apply(*args, **kwargs)

    def penalty(self, params: Params) -> Array | float:
        return self.layer.penalty(params)

    def constrain(self, params: Params) -> Params:
        return self.layer.constrain(params)
