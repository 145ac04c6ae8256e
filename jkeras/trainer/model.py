"""`Model`: a graph of layers, with everything a Trainer does.

inputs = jkeras.Input((784,))
hidden = layers.Dense(64, activation="relu")(inputs)
model = jkeras.Model(inputs, layers.Dense(10)(hidden))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from jkeras.core.by_hand import building
from jkeras.core.custom_objects import CustomObjectScope
from jkeras.core.description import GIVEN, given_config
from jkeras.core.errors import named_arguments
from jkeras.core.layer import Layer
from jkeras.core.naming import snake_case
from jkeras.core.operations import Operation
from jkeras.core.serialization import read
from jkeras.core.symbols import Symbol
from jkeras.core.trees import specs_of_rows
from jkeras.core.variables import Variable
from jkeras.keras_classes import layers_on_arrays as eager
from jkeras.keras_classes.subclassed_model import (
    BODY,
    CallAbove,
    Subclassed,
    check_free,
    is_inside_call,
    is_shape,
)
from jkeras.layers import InputLayer
from jkeras.models.anew import anew, rebuilt
from jkeras.models.graph import Graph
from jkeras.models.graph_config import config_of_graph, graph_parts
from jkeras.models.tracking import forgotten, may_hold_layers, note_layers
from jkeras.trainer.compiling.compilation import AnyPrograms
from jkeras.trainer.compiling.programs import Programs
from jkeras.trainer.files.configurations import check_parts
from jkeras.trainer.state import freezing
from jkeras.trainer.steps import predict_method as own_predict
from jkeras.trainer.steps.method_metrics import kept_by
from jkeras.trainer.steps.method_steps import StatedPrograms, Stateless, is_stated
from jkeras.trainer.trainer import Trainer


class Model(Stateless, Trainer):
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
            made = building(vars(cls)["build"], Model.build)
            setattr(cls, "build", made)  # noqa: B010  # mypy: a method

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        vars(made)[GIVEN] = args, kwargs
        return made

    @named_arguments
    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        seed: int | None = None,
        trainable: bool = True,
        dtype: Any = None,
    ) -> None:
        kind = type(self).__name__
        told = {"trainable": trainable, "dtype": dtype}
        is_own = hasattr(type(self), "call") or not type(self).__module__.startswith("jkeras.")
        if inputs is None and outputs is None and is_own:
            net = Subclassed(self, name or snake_case(kind), **told)
            Trainer.__init__(self, net, seed=seed, name=name)
            return
        if inputs is None or outputs is None:
            missing = "inputs" if inputs is None else "outputs"
            raise TypeError(
                f"{kind}: expected `inputs` and `outputs`, got no `{missing}`. For example: "
                "x = jkeras.Input((4,)); jkeras.Model(x, jkeras.layers.Dense(1)(x))."
            )
        try:
            graph = Graph(inputs, outputs, name=name, **told)
        except (TypeError, ValueError) as error:
            who = f"Graph {name!r}" if name else "Graph"
            shown = f"{kind} {name!r}" if name else kind
            raise type(error)(f"{shown}: {str(error).removeprefix(f'{who}: ')}") from None
        if hasattr(type(self), "call"):
            self._init_over(graph, seed, name, told)
            return
        super().__init__(graph, seed=seed, name=name)
        self._know_layers()  # so that a layer finds its weights here

    def _init_over(self, graph: Graph, seed: Any, name: str | None, told: dict[str, Any]) -> None:
        """A graph whose class has a `call` of its own, in which `super().call` is the graph."""
        net = Subclassed(self, name or snake_case(type(self).__name__), **told)
        Trainer.__init__(self, net, seed=seed, name=name)
        vars(self)[BODY] = graph.replace(name="functional")
        self._called_on = tuple(graph.input_symbols)
        self._know_layers()

    call = CallAbove()

    def __setattr__(self, name: str, value: Any) -> None:
        is_part = isinstance(value, Layer | Variable) or hasattr(value, "as_layer")
        if is_part and "_links" not in vars(self):
            raise forgotten(type(self).__name__)
        if name == "built":  # what Keras's `build` says at its end
            return
        if name == "seed" and value is None:  # the model has chosen one
            return
        check_free(self, name)
        if may_hold_layers(name, value):
            note_layers(self)
        super().__setattr__(name, value)

    def build(self, *inputs: Any, rows: int = 1, input_shape: Any = None) -> None:
        """As for every trainer; `input_shape` is Keras's name for it, and a list has one shape for
        each input.
        """
        if is_inside_call():
            return
        given = inputs if input_shape is None else (input_shape,)
        if len(given) == 1 and isinstance(given[0], list) and not is_shape(given[0]):
            given = tuple(given[0])
        super().build(*given, rows=rows)

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """A weight of a model that is written as a class; as a layer's `add_weight`."""
        return self._subclassed("add_weight").add_weight(*args, **kwargs)

    add_variable = add_weight

    def add_loss(self, loss: Any) -> None:
        """Adds to the loss that is minimised, in `call`; as a layer's `add_loss`."""
        self._subclassed("add_loss").add_loss(loss)

    def _build_if_known(self) -> None:
        super()._build_if_known()
        if self._own is None and isinstance(self.net, Subclassed) and self._called_on:
            self.build(*self._called_on)

    def _programs(self) -> Programs:
        if not is_stated(self):
            return super()._programs()
        freezing.take(self)
        if self._made is None:
            self._made = self._stated_programs()
        return self._made

    def _told(self, programs: AnyPrograms) -> AnyPrograms:
        if own_predict.has_predict_step(self):
            programs.predict_step = own_predict.predict_step_of(self)
        return super()._told(programs)

    def _check_targets(self, who: str, batch: Any, size: int) -> None:
        """Asks the loss; a model with steps of its own compares outputs and targets itself."""
        if not is_stated(self):
            super()._check_targets(who, batch, size)
            return
        programs, specs = self._programs(), specs_of_rows(batch, size)
        assert isinstance(programs, StatedPrograms), "made here"
        training = who in ("fit", "train_on_batch")
        outputs = self._outputs_of(*specs_of_rows(batch.inputs, size))
        programs.learn(self._need_values(), specs, outputs, training=training)
        if training:
            self._match_sums()

    def _log_order(self, logs: dict[str, Any]) -> list[str]:
        if not is_stated(self):
            return super()._log_order(logs)
        return sorted(logs, key=lambda name: (name != "loss", name))

    def _subclassed(self, wanted: str) -> Any:
        if not isinstance(self.net, Subclassed):
            raise TypeError(
                f"{self._who}: {wanted}: expected a model with a `call` of its own. In a graph, "
                "put it in a layer."
            )
        return self.net

    def get_config(self) -> dict[str, Any]:
        """The layers and their calls, as Keras's functional models write them; of a model that is
        written as a class the arguments it was made with.
        """
        if isinstance(self.net, Subclassed):
            return given_config(self)
        return config_of_graph(self.graph(), self.name)

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
        if hasattr(cls, "call") and "input_layers" not in config:
            with CustomObjectScope(custom_objects):
                return cls(**read(dict(config)))
        check_parts(cls, config, ("layers", "input_layers", "output_layers"))
        with CustomObjectScope(custom_objects):
            return cls(*graph_parts(config), name=config.get("name"))

    def cloned(self, clone_function: Callable[[Any], Any] | None = None) -> Any:
        """A model of the same layers, each made anew, with fresh weights.

        Args:
          clone_function: from a layer to the one that takes its place; None for its equal.
        """
        if isinstance(self.net, Subclassed):
            return type(self).from_config(self.get_config())
        layers = anew(list(self.net.layers))
        if clone_function is not None:
            kept = InputLayer | Operation
            layers = [x if isinstance(x, kept) else clone_function(x) for x in layers]
        return Model(*rebuilt(self.graph(), layers), name=self.name)

    def graph(self) -> Graph:
        """The model as a graph of its layers.

        Raises:
          ValueError: the shape of its inputs is not known yet.
        """
        if BODY in vars(self):
            body: Graph = vars(self)[BODY]
            return body
        if isinstance(self.net, Subclassed):
            raise AttributeError(
                f"{self._who}: a model with a `call` of its own has no symbols of inputs and "
                "outputs. Call it on one: x = jkeras.Input(shape); y = model(x)."
            )
        assert isinstance(self.net, Graph)
        return self.net

    @property
    def layers(self) -> list[Any]:
        """The layers in Keras's order, under the names they have in this model, those of the inputs
        among them. What operators and `jkeras.ops` do is no layer; `net.layers` has it.
        """
        found, body = list(self.net.layers), vars(self).get(BODY)
        if body is not None:
            found = [*body.layers, *(layer for layer in found if layer.name != body.name)]
        return [layer for layer in found if not isinstance(layer, Operation)]

    @property
    def metrics(self) -> list[Any]:
        """Those of every trainer, then those that its attributes hold."""
        own = kept_by(self) if is_stated(self) else []
        return own if own and not self.compiled else [*super().metrics, *own]

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


eager.install()


def _shapes(symbols: list[Symbol]) -> Any:
    return symbols[0].shape if len(symbols) == 1 else [symbol.shape for symbol in symbols]
