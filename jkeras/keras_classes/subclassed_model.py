"""A model class with `__init__` and `call`, as a description.

    class MyModel(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)
        def call(self, inputs):
            return self.dense(inputs)

`Subclassed` is the view of such a model as a layer: the layers are those in the model's attributes,
and the values are the model's, as for every trainer.

A class may define `train_step` and no `call`: a GAN, a teacher and its student. A layer or model in
the attributes that `call` does not call is a part of the model all the same, if it is built.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax

from jkeras.core.errors import WrongTypeError
from jkeras.core.keys import Key
from jkeras.core.layer import Layer, Params, State
from jkeras.core.trees import spec_of
from jkeras.core.variables import innermost
from jkeras.keras_classes.call_frame import CallFrame
from jkeras.keras_classes.call_signature import signature
from jkeras.keras_classes.functional_call import plan_weights, run
from jkeras.keras_classes.tracking import ORIGIN, layers_of
from jkeras.keras_classes.uncalled_parts import add_uncalled, build_parts, late_values
from jkeras.keras_classes.weight_plan import WeightPlan
from jkeras.trainer.state.model_state import has_state, state_of

if TYPE_CHECKING:
    from jax.typing import DTypeLike


class Subclassed(Layer):
    """A model's `call` as a layer.

    Args:
      model: the model.
      name, dtype, trainable: as for every layer.
    """

    in_keras: ClassVar[tuple[str, str]] = ("keras", "Model")

    def __init__(
        self,
        model: Any,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
    ) -> None:
        vars(self)[ORIGIN] = model
        super().__init__(name=name, dtype=dtype, trainable=trainable)

    @property
    def has_call(self) -> bool:
        """Whether the model's class defines `call`."""
        return hasattr(type(vars(self)[ORIGIN]), "call")

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        """Initial params and state for `call` with such inputs, and of the layers beside it."""
        plan = plan_weights(self, key, inputs) if self.has_call else WeightPlan(self.who)
        add_uncalled(plan, self)
        return plan.init(key)

    def build_parts(self) -> list[str]:
        """Builds the layers and models in the attributes whose inputs are known; the names, for
        messages, of those that stay without the weights that they need.
        """
        return build_parts(vars(self)[ORIGIN])

    def late_values(self) -> tuple[Params, State]:
        """Params and state of the layers in the attributes that were built since the model was."""
        return late_values(self)

    def call(self, *inputs: Any, **options: Any) -> Any:
        """The model's `call`."""
        return vars(self)[ORIGIN].call(*inputs, **options)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    def __setattr__(self, name: str, value: object) -> None:
        settable = type(self).settable
        if name in settable:
            settable[name](self, value)
        else:
            vars(self)[name] = value

    @property
    def who(self) -> str:
        """The name in messages, with the model's class."""
        return f"{type(vars(self)[ORIGIN]).__name__} {self.name!r}"

    @property
    def shown_as(self) -> str:
        """The class in summaries, from which the default name is made."""
        return type(vars(self)[ORIGIN]).__name__

    def arranged(self, values: Sequence[Any]) -> list[Any]:
        """The inputs side by side; a single list is a list of inputs."""
        is_list = len(values) == 1 and isinstance(values[0], list | tuple)
        return list(values[0] if is_list else values)

    def layer_outputs(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> list[Any]:
        """The outputs of the last call of every layer; None for a layer that is not called."""
        outputs: dict[Any, Any] = {}
        if self.has_call:
            run(
                self, params, state, inputs, (None,) * len(inputs),
                key=key, training=training, layer_outputs=outputs,
            )  # fmt: skip
        return [outputs.get((layer.name,)) for layer in layers_of(vars(self)[ORIGIN])]


# attribute: (what it is, another name to suggest)
_RESERVED = {
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
    "loss": ("the argument of `compile`", "loss_fn"),
    "optimizer": ("the argument of `compile`", "own_optimizer"),
}
_SETTABLE = ("params", "train_state", "learning_rate")  # of a built or compiled model


def check_not_reserved(model: object, name: str) -> None:
    """Checks that the attribute to be set is not one that every model has.

    Raises:
      AttributeError: every model has it; the message suggests another name.
    """
    known = getattr(type(model), name, None)
    if not (isinstance(known, property) and known.fset is None):
        if name not in _SETTABLE or type(model).__module__.partition(".")[0] == "jkeras":
            return
        state = state_of(model) if has_state(model) else None
        is_new = state is None or (state.stored is None and state.maker.compilation is None)
        if not is_new:  # a new model may be in the `__init__` of the user's class
            return
    what, other = _RESERVED.get(name, (f"`{name}` of every model", f"own_{name}"))
    raise AttributeError(
        f"{who_of(model)}: the attribute `{name}` is taken: it is {what}. Choose another name: "
        f"self.{other} = ..."
    )


def who_of(model: object) -> str:
    """The name of a model in messages, also before `super().__init__()`."""
    return state_of(model).who if has_state(model) else type(model).__name__


BODY = "_body"
"""The attribute with the graph of a model that has both a graph and a `call` of its own."""


class SuperCall:
    """`super().call` of a model: the outputs of the graph that the model was made of.

    A descriptor that raises AttributeError for a class, so `hasattr(cls, "call")` is True only for
    classes that define `call`.
    """

    def __get__(self, model: Any, kind: type) -> Any:
        body = None if model is None else vars(model).get(BODY)
        if body is None:
            raise AttributeError(
                f"{kind.__name__} has no `super().call`: it was made without inputs and outputs. "
                "Call its layers."
            )
        return body


def check_no_call(model: object) -> None:
    """Checks that the class of layers in a row defines no `call`, which would never be run.

    Raises:
      TypeError: it defines one.
    """
    if hasattr(type(model), "call"):
        kind = type(model).__name__
        raise WrongTypeError(
            f"{kind}: expected layers in a row, or a `call` of its own, got both: `call` would not "
            "be run. Subclass Model and make the row an attribute: super().__init__(); self.body = "
            "Sequential(layers); and call it in `call`: self.body(x)."
        )


def check_steps(model: object) -> None:
    """Checks the signatures of `train_step` and `test_step` of a model's class.

    Raises:
      TypeError: a step does not take `state` and `data`.
    """
    for name in ("train_step", "test_step"):
        step = inspect.signature(getattr(model, name))
        try:
            step.bind(None, None)
        except TypeError:
            raise WrongTypeError(
                f"{who_of(model)}: {name}: expected the arguments (state, data), as in Keras on "
                f"JAX, got {step}. Write def {name}(self, state, data), and return (logs, state)."
            ) from None


def call_inside(model: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The outputs of a model called in the `call` of another; records the specs of its inputs."""
    state = state_of(model)
    if not state.called_on:
        values = getattr(state.net, "arranged", list)(inputs)
        state.called_on = tuple(jax.tree.map(spec_of, value) for value in values)
    return innermost(CallFrame).call_layer(model.as_layer(), inputs, options)


def input_arguments(model: Any) -> list[str]:
    """The names of the inputs of a model's `call`."""
    return signature(type(model)).inputs


def is_shape(value: object) -> bool:
    """Whether a value is the shape of one input, not a list of shapes."""
    return isinstance(value, tuple | list) and all(
        n is None or hasattr(n, "__index__") for n in value
    )
