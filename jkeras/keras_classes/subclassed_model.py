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

import inspect
from typing import Any, ClassVar

import jax

from jkeras.core.keys import Key
from jkeras.core.layer import Layer, Params, State
from jkeras.core.trees import spec_of
from jkeras.core.variables import innermost
from jkeras.keras_classes.call_frame import CallFrame
from jkeras.keras_classes.call_signature import signature
from jkeras.keras_classes.functional_call import run
from jkeras.keras_classes.tracking import ORIGIN, layers_of
from jkeras.trainer.state.model_state import has_state, state_of


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
        kwargs: dict[str, Any] = {"key": key, "training": training}
        seen: dict[Any, Any] = {}
        run(self, params, state, inputs, (None,) * len(inputs), seen=seen, **kwargs)
        names = [layer.name for layer in layers_of(vars(self)[ORIGIN])]
        return [seen.get((name,)) for name in names]


_TAKEN = {
    "net": ("its description", "network"),
    "params": ("its trained weights", "parameters"),
    "state": ("what its layers carry beside their weights", "own_state"),
    "train_state": ("all its values", "own_state"),
    "inputs": ("its inputs as symbols", "own_inputs"),
    "outputs": ("its outputs as symbols", "own_outputs"),
    "learning_rate": ("that of its optimizer", "rate"),
    "layers": ("all its layers", "blocks"),
    "metrics": ("what it measures", "own_metrics"),
    "losses": ("the losses that layers add", "own_losses"),
    "loss": ("what `compile` was given", "loss_fn"),
    "optimizer": ("what `compile` was given", "own_optimizer"),
}
_WHEN_BUILT = ("params", "train_state", "learning_rate")  # what may be set later


def check_free(model: Any, name: str) -> None:
    """Raises where a model has a use of its own for an attribute that is being set.

    Raises:
      AttributeError: it has; the message suggests another name.
    """
    known = getattr(type(model), name, None)
    fixed = isinstance(known, property) and known.fset is None
    if not (fixed or (name in _WHEN_BUILT and _is_being_made(model))):
        return
    what, other = _TAKEN.get(name, (f"`{name}` of every model", f"own_{name}"))
    raise AttributeError(
        f"{who_of(model)}: the attribute `{name}` is taken: it is {what}. Choose another name: "
        f"self.{other} = ..."
    )


def _is_being_made(model: Any) -> bool:
    """Whether it may be the `__init__` of a user's class that sets an attribute."""
    ours = type(model).__module__.partition(".")[0] == "jkeras"
    state = state_of(model) if has_state(model) else None
    is_new = state is None or (state.stored is None and state.maker.compilation is None)
    return not ours and is_new


def who_of(model: Any) -> str:
    """How messages name a model, which may still be without its parts."""
    return state_of(model).who if has_state(model) else type(model).__name__


BODY = "_body"
"""Where a model that has both a graph and a `call` of its own keeps the graph."""


class CallAbove:
    """`call` as `super()` finds it in a model: what the graph gives that the model was made of.

    A class has it only where it defines one itself: so `hasattr(cls, "call")` still tells.
    """

    def __get__(self, model: Any, kind: type) -> Any:
        body = None if model is None else vars(model).get(BODY)
        if body is None:
            raise AttributeError(
                f"{kind.__name__} has no `call` to be found by `super()`: it was made without "
                "inputs and outputs. Call its layers."
            )
        return body


def check_alone(model: Any) -> None:
    """Raises for layers in a row whose class has a `call` of its own, which would not be heard of.

    Raises:
      TypeError: it has.
    """
    if hasattr(type(model), "call"):
        kind = type(model).__name__
        raise TypeError(
            f"{kind}: expected layers in a row, or a `call` of its own, got both: `call` would not "
            "be run. Subclass Model and make the row an attribute: super().__init__(); self.body = "
            "Sequential(layers); and call it in `call`: self.body(x)."
        )


def check_steps(model: Any) -> None:
    """Raises for a step of the class's own that does not take what it will be given.

    Raises:
      TypeError: it takes something else than `state` and `data`.
    """
    for name in ("train_step", "test_step"):
        step = inspect.signature(getattr(model, name))
        try:
            step.bind(None, None)
        except TypeError:
            raise TypeError(
                f"{who_of(model)}: {name}: expected the arguments (state, data), as in Keras on "
                f"JAX, got {step}. Write def {name}(self, state, data), and return (logs, state)."
            ) from None


def is_inside_call() -> bool:
    """Whether the `call` of a layer or model runs here."""
    return innermost(CallFrame) is not None


def call_inside(model: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The outputs of a model that another one's `call` calls, from which it knows its inputs."""
    state = state_of(model)
    if not state.called_on:
        given = getattr(state.net, "arranged", list)(inputs)
        state.called_on = tuple(jax.tree.map(spec_of, value) for value in given)
    return innermost(CallFrame).call_layer(model.as_layer(), inputs, options)


def input_arguments(model: Any) -> list[str]:
    """The names of the inputs of a model's `call`."""
    return signature(type(model)).inputs


def is_shape(value: Any) -> bool:
    """Whether it is the shape of one input, not a list of such."""
    return isinstance(value, tuple | list) and all(
        n is None or hasattr(n, "__index__") for n in value
    )


__all__ = [
    "BODY",
    "CallAbove",
    "Subclassed",
    "call_inside",
    "check_alone",
    "check_free",
    "check_steps",
    "input_arguments",
    "is_inside_call",
    "is_shape",
]
