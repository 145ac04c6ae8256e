"""A model that is written as a class with `__init__` and `call`, as a description.

    class MyModel(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)
        def call(self, inputs):
            return self.dense(inputs)

The model is the object that was written, and `Subclassed` its view as a layer: what its attributes
hold are the layers, and the values are the model's, as for every trainer.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from jkeras.core.keys import Key
from jkeras.core.layer import Layer, Params, State
from jkeras.core.trees import spec_of
from jkeras.core.variables import innermost
from jkeras.models.signatures import signature
from jkeras.models.subclassing import Pass, run
from jkeras.models.tracking import ORIGIN, layers_of


class Subclassed(Layer):
    """A model's `call` as a layer.

    Args:
      model: the model.
      name, dtype, trainable: as for every layer.
    """

    in_keras: ClassVar[tuple[str, str]] = ("keras", "Model")

    def __init__(
        self, model: Any, name: str | None = None, dtype: Any = None, trainable: bool = True
    ) -> None:
        vars(self)[ORIGIN] = model
        super().__init__(name=name, dtype=dtype, trainable=trainable)

    def call(self, *inputs: Any, **options: Any) -> Any:
        """The model's `call`."""
        return vars(self)[ORIGIN].call(*inputs, **options)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    def __setattr__(self, name: str, value: Any) -> None:
        settable = type(self).settable
        if name in settable:
            settable[name](self, value)
        else:
            vars(self)[name] = value

    @property
    def who(self) -> str:
        """How messages name it: by the model's class."""
        return f"{type(vars(self)[ORIGIN]).__name__} {self.name!r}"

    @property
    def shown_as(self) -> str:
        """Its class in summaries, and what its name is made of."""
        return type(vars(self)[ORIGIN]).__name__

    def arranged(self, values: Any) -> list[Any]:
        """Several inputs side by side, from one list of them."""
        values = list(values)
        if len(values) == 1 and isinstance(values[0], list | tuple):
            return list(values[0])
        return values

    def layer_outputs(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> list[Any]:
        """The outputs of every layer where it was called last; None for one that was not."""
        told: dict[str, Any] = {"key": key, "training": training}
        seen: dict[Any, Any] = {}
        run(self, params, state, inputs, (None,) * len(inputs), seen=seen, **told)
        names = [layer.name for layer in layers_of(vars(self)[ORIGIN])]
        return [seen.get((name,)) for name in names]


def is_inside_call() -> bool:
    """Whether the `call` of a layer or model runs here."""
    return innermost(Pass) is not None


def call_inside(model: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The outputs of a model that another one's `call` calls, from which it knows its inputs."""
    if not model._called_on:
        given = getattr(model.net, "arranged", list)(inputs)
        model._called_on = tuple(jax.tree.map(spec_of, value) for value in given)
    return innermost(Pass).call_layer(model.as_layer(), inputs, options)


def input_arguments(model: Any) -> list[str]:
    """The names of the inputs of a model's `call`."""
    return signature(type(model)).inputs


def is_shape(value: Any) -> bool:
    """Whether it is the shape of one input, not a list of such."""
    return isinstance(value, tuple | list) and all(
        n is None or hasattr(n, "__index__") for n in value
    )


__all__ = ["Subclassed", "call_inside", "input_arguments", "is_inside_call", "is_shape"]
