"""`Model`: a graph of layers, with everything a Trainer does.

inputs = jkeras.Input((784,))
hidden = layers.Dense(64, activation="relu")(inputs)
model = jkeras.Model(inputs, layers.Dense(10)(hidden))
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import jax
import jax.numpy as jnp

from jkeras.core.batch import Batch
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.description import GIVEN, given_config
from jkeras.core.errors import WrongTypeError, named_arguments, said_by
from jkeras.core.layer import Layer, activity_losses
from jkeras.core.naming import snake_case
from jkeras.core.operations import Operation
from jkeras.core.serialization import read
from jkeras.core.symbols import Symbol
from jkeras.core.tracebacks import api_boundary
from jkeras.core.trees import Tree, widest_float
from jkeras.core.variables import Variable, innermost
from jkeras.keras_classes.step_context import StepFrame
from jkeras.keras_classes.subclassed_layer import build_method, is_inside_call
from jkeras.keras_classes.subclassed_model import (
    BODY,
    Subclassed,
    SuperCall,
    check_not_reserved,
    is_shape,
)
from jkeras.keras_classes.tracking import may_hold_layers, missing_super_init, record_order
from jkeras.metrics.carried import Carried, carried
from jkeras.models.cloning import CloneOptions, rebuild_graph, replaced_layers
from jkeras.models.graph import Graph
from jkeras.models.graph_config import graph_parts
from jkeras.trainer.compiling.train_steps import TrainSteps
from jkeras.trainer.files.configurations import check_parts
from jkeras.trainer.loop.parts import PARTS
from jkeras.trainer.state.inference_rng import next_key, uses_rng
from jkeras.trainer.state.specs import declared_inputs
from jkeras.trainer.steps.loss_steps import LossSteps
from jkeras.trainer.steps.method_metrics import (
    log_names,
    loss_of,
    metrics_of,
    update_given,
    updated,
)
from jkeras.trainer.steps.method_steps import MethodSteps, VariableLists, overridden_methods
from jkeras.trainer.steps.predict_method import predict_step, predict_step_of
from jkeras.trainer.trainer import Trainer
from jkeras.training.objective import Objective

if TYPE_CHECKING:
    from jax.typing import ArrayLike


GRAPH_PARTS = ("layers", "input_layers", "output_layers")
"""What the configuration of a graph has beside its name."""


class Model(Trainer):
    """A model made of the layers that lie between its inputs and its outputs.

    Args:
      inputs: what `Input` returned: one, or a list, tuple or dict of them. What another model's
        layer returned (`model.get_layer("x").output`) will do as well.
      outputs: what layers returned that were called on these, in the structure that `predict` shall
        return.
      name: shown in the summary.
      seed: as for `Trainer`.
      trainable, dtype: as for every layer.

    A subclass may define `__init__`, which makes layers, and `call`, which calls them, in place of
    inputs and outputs; `jkeras.keras_classes.subclassed_model` says more. With both, `super().call`
    is the graph, whose weights lie under "functional".

    Raises:
      TypeError: something else is among them.
      ValueError: the outputs need an `Input` that is not among `inputs`.

    Example:
      >>> from jkeras.layers import Concatenate, Dense, Input
      >>> wide, deep = Input((2,), name="wide"), Input((3,), name="deep")
      >>> hidden = Dense(4, name="hidden")(deep)
      >>> outputs = Dense(1)(Concatenate()([wide, hidden]))
      >>> model = Model([wide, deep], outputs, seed=0)
      >>> model.count_params(), model.input_names
      (23, ['wide', 'deep'])
      >>> features = Model(model.inputs, model.get_layer("hidden").output)
      >>> features.output_shape
      (None, 4)

    Source: `keras.Model`.
    """

    in_keras = Graph.in_keras

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls) and cls.__module__.partition(".")[0] != "jkeras":
            made = build_method(vars(cls)["build"], Model.build)
            setattr(cls, "build", made)  # noqa: B010  # mypy: a method

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        vars(made)[GIVEN] = args, kwargs
        return made

    @named_arguments
    def __init__(
        self,
        inputs: Tree = None,
        outputs: Tree = None,
        name: str | None = None,
        *,
        seed: int | None = None,
        trainable: bool = True,
        dtype: Any = None,
    ) -> None:
        kind, options = type(self).__name__, {"trainable": trainable, "dtype": dtype}
        is_own = hasattr(type(self), "call") or not type(self).__module__.startswith("jkeras.")
        body = None
        if not (inputs is None and outputs is None and is_own):
            body = _graph(kind, inputs, outputs, name, options)
        has_call = body is None or hasattr(type(self), "call")
        net = Subclassed(self, name or snake_case(kind), **options) if has_call else body
        self._hold(net, steps_of(self), seed=seed, name=name)
        if body is not None and has_call:  # in which `super().call` is the graph
            vars(self)[BODY] = body.replace(name="functional")
            self._trainer_parts.state.called_on = declared_inputs(body)
        if body is not None:
            self._trainer_parts.state.subscribe()  # so that a layer finds its weights here

    call = SuperCall()

    def __setattr__(self, name: str, value: object) -> None:
        is_part = isinstance(value, Layer | Variable) or hasattr(value, "as_layer")
        if is_part and PARTS not in vars(self):
            raise missing_super_init(type(self).__name__)
        if name == "built":  # what Keras's `build` says at its end
            return
        if name == "seed" and value is None:  # the model has chosen one
            return
        check_not_reserved(self, name)
        if may_hold_layers(name, value):
            record_order(self)
        super().__setattr__(name, value)

    @api_boundary
    def build(self, *inputs: Any, rows: int = 1, input_shape: Sequence[Any] | None = None) -> None:
        """As for every trainer; `input_shape` is Keras's name for it, and a list has one shape for
        each input.
        """
        if is_inside_call():
            return
        given = inputs if input_shape is None else (input_shape,)
        if len(given) == 1 and isinstance(given[0], list) and not is_shape(given[0]):
            given = tuple(given[0])
        self._trainer_parts.state.build(*given, rows=rows)

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """A weight of a model that is written as a class; as a layer's `add_weight`."""
        return self._subclassed("add_weight").add_weight(*args, **kwargs)

    add_variable = add_weight

    def add_loss(self, loss: ArrayLike | list[Any]) -> None:
        """Adds to the loss that is minimised, in `call`; as a layer's `add_loss`."""
        self._subclassed("add_loss").add_loss(loss)

    def _subclassed(self, wanted: str) -> Any:
        state = self._trainer_parts.state
        if not isinstance(state.net, Subclassed):
            raise WrongTypeError(
                f"{state.who}: {wanted}: expected a model with a `call` of its own. In a graph, "
                "put it in a layer."
            )
        return state.net

    def get_config(self) -> dict[str, Any]:
        """The layers and their calls, as Keras's functional models write them; of a model that is
        written as a class the arguments it was made with.
        """
        state = self._trainer_parts.state
        if isinstance(state.net, Subclassed):
            return given_config(self)
        return {**self.graph().get_config(), "name": state.name}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A model with fresh weights.

        Args:
          config: what `get_config` gave, here or in Keras.
          custom_objects: the user's own classes and functions by name.

        Raises:
          TypeError, ValueError: a layer in it is unknown, or its arguments are not right.

        Source: `keras.Model.from_config`.
        """
        own_init = cls.__init__ is not Model.__init__
        if (hasattr(cls, "call") or own_init) and "input_layers" not in config:
            with CustomObjectScope(custom_objects):
                return cls(**read(dict(config)))
        check_parts(cls, config, GRAPH_PARTS)
        with CustomObjectScope(custom_objects):
            more = {name: read(config[name]) for name in config if name not in GRAPH_PARTS}
            if not own_init:  # of a subclass, which has arguments of its own
                more = {"trainable": config.get("trainable", True)}
            return cls(*graph_parts(config), **{"name": config.get("name"), **more})

    def cloned(self, options: CloneOptions) -> Any:
        """A model of clones of these layers, with fresh weights.

        Raises:
          ValueError: an option that needs a graph of layers.
        """
        state = self._trainer_parts.state
        if isinstance(state.net, Subclassed):
            reason = "because the model has a `call` of its own"
            options.check_plain(state.who, call_fn=reason, inputs=reason)
            return type(self).from_config(self.get_config())
        layers = replaced_layers(state.net, options)
        return Model(*rebuild_graph(self.graph(), layers, options), name=state.name)

    def graph(self) -> Graph:
        """The model as a graph of its layers.

        Raises:
          ValueError: the shape of its inputs is not known yet.
        """
        if BODY in vars(self):
            body: Graph = vars(self)[BODY]
            return body
        state = self._trainer_parts.state
        if isinstance(state.net, Subclassed):
            raise AttributeError(
                f"{state.who}: a model with a `call` of its own has no symbols of inputs and "
                "outputs. Call it on one: x = jkeras.Input(shape); y = model(x)."
            )
        return state.graph()

    @property
    def layers(self) -> list[Any]:
        """The layers in Keras's order, under the names they have in this model, those of the inputs
        among them. What operators and `jkeras.ops` do is no layer; `net.layers` has it.
        """
        found, body = list(self._trainer_parts.state.net.layers), vars(self).get(BODY)
        if body is not None:
            found = [*body.layers, *(layer for layer in found if layer.name != body.name)]
        return [layer for layer in found if not isinstance(layer, Operation)]

    @property
    def inputs(self) -> list[Symbol]:
        """The inputs as symbols, in order."""
        return self.graph().input_symbols

    @property
    def outputs(self) -> list[Symbol]:
        """The outputs as symbols, in order."""
        return self.graph().output_symbols

    @property
    def input(self) -> Any:
        """The inputs as symbols, in the structure they were given in."""
        return self.graph().inputs

    @property
    def output(self) -> Any:
        """The outputs as symbols, in the structure they were given in."""
        return self.graph().outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        return _shapes(self.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        return _shapes(self.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names under which a dict of inputs may be given."""
        return self.graph().input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs."""
        return self.graph().output_names

    # -- steps of one's own, in Keras's words

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        training: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """The outputs and the new non-trainable variables.

        Args:
          trainable_variables: arrays in the model's order.
          non_trainable_variables: arrays in the model's order.
          *args: the inputs.
          return_losses: whether the losses of weights and of `add_loss` are returned, too.
          training: the flag.
          **kwargs: further arguments of the call.
        """
        state, frame = self._trainer_parts.state, innermost(StepFrame)
        state.need_values()
        lists = VariableLists(state)
        params, carried_state = lists.values(trainable_variables, non_trainable_variables)
        key = None if frame is None else frame.next_key()
        if frame is None and (training or uses_rng(state)):
            key = next_key(state, state.need_values())
        inputs = getattr(state.net, "arranged", list)(args)
        options = {**kwargs, "key": key, "training": bool(training)}
        with contextlib.ExitStack() as stack:
            seen = None if frame is None else frame.sums
            if seen is not None and innermost(Carried) is seen:
                # A gradient may be taken around this call, so nothing of it may stay behind.
                stack.enter_context(carried(seen.metrics, seen.variables(), seen.owner))
            outputs, new = state.net.apply(params, carried_state, *inputs, **options)
        if frame is not None and frame.owner is self:
            frame.params, frame.state = params, new
        others = lists.of(params, new)[1]
        if not return_losses:
            return outputs, others
        return outputs, others, [state.net.penalty(params), *activity_losses(new)]

    def compute_loss(
        self,
        x: Tree = None,
        y: Tree = None,
        y_pred: Tree = None,
        sample_weight: Tree = None,
        training: bool = True,
    ) -> Any:
        """The loss that the model was compiled with, and those of weights and of `add_loss`."""
        del training
        total = jnp.zeros((), widest_float())
        for term, value in self._objective().loss_values(Batch(x, y, sample_weight), y_pred):
            total = total + (value if term.weight is None else term.weight * value)
        return sum(self.losses, start=total)

    def compute_metrics(
        self, x: Tree, y: Tree, y_pred: Tree, sample_weight: Tree = None
    ) -> dict[str, Any]:
        """Updates the metrics of `compile`, and returns the values of all metrics; where a subclass
        overrides this method, it returns the logs of every batch.
        """
        del x
        if y is not None or self._trainer_parts.compilation is not None:
            update_given(self, self._objective(), y, y_pred, sample_weight)
        return Model.get_metrics_result(self)

    def get_metrics_result(self) -> dict[str, Any]:
        """The values of the metrics so far."""
        is_compiled = self._trainer_parts.compilation is not None
        metrics = metrics_of(self)  # once: the mean of the loss is another object at every look
        names = log_names(self, self._objective() if is_compiled else None, metrics)
        return {names[id(metric)]: metric.result() for metric in metrics}

    def train_step(self, state: tuple[Any, ...], data: Tree) -> tuple[dict[str, Any], Any]:
        """One update by `compute_loss`: (logs, state), where the state is the lists of trainable,
        non-trainable, optimizer's and metrics' variables.
        """
        first, second, slots, own = state
        x, y, weight = (*data, None, None)[:3]
        given = {"x": x, "y": y, "sample_weight": weight, "training": True}

        def objective(first: list[Any], second: list[Any]) -> Any:
            with carried(metrics_of(self), own, self) as seen:
                y_pred, new, _ = self.stateless_call(
                    first, second, x, training=True, return_losses=True
                )
                loss = loss_of(self, given | {"y_pred": y_pred})
            return loss, (y_pred, new, seen.variables())

        (loss, (y_pred, second, own)), grads = jax.value_and_grad(objective, has_aux=True)(
            first, second
        )
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        logs, own = updated(self, own, loss, x, y, y_pred, weight)
        return logs, (first, second, slots, own)

    def test_step(self, state: tuple[Any, ...], data: Tree) -> tuple[dict[str, Any], Any]:
        """The metrics of a batch: (logs, state)."""
        first, second, own = state
        x, y, weight = (*data, None, None)[:3]
        with carried(metrics_of(self), own, self) as seen:
            y_pred, _ = self.stateless_call(first, second, x, training=False)
            given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": weight, "training": False}
            loss = loss_of(self, given)
        logs, own = updated(self, seen.variables(), loss, x, y, y_pred, weight)
        return logs, (first, second, own)

    predict_step = predict_step

    def _objective(self) -> Objective:
        """The losses and metrics of `compile`."""
        parts = self._trainer_parts
        assert isinstance(parts.steps, LossSteps), "a model has no other steps"
        return parts.steps.objective(parts.state)


def _graph(
    kind: str, inputs: Tree, outputs: Tree, name: str | None, options: Mapping[str, Any]
) -> Graph:
    """The graph of a model's inputs and outputs; errors speak of the model."""
    if inputs is None or outputs is None:
        missing = "inputs" if inputs is None else "outputs"
        raise WrongTypeError(
            f"{kind}: expected `inputs` and `outputs`, got no `{missing}`. For example: "
            "x = jkeras.Input((4,)); jkeras.Model(x, jkeras.layers.Dense(1)(x))."
        )
    try:
        return Graph(inputs, outputs, name=name, **options)
    except (TypeError, ValueError) as error:
        who = f"Graph {name!r}" if name else "Graph"
        shown = f"{kind} {name!r}" if name else kind
        raise said_by(error, shown, known_as=[who]) from None


def steps_of(model: Model) -> TrainSteps:
    """How a model is trained: by methods that its class defines, else by a loss."""
    overridden, predict_fn = overridden_methods(type(model), Model), predict_step_of(model)
    if overridden:
        return MethodSteps(model, overridden, predict_fn)
    return LossSteps(predict_fn)


def _shapes(symbols: list[Symbol]) -> Any:
    return symbols[0].shape if len(symbols) == 1 else [symbol.shape for symbol in symbols]
